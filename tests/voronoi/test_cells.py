"""Search for cells where rounding decides which planes meet in a corner."""

import numpy as np
from ase import Atoms

from ase_orbital.voronoi.faces import voronoi_faces


def test_hairs_between_corners_as_wide_as_the_tolerance():
    """SnO2 of CaCl2 type (mp-550172): 9 of these 200 cells were once left open."""
    positions = [
        [1.620449, 2.394002, 2.433291],
        [0.0, 0.0, 0.0],
        [0.0, 1.397403, 1.562377],
        [1.620449, 3.791405, 0.870914],
        [1.620449, 0.996599, 3.995668],
        [0.0, 3.390601, 3.304205],
    ]
    atoms = Atoms("Sn2O4", positions, cell=[3.240898, 4.788004, 4.866582], pbc=True)
    for seed in range(200):
        moved = atoms.copy()
        moved.rattle(1e-12, seed=seed)
        angles = np.bincount(voronoi_faces(moved).center, voronoi_faces(moved).solid_angle)
        np.testing.assert_allclose(angles, 4 * np.pi, atol=1e-6)
