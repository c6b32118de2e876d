"""Write structures to files, with the results of their calculators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase.io import write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ase import Atoms

COORDINATES = ("numbers", "positions")


def write_extxyz(path: Path, structures: Iterable[Atoms], *, append: bool = False) -> None:
    """Write structures in extended XYZ.

    ASE refuses structures in which `info` or an array has the name of a result, as in data
    sets for potentials; here the result of the calculator is written.
    """
    frames = [_without_results(atoms) for atoms in structures]
    write(path, frames, format="extxyz", append=append)


def _without_results(atoms: Atoms) -> Atoms:
    """Copy atoms with their calculator, without what has the name of a result."""
    frame = atoms.copy()
    frame.calc = atoms.calc
    for name in getattr(atoms.calc, "results", {}):
        frame.info.pop(name, None)
        if name not in COORDINATES:
            frame.arrays.pop(name, None)
    return frame
