"""Faces of one cell, clipped by planes whose polyhedron is known."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_orbital.voronoi.clipping import cuts, faces, measure

CUBIC = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
FCC = [v for v in itertools.product((-1, 0, 1), repeat=3) if np.abs(v).sum() == 2]


def clipped(neighbors):
    """Corners of all faces, where each begins, and the planes."""
    v = np.array(neighbors, float)
    g = 2.0 * v / np.square(v).sum(axis=1)[:, None]
    planes = np.column_stack([g, np.linalg.norm(g, axis=1)])
    none, starts = np.empty((4, 0)), np.zeros(64, np.int64)
    corners, starts, n_corners, _ = faces(planes, 0, len(v), none, starts, 1e-13)
    return corners[:, :n_corners], starts, planes


@pytest.mark.parametrize(
    ("neighbors", "area"),
    [
        pytest.param(CUBIC, 1.0, id="cube"),
        pytest.param(FCC, 2.0**-0.5, id="rhombic dodecahedron"),
    ],
)
def test_equal_faces_share_the_sphere_and_have_the_area_of_the_polyhedron(neighbors, area):
    corners, starts, planes = clipped(neighbors)
    for k, plane in enumerate(planes):
        normal = plane[:3] / plane[3]
        found = measure(*normal, corners, starts[k], starts[k + 1])
        assert_allclose(found, [4.0 * math.pi / len(planes), area], rtol=1e-12)


def test_behind_a_single_plane_half_of_the_sphere_is_vacuum():
    corners, starts, _ = clipped([(0, 0, -1)])
    angle, area = measure(0.0, 0.0, 1.0, corners, starts[1], starts[2])
    assert_allclose(angle, 2.0 * math.pi, rtol=1e-12)
    assert area == math.inf


def test_only_planes_near_enough_cut_a_corner():
    corners, starts, planes = clipped(CUBIC)
    n = starts[len(planes)]
    # The corner of the cube at (1, 1, 1) / 2 is cut by planes nearer than 3^0.5 / 2.
    for length, expected in ((0.99, True), (1.01, False)):
        g = 2.0 / (length * math.sqrt(3.0)) * np.ones(3) / math.sqrt(3.0)
        assert bool(cuts(*g, corners, n, 0.0)) is expected
