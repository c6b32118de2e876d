"""Simulate a screening on many workers: shard size against lost work.

    python -m tests.benchmarks.cluster

Workers take one shard after another. Some are slower than others, some shards take longer
than others, and workers die and are replaced; the shard that one was working on is lost.
"""

import argparse
import heapq
from typing import NamedTuple

import numpy as np


class Outcome(NamedTuple):
    hours: float  # until the last shard is done
    efficiency: float  # work over workers times time
    lost: float  # share of the computed structures that were lost with their workers
    files: int


def simulate(
    *,
    structures: int,
    shard: int,
    workers: int = 1000,
    cost: float = 1e-3,
    overhead: float = 0.05,
    slow: float = 0.02,
    slower: float = 4.0,
    spread: float = 0.3,
    lifetime: float = 24.0,
    restart: float = 300.0,
    start: float = 20.0,
    seed: int = 1,
) -> Outcome:
    """Simulate one run.

    Parameters
    ----------
    structures, shard, workers
        Number of structures in all and in a shard, and of workers.
    cost, overhead
        Mean seconds for a structure, and for each shard.
    slow, slower
        Share of the workers that are slow, and how much slower they are.
    spread
        Standard deviation of the logarithm of a shard's time.
    lifetime, restart, start
        Mean hours until a worker dies, seconds until it is replaced, and until a worker has
        loaded its models.
    """
    rng = np.random.default_rng(seed)
    n_shards = -(-structures // shard)
    speed = np.where(rng.random(workers) < slow, slower, 1.0)
    base = shard * cost + overhead
    ends = rng.exponential(3600.0 * lifetime, workers)
    free = [(start, worker) for worker in range(workers)]
    heapq.heapify(free)
    waiting, last, lost = n_shards, 0.0, 0.0
    while waiting:
        now, worker = heapq.heappop(free)
        noise = np.exp(spread * rng.normal() - spread**2 / 2.0)
        after = now + base * noise * speed[worker]
        if after > ends[worker]:  # it dies; its shard waits again
            died = max(now, ends[worker])
            lost += died - now
            ends[worker] = died + restart + rng.exponential(3600.0 * lifetime)
            heapq.heappush(free, (died + restart + start, worker))
            continue
        waiting -= 1
        last = max(last, after)
        heapq.heappush(free, (after, worker))
    work = structures * cost
    return Outcome(
        last / 3600.0, work / (workers * last), lost / (work + lost), 2 * n_shards
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--structures", type=int, default=10**8)
    parser.add_argument("--workers", type=int, default=1000)
    given = parser.parse_args()
    lines = ["| cost of a structure | in a shard | time | efficiency | lost | files |"]
    lines += ["|---:|---:|---:|---:|---:|---:|"]
    for cost in (1e-3, 1e-2):
        for shard in (100, 1_000, 10_000, 100_000):
            found = simulate(
                structures=given.structures, shard=shard, workers=given.workers, cost=cost
            )
            lines.append(
                f"| {1e3 * cost:g} ms | {shard:,} | {60 * found.hours:.0f} min "
                f"| {100 * found.efficiency:.0f} % | {100 * found.lost:.2f} % "
                f"| {found.files:,} |"
            )
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
