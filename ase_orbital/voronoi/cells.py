"""Compiled search for the Voronoi cells of all atoms in a structure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.neighbors.cell_list import DONE, Grid, bin_atoms, bin_runs_around
from ase_orbital.numerics.jit import compiled, extended, inner
from ase_orbital.numerics.vectors import dot
from ase_orbital.structure import CLOSEST
from ase_orbital.voronoi.clipping import cuts, faces, measure, put

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

COINCIDENT, OPEN, ONE_SIDED = range(3, 6)

SMALLEST = 1e-8  # sr; smaller faces are left out
CLOSED = 1e-6  # sr; tolerance for the sum of solid angles, and between both sides of a face
LEVEL = 1e-12  # 1/Å; corners farther away than the inverse are treated as that far
FIRST_RADIUS = 1.7  # cube roots of the volume per atom, which includes about 20 atoms
BATCH = 16  # planes that are tried at a time, nearest first


@compiled
def voronoi(
    positions: Floats, vectors: Floats, periodic: NDArray[np.bool_], tolerance: float
) -> tuple[Integers, Floats, Floats, Integers]:
    """Find the faces of all atoms.

    Parameters
    ----------
    tolerance
        A plane that cuts off less than this, relative to the nearest plane, counts as
        touching.

    Returns
    -------
    sides, sizes
        Rows [center, neighbor, shift] and [distance, solid angle, area] for each face.
    vacuum : [n_atoms]
        Solid angle in which an atom has no neighbor.
    trouble : [3]
        DONE or the reason for the failure, and the two atoms concerned.
    """
    n_atoms = len(positions)
    status, grid = bin_atoms(positions, vectors, periodic)
    trouble = np.zeros(3, np.int64)
    trouble[0] = status
    planes, images = np.empty((256, 4)), np.empty((256, 4), np.int64)
    sides, sizes = np.empty((20 * n_atoms, 5), np.int64), np.empty((20 * n_atoms, 3))
    vacuum, ends = np.zeros(n_atoms), np.zeros(n_atoms + 1, np.int64)
    count = 0
    for i in range(n_atoms if status == DONE else 0):
        n, other, planes, images, corners, starts = cell(i, grid, planes, images, tolerance)
        if other >= 0:
            trouble[0], trouble[1], trouble[2] = COINCIDENT, i, other
            break
        if count + n > len(sides):
            sides = extended(sides, 2 * (count + n))
            sizes = extended(sizes, 2 * (count + n))
        vacuum[i], total = 4.0 * math.pi, 4.0 * math.pi
        if n > 0:
            vacuum[i], _ = measured(-1.0, 0, n, planes, corners, starts)
            count, total = record(
                i, grid, n, planes, images, corners, starts, sides, sizes, count
            )
            total += vacuum[i]
        if not abs(total - 4.0 * math.pi) < CLOSED:
            trouble[0], trouble[1], trouble[2] = OPEN, i, i
            break
        ends[i + 1] = count
    if trouble[0] == DONE:
        k = one_sided(count, sides, sizes, ends)
        if k >= 0:
            trouble[0], trouble[1], trouble[2] = ONE_SIDED, sides[k, 0], sides[k, 1]
    return sides[:count], sizes[:count], vacuum, trouble


@inner
def cell(
    i: int, grid: Grid, planes: Floats, images: Integers, tolerance: float
) -> tuple[int, int, Floats, Integers, Floats, Integers]:
    """Find the faces of atom i, searching up to its security radius.

    Returns
    -------
    n, coincident
        Number of faces, and an atom that coincides with atom i, or -1.
    planes, images, corners, starts
        Describe the faces; `corners` and `starts` also describe the vacuum behind them.
    """
    n = n_corners = 0
    lowest, searched, outer = 0.0, 0.0, FIRST_RADIUS * grid.spacing
    size = dot(grid.vectors[0], grid.vectors[0]) + dot(grid.vectors[1], grid.vectors[1])
    size = math.sqrt(size + dot(grid.vectors[2], grid.vectors[2]))
    periodic = grid.periodic[0] or grid.periodic[1] or grid.periodic[2]
    extent = math.inf if periodic else size
    corners, starts = np.empty((4, 0)), np.zeros(64, np.int64)
    while True:
        planes, images, count, coincident = gather(
            i, searched, outer, grid, planes, images, n, corners, n_corners
        )
        if coincident >= 0:
            return 0, coincident, planes, images, corners, starts
        following = n
        touching = tolerance * planes[0, 3]
        while following < count:
            old = n if lowest > LEVEL else 0
            before = n
            n, following = pick(
                planes, images, n, following, count, corners, n_corners, lowest, touching
            )
            if n > before:
                corners, starts, n_corners, lowest = faces(
                    planes, old, n, corners, starts, touching
                )
                n = compacted(planes, images, starts, n)
        needed = security_radius(i, outer, grid, corners, n_corners) if n else math.inf
        if outer >= min(needed, extent):
            return n, -1, planes, images, corners, starts
        searched, outer = outer, min(1.0001 * needed, 2.0 * outer)


@inner
def gather(
    i: int,
    searched: float,
    outer: float,
    grid: Grid,
    planes: Floats,
    images: Integers,
    n: int,
    corners: Floats,
    n_corners: int,
) -> tuple[Floats, Integers, int, int]:
    """Append the planes that may cut off corners, nearest first.

    They belong to atoms between the distances `searched` (exclusive unless zero) and
    `outer` from atom i.

    Returns
    -------
    planes, images
        The given arrays or longer copies; images are [neighbor, shift in grid vectors].
    count
        Number of rows in use.
    coincident
        Index of an atom closer than CLOSEST, or -1.
    """
    count = n
    v, runs = grid.vectors, bin_runs_around(i, outer, grid)
    for run in range(len(runs)):
        s0, s1, s2 = runs[run, 2], runs[run, 3], runs[run, 4]
        x = s0 * v[0, 0] + s1 * v[1, 0] + s2 * v[2, 0] - grid.positions[i, 0]
        y = s0 * v[0, 1] + s1 * v[1, 1] + s2 * v[2, 1] - grid.positions[i, 1]
        z = s0 * v[0, 2] + s1 * v[1, 2] + s2 * v[2, 2] - grid.positions[i, 2]
        for member in range(runs[run, 0], runs[run, 1]):
            j = grid.members[member]
            dx = grid.positions[j, 0] + x
            dy = grid.positions[j, 1] + y
            dz = grid.positions[j, 2] + z
            square = dx * dx + dy * dy + dz * dz
            if square > outer * outer or (searched > 0.0 and square <= searched * searched):
                continue
            if square < CLOSEST**2:
                if i == j and s0 == s1 == s2 == 0:
                    continue
                return planes, images, count, j
            scale = 2.0 / square
            dx, dy, dz = scale * dx, scale * dy, scale * dz
            if n_corners and not cuts(dx, dy, dz, corners, n_corners, 0.0):
                continue
            if count == len(planes):
                planes, images = extended(planes, 2 * count), extended(images, 2 * count)
            put(planes, count, dx, dy, dz, math.sqrt(2.0 * scale))
            put(images, count, j, s0, s1, s2)
            count += 1
    arrange(planes, images, n, count)
    return planes, images, count, -1


@inner
def arrange(planes: Floats, images: Integers, begin: int, end: int) -> None:
    """Sort rows by descending |g| with Shell's sort."""
    gap = end - begin
    while gap > 1:
        gap = max(1, int(gap / 2.3))
        for k in range(begin + gap, end):
            x, y, z, g = planes[k, 0], planes[k, 1], planes[k, 2], planes[k, 3]
            j, s0, s1, s2 = images[k, 0], images[k, 1], images[k, 2], images[k, 3]
            at = k
            while at >= begin + gap and planes[at - gap, 3] < g:
                move(planes, images, at - gap, at)
                at -= gap
            put(planes, at, x, y, z, g)
            put(images, at, j, s0, s1, s2)


