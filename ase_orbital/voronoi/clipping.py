"""Compiled construction of one Voronoi cell by clipping spherical polygons.

From an atom, a ray in direction u meets the plane half way to a neighbor at v at the
distance 1 / (u . g), where g = 2 v / |v|^2. A direction belongs to the neighbor with the
largest u . g. A face is therefore a convex spherical polygon bounded by great circles, and
the vacuum acts as another neighbor with g = 0, at infinite distance. Corners are unit
vectors, so all numbers stay small and accurate however far away a corner of the cell is.

Planes are rows [g_x, g_y, g_z, |g|] in descending order of |g|, so the nearest comes first.
Corners are columns [u_x, u_y, u_z, u . g].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ase_orbital.numerics.jit import inner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

T = TypeVar("T", np.float64, np.int64)

INFINITE = 1e-10  # 1/Å; corners farther away than the inverse are at infinity


@inner
def hemisphere(x: float, y: float, z: float, polygon: Floats) -> None:
    """Write four corners around a unit vector, counterclockwise as seen from its tip."""
    # This right-handed basis avoids cancellation: Duff et al., JCGT 6, 1 (2017).
    sign = math.copysign(1.0, z)
    a = -1.0 / (sign + z)
    put(polygon, 0, 1.0 + sign * x * x * a, sign * x * y * a, -sign * x, 0.0)
    put(polygon, 1, x * y * a, sign + y * y * a, -y, 0.0)
    put(polygon, 2, -polygon[0, 0], -polygon[0, 1], -polygon[0, 2], 0.0)
    put(polygon, 3, -polygon[1, 0], -polygon[1, 1], -polygon[1, 2], 0.0)


@inner
def put(rows: NDArray[T], t: int, x: float, y: float, z: float, w: float) -> None:
    """Write row t."""
    rows[t, 0], rows[t, 1], rows[t, 2], rows[t, 3] = x, y, z, w


@inner
def cross_edge(
    polygon: Floats, kept: int, lost: int, beyond: Floats, result: Floats, t: int
) -> None:
    """Write the point where an edge meets the plane that cuts off one of its corners."""
    near, far = -beyond[kept], beyond[lost]
    x = far * polygon[kept, 0] + near * polygon[lost, 0]
    y = far * polygon[kept, 1] + near * polygon[lost, 1]
    z = far * polygon[kept, 2] + near * polygon[lost, 2]
    height = far * polygon[kept, 3] + near * polygon[lost, 3]
    scale = 1.0 / math.sqrt(x * x + y * y + z * z)
    put(result, t, x * scale, y * scale, z * scale, height * scale)


@inner
def cut(polygon: Floats, m: int, beyond: Floats, touching: float, result: Floats) -> int:
    """Copy the corners that a plane leaves, and close the gap.

    Parameters
    ----------
    polygon, m
        Corners [m, 4].
    beyond : [m]
        By how much u . g of the plane exceeds that of each corner. Corners where this is
        more than `touching` are cut off.
    result
        Filled with at most one corner more than before; the new edge ends at the last.

    Returns
    -------
    Number of corners in the result.
    """
    start, last = 0, m - 1
    while beyond[start] <= touching or beyond[last] > touching:
        last = start
        start += 1
    end = before = start
    while beyond[end] > touching:
        before = end
        end = end + 1 if end + 1 < m else 0
    n, t = 0, end
    if beyond[end] < -touching:
        cross_edge(polygon, end, before, beyond, result, 0)
        n = 1
    while t != start:
        if beyond[t] <= touching:
            put(result, n, polygon[t, 0], polygon[t, 1], polygon[t, 2], polygon[t, 3])
            n += 1
        t = t + 1 if t + 1 < m else 0
    if beyond[last] < -touching:
        cross_edge(polygon, last, start, beyond, result, n)
        n += 1
    return n


@inner
def face(
    k: int,
    planes: Floats,
    n: int,
    beyond: Floats,
    polygon: Floats,
    spare: Floats,
    touching: float,
) -> tuple[int, Floats, Floats, bool]:
    """Construct face k from n planes, or the vacuum for k = n; see `clip`."""
    first, scale = (k, 1.0 / planes[k, 3]) if k < n else (0, -1.0 / planes[0, 3])
    x, y, z = scale * planes[first, 0], scale * planes[first, 1], scale * planes[first, 2]
    hemisphere(x, y, z, polygon)
    return clip(k, planes, 0, n, 4, True, beyond, polygon, spare, touching)


@inner
def clip(
    k: int,
    planes: Floats,
    begin: int,
    n: int,
    m: int,
    whole: bool,
    beyond: Floats,
    polygon: Floats,
    spare: Floats,
    touching: float,
) -> tuple[int, Floats, Floats, bool]:
    """Remove from face k the directions that meet one of planes `begin` to n first.

    Parameters
    ----------
    m, polygon
        Corners [m, 4].
    whole
        Whether the face is a whole hemisphere.
    spare
        Same size as `polygon`, with space for at least m + 2 n corners.
    touching
        A plane that cuts off less than this, in u . g, counts as touching.

    Returns
    -------
    m, polygon, spare, whole
        The two arrays may be swapped.
    """
    gx = gy = gz = vx = vy = vz = 0.0
    if k < n:
        gx, gy, gz = planes[k, 0], planes[k, 1], planes[k, 2]
    else:
        vx, vy, vz = planes[0, 0], planes[0, 1], planes[0, 2]
    lowest = polygon[0, 3]
    for t in range(1, m):
        lowest = min(lowest, polygon[t, 3])
    for j in range(begin, n):
        if planes[j, 3] <= lowest:
            break
        if j == k:
            continue
        x, y, z = planes[j, 0], planes[j, 1], planes[j, 2]
        n_lost = n_inside = 0
        for t in range(m):
            ahead = (
                x * polygon[t, 0] + y * polygon[t, 1] + z * polygon[t, 2] - polygon[t, 3]
            )
            beyond[t] = ahead
            n_lost += ahead > touching
            n_inside += ahead < -touching
        if n_lost == 0:
            if whole and n_inside == 0:
                # The planes are parallel; the face vanishes if the other one is in front.
                ahead = x * (gx - vx) + y * (gy - vy) + z * (gz - vz)
                if ahead > gx * gx + gy * gy + gz * gz:
                    return 0, polygon, spare, False
            continue
        if n_inside == 0:
            return 0, polygon, spare, False
        m = cut(polygon, m, beyond, touching, spare)
        polygon, spare = spare, polygon
        m = rounded(polygon, m, gx, gy, gz, x, y, z)
        whole, lowest = False, polygon[0, 3]
        for t in range(1, m):
            lowest = min(lowest, polygon[t, 3])
    return m, polygon, spare, whole


@inner
def rounded(
    polygon: Floats, m: int, gx: float, gy: float, gz: float, x: float, y: float, z: float
) -> int:
    """Add a corner on the last edge if that spans 120 degrees or more.

    Between corners 180 degrees apart, the direction of the edge would be undefined. It
    turns left, away from the plane (x, y, z).
    """
    px, py, pz = polygon[m - 1, 0], polygon[m - 1, 1], polygon[m - 1, 2]
    if px * polygon[0, 0] + py * polygon[0, 1] + pz * polygon[0, 2] > -0.5:
        return m
    dx, dy, dz = x - gx, y - gy, z - gz
    ux, uy, uz = py * dz - pz * dy, pz * dx - px * dz, px * dy - py * dx
    scale = 1.0 / math.sqrt(ux * ux + uy * uy + uz * uz)
    ux, uy, uz = ux * scale, uy * scale, uz * scale
    put(polygon, m, ux, uy, uz, ux * gx + uy * gy + uz * gz)
    return m + 1


@inner
def faces(
    planes: Floats, old: int, n: int, corners: Floats, starts: Integers, touching: float
) -> tuple[Floats, Integers, int, float]:
    """Clip the faces of n planes and the vacuum by each other.

    Parameters
    ----------
    old
        Number of planes at the front that were clipped before and left no vacuum.
    corners, starts
        Result of that clipping.
    touching
        See `clip`.

    Returns
    -------
    corners : [4, n_corners or more]
    starts : [n + 2 or more]
        Face k has the columns starts[k] : starts[k + 1]; the vacuum follows the last face.
    n_corners
        Number of columns. The last may be a direction inside the vacuum, so that all
        directions of the vacuum are positive combinations of its columns.
    lowest
        Smallest u . g of all corners.
    """
    room = 2 * n + 6 + corners.shape[1]
    polygon, spare, beyond = np.empty((room, 4)), np.empty((room, 4)), np.empty(room)
    result, ends = np.empty((4, 8 * n + 32)), np.empty(2 * n + 32, np.int64)
    count, whole, lowest = 0, False, math.inf
    for k in range(n + 1):
        ends[k] = count
        if k < old:
            m = starts[k + 1] - starts[k]
            transfer(corners, starts[k], polygon, m)
            m, polygon, spare, whole = clip(
                k, planes, old, n, m, False, beyond, polygon, spare, touching
            )
        elif k < n or not old:
            m, polygon, spare, whole = face(k, planes, n, beyond, polygon, spare, touching)
        else:
            m, whole = 0, False
        if count + m + 1 > result.shape[1]:
            result = widened(result, count, 2 * (count + m))
        for t in range(m):
            lowest = min(lowest, polygon[t, 3])
            for a in range(4):
                result[a, count] = polygon[t, a]
            count += 1
    ends[n + 1] = count
    if whole:
        for a in range(3):
            result[a, count] = -planes[0, a] / planes[0, 3]
        result[3, count] = 0.0
        count += 1
    return result, ends, count, lowest


@inner
def transfer(corners: Floats, start: int, polygon: Floats, m: int) -> None:
    """Copy m columns, from `start` on, into rows."""
    for t in range(m):
        for a in range(4):
            polygon[t, a] = corners[a, start + t]


@inner
def widened(corners: Floats, count: int, room: int) -> Floats:
    """Copy the first columns into an array with space for more."""
    more = np.empty((4, room))
    for a in range(4):
        for t in range(count):
            more[a, t] = corners[a, t]
    return more


@inner
def cuts(
    x: float, y: float, z: float, corners: Floats, n_corners: int, touching: float
) -> bool:
    """Whether a plane cuts off any of the corners."""
    count = 0
    for t in range(n_corners):
        reached = x * corners[0, t] + y * corners[1, t] + z * corners[2, t]
        count += reached > corners[3, t] + touching
    return count > 0


@inner
def measure(
    x: float, y: float, z: float, corners: Floats, start: int, end: int
) -> tuple[float, float]:
    """Solid angle (sr) and area (Å^2) of the face between two columns.

    The sum runs over signed triangles around (x, y, z), the normal of the face (Van
    Oosterom and Strackee, IEEE Trans. Biomed. Eng. 30, 125 (1983)). A face that extends to
    infinity has infinite area.
    """
    half = area = 0.0
    for t in range(start, end):
        s = t + 1 if t + 1 < end else start
        px, py, pz, p = corners[0, t], corners[1, t], corners[2, t], corners[3, t]
        qx, qy, qz, q = corners[0, s], corners[1, s], corners[2, s], corners[3, s]
        volume = x * (py * qz - pz * qy) + y * (pz * qx - px * qz) + z * (px * qy - py * qx)
        along = x * (px + qx) + y * (py + qy) + z * (pz + qz)
        half += math.atan2(volume, 1.0 + along + px * qx + py * qy + pz * qz)
        area += 0.5 * volume / (p * q) if min(p, q) > INFINITE else math.inf
    return 2.0 * half, area
