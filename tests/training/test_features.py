"""Cached graphs equal computed ones, and damaged files are computed again."""

import logging
from dataclasses import fields

import pytest
import torch
from ase import Atoms
from ase.build import bulk

from ase_orbital import GOM, OFM, OneHot
from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.graphs.converters import build_batch
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.training import features
from ase_orbital.training.features import FeatureCache

CRYSTALS = [
    bulk("NaCl", "rocksalt", a=5.64),
    bulk("Cu"),
    bulk("Si"),
    bulk("Mg"),
    bulk("CsCl", "cesiumchloride", a=4.12),
    bulk("MgO", "rocksalt", a=4.21) * (2, 1, 1),
]
NEAR = Connectivity(radius=8.0, n_neighbors=6)
SYMMETRIC = Connectivity(radius=8.0, n_neighbors=6, symmetric=True)
OGANESSON = Atoms("Og", cell=[4.0] * 3, pbc=True)  # not in the table of orbitals


@pytest.fixture
def counted(monkeypatch):
    """Crystals that graphs were computed for, in this order."""
    built = []

    def build(structures, *arguments):
        built.extend(structures)
        return build_batch(structures, *arguments)

    monkeypatch.setattr(features, "build_batch", build)
    return built


def assert_same(found, expected, **tolerance):
    for field in fields(CrystalGraph):
        first, second = getattr(found, field.name), getattr(expected, field.name)
        if second is None:
            assert first is None
        else:
            torch.testing.assert_close(first, second, **tolerance or {"rtol": 0, "atol": 0})


@pytest.mark.parametrize("connectivity", [NEAR, SYMMETRIC], ids=["directed", "symmetric"])
@pytest.mark.parametrize("descriptor", [OneHot(), GOM(n_eigenvalues=8)], ids=repr)
def test_cached_graphs_equal_computed_ones(tmp_path, descriptor, connectivity):
    found, failed = FeatureCache(tmp_path, descriptor, connectivity).graphs(CRYSTALS)
    expected = build_batch(CRYSTALS, descriptor.with_precision("float32"), connectivity)
    assert failed == {}
    assert found.sizes.tolist() == [2, 1, 2, 2, 2, 4]
    assert_same(found, expected, rtol=1e-5, atol=1e-6)


def test_a_second_call_reads_the_cache(tmp_path, counted):
    first, _ = FeatureCache(tmp_path, OneHot(), NEAR).graphs(CRYSTALS)
    assert len(counted) == len(CRYSTALS)
    second, _ = FeatureCache(tmp_path, OneHot(), NEAR).graphs(CRYSTALS)
    assert len(counted) == len(CRYSTALS)
    assert_same(second, first)


def test_only_missing_graphs_are_computed(tmp_path, counted, monkeypatch):
    monkeypatch.setattr(features, "SHARD", 2)
    whole, _ = FeatureCache(tmp_path / "whole", OneHot(), NEAR).graphs(CRYSTALS)
    counted.clear()
    cache = FeatureCache(tmp_path / "part", OneHot(), NEAR)
    cache.graphs(CRYSTALS[1:4])
    graphs, _ = cache.graphs(CRYSTALS)
    assert len(counted) == len(CRYSTALS)
    assert_same(graphs, whole)


def test_an_interruption_loses_the_current_shard_only(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "SHARD", 2)
    cache = FeatureCache(tmp_path, OneHot(), NEAR)
    shards = []

    def build(structures, *arguments):
        shards.append(len(structures))
        if len(shards) == 3:
            raise KeyboardInterrupt
        return build_batch(structures, *arguments)

    monkeypatch.setattr(features, "build_batch", build)
    with pytest.raises(KeyboardInterrupt):
        cache.graphs(CRYSTALS)
    graphs, _ = cache.graphs(CRYSTALS)
    assert shards == [2, 2, 2, 2]
    assert graphs.n_graphs == len(CRYSTALS)


def test_graphs_follow_the_order_and_repetitions_of_the_list(tmp_path, counted):
    cache = FeatureCache(tmp_path, OneHot(), NEAR)
    whole, _ = cache.graphs(CRYSTALS)
    order = [4, 0, 0, 5, 4]
    graphs, failed = cache.graphs([CRYSTALS[index].copy() for index in order])
    assert_same(graphs, whole.select(torch.tensor(order)))
    assert failed == {}
    assert len(counted) == len(CRYSTALS)