@inner
def move(planes: Floats, images: Integers, source: int, target: int) -> None:
    """Copy one row over another."""
    for a in range(4):
        planes[target, a] = planes[source, a]
        images[target, a] = images[source, a]


@inner
def pick(
    planes: Floats,
    images: Integers,
    n: int,
    following: int,
    count: int,
    corners: Floats,
    n_corners: int,
    lowest: float,
    touching: float,
) -> tuple[int, int]:
    """Move the next BATCH planes that cut a corner behind the first n.

    Returns
    -------
    n
        Number of planes including the new ones.
    following
        Where to continue; `count` if none of the remaining planes cuts a corner.
    """
    end = n + BATCH
    while following < count and n < end:
        if planes[following, 3] <= lowest:
            return n, count
        x, y, z = planes[following, 0], planes[following, 1], planes[following, 2]
        if n_corners == 0 or cuts(x, y, z, corners, n_corners, touching):
            move(planes, images, following, n)
            n += 1
        following += 1
    return n, following


@inner
def compacted(planes: Floats, images: Integers, starts: Integers, n: int) -> int:
    """Move the planes that have a face to the front, and return their number."""
    kept = 0
    for k in range(n):
        if starts[k + 1] > starts[k]:
            move(planes, images, k, kept)
            starts[kept] = starts[k]
            kept += 1
    starts[kept], starts[kept + 1] = starts[n], starts[n + 1]
    return kept


