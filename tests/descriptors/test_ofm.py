"""OFM against its source paper (Pham et al. 2017, fig. 1), closed forms and symmetry."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from scipy.spatial.transform import Rotation

from ase_orbital.descriptors.ofm import OFM
from ase_orbital.elements import ORBITALS
from ase_orbital.errors import ElementError, SettingError, StructureError

S1, S2, P5, D6 = (ORBITALS.index(label) for label in ("s1", "s2", "p5", "d6"))


def rattled(seed=0):
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    atoms.rattle(0.2, seed=seed)
    return atoms


def test_sodium_in_an_octahedron_of_chlorine():
    """Na is s1, Cl is s2 p5; six neighbors at 2.82 Angstrom behind equal faces."""
    sodium, chlorine = OFM().matrices(bulk("NaCl", "rocksalt", a=5.64))
    expected = np.zeros((32, 32))
    expected[S1, [S2, P5]] = 6 / 2.82
    np.testing.assert_allclose(sodium, expected, rtol=1e-12)
    np.testing.assert_allclose(chlorine, expected.T, rtol=1e-12)


def test_iron_is_s2_d6_in_its_own_column():
    row = OFM().create(bulk("Fe"))[0]
    column = row.reshape(32, 33)[:, 0]
    np.testing.assert_array_equal(np.flatnonzero(column), [S2, D6])


def test_fcc_has_twelve_equal_neighbors():
    a = 3.6
    field = OFM().matrices(bulk("Fe", "fcc", a=a))[0]
    np.testing.assert_allclose(field[S2, D6], 12 * np.sqrt(2) / a)


@pytest.mark.parametrize("exponent", [0, 1, 2.5, 4])
def test_bcc_weighs_squares_by_their_solid_angle(exponent):
    """Eight hexagons at sqrt(3)/2 a; six squares of solid angle 4 asin(1/9) at a."""
    a = 2.87
    square = 4 * np.arcsin(1 / 9)
    hexagon = (4 * np.pi - 6 * square) / 8
    near, far = (np.sqrt(3) / 2 * a) ** exponent, a**exponent
    expected = 8 / near + 6 * square / hexagon / far
    field = OFM(distance_exponent=exponent).matrices(bulk("Fe", "bcc", a=a))[0]
    np.testing.assert_allclose(field[D6, S2], expected)


def test_valence_of_the_center_is_the_first_column():
    with_center = OFM().create(rattled())
    without = OFM(center=False).create(rattled())
    assert with_center.shape == (8, OFM().n_features) == (8, 1056)
    assert without.shape == (8, OFM(center=False).n_features) == (8, 1024)
    assert with_center.dtype == np.float64
    blocks = with_center.reshape(8, 32, 33)
    np.testing.assert_array_equal(blocks[:, :, 1:].reshape(8, -1), without)
    np.testing.assert_array_equal(OFM().matrices(rattled()), blocks[:, :, 1:])
    np.testing.assert_array_equal(
        OFM().matrices(rattled()), OFM(center=False).matrices(rattled())
    )


def test_mean_describes_the_structure():
    for descriptor in (OFM(), OFM(center=False)):
        mean = descriptor.mean(rattled())
        assert mean.shape == (descriptor.n_features,)
        np.testing.assert_allclose(mean, descriptor.create(rattled()).mean(axis=0))
        np.testing.assert_allclose(mean, descriptor.mean(rattled().repeat(2)), atol=1e-10)


def test_a_lone_atom_has_no_field():
    block = OFM().create(Atoms("Fe")).reshape(32, 33)
    assert not block[:, 1:].any()
    assert block[:, 0].sum() == 2


def test_two_atoms():
    carbon, oxygen = OFM().matrices(molecule("CO"))
    np.testing.assert_allclose(carbon, oxygen.T)
    assert np.count_nonzero(carbon) == 4


STRUCTURES = {
    "crystal": rattled(),
    "primitive cell": bulk("Fe"),
    "slab": fcc111("Cu", (1, 1, 3), vacuum=8.0),
    "molecule": molecule("CH3CH2OH"),
    "mixed": Atoms("SiO", [[0, 0, 0], [0.3, 1.6, 0.2]], cell=[3.1, 9, 9], pbc=[1, 0, 0]),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_ofm_features_are_the_same_for_every_description_of_a_crystal(name):
    atoms = STRUCTURES[name]
    expected = OFM().create(atoms)
    turn = Rotation.from_rotvec([1.0, 0.2, -0.5]).as_matrix().T
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ turn)
    turned.positions = atoms.positions @ turn
    moved = atoms.copy()
    moved.positions += [1.7, -40.0, 0.3]
    moved.positions += 2 * atoms.pbc @ atoms.cell.array
    more = atoms.repeat([3 if periodic else 1 for periodic in atoms.pbc])
    order = np.random.default_rng(0).permutation(len(more))
    for other in (turned, moved):
        np.testing.assert_allclose(OFM().create(other), expected, atol=1e-9)
    np.testing.assert_allclose(
        OFM().create(more[order]), expected[order % len(atoms)], atol=1e-9
    )


def test_continuous_where_faces_appear():
    """A distorted rock salt gains twelve faces by a shear of any size."""
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    sheared = atoms.copy()
    sheared.set_cell(
        atoms.cell.array @ (np.eye(3) + 1e-7 * np.eye(3, k=1)), scale_atoms=True
    )
    np.testing.assert_allclose(OFM().create(sheared), OFM().create(atoms), atol=1e-5)


def test_many_equal_each_one():
    structures = [*STRUCTURES.values()]
    for atoms, rows in zip(structures, OFM().create_many(structures), strict=True):
        np.testing.assert_array_equal(rows, OFM().create(atoms))


def test_threads_agree():
    structures = [rattled(seed) for seed in range(20)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(OFM().create, structures))
    np.testing.assert_array_equal(found, OFM().create_many(structures))


def test_equal_settings_are_equal_and_travel():
    assert OFM() == pickle.loads(pickle.dumps(OFM()))
    assert hash(OFM()) != hash(OFM(distance_exponent=4))
    with pytest.raises(AttributeError):
        OFM().center = False


def test_errors_name_atoms():
    with pytest.raises(ElementError, match=r"atom 1 \(Rf, Z=104\)"):
        OFM().create(Atoms("HRf", [[0, 0, 0], [0, 0, 2]]))
    with pytest.raises(StructureError, match=r"atoms 0 \(H\) and 1 \(H\)"):
        OFM().create(Atoms("H2"))


def test_center_is_a_bool():
    with pytest.raises(SettingError, match="center must be True or False, not 'no'"):
        OFM(center="no")
