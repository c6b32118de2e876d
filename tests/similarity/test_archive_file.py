"""Archives as files: complete, or as they were before."""

from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ase_orbital import GOM, OFM
from ase_orbital.descriptors.base import Descriptor
from ase_orbital.errors import DataError, SettingError
from ase_orbital.search import Archive

SHORT = GOM(cutoff=4.0)


@pytest.mark.parametrize("descriptor", [SHORT, OFM()], ids=["GOM", "OFM"])
def test_a_loaded_archive_continues_as_if_never_saved(tmp_path, alloys, descriptor):
    first, then = alloys(20), alloys(20, seed=1)
    whole = Archive(descriptor, tolerance=0.04)
    whole.add(bulk("Ni"), "nickel", bulk_modulus=180.0)
    whole.add(Atoms("O"))
    whole.add_many(first)
    whole.find(bulk("Ni"))
    whole.save(tmp_path / "archive.npz")
    resumed = Archive.load(tmp_path / "archive.npz")
    assert resumed.descriptor == descriptor
    assert resumed.tolerance == 0.04
    assert resumed.nbytes == whole.nbytes
    assert [entry.atoms for entry in resumed] == [entry.atoms for entry in whole]
    assert list(resumed._entries) == list(whole._entries)  # also which is dropped first
    assert resumed[0].label == "nickel"
    assert resumed[0].values == {"bulk_modulus": 180.0}
    assert resumed.add_many(then) == whole.add_many(then)
    assert [entry.seen for entry in resumed] == [entry.seen for entry in whole]


def test_an_empty_archive_can_be_saved(tmp_path):
    Archive(SHORT).save(tmp_path / "archive.npz")
    archive = Archive.load(tmp_path / "archive.npz")
    assert len(archive) == 0
    assert archive.add(bulk("Cu")).number == 0


def test_a_loaded_archive_is_cut_to_its_memory(tmp_path, alloys):
    archive = Archive(SHORT, tolerance=0.001)
    archive.add_many(alloys(20))
    archive.save(tmp_path / "archive.npz")
    smaller = Archive.load(tmp_path / "archive.npz", megabytes=0.02)
    assert 1 <= len(smaller) < len(archive)
    assert smaller.nbytes <= 20_000


def test_a_failed_save_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "archive.npz"
    archive = Archive(SHORT)
    archive.add(bulk("Cu"))
    archive.save(path)
    archive.add(bulk("Al"))

    def cut(file, **_):
        file.write(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr("ase_orbital.similarity.archive_file.np.savez", cut)
    with pytest.raises(OSError, match="full"):
        archive.save(path)
    assert len(Archive.load(path)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["absent", "cut", "text", "other", "later"])
def test_a_damaged_file_is_named_in_the_error(tmp_path, damage, monkeypatch):
    path = tmp_path / "archive.npz"
    if damage == "later":
        monkeypatch.setattr("ase_orbital.similarity.archive_file.VERSION", 2)
    archive = Archive(SHORT)
    archive.add(bulk("Cu"))
    archive.save(path)
    monkeypatch.undo()
    if damage == "absent":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "text":
        path.write_text("an archive")
    elif damage == "other":
        np.savez(path, numbers=np.arange(3))
    with pytest.raises(DataError, match=r"archive\.npz"):
        Archive.load(path)


class Density(Descriptor):
    """A user's own descriptor."""

    n_features = 1

    def features(self, structures):
        raise NotImplementedError

    def create(self, structure):
        return np.full((len(structure), 1), len(structure) / structure.get_volume())


@dataclass(frozen=True)
class Scaled(Density):
    """A user's own descriptor with a setting."""

    scale: float = 1.0


def test_an_archive_of_a_user_dataclass_is_saved_and_loaded(tmp_path):
    archive = Archive(Scaled(scale=2.0), tolerance=0.01)
    archive.add(bulk("Cu"))
    archive.save(tmp_path / "archive.npz")
    loaded = Archive.load(tmp_path / "archive.npz")
    assert loaded.descriptor == Scaled(scale=2.0)
    assert not loaded.add(bulk("Cu")).new


def test_an_archive_of_a_descriptor_without_settings_cannot_be_saved(tmp_path):
    archive = Archive(Density(), tolerance=0.01)
    archive.add(bulk("Cu"))
    assert not archive.add(bulk("Cu")).new
    assert archive.add(bulk("Cu", a=3.7)).new
    with pytest.raises(
        SettingError, match="Density cannot be saved: the settings of Density"
    ):
        archive.save(tmp_path / "archive.npz")
    assert list(tmp_path.iterdir()) == []


def test_no_flipped_bit_is_loaded_as_another_archive(tmp_path):
    path = tmp_path / "archive.npz"
    archive = Archive(SHORT)
    archive.add(bulk("Cu"), "copper", energy=-3.7)
    archive.add(bulk("NaCl", "rocksalt", a=5.64))
    archive.save(path)
    whole = path.read_bytes()

    def features(entry):
        return [part.values.tolist() for part in entry.fingerprint.species]

    def content():
        loaded = Archive.load(path)
        return [
            (entry.label, entry.values, entry.seen, entry.atoms.todict(), features(entry))
            for entry in loaded
        ]

    before, refused = str(content()), 0
    for place in range(0, len(whole), len(whole) // 120):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        try:
            assert str(content()) == before
        except DataError:
            refused += 1
    assert refused > 60