@inner
def security_radius(
    i: int, radius: float, grid: Grid, corners: Floats, n_corners: int
) -> float:
    """Return the distance beyond which no atom can cut off a corner. Å.

    An atom at v cuts off the corner at distance 1 / s in direction u if 2 u . v > s |v|^2.
    Along periodic directions, atoms can be anywhere; along open ones, u . v is at most the
    protrusion.
    """
    farthest, n_open, u, outward = 0.0, 0, np.empty(3), np.empty(3)
    for a in range(3):
        n_open += not grid.periodic[a]
    for t in range(n_corners):
        s = max(corners[3, t], LEVEL)
        if n_open == 0 or 2.0 / s <= radius:
            farthest = max(farthest, 2.0 / s)
            continue
        for b in range(3):
            u[b], outward[b] = corners[b, t], 0.0
        for a in range(3):
            if not grid.periodic[a]:
                v = grid.vectors[a]
                share = dot(u, v) / dot(v, v)
                for b in range(3):
                    outward[b] += share * v[b]
        out = protrusion(i, outward, n_open, grid)
        for b in range(3):
            u[b] -= outward[b]
        along = math.sqrt(dot(u, u))
        farthest = max(farthest, (along + math.sqrt(along**2 + 2.0 * out * s)) / s)
    return farthest


@inner
def protrusion(i: int, outward: Floats, n_open: int, grid: Grid) -> float:
    """Return how far other atoms are beyond atom i along a vector of the open axes. Å."""
    most = 0.0
    if n_open == 1:
        a = 0 if not grid.periodic[0] else 1 if not grid.periodic[1] else 2
        rise = dot(outward, grid.vectors[a])
        extreme = grid.highest[a] if rise > 0.0 else 0.0
        beyond: float = rise * (extreme - grid.fractions[i, a])
        return beyond
    x, y, z = outward[0], outward[1], outward[2]
    before = x * grid.positions[i, 0] + y * grid.positions[i, 1] + z * grid.positions[i, 2]
    for j in range(len(grid.positions)):
        at = x * grid.positions[j, 0] + y * grid.positions[j, 1] + z * grid.positions[j, 2]
        most = max(most, at - before)
    return most


@inner
def measured(
    sign: float, k: int, at: int, planes: Floats, corners: Floats, starts: Integers
) -> tuple[float, float]:
    """Solid angle and area of the polygon at position `at`, around (sign) plane k."""
    scale = sign / planes[k, 3]
    x, y, z = scale * planes[k, 0], scale * planes[k, 1], scale * planes[k, 2]
    return measure(x, y, z, corners, starts[at], starts[at + 1])


@inner
def record(
    i: int,
    grid: Grid,
    n: int,
    planes: Floats,
    images: Integers,
    corners: Floats,
    starts: Integers,
    sides: Integers,
    sizes: Floats,
    count: int,
) -> tuple[int, float]:
    """Write the faces of atom i after the first `count` faces.

    Returns
    -------
    The number of faces so far, and the sum of all solid angles of atom i.
    """
    total = 0.0
    for k in range(n):
        angle, area = measured(1.0, k, k, planes, corners, starts)
        total += angle
        if angle < SMALLEST:
            continue
        j = images[k, 0]
        sides[count, 0], sides[count, 1] = i, j
        for a in range(3):
            sides[count, 2 + a] = 0
            for b in range(3):
                steps = images[k, 1 + b] - grid.wraps[j, b] + grid.wraps[i, b]
                sides[count, 2 + a] += steps * grid.steps[b, a]
        sizes[count, 0], sizes[count, 1], sizes[count, 2] = 2.0 / planes[k, 3], angle, area
        count += 1
    return count, total


@inner
def one_sided(count: int, sides: Integers, sizes: Floats, ends: Integers) -> int:
    """Return the first face that differs from its other side, or -1.

    `ends` [n_atoms + 1] holds where the faces of each atom begin and end.
    """
    for k in range(count):
        j, found = sides[k, 1], sizes[k, 1] < CLOSED
        for m in range(ends[j], ends[j + 1]):
            if (
                sides[m, 1] == sides[k, 0]
                and sides[m, 2] == -sides[k, 2]
                and sides[m, 3] == -sides[k, 3]
                and sides[m, 4] == -sides[k, 4]
            ):
                found = abs(sizes[m, 1] - sizes[k, 1]) < CLOSED
                break
        if not found:
            return k
    return -1