def test_a_repeated_crystal_is_computed_once(tmp_path, counted):
    graphs, _ = FeatureCache(tmp_path, OneHot(), NEAR).graphs([CRYSTALS[0]] * 3)
    assert len(counted) == 1
    assert graphs.n_graphs == 3


def test_other_settings_use_another_folder(tmp_path):
    folders = {
        FeatureCache(tmp_path, descriptor, connectivity).folder
        for descriptor in (OneHot(), GOM(n_eigenvalues=8), GOM(n_eigenvalues=9))
        for connectivity in (NEAR, SYMMETRIC)
    }
    assert len(folders) == 6
    assert FeatureCache(tmp_path, OneHot(), NEAR).folder in folders


def test_failing_crystals_are_reported_by_index(tmp_path):
    cache = FeatureCache(tmp_path, OFM(), NEAR)
    crystals = [CRYSTALS[0], OGANESSON, CRYSTALS[1], OGANESSON]
    for _ in range(2):
        graphs, failed = cache.graphs(crystals)
        assert list(failed) == [1, 3]
        assert "Og" in failed[1]
        assert sorted(graphs.numbers.tolist()) == [11, 17, 29]


def test_there_is_no_graph_if_all_crystals_fail(tmp_path):
    graphs, failed = FeatureCache(tmp_path, OFM(), NEAR).graphs([OGANESSON])
    assert graphs is None
    assert list(failed) == [0]
    assert list(tmp_path.rglob("*.npz")) == []


@pytest.fixture
def shard(tmp_path):
    cache = FeatureCache(tmp_path, OneHot(), SYMMETRIC)
    graphs, _ = cache.graphs(CRYSTALS)
    (path,) = cache.folder.glob("*.npz")
    return cache, path, graphs


def test_a_truncated_file_is_computed_again_with_a_warning(shard, caplog):
    cache, path, graphs = shard
    path.write_bytes(path.read_bytes()[:-300])
    again, _ = cache.graphs(CRYSTALS)
    assert_same(again, graphs)
    assert f"{path} is damaged" in caplog.text
    caplog.clear()
    cache.graphs(CRYSTALS)
    assert caplog.text == ""


@pytest.mark.parametrize("content", [b"", b"not at all", b"PK\x03\x04"])
def test_a_file_of_another_format_is_computed_again(shard, content):
    cache, path, graphs = shard
    path.write_bytes(content)
    assert_same(cache.graphs(CRYSTALS)[0], graphs)


def test_a_flipped_bit_changes_no_feature(shard, caplog):
    cache, path, graphs = shard
    caplog.set_level(logging.WARNING)
    whole = path.read_bytes()
    # Arrays' contents and headers, the names of the members, and the table at the end.
    for place in range(0, len(whole), 23):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(bytes(changed))
        assert_same(cache.graphs(CRYSTALS)[0], graphs)
    n_places = len(range(0, len(whole), 23))
    assert n_places / 2 < len(caplog.records) < n_places  # a date may be anything


def test_two_processes_can_write_the_same_shard(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path, OneHot(), NEAR)
    save, depth = features.np.savez_compressed, []

    def save_while_another_does(file, **arrays):
        if not depth:
            depth.append(1)
            FeatureCache(tmp_path, OneHot(), NEAR).graphs(CRYSTALS)
        save(file, **arrays)

    monkeypatch.setattr(features.np, "savez_compressed", save_while_another_does)
    graphs, _ = cache.graphs(CRYSTALS)
    assert graphs.n_graphs == len(CRYSTALS)
    assert [path.suffix for path in sorted(cache.folder.iterdir())] == [".npz", ".json"]


def test_several_processes_compute_the_same_graphs(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "SHARD", 3)
    one, _ = FeatureCache(tmp_path / "one", OneHot(), NEAR).graphs(CRYSTALS)
    two, _ = FeatureCache(tmp_path / "two", OneHot(), NEAR).graphs(CRYSTALS, workers=2)
    assert_same(two, one)
