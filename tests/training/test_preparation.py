"""Crystals go to the right sets, and unusable ones are rejected with reasons."""

import csv
import json

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111

from ase_orbital import OFM
from ase_orbital.errors import DataError, SettingError
from ase_orbital.training import TrainingSettings
from ase_orbital.training.dataset import read_dataset
from ase_orbital.training.distortions import scaled
from ase_orbital.training.preparation import make_network, make_split, prepare
from ase_orbital.training.splits import Split


def make(quick, **changes):
    return TrainingSettings(**quick | changes)


def rejected_of(folder):
    with (folder / "rejected.csv").open(newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def test_graphs_and_targets_belong_to_their_names(salts, quick, tmp_path):
    prepared = prepare(salts, make(quick), tmp_path)
    known = {
        atoms.info["id"]: (sorted(atoms.numbers), target)
        for atoms, target in zip(*salts, strict=True)
    }
    sizes = {name: len(ids) for name, ids in prepared.ids.items()}
    assert sizes == {"train": 48, "validation": 6, "test": 6}
    for part, names in prepared.ids.items():
        crystals = prepared.sets[part]
        atoms = crystals.graph.numbers.split(crystals.graph.n_atoms.tolist())
        found = [sorted(numbers.tolist()) for numbers in atoms]
        assert found == [known[name][0] for name in names]
        targets = [known[name][1] for name in names]
        assert crystals.targets.tolist() == pytest.approx(targets, rel=1e-6)


def test_the_split_is_written_and_used_again(salts, quick, tmp_path):
    first = prepare(salts, make(quick), tmp_path)
    written = Split.load(tmp_path / "split.json")
    assert written._asdict() == first.ids
    other = prepare(salts, make(quick, seed=5), tmp_path)
    assert other.ids == first.ids


def test_a_split_can_be_given_as_a_file(salts, quick, tmp_path):
    names = [atoms.info["id"] for atoms in salts[0]]
    path = tmp_path / "mine.json"
    split = {"train": names[:5], "validation": [], "test": [*names[10:12], "unheard-of"]}
    path.write_text(json.dumps(split))
    prepared = prepare(salts, make(quick, split=str(path)), tmp_path)
    assert prepared.ids == {"train": names[:5], "test": names[10:12]}


def test_elements_are_those_of_the_training_set(salts, quick, tmp_path):
    names = [atoms.info["id"] for atoms in salts[0]]
    lithium = [name for name in names if name.startswith("LiF")]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"train": lithium, "validation": names[-2:], "test": []}))
    assert prepare(salts, make(quick, split=str(path)), tmp_path).elements == [3, 9]


@pytest.mark.parametrize(("n_slabs", "expected"), [(0, [3]), (5, [3]), (8, [2, 3])])
def test_periodicities_are_those_of_more_than_a_few(n_slabs, expected, quick, tmp_path):
    crystals = [bulk("Cu", a=3.5 + number / 500.0) for number in range(120)]
    slabs = [fcc111("Cu", (1, 1, 2 + number), vacuum=6.0) for number in range(n_slabs)]
    data = crystals + slabs, np.ones(len(crystals + slabs))
    settings = make(quick, sizes=(1.0, 0.0, 0.0))
    assert prepare(data, settings, tmp_path).periodicities == expected


def test_a_marked_test_set_leaves_the_rest_in_proportion(salts, quick):
    for atoms in salts[0]:
        atoms.info["held_out"] = atoms.info["id"].startswith("Cs")
    settings = make(quick, test_column="held_out", sizes=[0.6, 0.2, 0.2])
    split = make_split(read_dataset(salts, settings), settings)
    assert len(split.test) == 12
    assert all(name.startswith("Cs") for name in split.test)
    assert (len(split.train), len(split.validation)) == (36, 12)


def test_a_formula_is_in_one_set_only(salts, quick):
    settings = make(quick, split="formula", sizes=[0.6, 0.2, 0.2])
    split = make_split(read_dataset(salts, settings), settings)
    train, validation, test = ({name.split("-")[0] for name in part} for part in split)
    assert (len(train), len(validation), len(test)) == (12, 4, 4)
    assert len(train | validation | test) == 20


def test_the_second_crystal_of_an_identifier_is_rejected(salts, quick, tmp_path):
    crystals = [atoms.copy() for atoms in salts[0]]
    crystals[1].info["id"] = crystals[0].info["id"]
    prepared = prepare((crystals, salts[1]), make(quick), tmp_path)
    used = [name for names in prepared.ids.values() for name in names]
    assert len(used) == 59
    assert crystals[0].info["id"] in used
    assert rejected_of(tmp_path) == {
        crystals[0].info["id"]: "another crystal has the same identifier"
    }


def test_crystals_without_features_are_rejected(salts, quick, tmp_path):
    foreign = Atoms("Og", cell=[4.0] * 3, pbc=True, info={"id": "foreign"})
    settings = make(quick, network_settings={"descriptor": OFM().to_settings()})
    crystals = [*salts[0][:9], foreign]
    prepared = prepare((crystals, np.arange(10.0)), settings, tmp_path)
    assert sum(map(len, prepared.ids.values())) == 9
    assert "Og" in rejected_of(tmp_path)["foreign"]


