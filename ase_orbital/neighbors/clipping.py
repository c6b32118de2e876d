"""The faces of one Voronoi cell by clipping polygons, compiled.

Seen from an atom, the plane half way to a neighbor at v is met in direction u at the
distance 1 / (u . g), with g = 2 v / |v|^2. A direction belongs to the neighbor of largest
u . g, so a face is a convex spherical polygon bounded by great circles, and vacuum is one
more neighbor: g = 0, infinitely far. Corners are unit vectors, so nothing in here is
large or inaccurate however far away the corner of a cell may be.

Planes are rows [g_x, g_y, g_z, |g|] in the order of falling |g|, nearest first.
Corners are columns [u_x, u_y, u_z, u . g].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.neighbors.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

TOUCHING = 1e-13  # a plane that cuts off less, relative to the largest |g|, only touches
INFINITE = 1e-10  # 1/Angstrom; a corner farther than the inverse is at infinity


@compiled
def hemisphere(axis: Floats, polygon: Floats) -> None:
    """Four corners around a unit vector, counterclockwise seen from its tip."""
    x, y, z = axis
    # A right-handed basis without cancellation: Duff et al., JCGT 6, 1 (2017).
    sign = math.copysign(1.0, z)
    a = -1.0 / (sign + z)
    b = x * y * a
    polygon[0] = 1.0 + sign * x * x * a, sign * b, -sign * x, 0.0
    polygon[1] = b, sign + y * y * a, -y, 0.0
    polygon[2] = -polygon[0]
    polygon[3] = -polygon[1]


@compiled
def crossing(kept: Floats, at: float, lost: Floats, beyond: float, corner: Floats) -> None:
    """Corner where the edge from `kept` (at < 0) to `lost` (beyond > 0) meets a plane."""
    x = kept[0] * beyond - lost[0] * at
    y = kept[1] * beyond - lost[1] * at
    z = kept[2] * beyond - lost[2] * at
    scale = 1.0 / math.sqrt(x * x + y * y + z * z)
    corner[0], corner[1], corner[2] = x * scale, y * scale, z * scale
    corner[3] = (kept[3] * beyond - lost[3] * at) * scale


@compiled
def cut(
    polygon: Floats, m: int, beyond: Floats, touching: float, g: Floats, h: Floats,
    result: Floats,
) -> int:
    """Keep the corners that are not beyond a plane, and close the gap.

    Parameters
    ----------
    polygon, m
        Corners [m, 4].
    beyond : [m]
        How much sooner the plane is met at each corner; more than `touching` is lost.
    g, h : [3]
        Of the face and of the plane that cuts it.
    result
        Takes at most two corners more than there were.

    Returns
    -------
    Corners of the result; zero if what is left has no width.
    """
    start = 0
    while not (beyond[start] > touching and beyond[start - 1 if start else m - 1] <= touching):
        start += 1
    last = start - 1 if start else m - 1
    end = start
    while beyond[end] > touching:
        end = end + 1 if end + 1 < m else 0
    n, t = 0, end
    while t != start:
        if beyond[t] <= touching:
            result[n] = polygon[t]
            n += 1
        t = t + 1 if t + 1 < m else 0
    if beyond[last] < -touching:
        crossing(polygon[last], beyond[last], polygon[start], beyond[start], result[n])
        n += 1
    p, room = result[n - 1], n
    n += 1
    q = result[0]
    if beyond[end] < -touching:
        before = end - 1 if end else m - 1
        crossing(polygon[end], beyond[end], polygon[before], beyond[before], result[n])
        q = result[n]
        n += 1
    if p[0] * q[0] + p[1] * q[1] + p[2] * q[2] < -0.5:
        quarter(p, g, h, result[room])
        return n
    if n > room + 1:
        result[room] = result[room + 1]
    return n - 1


@compiled
def quarter(p: Floats, g: Floats, h: Floats, corner: Floats) -> None:
    """Corner a quarter turn from p along the edge between faces g and h, g on the left.

    Corners half a turn apart do not say which way the edge between them goes.
    """
    dx, dy, dz = h[0] - g[0], h[1] - g[1], h[2] - g[2]
    x = p[1] * dz - p[2] * dy
    y = p[2] * dx - p[0] * dz
    z = p[0] * dy - p[1] * dx
    scale = 1.0 / math.sqrt(x * x + y * y + z * z)
    corner[0], corner[1], corner[2] = x * scale, y * scale, z * scale
    corner[3] = (x * g[0] + y * g[1] + z * g[2]) * scale


@compiled
def face(
    k: int, planes: Floats, n: int, beyond: Floats, polygons: Floats
) -> tuple[int, int, bool]:
    """Directions that meet plane k before all others; k = n is the vacuum.

    Returns
    -------
    Number of corners, which of the two `polygons` [2, 2 n + 6, 4] has them, and whether
    they are a whole hemisphere.
    """
    g = planes[k, :3].copy() if k < n else np.zeros(3)
    axis = planes[k, :3] / planes[k, 3] if k < n else -planes[0, :3] / planes[0, 3]
    touching = TOUCHING * planes[0, 3]
    m, now, whole, lowest = 4, 0, True, 0.0
    hemisphere(axis, polygons[0])
    for j in range(n):
        if planes[j, 3] <= lowest:
            break
        if j == k:
            continue
        polygon = polygons[now]
        x, y, z = planes[j, 0], planes[j, 1], planes[j, 2]
        n_lost = n_inside = 0
        for t in range(m):
            beyond[t] = x * polygon[t, 0] + y * polygon[t, 1] + z * polygon[t, 2]
            beyond[t] -= polygon[t, 3]
            n_lost += beyond[t] > touching
            n_inside += beyond[t] < -touching
        if n_lost == 0:
            ahead = (x - g[0]) * axis[0] + (y - g[1]) * axis[1] + (z - g[2]) * axis[2]
            if whole and n_inside == 0 and ahead > 0.0:
                return 0, now, False
            continue
        if n_inside == 0:
            return 0, now, False
        m = cut(polygon, m, beyond, touching, g, planes[j, :3], polygons[1 - now])
        now, whole = 1 - now, False
        lowest = polygons[now, :m, 3].min()
    return m, now, whole


@compiled
def faces(planes: Floats, n: int, corners: Floats, starts: Integers) -> tuple[Floats, int]:
    """Clip the faces of n planes, and the vacuum, by each other.

    Returns
    -------
    corners : [4, n_corners or more]
        The array given, or a longer one. Face k has columns starts[k] : starts[k + 1], the
        vacuum comes after the last face.
    n_corners
        The vacuum's last may be a direction inside of it instead, so that every
        direction of a face is a positive combination of its columns.
    """
    polygons = np.empty((2, 2 * n + 6, 4))
    beyond = np.empty(2 * n + 6)
    count = 0
    whole = False
    for k in range(n + 1):
        m, now, whole = face(k, planes, n, beyond, polygons)
        if count + m + 1 > corners.shape[1]:
            longer = np.empty((4, 2 * (count + m)))
            longer[:, :count] = corners[:, :count]
            corners = longer
        for t in range(m):
            for a in range(4):
                corners[a, count + t] = polygons[now, t, a]
        starts[k] = count
        count += m
    starts[n + 1] = count
    if whole:
        corners[:3, count] = -planes[0, :3] / planes[0, 3]
        corners[3, count] = 0.0
        count += 1
    return corners, count


@compiled
def cuts(plane: Floats, corners: Floats, n_corners: int, touching: float) -> bool:
    """Whether a plane is met before any of the corners."""
    x, y, z = plane[0], plane[1], plane[2]
    count = 0
    for t in range(n_corners):
        reached = x * corners[0, t] + y * corners[1, t] + z * corners[2, t]
        count += reached > corners[3, t] + touching
    return count > 0


@compiled
def measure(axis: Floats, corners: Floats, start: int, end: int) -> tuple[float, float]:
    """Solid angle (sr) and area (Angstrom^2) of the face between two columns.

    Sums signed triangles around the axis (Van Oosterom and Strackee, IEEE Trans. Biomed.
    Eng. 30, 125 (1983)). A face that reaches infinity has infinite area.
    """
    half = area = 0.0
    for t in range(start, end):
        s = t + 1 if t + 1 < end else start
        px, py, pz, p = corners[0, t], corners[1, t], corners[2, t], corners[3, t]
        qx, qy, qz, q = corners[0, s], corners[1, s], corners[2, s], corners[3, s]
        volume = axis[0] * (py * qz - pz * qy)
        volume += axis[1] * (pz * qx - px * qz)
        volume += axis[2] * (px * qy - py * qx)
        along = axis[0] * (px + qx) + axis[1] * (py + qy) + axis[2] * (pz + qz)
        half += math.atan2(volume, 1.0 + along + px * qx + py * qy + pz * qz)
        area += 0.5 * volume / (p * q) if min(p, q) > INFINITE else math.inf
    return 2.0 * half, area
