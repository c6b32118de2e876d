"""Structures and fingerprints that several tests of this folder compare."""

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital.similarity.fingerprints import Fingerprint, SpeciesFeatures


def disordered_alloys(n, seed=0):
    """Disordered and strained crystals of copper and gold."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        atoms = bulk("Cu", a=3.8, cubic=True)
        atoms.symbols[random.permutation(4)[:2]] = "Au"
        atoms.set_cell(
            atoms.cell.array @ (np.eye(3) + random.normal(0, 0.03, (3, 3))),
            scale_atoms=True,
        )
        made.append(atoms)
    return made


def random_fingerprints(n, seed=0, n_rows=4, width=12):
    """Fingerprints of one composition: fifty crystals, strained and displaced."""
    random = np.random.default_rng(seed)
    centers = random.normal(size=(50, n_rows, width))
    strains = random.normal(size=(6, n_rows, width))
    values = centers[random.integers(50, size=n)] + random.normal(
        0, 0.01, (n, n_rows, width)
    )
    values += np.tensordot(random.normal(0, 0.1, (n, 6)), strains, axes=1)
    copies = np.ones(n_rows, np.int64)
    return [
        Fingerprint(
            (True, ((29, 1),)), (SpeciesFeatures(features.astype(np.float32), copies),)
        )
        for features in values
    ]


@pytest.fixture(scope="session")
def alloys():
    return disordered_alloys


@pytest.fixture(scope="session")
def synthetic():
    return random_fingerprints
