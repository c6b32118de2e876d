"""Voronoi cells of all atoms of a structure, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.neighbors.bins import DONE, Grid, binned
from ase_orbital.neighbors.clipping import TOUCHING, cuts, faces, measure, put
from ase_orbital.neighbors.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

COINCIDENT, OPEN, ONE_SIDED = range(3, 6)

CLOSEST = 0.1  # Angstrom; atoms closer than this coincide
SMALLEST = 1e-8  # sr; smaller faces are dropped
CLOSED = 1e-6  # sr; how well solid angles must add up and agree from both sides
LEVEL = 1e-12  # 1/Angstrom; corners farther than the inverse count as that far
FIRST_RADIUS = 1.7  # in cube roots of the volume per atom: 20 atoms
BATCH = 16  # planes tried at a time, nearest first


@compiled
def enlarged(planes: Floats, images: Integers, count: int) -> tuple[Floats, Integers]:
    """Copies with twice the room."""
    more_planes = np.empty((2 * len(planes), 4))
    more_images = np.empty((2 * len(images), 4), np.int64)
    more_planes[:count] = planes[:count]
    more_images[:count] = images[:count]
    return more_planes, more_images


@compiled
def move(planes: Floats, images: Integers, source: int, target: int) -> None:
    """Copy one row over another."""
    for a in range(4):
        planes[target, a] = planes[source, a]
        images[target, a] = images[source, a]


@compiled
def window(i: int, radius: float, grid: Grid) -> tuple[Integers, Integers]:
    """First and last bin along each vector that a sphere around atom i may touch."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for a in range(3):
        reach = radius * math.sqrt(np.sum(grid.reciprocal[a] ** 2))
        low[a] = math.floor((grid.fractions[i, a] - reach) * grid.n_bins[a])
        high[a] = math.floor((grid.fractions[i, a] + reach) * grid.n_bins[a])
        if not grid.periodic[a]:
            low[a] = max(low[a], 0)
            high[a] = min(high[a], grid.n_bins[a] - 1)
    return low, high


@compiled
def gather(
    i: int, inner: float, outer: float, grid: Grid, planes: Floats, images: Integers, n: int,
    corners: Floats, n_corners: int,
) -> tuple[Floats, Integers, int, int]:
    """Append planes that may cut corners, of atoms at (inner, outer] of atom i, nearest first.

    Returns
    -------
    planes, images
        The arrays given, or longer ones; images are [neighbor, shift in the grid's frame].
    count
        Rows used.
    coincident
        Index of an atom closer than CLOSEST, or -1.
    """
    count = n
    low, high = window(i, outer, grid)
    n0, n1, n2 = grid.n_bins
    v = grid.vectors
    ox, oy, oz = grid.positions[i]
    for b0 in range(low[0], high[0] + 1):
        s0 = b0 // n0
        for b1 in range(low[1], high[1] + 1):
            s1 = b1 // n1
            row = ((b0 - s0 * n0) * n1 + b1 - s1 * n1) * n2
            for b2 in range(low[2], high[2] + 1):
                s2 = b2 // n2
                at = row + b2 - s2 * n2
                x = s0 * v[0, 0] + s1 * v[1, 0] + s2 * v[2, 0] - ox
                y = s0 * v[0, 1] + s1 * v[1, 1] + s2 * v[2, 1] - oy
                z = s0 * v[0, 2] + s1 * v[1, 2] + s2 * v[2, 2] - oz
                for member in range(grid.first[at], grid.first[at + 1]):
                    j = grid.members[member]
                    dx = grid.positions[j, 0] + x
                    dy = grid.positions[j, 1] + y
                    dz = grid.positions[j, 2] + z
                    square = dx * dx + dy * dy + dz * dz
                    if square > outer * outer or square <= inner * abs(inner):
                        continue
                    if square < CLOSEST**2:
                        if i == j and s0 == s1 == s2 == 0:
                            continue
                        return planes, images, count, j
                    if count == len(planes):
                        planes, images = enlarged(planes, images, count)
                    scale = 2.0 / square
                    if n_corners and not cuts(
                        dx * scale, dy * scale, dz * scale, corners, n_corners, 0.0
                    ):
                        continue
                    put(planes, count, dx * scale, dy * scale, dz * scale, math.sqrt(2 * scale))
                    put(images, count, j, s0, s1, s2)
                    count += 1
    order = n + np.argsort(-planes[n:count, 3])
    planes[n:count] = planes[order]
    images[n:count] = images[order]
    return planes, images, count, -1


