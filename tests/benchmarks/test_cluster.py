"""The simulation of a cluster agrees with what can be computed by hand."""

import pytest

from .cluster import simulate

IDEAL = {"slow": 0.0, "spread": 0.0, "overhead": 0.0, "start": 0.0, "lifetime": 1e9}


def test_without_trouble_all_workers_work_all_the_time():
    found = simulate(structures=10_000, shard=10, workers=10, cost=1.0, **IDEAL)
    assert found.hours == pytest.approx(1000.0 / 3600.0)
    assert found.efficiency == pytest.approx(1.0)
    assert found.lost == 0.0
    assert found.files == 2000


def test_one_shard_too_many_is_waited_for():
    found = simulate(structures=110, shard=10, workers=10, cost=1.0, **IDEAL)
    assert found.hours == pytest.approx(20.0 / 3600.0)


def test_larger_shards_lose_more_work_and_make_fewer_files():
    small, large = (
        simulate(structures=10**6, shard=shard, workers=100, cost=1.0, lifetime=3.0)
        for shard in (100, 5000)
    )
    assert large.lost > 5.0 * small.lost > 0.0
    assert large.efficiency < small.efficiency
    assert large.files < small.files
