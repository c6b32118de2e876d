"""GOM on a GPU gives the features and derivatives that it gives on the CPU."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_orbital import GOM, Concatenate, OneHot

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]


@pytest.fixture(params=["s", "sp"])
def orbitals(request):
    return request.param


@pytest.mark.parametrize("normalize", [False, True])
def test_gom_features_in_double_precision(device, crystals, orbitals, normalize):
    settings = {"orbitals": orbitals, "n_eigenvalues": 66, "normalize": normalize}
    there = GOM(device=device, **settings).create_many(crystals)
    for found, expected in zip(there, GOM(**settings).create_many(crystals), strict=True):
        assert found.dtype == np.float64
        assert_allclose(found, expected, rtol=0.0, atol=1e-11)


def test_gom_features_in_single_precision(device, crystals, orbitals, assert_as_precise):
    found, single, double = (
        np.concatenate(
            GOM(orbitals=orbitals, n_eigenvalues=66, **kind).create_many(crystals)
        )
        for kind in ({"dtype": "float32", "device": device}, {"dtype": "float32"}, {})
    )
    assert found.dtype == np.float32
    assert_as_precise(found, single, double)


def test_gom_features_of_a_cell_of_many_atoms(device, crystals):
    atoms = crystals[1] * (2, 2, 2)  # several batches of matrices
    atoms.rattle(0.05, seed=1)
    found, expected = GOM(device=device).create(atoms), GOM().create(atoms)
    assert_allclose(found, expected, rtol=0.0, atol=1e-11)


def test_gom_derivatives(device, crystals, orbitals):
    gom, there = (
        GOM(orbitals=orbitals, cutoff=4.0, device=where) for where in ("cpu", device)
    )
    for atoms in crystals[:4:3]:
        found, expected = there.derivatives(atoms), gom.derivatives(atoms)
        assert_allclose(found, expected, rtol=0.0, atol=1e-9)


def test_concatenated_descriptors(device, crystals):
    there = Concatenate(OneHot(), GOM(n_eigenvalues=20, device=device))
    here = Concatenate(OneHot(), GOM(n_eigenvalues=20))
    for atoms in crystals:
        assert_allclose(there.create(atoms), here.create(atoms), rtol=0.0, atol=1e-11)


THREADS = """
import sys, torch
from ase.build import bulk
from ase_orbital import GOM

torch.set_num_threads(8)
atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True) * (3, 3, 3)
atoms.rattle(0.1, seed=0)
found = GOM(device=sys.argv[1], orbitals="sp", dtype="float32").create(atoms)
print(found.shape[0])
"""


def test_the_first_use_in_a_process_may_be_in_several_threads(device):
    command = [sys.executable, "-W", "ignore", "-c", THREADS, device]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "216\n"