@compiled
def protrusion(i: int, x: float, y: float, z: float, positions: Floats) -> float:
    """How far the structure extends beyond atom i in a direction. Angstrom."""
    most = 0.0
    for j in range(len(positions)):
        dx = positions[j, 0] - positions[i, 0]
        dy = positions[j, 1] - positions[i, 1]
        dz = positions[j, 2] - positions[i, 2]
        most = max(most, x * dx + y * dy + z * dz)
    return most


@compiled
def reach(i: int, radius: float, grid: Grid, corners: Floats, n_corners: int) -> float:
    """Distance beyond which no atom can cut a corner off. Angstrom.

    An atom at v cuts the corner in direction u, met at 1 / s, if 2 u . v > s |v|^2. Along
    periodic directions v is anywhere, along open ones u . v is at most the protrusion.
    """
    furthest = 0.0
    closed = grid.periodic.all()
    for t in range(n_corners):
        s = max(corners[3, t], LEVEL)
        if closed or 2.0 / s <= radius:
            furthest = max(furthest, 2.0 / s)
            continue
        u = corners[:3, t].copy()
        outward = np.zeros(3)
        for a in range(3):
            if not grid.periodic[a]:
                axis = grid.vectors[a] / math.sqrt(np.sum(grid.vectors[a] ** 2))
                outward += np.sum(u * axis) * axis
        along = math.sqrt(np.sum((u - outward) ** 2))
        out = protrusion(i, outward[0], outward[1], outward[2], grid.positions)
        furthest = max(furthest, (along + math.sqrt(along**2 + 2.0 * out * s)) / s)
    return furthest


@compiled
def cell(
    i: int, radius: float, grid: Grid, planes: Floats, images: Integers, corners: Floats
) -> tuple[int, int, Floats, Integers, Floats, Integers]:
    """Find the faces of atom i, searching as far as its farthest corner asks for.

    Returns
    -------
    n, coincident
        Number of faces, and what `gather` found.
    planes, images, corners, starts
        Of the faces and, in `corners` and `starts` only, the vacuum after them.
    """
    n = n_corners = 0
    inner, outer = -1.0, radius
    extent = math.inf if grid.periodic.any() else math.sqrt(np.sum(grid.vectors**2))
    starts = np.zeros(2, np.int64)
    while True:
        planes, images, count, coincident = gather(i, inner, outer, grid, planes, images, n, corners, n_corners)
        if coincident >= 0:
            return 0, coincident, planes, images, corners, starts
        following = n
        while True:
            n_before = n
            touching = TOUCHING * planes[0, 3]
            lowest = corners[3, :n_corners].min() if n_corners else 0.0
            while following < count and n < n_before + BATCH:
                if planes[following, 3] <= lowest:
                    following = count
                    break
                x, y, z = planes[following, 0], planes[following, 1], planes[following, 2]
                if n_corners == 0 or cuts(x, y, z, corners, n_corners, touching):
                    move(planes, images, following, n)
                    n += 1
                following += 1
            if n == n_before:
                break
            if len(starts) < n + 2:
                longer = np.empty(2 * n + 2, np.int64)
                longer[: len(starts)] = starts
                starts = longer
            old = n_before if lowest > LEVEL else 0
            corners, n_corners = faces(planes, old, n, corners, starts)
            n = compacted(planes, images, starts, n)
        needed = reach(i, outer, grid, corners, n_corners) if n else math.inf
        if outer >= min(needed, extent):
            return n, -1, planes, images, corners, starts
        inner, outer = outer, min(1.0001 * needed, 2.0 * outer)


@compiled
def compacted(planes: Floats, images: Integers, starts: Integers, n: int) -> int:
    """Move the planes that have a face to the front; return how many."""
    kept = 0
    for k in range(n):
        if starts[k + 1] > starts[k]:
            move(planes, images, k, kept)
            starts[kept] = starts[k]
            kept += 1
    starts[kept], starts[kept + 1] = starts[n], starts[n + 1]
    return kept


