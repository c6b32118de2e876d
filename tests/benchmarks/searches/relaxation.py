"""Relaxations of atoms and cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

FORCE = 0.1  # eV/Å, largest at the end of a relaxation
LONGEST_STEP = 0.2  # Å
INTERVAL = 5  # steps between two looks into the archive
VOLUMES = (0.3, 3.0)  # of the start; a relaxation that leaves them is given up


def relax(
    atoms: Atoms,
    calculator: Any,
    *,
    steps: int = 80,
    force: float = FORCE,
    constant_volume: bool = False,
    known: Callable[[Atoms], bool] | None = None,
) -> bool:
    """Relax in place, until `known` says that this structure has been found before.

    Returns
    -------
    bool
        Whether it was stopped because it is known, or because its volume ran away.
    """
    atoms.calc = calculator
    low, high = (factor * atoms.get_volume() for factor in VOLUMES)
    cell = FrechetCellFilter(atoms, constant_volume=constant_volume)
    with BFGS(cell, logfile=None, maxstep=LONGEST_STEP) as optimizer:
        for converged in optimizer.irun(fmax=force, steps=steps):
            if not low < atoms.get_volume() < high:
                return True
            look = converged or (optimizer.nsteps > 0 and optimizer.nsteps % INTERVAL == 0)
            if look and known is not None and known(atoms):
                return True
    return False
