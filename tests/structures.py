"""Structures that several test files use; copy them before you change them."""

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc111
from ase.spacegroup import crystal

ROCKSALT = bulk("NaCl", "rocksalt", a=5.64)
PEROVSKITE = crystal(
    ["Sr", "Ti", "O"], [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
    spacegroup=221, cellpar=[3.905] * 3 + [90] * 3,
)  # fmt: skip
RUTILE = crystal(
    ["Ti", "O"], [(0, 0, 0), (0.3053, 0.3053, 0)],
    spacegroup=136, cellpar=[4.594, 4.594, 2.959, 90, 90, 90],
)  # fmt: skip
SPINEL = crystal(
    ["Mg", "Al", "O"], [(0.125,) * 3, (0.5,) * 3, (0.2624,) * 3], spacegroup=227,
    setting=2, cellpar=[8.0898] * 3 + [90] * 3, primitive_cell=True,
)  # fmt: skip
LOW = Atoms("SiOC", positions=[[0, 0, 0], [1.7, 0.2, 0.1], [0.3, 1.9, 2.2]],
            cell=[[4.1, 0, 0], [0.4, 4.4, 0], [0.1, 0.6, 4.9]], pbc=True)  # fmt: skip
SLAB = fcc111("Cu", (1, 1, 3), vacuum=8.0)


def rattled(atoms, size=0.1, seed=1):
    """Copy with displaced atoms."""
    atoms = atoms.copy()
    atoms.rattle(size, seed=seed)
    return atoms


def distorted(atoms, size=0.15, seed=1):
    """Copy with displaced atoms and a strained cell."""
    atoms = rattled(atoms, size, seed)
    strain = size / 3.0 * np.random.default_rng(seed).normal(size=(3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return atoms