@compiled
def voronoi(
    positions: Floats, cell_vectors: Floats, periodic: NDArray[np.bool_]
) -> tuple[Integers, Integers, Integers, Floats, Floats, Floats, Floats, Integers]:
    """Faces of all cells.

    Returns
    -------
    center, neighbor, shift, distance, solid_angle, area, vacuum
        As in `VoronoiFaces`.
    trouble : [3]
        What went wrong, and with which two atoms.
    """
    status, grid = binned(positions, cell_vectors, periodic)
    n_atoms = len(positions)
    whole, real = np.empty((32 * n_atoms, 5), np.int64), np.empty((32 * n_atoms, 3))
    vacuum, ends = np.zeros(n_atoms), np.zeros(n_atoms + 1, np.int64)
    trouble = np.array([status, 0, 0])
    planes, images, corners = np.empty((256, 4)), np.empty((256, 4), np.int64), np.empty((4, 256))
    volume = abs(np.sum(np.cross(grid.vectors[0], grid.vectors[1]) * grid.vectors[2]))
    radius = FIRST_RADIUS * np.cbrt(volume / n_atoms)
    count = 0
    for i in range(n_atoms if status == DONE else 0):
        n, other, planes, images, corners, starts = cell(
            i, radius, grid, planes, images, corners
        )
        if other >= 0:
            trouble[:] = COINCIDENT, i, other
            break
        if count + n > len(whole):
            more_whole, more_real = np.empty((2 * (count + n), 5), np.int64), np.empty((2 * (count + n), 3))
            more_whole[:count], more_real[:count] = whole[:count], real[:count]
            whole, real = more_whole, more_real
        if n == 0:
            vacuum[i] = 4.0 * math.pi
        else:
            scale = -1.0 / planes[0, 3]
            vacuum[i] = measure(scale*planes[0,0], scale*planes[0,1], scale*planes[0,2], corners, starts[n], starts[n + 1])[0]
        total = vacuum[i]
        for k in range(n):
            scale = 1.0 / planes[k, 3]
            theta, size = measure(scale*planes[k,0], scale*planes[k,1], scale*planes[k,2], corners, starts[k], starts[k + 1])
            total += theta
            if theta < SMALLEST:
                continue
            j = images[k, 0]
            whole[count, 0], whole[count, 1] = i, j
            for a in range(3):
                whole[count, 2 + a] = 0
                for b in range(3):
                    if grid.periodic[b]:
                        whole[count, 2 + a] += (images[k, 1+b] - grid.wraps[j, b] + grid.wraps[i, b]) * grid.steps[b, a]
            real[count] = 2.0 / planes[k, 3], theta, size
            count += 1
        if not abs(total - 4.0 * math.pi) < CLOSED:
            trouble[:] = OPEN, i, i
            break
        ends[i + 1] = count
    center, neighbor, shift = whole[:count, 0].copy(), whole[:count, 1].copy(), whole[:count, 2:].copy()
    distance, angle, area = real[:count, 0].copy(), real[:count, 1].copy(), real[:count, 2].copy()
    if trouble[0] == DONE:
        k = one_sided(center, neighbor, shift, angle, ends)
        if k >= 0:
            trouble[:] = ONE_SIDED, center[k], neighbor[k]
    return center, neighbor, shift, distance, angle, area, vacuum, trouble


@compiled
def one_sided(
    center: Integers, neighbor: Integers, shift: Integers, angle: Floats, ends: Integers
) -> int:
    """First face that its neighbor does not see alike, or -1.

    `ends` [n_atoms + 1] tells where the faces of an atom begin and end.
    """
    for k in range(len(center)):
        j, found = neighbor[k], angle[k] < CLOSED
        for m in range(ends[j], ends[j + 1]):
            if (
                neighbor[m] == center[k]
                and shift[m, 0] == -shift[k, 0]
                and shift[m, 1] == -shift[k, 1]
                and shift[m, 2] == -shift[k, 2]
            ):
                found = abs(angle[m] - angle[k]) < CLOSED
                break
        if not found:
            return k
    return -1
