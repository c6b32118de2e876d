"""The archive against asking everything, against its memory, and as a file."""

import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital import GOM, OFM
from ase_orbital.descriptors.base import Descriptor
from ase_orbital.errors import DataError, SettingError, StructureError
from ase_orbital.search import Archive, GOMComparator, Match
from ase_orbital.similarity.distance import difference
from ase_orbital.similarity.fingerprints import Fingerprint, Rows
from ase_orbital.similarity.index import FingerprintIndex

SHORT = GOM(cutoff=4.0)


def alloys(n, seed=0):
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


def synthetic(n, seed=0, n_rows=4, width=12):
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
        Fingerprint((True, ((29, 1),)), (Rows(rows.astype(np.float32), copies),))
        for rows in values
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400), st.integers(1, 8))
def test_a_shelf_finds_what_asking_everything_finds(seed, size, n):
    """Built at once and one by one, with some taken away, on both sides of a new tree."""
    *there, asked = synthetic(size + 1, seed)
    numbered = dict(enumerate(there))
    half = dict(list(numbered.items())[: size // 2])
    shelf = FingerprintIndex(half)
    for number in range(size // 2, size):
        shelf.put(number, numbered[number])
    for number in range(0, size - 1, 3):
        shelf.remove(number)
        del numbered[number]
    expected = sorted((difference(asked, print_), k) for k, print_ in numbered.items())
    found = shelf.nearest(asked, n)
    np.testing.assert_allclose(
        [apart for apart, _ in found], [apart for apart, _ in expected[:n]], atol=1e-7
    )
    within = (expected[0][0] + expected[-1][0]) / 2
    found = {number for _, number in shelf.nearest(asked, size, within)}
    assert found == {number for apart, number in expected if apart <= within}


def test_a_hundred_thousand_are_searched_in_milliseconds():
    *there, asked = synthetic(100_001)
    shelf = FingerprintIndex(dict(enumerate(there)))
    for n, within in ((1, 0.0075), (1, 0.05), (5, 2.0)):
        started = time.process_time()
        for _ in range(20):
            shelf.nearest(asked, n, within)
        assert (time.process_time() - started) / 20 < 0.01  # seconds
    number = 4711
    ((apart, found),) = shelf.nearest(there[number], within=0.0075)
    assert (apart, found) == (0.0, number)


def test_an_archive_is_as_a_comparator_asked_about_each():
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


def test_many_at_once_are_as_one_by_one():
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


def test_asking_does_not_count():
    archive = Archive(SHORT)
    archive.add(bulk("Cu"))
    archive.find(bulk("Cu"))
    archive.nearest(bulk("Cu"))
    assert archive[0].seen == 1


def test_memory_is_bounded_and_what_was_not_seen_for_longest_is_forgotten(caplog):
    caplog.set_level("INFO")
    archive = Archive(SHORT, tolerance=1e-4, megabytes=0.05)
    structures = [bulk("Cu", a=a) for a in np.linspace(3.4, 3.9, 40)]
    for atoms in structures:
        archive.add(atoms)
        archive.add(structures[0])
        assert archive.nbytes <= 50_000
        assert archive.nbytes == sum(entry.nbytes for entry in archive)
    assert 3 < len(archive) < 25
    assert "forgotten" in caplog.text
    assert archive[0].seen == 41  # seen all the time
    numbers = [entry.number for entry in archive]
    assert numbers == [0, *range(numbers[1], 40)]
    with pytest.raises(KeyError, match="no entry 1"):
        archive[1]
    assert archive.find(structures[1]) is None
    assert archive.add(structures[1]) == Match(40, 0.0, new=True)


@pytest.mark.parametrize("descriptor", [SHORT, OFM()], ids=["GOM", "OFM"])
def test_an_archive_goes_on_after_a_break(tmp_path, descriptor):
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
    assert list(resumed._entries) == list(whole._entries)  # also who is forgotten first
    assert resumed[0].label == "nickel"
    assert resumed[0].values == {"bulk_modulus": 180.0}
    assert resumed.add_many(then) == whole.add_many(then)
    assert [entry.seen for entry in resumed] == [entry.seen for entry in whole]


def test_an_empty_archive_can_be_saved(tmp_path):
    Archive(SHORT).save(tmp_path / "archive.npz")
    archive = Archive.load(tmp_path / "archive.npz")
    assert len(archive) == 0
    assert archive.add(bulk("Cu")).number == 0


def test_a_larger_archive_is_cut_to_the_memory_it_is_given(tmp_path):
    archive = Archive(SHORT, tolerance=0.001)
    archive.add_many(alloys(20))
    archive.save(tmp_path / "archive.npz")
    smaller = Archive.load(tmp_path / "archive.npz", megabytes=0.02)
    assert 1 <= len(smaller) < len(archive)
    assert smaller.nbytes <= 20_000


def test_a_file_is_there_whole_or_as_before(tmp_path, monkeypatch):
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
def test_a_file_that_is_no_archive_is_named(tmp_path, damage, monkeypatch):
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
    """Someone's own descriptor."""

    n_features = 1

    def rows(self, structures):
        raise NotImplementedError

    def create(self, structure):
        return np.full((len(structure), 1), len(structure) / structure.get_volume())


def test_ones_own_descriptor_compares_and_cannot_be_saved(tmp_path):
    archive = Archive(Density(), tolerance=0.01)
    archive.add(bulk("Cu"))
    assert not archive.add(bulk("Cu")).new
    assert archive.add(bulk("Cu", a=3.7)).new
    with pytest.raises(SettingError, match="Density cannot be saved"):
        archive.save(tmp_path / "archive.npz")
    assert list(tmp_path.iterdir()) == []


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
    assert len(archive) == 0
