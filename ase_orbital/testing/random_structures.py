"""Random crystals of every Bravais lattice, slabs, wires and molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from ase import Atoms
from ase.cell import Cell
from ase.lattice import bravais_lattices

from ase_orbital.errors import SettingError
from ase_orbital.testing.invariance import unimodular

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Kind: TypeAlias = Literal["crystal", "slab", "wire", "molecule"]
Sites: TypeAlias = Literal["general", "special", "nearly special"]

KINDS: tuple[Kind, ...] = get_args(Kind)
SITES: tuple[Sites, ...] = get_args(Sites)
# ASE's names of the lattices in three dimensions: cubic, tetragonal and so on.
LATTICES = (
    "CUB", "FCC", "BCC", "TET", "BCT", "ORC", "ORCF", "ORCI", "ORCC", "HEX", "RHL", "MCL",
    "MCLC", "TRI",
)  # fmt: skip
ELEMENTS = ("H", "C", "O", "Na", "Si", "Cl", "Ti", "Cu", "Sr", "I", "Cs", "Pb")
PERIODIC = {"crystal": 3, "slab": 2, "wire": 1, "molecule": 0}
CLOSEST = 0.6  # smallest distance of atoms, over the cube root of the volume of an atom


def random_structure(
    rng: np.random.Generator,
    *,
    kind: Kind = "crystal",
    lattice: str = "TRI",
    n_atoms: int = 6,
    volume: float = 18.0,
    sites: Sites = "general",
    skewed: bool = False,
    elements: Sequence[str] = ELEMENTS,
) -> Atoms:
    """Draw a structure.

    Parameters
    ----------
    rng
        Source of random numbers.
    kind
        Number of periodic directions: 3 for a crystal, 2, 1, or 0 for a molecule.
    lattice
        One of `LATTICES`; its lengths and angles are drawn.
    n_atoms
        Largest number of atoms. There are fewer if no more fit on the special sites.
    volume
        Volume per atom, Å^3.
    sites
        Positions of the atoms in the cell: anywhere; on multiples of a quarter, which gives
        symmetry; or displaced from these by 1e-9 to 1e-2 Å.
    skewed
        Whether the crystal is described by another, skewed cell.
    elements
        Symbols from which the elements are drawn, at most three for one structure.

    Raises
    ------
    SettingError
        If a name is unknown, or a number is not positive.
    """
    if kind not in KINDS or lattice not in LATTICES or sites not in SITES:
        raise SettingError(f"kind, lattice or sites is unknown: {kind}, {lattice}, {sites}")
    if n_atoms < 1 or not volume > 0.0:
        raise SettingError(f"n_atoms and volume must be positive, not {n_atoms}, {volume}")
    cell = _cell(rng, lattice)
    cell *= (n_atoms * volume / abs(np.linalg.det(cell))) ** (1.0 / 3.0)
    places = _places(rng, cell, n_atoms, sites, CLOSEST * volume ** (1.0 / 3.0))
    chosen = rng.choice(elements, size=min(3, len(elements)), replace=False)
    pbc = np.isin(np.arange(3), rng.permutation(3)[: PERIODIC[kind]])
    atoms = Atoms(
        rng.choice(chosen, size=len(places)), scaled_positions=places, cell=cell, pbc=pbc
    )
    if sites == "nearly special":
        size = 10.0 ** rng.uniform(-9.0, -2.0)
        atoms.positions += rng.uniform(-size, size, atoms.positions.shape)
    if skewed and pbc.sum() > 1:
        atoms.set_cell(unimodular(rng, np.flatnonzero(pbc), 5) @ cell)
    return atoms


def _cell(rng: np.random.Generator, lattice: str) -> NDArray[np.float64]:
    """Draw a primitive cell of a lattice; lengths and angles ascend, as ASE wants."""
    lengths = np.sort(rng.uniform(0.8, 1.3, 3)) + np.array([0.0, 0.05, 0.1])
    angles = np.sort(rng.uniform(62.0, 84.0, 3)) + np.array([0.0, 1.0, 2.0])
    if lattice == "TRI":  # ASE's class takes few triclinic cells
        return np.array(Cell.fromcellpar([*lengths, *angles]).array)
    drawn = dict(zip(("a", "b", "c"), lengths.tolist(), strict=True))
    drawn |= dict(zip(("alpha", "beta", "gamma"), angles.tolist(), strict=True))
    kind = bravais_lattices[lattice]
    return np.array(kind(**{name: drawn[name] for name in kind.parameters}).tocell().array)


def _places(
    rng: np.random.Generator,
    cell: NDArray[np.float64],
    n_atoms: int,
    sites: Sites,
    closest: float,
) -> NDArray[np.float64]:
    """Choose fractional positions, one after the other, that keep a distance."""
    steps = np.arange(4) / 4.0
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    candidates = rng.permutation(grid) if sites != "general" else rng.random((2000, 3))
    shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3)
    chosen = [candidates[0]]
    for candidate in candidates[1:]:
        if len(chosen) == n_atoms:
            break
        offset = (candidate - np.array(chosen))[:, None] + shifts
        if np.linalg.norm(offset @ cell, axis=-1).min() > closest:
            chosen.append(candidate)
    return np.array(chosen)
