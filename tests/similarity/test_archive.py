"""The archive against comparing all structures, and against its memory."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ase_orbital import GOM, OneHot
from ase_orbital.errors import DataError, SettingError, StructureError
from ase_orbital.search import Archive, GOMComparator, Match

SHORT = GOM(cutoff=4.0)


def test_an_archive_matches_what_a_comparator_finds_nearest(alloys):
    structures = alloys(60)
    archive = Archive(SHORT, tolerance=0.03)
    comparator = GOMComparator(0.03, cutoff=4.0)
    kept = []
    for atoms in structures:
        differences = [comparator.difference(atoms, other) for other in kept]
        found = archive.add(atoms)
        if differences and min(differences) <= 0.03:
            assert not found.new
            assert found.number == int(np.argmin(differences))
            assert found.difference == pytest.approx(min(differences))
        else:
            assert found == Match(len(kept), 0.0, new=True)
            kept.append(atoms)
    assert 3 < len(kept) < 57
    assert len(archive) == len(kept)
    assert sum(entry.seen for entry in archive) == 60


def test_many_structures_at_once_match_as_one_by_one(alloys):
    structures = alloys(40)
    labels = [f"number {index}" for index in range(40)]
    at_once, in_turn = Archive(SHORT, tolerance=0.03), Archive(SHORT, tolerance=0.03)
    expected = [
        in_turn.add(one, label) for one, label in zip(structures, labels, strict=True)
    ]
    found = at_once.add_many(structures, labels)
    assert [one[::2] for one in found] == [one[::2] for one in expected]
    assert [entry.label for entry in at_once] == [entry.label for entry in in_turn]


def test_every_cell_of_a_crystal_is_one_entry_with_its_first_structure():
    archive = Archive()
    archive.add(bulk("Cu"), "fcc", energy=-1.0)
    archive.add(bulk("Cu", cubic=True) * (2, 1, 1), "again", energy=-2.0)
    archive.add(bulk("Cu", "bcc", a=2.9))
    archive.add(bulk("Ni"))
    entry = archive[0]
    assert len(archive) == 3
    assert (entry.label, entry.seen, entry.values) == ("fcc", 2, {"energy": -1.0})
    assert entry.atoms == bulk("Cu")
    assert repr(entry) == "<0 'fcc': Cu, seen 2 times>"
    assert archive.find(bulk("Al")) is None
    assert archive.find(bulk("Cu", cubic=True)) == Match(0, 0.0, new=False)
    assert [found.number for found in archive.nearest(bulk("Cu"))] == [0, 1]
    assert archive.nearest(bulk("Al")) == []


def test_a_structure_is_in_the_archive_if_it_matches_an_entry():
    archive = Archive(SHORT)
    archive.add(bulk("Cu"))
    assert bulk("Cu", cubic=True) in archive
    assert bulk("Al") not in archive
    assert archive[0].seen == 1


def test_searching_does_not_count_a_structure():
    archive = Archive(SHORT)
    archive.add(bulk("Cu"))
    archive.find(bulk("Cu"))
    archive.nearest(bulk("Cu"))
    assert archive[0].seen == 1


def test_memory_is_bounded_and_the_least_recently_seen_are_dropped(caplog):
    caplog.set_level("INFO")
    archive = Archive(SHORT, tolerance=1e-4, megabytes=0.05)
    structures = [bulk("Cu", a=a) for a in np.linspace(3.4, 3.9, 40)]
    for atoms in structures:
        archive.add(atoms)
        archive.add(structures[0])
        assert archive.nbytes <= 50_000
        assert archive.nbytes == sum(entry.nbytes for entry in archive)
    assert 3 < len(archive) < 25
    assert "dropped" in caplog.text
    assert archive[0].seen == 41  # seen all the time
    numbers = [entry.number for entry in archive]
    assert numbers == [0, *range(numbers[1], 40)]
    with pytest.raises(KeyError, match="no entry 1"):
        archive[1]
    assert archive.find(structures[1]) is None
    assert archive.add(structures[1]) == Match(40, 0.0, new=True)


def test_bad_input_is_explained_and_leaves_the_archive_as_it_was():
    archive = Archive(SHORT)
    with pytest.raises(StructureError, match="no atoms"):
        archive.add(Atoms())
    with pytest.raises(SettingError, match="2 labels do not fit 1 structures"):
        archive.add_many([bulk("Cu")], ["a", "b"])
    with pytest.raises(SettingError, match="n must be at least 1"):
        archive.nearest(bulk("Cu"), 0)
    with pytest.raises(SettingError, match="tolerance"):
        Archive(tolerance=2.0)
    with pytest.raises(SettingError, match="megabytes"):
        Archive(megabytes=0.0)
    with pytest.raises(StructureError, match="one structure or file"):
        archive.add_many(bulk("Cu"))
    with pytest.raises(SettingError, match="labels must be a list of texts"):
        archive.add_many([bulk("Cu"), bulk("Al")], "ab")
    for path in ("seen", "seen.csv", "absent/seen.npz"):
        with pytest.raises(SettingError, match=r"suffix \.npz"):
            archive.save(path)
    with pytest.raises(SettingError, match="is not a descriptor"):
        Archive(OneHot)
    assert len(archive) == 0


def test_the_default_merges_strains_below_its_size_only():
    """Cells longer by 0.3 % make the default tolerance of GOM."""
    archive = Archive()
    archive.add(bulk("Cu", a=3.6))
    assert not archive.add(bulk("Cu", a=3.6 * 1.001)).new
    assert archive.add(bulk("Cu", a=3.6 * 1.006)).new


def test_what_float32_potentials_return_is_saved(tmp_path):
    archive = Archive()
    archive.add(bulk("Cu"), 7, energy=np.float32(-3.5))
    archive.save(tmp_path / "archive.npz")
    (entry,) = Archive.load(tmp_path / "archive.npz")
    assert (entry.label, entry.values) == ("7", {"energy": -3.5})


def test_a_bad_value_adds_nothing():
    archive = Archive()
    with pytest.raises(SettingError, match="the value energy"):
        archive.add(bulk("Cu"), energy="low")
    with pytest.raises(SettingError, match="a label"):
        archive.add_many([bulk("Cu")], [None])
    assert len(archive) == archive.nbytes == 0


def test_a_file_that_cannot_be_read_back_replaces_nothing(tmp_path):
    archive, path = Archive(), tmp_path / "archive.npz"
    archive.add(bulk("Cu"))
    archive.save(path)
    before = path.read_bytes()
    archive[0].values["energy"] = object()
    with pytest.raises(TypeError):
        archive.save(path)
    archive[0].values.clear()
    archive._next = "two"
    with pytest.raises(DataError):
        archive.save(path)
    assert path.read_bytes() == before
