"""All descriptors, including those of a user, have the same interface."""

import json
import pickle
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures, OneHot, load_model
from ase_orbital.descriptors.base import Descriptor
from ase_orbital.errors import ModelError, SettingError, StructureError
from ase_orbital.models import EOSNet
from ase_orbital.testing import assert_invariant

from ..structures import ROCKSALT

EOSNET = Concatenate(OneHot(), GOM(n_eigenvalues=66, normalize=True))
OCRYSTALNET = Concatenate(OFM(), ElementalFeatures())

KINDS = [
    OneHot(),
    OneHot(size=20),
    ElementalFeatures(),
    OFM(),
    OFM(distance_exponent=4, center=False),
    GOM(cutoff=4.0, orbitals="sp", n_eigenvalues=8, normalize=True, max_atoms=99),
    GOM(),
    EOSNET,
    OCRYSTALNET,
    Concatenate(EOSNET, ElementalFeatures()),
]

# --- Invariance


@pytest.mark.parametrize("descriptor", [OneHot(), ElementalFeatures(), EOSNET], ids=str)
@pytest.mark.parametrize("atoms", [ROCKSALT, molecule("CH4")], ids=["crystal", "molecule"])
def test_features_are_the_same_for_every_description_of_a_crystal(descriptor, atoms):
    assert_invariant(descriptor, atoms)


# --- Contracts


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_many_are_described_as_each_alone(descriptor):
    structures = [ROCKSALT, bulk("Si"), bulk("NaCl", "cesiumchloride", a=3.5)]
    for features, atoms in zip(descriptor.create_many(structures), structures, strict=True):
        assert_allclose(features, descriptor.create(atoms), atol=1e-12)


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_features_share_no_memory(descriptor):
    unlike = [bulk("NaCl", "rocksalt", a=a) for a in (5.6, 5.64, 5.7)]
    for features in descriptor.create_many([*unlike, ROCKSALT]):
        whole = features if features.base is None else features.base
        assert whole.nbytes == features.nbytes  # keeping one frees the others
    expected = descriptor.create(ROCKSALT)
    descriptor.create(ROCKSALT)[:] = 7.0
    assert_array_equal(descriptor.create(ROCKSALT), expected)


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_no_structures_give_no_features(descriptor):
    assert descriptor.create_many([]) == []


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_equal_settings_are_equal_and_travel(descriptor):
    twin = pickle.loads(pickle.dumps(descriptor))
    assert twin == descriptor
    assert hash(twin) == hash(descriptor)
    assert sum(descriptor == other for other in KINDS) == 1


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_settings_survive_json(descriptor):
    settings = json.loads(json.dumps(descriptor.to_settings()))
    assert Descriptor.from_settings(settings) == descriptor


def test_how_to_compute_is_no_setting_of_a_model():
    settings = GOM(dtype="float32", n_eigenvalues=3).to_settings()
    assert "dtype" not in settings
    assert "device" not in settings
    assert Descriptor.from_settings(settings) == GOM(n_eigenvalues=3)


def test_reading_settings_leaves_them_as_they_are():
    settings = EOSNET.to_settings()
    before = json.dumps(settings)
    Descriptor.from_settings(settings)
    assert json.dumps(settings) == before


# --- Errors


@pytest.mark.parametrize("descriptor", [OneHot(), ElementalFeatures(), EOSNET], ids=str)
def test_broken_structures_are_refused_before_anything_else(descriptor):
    with pytest.raises(StructureError, match="no atoms"):
        descriptor.create(Atoms())
    with pytest.raises(StructureError, match="no atoms"):
        descriptor.create_many([ROCKSALT, Atoms()])


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"name": "SOAP"}, "SOAP"),
        ({}, "None"),
        ({"name": "OneHot", "length": 3}, "length"),
        ({"name": "Concatenate", "parts": [{"name": "ACSF"}]}, "ACSF"),
        ({"name": "Concatenate"}, "Concatenate"),
        ({"name": "Concatenate", "parts": []}, "Concatenate"),
        ({"name": "GOM", "orbitals": "spd"}, "GOM"),
    ],
    ids=str,
)
def test_settings_of_another_version_are_refused(settings, word):
    with pytest.raises(ModelError, match=word):
        Descriptor.from_settings(settings)


# --- Descriptors that a user writes


@dataclass(frozen=True, kw_only=True)
class Coordination(Descriptor):
    """Number of neighbors within the cutoff, in shells."""

    cutoff: float = 4.0
    n_shells: int = 3

    @property
    def n_features(self):
        return self.n_shells

    def features(self, batch):
        shells = np.linspace(0.0, self.cutoff, self.n_shells + 1)[1:]
        degree = np.zeros((len(batch.numbers), self.n_shells))
        np.add.at(degree, batch.center, batch.distance[:, None] < shells)
        return degree[batch.representative]


def test_own_descriptor_describes_structures():
    atoms = bulk("Cu", a=3.6)
    assert_array_equal(Coordination(cutoff=3.9).create(atoms), [[0, 12, 18]])
    assert_invariant(Coordination(n_shells=4), ROCKSALT)


def test_own_descriptor_has_no_derivatives_and_says_so():
    assert not Coordination().differentiable
    with pytest.raises(SettingError, match=r"Coordination.*has no derivatives"):
        Coordination().derivatives(ROCKSALT)


def test_own_descriptor_is_named_by_module_and_class():
    settings = Concatenate(OneHot(), Coordination(n_shells=5)).to_settings()
    name = f"{__name__}:Coordination"
    assert settings["parts"][1] == {"name": name, "cutoff": 4.0, "n_shells": 5}
    assert Descriptor.from_settings(settings).parts[1] == Coordination(n_shells=5)


def test_own_descriptor_is_saved_and_loaded_with_a_model(tmp_path):
    model = EOSNet(descriptor=Coordination(), n_hidden=8, property_name="band_gap")
    expected = model.predict_structure(ROCKSALT)
    model.save(tmp_path / "mine")
    loaded = load_model(tmp_path / "mine")
    assert loaded.descriptor == Coordination()
    assert loaded.predict_structure(ROCKSALT) == expected


def test_a_module_is_not_imported_because_a_file_names_it(tmp_path, monkeypatch):
    (tmp_path / "harmful.py").write_text("raise SystemExit('code of a file was run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match="import harmful before loading the model"):
        Descriptor.from_settings({"name": "harmful:Shells"})
    assert "harmful" not in sys.modules


@pytest.mark.parametrize("name", ["os:system", "numpy:ndarray", f"{__name__}:KINDS", "os:"])
def test_what_is_no_descriptor_is_not_called(name):
    with pytest.raises(ModelError):
        Descriptor.from_settings({"name": name})


def test_a_class_in_a_function_cannot_be_saved_and_says_so():
    @dataclass(frozen=True)
    class Mine(Coordination):
        pass

    with pytest.raises(ModelError, match="Mine is defined in a function"):
        Mine().to_settings()


def test_settings_that_are_not_known_cannot_be_saved():
    with pytest.raises(ModelError, match="Plain are not known; make it a dataclass"):
        Plain().to_settings()


class Plain(Descriptor):
    """A descriptor that is not a dataclass."""

    n_features = 1

    def features(self, batch):
        return np.ones((len(batch.representative), 1))


# --- Precision


def test_precision_reaches_every_part_that_has_one():
    found = Concatenate(OneHot(), GOM(n_eigenvalues=4)).with_precision("float32")
    assert found == Concatenate(OneHot(), GOM(n_eigenvalues=4, dtype="float32"))
    assert Coordination().with_precision("float32") == Coordination()
