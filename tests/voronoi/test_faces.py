"""Voronoi faces against closed forms, exact polygons of Qhull's cells, and symmetry."""

import gzip
import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, graphene, make_supercell, molecule
from ase.build.tools import niggli_reduce
from ase.io import read
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Voronoi
from scipy.spatial.transform import Rotation

from ase_orbital.errors import StructureError
from ase_orbital.voronoi.faces import voronoi_faces

PEROVSKITES = Path(__file__).parents[2].parent / "shared/data/perovskites.extxyz.gz"

# The square face of a truncated octahedron subtends 4 asin(tan^2(a)) with sin and cos of
# the half opening from corners (0, 1, 2) / 4 seen along (0, 0, 1) / 2.
SQUARE = 4 * np.arcsin(1 / 9)
HEXAGON = (4 * np.pi - 6 * SQUARE) / 8


def random_crystal(seed, n_atoms=None, pbc=True):
    """Atoms at least 0.8 Angstrom apart in a skewed cell of about 12 Angstrom^3 an atom."""
    rng = np.random.default_rng(seed)
    n_atoms = n_atoms or rng.integers(1, 12)
    cell = np.eye(3) + rng.uniform(-0.4, 0.4, (3, 3))
    cell *= np.cbrt(12 * n_atoms / abs(np.linalg.det(cell)))
    atoms = Atoms(cell=cell, pbc=pbc)
    while len(atoms) < n_atoms:
        more = atoms + Atoms("Si", rng.uniform(-1, 2, (1, 3)) @ cell)
        distances = more.get_all_distances(mic=True) + 9 * np.eye(len(more))
        if distances.min() > 0.8:
            atoms = more
    return atoms


def as_table(faces):
    """Solid angle, distance and area of each (center, neighbor, shift)."""
    keys = np.column_stack([faces.center, faces.neighbor, faces.shift]).tolist()
    values = np.column_stack([faces.solid_angle, faces.distance, faces.area])
    return dict(zip(map(tuple, keys), values, strict=True))


def assert_same_faces(one, other, smallest=1e-6):
    """Equal but for faces too small to matter."""
    for key in one.keys() | other.keys():
        if key in one and key in other:
            np.testing.assert_allclose(one[key], other[key], atol=2e-7, rtol=1e-6)
        else:
            assert one.get(key, other.get(key))[0] < smallest


