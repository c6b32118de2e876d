"""Random structures are valid, and of the kind and lattice that was asked for."""

import numpy as np
import pytest

from ase_orbital.errors import SettingError
from ase_orbital.structure import to_atoms
from ase_orbital.testing.random_structures import (
    KINDS,
    LATTICES,
    PERIODIC,
    SITES,
    random_structure,
)


@pytest.mark.parametrize("lattice", LATTICES)
def test_every_lattice_is_drawn(lattice):
    atoms = random_structure(np.random.default_rng(0), lattice=lattice, n_atoms=1)
    assert atoms.cell.get_bravais_lattice().name == lattice
    assert atoms.get_volume() == pytest.approx(18.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sites", SITES)
def test_structures_pass_the_gate(kind, sites):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        atoms = random_structure(rng, kind=kind, sites=sites, n_atoms=9, skewed=True)
        assert to_atoms(atoms).pbc.sum() == PERIODIC[kind]
        assert 1 <= len(atoms) <= 9


def test_equal_seeds_draw_equal_structures():
    one, other = (random_structure(np.random.default_rng(3)) for _ in range(2))
    assert one == other


def test_special_sites_are_multiples_of_a_quarter():
    atoms = random_structure(np.random.default_rng(0), sites="special")
    steps = 4.0 * atoms.get_scaled_positions()
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)


@pytest.mark.parametrize(
    "setting", [{"kind": "gas"}, {"lattice": "XYZ"}, {"sites": ""}, {"n_atoms": 0}]
)
def test_an_unknown_setting_is_refused(setting):
    with pytest.raises(SettingError, match=r"unknown|positive"):
        random_structure(np.random.default_rng(0), **setting)
