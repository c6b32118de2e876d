"""Batches contain every crystal once per epoch, in an order that the seed determines."""

import pytest
import torch
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital import OneHot
from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.graphs.converters import build_graphs
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.training.batches import (
    Batches,
    GraphDataset,
    first_of_groups,
    in_groups,
    shuffled,
)

ELEMENTS = ["Cu", "Al", "Si", "Mg", "Fe", "Au", "Ti"]
GRAPHS = build_graphs(
    [bulk(symbol) for symbol in ELEMENTS], OneHot(), Connectivity(radius=6.0, n_neighbors=4)
)
CRYSTALS = GraphDataset(CrystalGraph.batch(GRAPHS), torch.arange(7.0))


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 200), st.integers(0, 99), st.integers(0, 9))
def test_an_epoch_has_every_crystal_once(n_crystals, seed, epoch):
    order = shuffled(n_crystals, seed=seed, epoch=epoch)
    assert sorted(order.tolist()) == list(range(n_crystals))


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 200), st.integers(1, 8), st.integers(0, 9))
def test_processes_share_an_epoch_evenly(n_crystals, n_ranks, epoch):
    shares = [
        shuffled(n_crystals, seed=3, epoch=epoch, rank=rank, n_ranks=n_ranks).tolist()
        for rank in range(n_ranks)
    ]
    assert {len(share) for share in shares} == {n_crystals // n_ranks}
    together = sum(shares, start=[])  # noqa: RUF017
    assert len(set(together)) == len(together)


def test_no_crystal_is_left_out_of_all_epochs():
    """With 101 crystals on 2 processes, a different one is left out each epoch."""
    seen = set()
    for epoch in range(5):
        for rank in range(2):
            seen |= set(shuffled(101, seed=0, epoch=epoch, rank=rank, n_ranks=2).tolist())
    assert len(seen) == 101


@pytest.mark.parametrize("change", [{"seed": 1}, {"epoch": 1}])
def test_another_seed_or_epoch_is_another_order(change):
    first = shuffled(50, seed=0, epoch=0)
    assert torch.equal(first, shuffled(50, seed=0, epoch=0))
    assert not torch.equal(first, shuffled(50, **{"seed": 0, "epoch": 0} | change))


def test_shuffling_keeps_the_random_state_of_the_caller():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    shuffled(50, seed=0, epoch=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_contain_the_crystals_in_order(batch_size):
    order = torch.tensor([3, 0, 6, 1, 2, 5, 4])
    batches = Batches(CRYSTALS, order, batch_size)
    parts = list(batches)
    assert len(parts) == len(batches)
    assert [len(part.targets) for part in parts[:-1]] == [batch_size] * (len(parts) - 1)
    assert torch.cat([part.targets for part in parts]).tolist() == order.tolist()
    joined = CrystalGraph.batch([part.graph for part in parts])
    expected = CrystalGraph.batch([GRAPHS[index] for index in order])
    assert torch.equal(joined.numbers, expected.numbers)
    assert torch.equal(joined.source, expected.source)


def test_without_an_order_batches_keep_that_of_the_dataset():
    (batch,) = Batches(CRYSTALS, None, 100)
    assert torch.equal(batch.targets, CRYSTALS.targets)


def test_graphs_and_targets_move_to_a_device_together():
    moved = CRYSTALS.to("meta")
    assert moved.targets.is_meta
    assert moved.graph.features.is_meta


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(0, 99))
def test_groups_stay_together_and_keep_their_order(numbers, seed):
    _, groups = torch.unique(torch.tensor(numbers), return_inverse=True)
    n_groups = int(groups.max()) + 1
    order = shuffled(n_groups, seed=seed, epoch=0)
    rows = in_groups(groups, order)
    assert sorted(rows.tolist()) == list(range(len(numbers)))
    assert torch.unique_consecutive(groups[rows]).tolist() == order.tolist()
    for number in range(n_groups):
        members = rows[groups[rows] == number]
        assert members.tolist() == sorted(members.tolist())


def test_share_of_the_groups_has_their_crystals_only():
    rows = in_groups(torch.tensor([0, 1, 2, 1, 0]), torch.tensor([1]))
    assert rows.tolist() == [1, 3]


def test_first_crystal_of_a_group_is_found():
    found = first_of_groups(torch.tensor([5, 2, 5, 2, 9]))
    assert found.tolist() == [0, 1, 0, 1, 4]


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 4))
def test_an_epoch_takes_some_copies_of_each_crystal(numbers, copies):
    groups = torch.tensor([*numbers, 9])
    order = torch.randperm(10, generator=torch.Generator().manual_seed(1))
    taken = in_groups(groups, order, copies, seed=5)
    assert len(set(taken.tolist())) == len(taken)
    for group in {*numbers, 9}:
        members = (groups == group).nonzero().squeeze(1)
        chosen = [index for index in taken.tolist() if groups[index] == group]
        assert chosen[0] == members[0]
        assert len(chosen) == min(len(members), copies + 1)
    _, counts = torch.unique_consecutive(groups[taken], return_counts=True)
    assert len(counts) == len({*numbers, 9})


def test_epochs_take_different_copies():
    groups = torch.zeros(20, dtype=torch.long)
    taken = [
        tuple(in_groups(groups, torch.tensor([0]), 3, seed=s).tolist()) for s in (1, 2)
    ]
    assert taken[0] != taken[1]
    assert len(taken[0]) == 4
