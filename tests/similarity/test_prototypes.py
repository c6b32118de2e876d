"""Crystals of one prototype are alike whatever their elements and size."""

import numpy as np
import pytest
from ase.build import bulk, molecule

from ase_orbital import GOM
from ase_orbital.errors import StructureError
from ase_orbital.similarity.distance import difference
from ase_orbital.similarity.fingerprints import Fingerprints
from ase_orbital.similarity.prototypes import prototypes

from ..structures import PEROVSKITE

FINGERPRINTS = Fingerprints(GOM())


def apart(one, other):
    last = FINGERPRINTS.of(prototypes(other)[0])
    return min(difference(FINGERPRINTS.of(atoms), last) for atoms in prototypes(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (bulk("NaCl", "rocksalt", a=5.64), bulk("OMg", "rocksalt", a=4.21)),
        (bulk("GaAs", "zincblende", a=5.65), bulk("SZn", "zincblende", a=5.41)),
        (bulk("Cu"), bulk("Al", cubic=True)),
    ],
)
def test_one_prototype_has_one_fingerprint(one, other):
    assert apart(one, other) < 1e-6
    assert apart(other, one) < 1e-6


def test_prototypes_differ():
    salt = bulk("NaCl", "rocksalt", a=5.64)
    assert apart(salt, bulk("ZnS", "zincblende", a=5.41)) > 0.05
    assert apart(bulk("Cu"), bulk("Fe")) > 0.01
    assert apart(salt, bulk("Cu")) == np.inf


def test_the_species_of_a_perovskite_are_exchanged_if_that_fits():
    inverse = PEROVSKITE.copy()
    symbols = {"Sr": "Ti", "Ti": "Sr", "O": "O"}
    inverse.symbols = [symbols[symbol] for symbol in inverse.symbols]
    assert len(prototypes(PEROVSKITE)) == 2
    assert apart(PEROVSKITE, inverse) < 1e-6


def test_a_molecule_has_no_prototype():
    with pytest.raises(StructureError, match="only crystals"):
        prototypes(molecule("CH4"))


def test_too_many_alike_are_refused():
    atoms = bulk("Cu", cubic=True).repeat((2, 1, 1))[:5]
    atoms.numbers = [3, 4, 5, 6, 7]
    with pytest.raises(StructureError, match="120 ways"):
        prototypes(atoms)