def qhull_faces(atoms, repeats=3):
    """The same table, from Qhull on a block of cells and exact polygons."""
    shifts = np.array(list(itertools.product(range(-repeats, repeats + 1), repeat=3)))
    shifts = shifts[np.argsort(abs(shifts).sum(1), kind="stable")]
    n = len(atoms)
    points = (atoms.positions + (shifts @ atoms.cell.array)[:, None]).reshape(-1, 3)
    diagram = Voronoi(points)
    table = {}
    for (p, q), ridge in diagram.ridge_dict.items():
        for a, b in ((p, q), (q, p)):
            if a < n:
                polygon = diagram.vertices[ridge] - points[a]
                shift = tuple(shifts[b // n].tolist())
                distance = np.linalg.norm(points[b] - points[a])
                table[(a, b % n, *shift)] = (*solid_angle_and_area(polygon), distance)
    return {
        key: (angle, d, area) for key, (angle, area, d) in table.items() if angle > 1e-8
    }


def solid_angle_and_area(polygon):
    """Of a convex polygon around the origin's line of sight, by triangles from corner 0."""
    a, b, c = polygon[:1], polygon[1:-1], polygon[2:]
    la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
    volume = abs((a * np.cross(b, c)).sum(1))
    below = la * lb * lc + (a * b).sum(1) * lc + (a * c).sum(1) * lb + (b * c).sum(1) * la
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    return 2 * np.arctan2(volume, below).sum(), area


CLOSED_FORMS = {
    "simple cubic": (bulk("Po", "sc", a=3.0), {4 * np.pi / 6: 6}),
    "fcc": (bulk("Cu", "fcc", a=3.6), {4 * np.pi / 12: 12}),
    "fcc, cubic cell": (bulk("Cu", "fcc", a=3.6, cubic=True), {4 * np.pi / 12: 12}),
    "bcc": (bulk("Fe", "bcc", a=2.87), {SQUARE: 6, HEXAGON: 8}),
    "bcc, cubic cell": (bulk("Fe", "bcc", a=2.87, cubic=True), {SQUARE: 6, HEXAGON: 8}),
    "rock salt": (bulk("NaCl", "rocksalt", a=5.64), {4 * np.pi / 6: 6}),
    "cesium chloride": (bulk("CsCl", "cesiumchloride", a=4.12), {SQUARE: 6, HEXAGON: 8}),
    "ideal hcp": (bulk("Mg", "hcp", a=3.2, c=3.2 * np.sqrt(8 / 3)), {4 * np.pi / 12: 12}),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_solid_angles_have_their_closed_form(name):
    atoms, expected = CLOSED_FORMS[name]
    faces = voronoi_faces(atoms)
    angles = np.sort(np.repeat([*expected], [*expected.values()]))
    for i in range(len(atoms)):
        found = np.sort(faces.solid_angle[faces.center == i])
        np.testing.assert_allclose(found, angles, atol=1e-12)
    np.testing.assert_allclose(faces.vacuum, 0.0, atol=1e-12)


def test_areas_of_a_cube():
    faces = voronoi_faces(bulk("Po", "sc", a=3.0))
    np.testing.assert_allclose(faces.area, 9.0, rtol=1e-12)
    np.testing.assert_allclose(faces.distance, 3.0, rtol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_qhull(seed):
    atoms = random_crystal(seed)
    assert_same_faces(as_table(voronoi_faces(atoms)), qhull_faces(atoms))


@pytest.mark.skipif(not PEROVSKITES.exists(), reason="no data beside the checkout")
def test_agrees_with_qhull_on_perovskites():
    with gzip.open(PEROVSKITES, "rt") as lines:
        text = "".join(itertools.islice(lines, 8 * 7))
    for atoms in read(io.StringIO(text), index=":", format="extxyz"):
        assert_same_faces(as_table(voronoi_faces(atoms)), qhull_faces(atoms, repeats=2))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_cells_are_closed_and_faces_mirrored(seed):
    atoms = random_crystal(seed)
    faces = voronoi_faces(atoms)
    total = np.bincount(faces.center, faces.solid_angle, minlength=len(atoms))
    np.testing.assert_allclose(total, 4 * np.pi, atol=1e-7)
    table = as_table(faces)
    for (i, j, *shift), values in table.items():
        other = table.get((j, i, *(-x for x in shift)))
        if other is None:
            assert values[0] < 2e-8
        else:
            np.testing.assert_allclose(values, other, rtol=1e-7, atol=1e-9)
    vectors = atoms.positions[faces.neighbor] - atoms.positions[faces.center]
    vectors += faces.shift @ atoms.cell.array
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), faces.distance, rtol=1e-9)
    volume = (faces.area * faces.distance).sum() / 6
    np.testing.assert_allclose(volume, atoms.get_volume(), rtol=1e-7)


def angles_of(atoms):
    """Sorted solid angles above rounding and vacuum, one list for each atom."""
    faces = voronoi_faces(atoms)
    seen = faces.solid_angle > 1e-6
    return [
        np.append(np.sort(faces.solid_angle[seen & (faces.center == i)]), faces.vacuum[i])
        for i in range(len(atoms))
    ]


def turned(atoms):
    turn = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix().T
    other = atoms.copy()
    other.set_cell(atoms.cell.array @ turn)
    other.positions = atoms.positions @ turn
    return other


def moved_by_cells(atoms):
    other = atoms.copy()
    rng = np.random.default_rng(1)
    other.positions += rng.integers(-3, 4, (len(atoms), 3)) * atoms.pbc @ atoms.cell.array
    other.positions += [0.1, 17.0, -3.0]
    return other


def sheared(atoms):
    other = atoms.copy()
    if atoms.pbc[:2].all():
        other.cell[0] += 5 * other.cell[1]
    return other


def left_handed(atoms):
    other = atoms.copy()
    other.set_cell(atoms.cell.array[[1, 0, 2]])
    other.pbc = atoms.pbc[[1, 0, 2]]
    return other


STRUCTURES = {
    "rattled": random_crystal(3, 9),
    "fcc": bulk("Cu"),
    "cubic perovskite": Atoms(
        "SrTiO3",
        scaled_positions=[
            [0, 0, 0],
            [0.5] * 3,
            [0.5, 0.5, 0],
            [0.5, 0, 0.5],
            [0, 0.5, 0.5],
        ],
        cell=[3.9] * 3,
        pbc=True,
    ),
    "slab": fcc111("Cu", (1, 2, 3), vacuum=8.0),
    "sheet": graphene(vacuum=None),
    "chain": Atoms(
        "CO", [[0, 0, 0], [1.2, 0.3, 0]], cell=[2.5, 0, 0], pbc=[True, False, False]
    ),
    "molecule": molecule("CH3CH2OH"),
    "flat molecule": molecule("C6H6"),
    "linear molecule": molecule("CO2"),
}


@pytest.mark.parametrize("change", [turned, moved_by_cells, sheared, left_handed])
@pytest.mark.parametrize("name", STRUCTURES)
def test_invariance(name, change):
    atoms = STRUCTURES[name]
    for one, other in zip(angles_of(atoms), angles_of(change(atoms)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("name", STRUCTURES)
def test_supercell_and_order(name):
    atoms = STRUCTURES[name]
    repeats = [2 if periodic else 1 for periodic in atoms.pbc]
    more = atoms.repeat(repeats)
    order = np.random.default_rng(0).permutation(len(more))
    expected = angles_of(atoms)
    for index, found in zip(order, angles_of(more[order]), strict=True):
        np.testing.assert_allclose(found, expected[index % len(atoms)], atol=1e-9)


def test_other_choice_of_cell():
    atoms = random_crystal(5, 6)
    skewed = make_supercell(atoms, [[1, 3, 0], [0, 1, -4], [0, 0, 1]], order="atom-major")
    reduced = skewed.copy()
    niggli_reduce(reduced)
    for other in (skewed, reduced):
        for one, two in zip(angles_of(atoms), angles_of(other), strict=True):
            np.testing.assert_allclose(one, two, atol=1e-9)


def test_needle_and_plate():
    needle = random_crystal(7, 2).repeat((1, 1, 40))
    plate = random_crystal(7, 2).repeat((12, 9, 1))
    expected = angles_of(random_crystal(7, 2))
    for other in (needle, plate):
        for index, found in enumerate(angles_of(other)):
            np.testing.assert_allclose(found, expected[index % 2], atol=1e-9)


def test_a_lone_atom_sees_only_vacuum():
    faces = voronoi_faces(Atoms("Ar"))
    assert len(faces.center) == 0
    np.testing.assert_allclose(faces.vacuum, 4 * np.pi)


def test_two_atoms_share_a_plane():
    faces = voronoi_faces(Atoms("CO", [[0, 0, 0], [0, 0, 1.128]]))
    np.testing.assert_allclose(faces.solid_angle, 2 * np.pi)
    np.testing.assert_allclose(faces.vacuum, 2 * np.pi)
    assert np.isinf(faces.area).all()


def test_middle_of_three_in_line_sees_no_vacuum():
    faces = voronoi_faces(Atoms("CO2", [[0, 0, 0], [0, 0, 1.2], [0, 0, -1.2]]))
    np.testing.assert_allclose(faces.vacuum, [0, 2 * np.pi, 2 * np.pi], atol=1e-12)


def test_ring_of_six_has_wedges():
    """Vacuum is the wedge of 60 degrees outward; two neighbors share the rest."""
    angle = np.arange(6) * np.pi / 3
    ring = Atoms("C6", 1.4 * np.column_stack([np.cos(angle), np.sin(angle), 0 * angle]))
    faces = voronoi_faces(ring)
    np.testing.assert_allclose(faces.vacuum, 4 * np.pi / 6)
    np.testing.assert_allclose(faces.solid_angle, 4 * np.pi * 5 / 12)


def test_wire_has_hemispheres():
    wire = Atoms("Au", cell=[[0, 0, 0], [0, 0, 0], [0, 0, 2.6]], pbc=[False, False, True])
    faces = voronoi_faces(wire)
    np.testing.assert_allclose(faces.solid_angle, [2 * np.pi] * 2)
    np.testing.assert_array_equal(np.sort(faces.shift[:, 2]), [-1, 1])


def rough_slab(vacuum=None):
    rng = np.random.default_rng(2)
    atoms = fcc111("Cu", (2, 2, 2))
    atoms.positions += rng.uniform(-0.4, 0.4, (8, 3))
    atoms.pbc = [True, True, vacuum is not None]
    if vacuum is not None:
        atoms.cell[2] = [0, 0, np.ptp(atoms.positions[:, 2]) + vacuum]
    return atoms


def test_slab_is_the_limit_of_growing_vacuum():
    open_slab = angles_of(rough_slab())
    gaps = []
    for vacuum in (50.0, 100.0, 200.0):
        faces = voronoi_faces(rough_slab(vacuum))
        inside = faces.shift[:, 2] == 0
        total = np.bincount(faces.center[inside], faces.solid_angle[inside], minlength=8)
        expected = [angles.sum() for angles in open_slab]
        gaps.append(abs(total - expected).max())
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.003
    assert gaps[1] / gaps[2] > 3.5  # falls with the square of the distance


def test_faces_of_a_slab_are_the_limit_of_growing_vacuum():
    limit = as_table(voronoi_faces(rough_slab()))
    near = as_table(voronoi_faces(rough_slab(400.0)))
    for key, (angle, distance, _) in limit.items():
        if angle > 1e-3:
            np.testing.assert_allclose(near[key][:2], (angle, distance), atol=2e-3)


def test_molecule_is_the_limit_of_growing_cells():
    ethanol = molecule("CH3CH2OH")
    limit = as_table(voronoi_faces(ethanol))
    ethanol.set_cell([300.0] * 3)
    ethanol.pbc = True
    near = as_table(voronoi_faces(ethanol))
    for key, (angle, distance, _) in limit.items():
        np.testing.assert_allclose(near[key][:2], (angle, distance), atol=0.05)


def test_far_apart_molecules():
    pair = Atoms("H4", [[0, 0, 0], [0, 0, 0.74], [1e4, 0, 0], [1e4, 0, 0.74]])
    faces = voronoi_faces(pair)
    total = np.bincount(faces.center, faces.solid_angle) + faces.vacuum
    np.testing.assert_allclose(total, 4 * np.pi)
    np.testing.assert_allclose(faces.vacuum, np.pi, atol=1e-3)


def test_an_atom_in_a_shell_of_many():
    """More faces than any crystal has: buffers must grow."""
    n = 700
    z = 1 - (2 * np.arange(n) + 1) / n
    turn = np.arange(n) * np.pi * (3 - np.sqrt(5))
    shell = 30 * np.column_stack(
        [np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z]
    )
    faces = voronoi_faces(Atoms(f"ArHe{n}", np.vstack([np.zeros(3), shell])))
    assert (faces.center == 0).sum() == n


def test_coincident_atoms_are_named():
    atoms = Atoms("NaCl", [[0, 0, 0.05], [0, 0, 3.97]], cell=[4.0] * 3, pbc=True)
    with pytest.raises(StructureError, match=r"atoms 0 \(Na\) and 1 \(Cl\) are closer"):
        voronoi_faces(atoms)
    with pytest.raises(StructureError, match=r"atoms 0 \(H\) and 1 \(H\) are closer"):
        voronoi_faces(Atoms("H2", [[1, 1, 1], [1, 1, 1]]))
    with pytest.raises(StructureError, match=r"atom 0 \(H\) and its own image"):
        voronoi_faces(Atoms("H", cell=[5, 5, 0.05], pbc=True))


def test_flat_cell_says_what_to_do():
    with pytest.raises(StructureError, match="do not span a volume; set the cell"):
        voronoi_faces(Atoms("H", cell=[[1, 0, 0], [0, 1, 0], [1, 1, 0]], pbc=True))
    with pytest.raises(StructureError, match="do not span a volume"):
        voronoi_faces(Atoms("H", pbc=[False, False, True]))


def test_positions_must_be_finite():
    with pytest.raises(StructureError, match="finite"):
        voronoi_faces(Atoms("H", [[0, 0, np.nan]]))


def test_large_cells_equal_small_ones():
    small = bulk("Cu", cubic=True)
    small.rattle(0.1)
    faces = voronoi_faces(small.repeat(9))
    expected = voronoi_faces(small)
    np.testing.assert_allclose(
        np.bincount(faces.center, faces.solid_angle**2),
        np.tile(np.bincount(expected.center, expected.solid_angle**2), 729),
    )