def test_large_cells_are_left_out_of_the_training_set_only(quick, tmp_path):
    small = [bulk("Cu", a=3.5 + 0.01 * index) for index in range(20)]
    large = [atoms * (2, 1, 1) for atoms in small]
    settings = make(quick, most_atoms=1, sizes=[0.5, 0.2, 0.3])
    prepared = prepare(([*small, *large], np.arange(40.0)), settings, tmp_path)
    sizes = {name: {*part.graph.sizes.tolist()} for name, part in prepared.sets.items()}
    assert sizes == {"train": {1}, "validation": {1, 2}, "test": {1, 2}}
    assert set(rejected_of(tmp_path).values()) == {"not trained on: 2 atoms, more than 1"}
    assert len(rejected_of(tmp_path)) + len(prepared.ids["train"]) == 20


def test_an_empty_training_set_is_an_error_and_leaves_no_split(salts, quick, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"train": ["x"], "validation": [], "test": ["LiF-1.00"]}))
    with pytest.raises(DataError, match="training set is empty"):
        prepare(salts, make(quick, split=str(path)), tmp_path)
    assert not (tmp_path / "split.json").exists()


def test_unknown_arguments_of_the_network_are_named(quick):
    settings = make(quick, network_settings={"n_hiden": 8})
    with pytest.raises(SettingError, match=r"EOSNet does not take .* 'n_hiden'"):
        make_network(settings)


def test_the_seed_determines_the_weights(quick):
    first, second, other = (
        make_network(make(quick, seed=seed)).state_dict() for seed in (0, 0, 1)
    )
    assert all(first[name].equal(second[name]) for name in first)
    assert not all(first[name].equal(other[name]) for name in first)


@pytest.fixture
def with_copies(salts):
    """The salts, with two distorted copies of every second one."""
    structures, targets = [*salts[0]], [*salts[1]]
    for atoms, target in list(zip(*salts, strict=True))[::2]:
        for number in range(2):
            copy = scaled(atoms, 0.02 * (number + 1))
            name = atoms.info["id"]
            copy.info = {"id": f"{name}-{number}", "group": name}
            structures.append(copy)
            targets.append(target + 0.1)
    return structures, targets


def test_copies_are_in_the_set_of_their_crystal(salts, with_copies, quick):
    settings = make(quick)
    alone = make_split(read_dataset(salts, settings), settings)
    split = make_split(read_dataset(with_copies, settings), settings)
    for names, before in zip(split, alone, strict=True):
        crystals = {name for name in names if name in set(before)}
        assert crystals == set(before)
        copied = {name.rpartition("-")[0] for name in set(names) - crystals}
        assert copied <= crystals
    assert sum(map(len, split)) == len(with_copies[0])


def test_copies_without_their_crystal_stay_together(with_copies, quick):
    settings = make(quick)
    pairs = [at for at in zip(*with_copies, strict=True) if "group" in at[0].info]
    split = make_split(read_dataset(tuple(zip(*pairs, strict=True)), settings), settings)
    assert sum(map(len, split)) == len(pairs)
    groups = [{name.rpartition("-")[0] for name in names} for names in split]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]


def test_augmentation_adds_distorted_training_crystals(salts, quick, tmp_path):
    plain = prepare(salts, make(quick), tmp_path / "plain")
    for _ in range(2):  # a resumed run has the same copies
        found = prepare(salts, make(quick, augmentation=2), tmp_path / "augmented")
        assert len(found.ids["train"]) == 3 * len(plain.ids["train"])
        assert found.ids["validation"] == plain.ids["validation"]
        n_train = len(plain.ids["train"])
        targets = found.sets["train"].targets.reshape(3, n_train)
        assert (targets == plain.sets["train"].targets).all()
        distances = found.sets["train"].select(torch.tensor([0, n_train])).graph
        first, second = distances.unbatch()
        assert first.n_edges.tolist() != second.n_edges.tolist() or not torch.allclose(
            first.distance, second.distance, atol=1e-3
        )


def test_a_split_file_that_has_changed_is_noticed(salts, quick, tmp_path):
    ids = [atoms.info["id"] for atoms in salts[0]]
    file, run = tmp_path / "mine.json", tmp_path / "run"
    run.mkdir()
    settings = make(quick, split=str(file))
    for n_train, n_expected in ((40, 40), (30, 30)):  # nothing was trained yet
        Split(ids[:n_train], ids[n_train:50], ids[50:]).save(file)
        assert len(prepare(salts, settings, run).ids["train"]) == n_expected
    (run / "member-0").mkdir()
    (run / "member-0/last.ckpt").touch()
    prepare(salts, settings, run)
    Split(ids[:20], ids[20:50], ids[50:]).save(file)
    with pytest.raises(
        DataError, match=r"another split than that in .*mine.json, which has"
    ):
        prepare(salts, settings, run)
