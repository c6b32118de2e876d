"""What the frames of a path reuse of those before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.neighbors.batch import survey

from .latency import rattled_titanates
from .timing import Work, rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms

    from .sets import Sets
    from .table import Row

FRAMES = 20
STEP = 0.02  # Å along each axis, as in molecular dynamics at 1 fs
RADIUS = 6.0  # Å


def path(_: Sets, repetitions: int) -> Iterator[Row]:
    """Pairs and orbits of 200 atoms, along two paths and to and fro between them."""
    paths = [
        walk(atoms, seed) for seed, atoms in enumerate(rattled_titanates((2, 2, 10), 2))
    ]
    along = [*paths[0], *paths[1]]
    # What comes from another crystal each time is no path to it, and is searched.
    between = [atoms for pair in zip(*paths, strict=True) for atoms in pair]
    yield rates(
        "pairs along a path, against a search in each frame",
        "rattled SrTiO3, 200 atoms",
        "frames/s",
        Work(partial(each, along), len(along)),
        Work(partial(each, between), len(between)),
        repetitions=repetitions,
    )


def each(frames: list[Atoms]) -> None:
    """Survey frames, one after another."""
    for atoms in frames:
        survey(atoms, RADIUS, "float32")


def walk(atoms: Atoms, seed: int) -> list[Atoms]:
    """Atoms that go on from frame to frame in random steps."""
    random, frames = np.random.default_rng(seed), []
    for _ in range(FRAMES):
        atoms.positions += random.uniform(-STEP, STEP, atoms.positions.shape)
        frames.append(atoms.copy())
    return frames
