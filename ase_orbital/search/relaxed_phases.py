"""Reference phases relaxed with a potential, and the file that keeps them."""

from __future__ import annotations

import hashlib
import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.io import read
from ase.optimize import BFGS

from ase_orbital.calculators.base import offered_by
from ase_orbital.errors import (
    DataError,
    ModelError,
    OrbitalError,
    SettingError,
    StructureError,
    check_path,
)
from ase_orbital.files import atomic_write
from ase_orbital.structure import digest
from ase_orbital.writers import write_extxyz

if TYPE_CHECKING:
    from collections.abc import Sequence, Set
    from pathlib import Path

    from ase import Atoms
    from ase.calculators.calculator import Calculator

FMAX = 0.03  # eV/Å, a few meV/atom above the minimum at most
STEPS = 300
NEEDED = ("energy", "forces", "stress")
SAME = 2e-5  # eV/atom; energies of one potential that are closer differ by rounding
REFERENCE, BEFORE, POTENTIAL = "reference", "unrelaxed_energy", "potential"
FORCE = "largest_force"


class RelaxedPhases:
    """Reference phases, each relaxed with a potential when it is needed.

    Parameters
    ----------
    calculator
        The potential.
    references
        Valid crystals.
    cache
        File of relaxed phases, or None. A phase in it is taken if the calculator has the
        recorded class, and gives the unrelaxed phase the recorded energy: names of
        potentials do not tell their weights apart. One that is not relaxed in 300 steps is
        used with a warning.

    Raises
    ------
    SettingError
        If the calculator lacks a result, or the suffix of the file is another one.
    StructureError
        If a reference is no crystal.
    """

    def __init__(
        self, calculator: Calculator, references: Sequence[Atoms], cache: str | Path | None
    ) -> None:
        if lacking := {*NEEDED} - {*offered_by(calculator)}:
            raise SettingError(
                f"{type(calculator).__name__} has no {', '.join(sorted(lacking))}, which "
                "the relaxation of reference phases needs"
            )
        for index, atoms in enumerate(references):
            if not atoms.pbc.all():
                raise StructureError(
                    f"reference {index}, {atoms.symbols}, is not periodic in three "
                    "directions; reference phases are crystals"
                )
        self.cache = None if cache is None else check_path("cache", cache)
        if self.cache is not None and self.cache.suffix != ".extxyz":
            raise SettingError(f"{self.cache} must end with .extxyz")
        if self.cache is not None and not self.cache.parent.is_dir():
            raise SettingError(f"there is no folder {self.cache.parent} for the cache")
        self._calculator, self._references = calculator, list(references)
        self._kinds = [frozenset(atoms.symbols) for atoms in self._references]
        self._relaxed: dict[str, Atoms] = {}

    def __len__(self) -> int:
        return len(self._references)

    @property
    def elements(self) -> set[str]:
        """Elements of which there is an elemental phase."""
        return {next(iter(kind)) for kind in self._kinds if len(kind) == 1}

    def of(self, elements: Set[str]) -> list[Atoms]:
        """Return all phases that consist of these elements, relaxed, with their energies.

        Raises
        ------
        ModelError
            If a phase cannot be relaxed.
        DataError
            If the file is not readable.
        """
        pairs = zip(self._references, self._kinds, strict=True)
        return [self._of(atoms) for atoms, kind in pairs if elements >= kind]

    def _of(self, reference: Atoms) -> Atoms:
        key = _key(reference)
        if key not in self._relaxed:
            try:
                self._relaxed[key] = self._known_or_new(reference, key)
            except OrbitalError:
                raise
            except Exception as error:  # of any potential
                raise ModelError(
                    f"{type(self._calculator).__name__} cannot relax the reference phase "
                    f"{reference.symbols}: {type(error).__name__}: {error}"
                ) from error
        return self._relaxed[key]

    def _known_or_new(self, reference: Atoms, key: str) -> Atoms:
        own = {REFERENCE: key, POTENTIAL: type(self._calculator).__name__}
        before = float(self._calculator.get_property("energy", reference))
        for frame in self._read():
            difference = abs(frame.info.get(BEFORE, math.inf) - before)
            if own.items() <= frame.info.items() and difference < SAME * len(reference):
                return _checked(frame)
        relaxed, force = relax(reference, self._calculator)
        relaxed.info = {**own, BEFORE: before, FORCE: force}
        if self.cache is not None:
            frames = [*self._read(), relaxed]
            with atomic_write(self.cache) as temporary:
                write_extxyz(temporary, frames)
        return _checked(relaxed)

    def _read(self) -> list[Atoms]:
        if self.cache is None or not self.cache.exists():
            return []
        try:
            frames: list[Atoms] = read(self.cache, ":", format="extxyz")
        except Exception as error:
            raise DataError(
                f"{self.cache} is not readable as relaxed reference phases: {error}; "
                "remove it to compute them again"
            ) from error
        return frames


def _checked(phase: Atoms) -> Atoms:
    """Return a phase; warn if it is not relaxed."""
    force = phase.info.get(FORCE, 0.0)
    if force > FMAX:
        warnings.warn(
            f"the reference phase {phase.symbols} is not relaxed after {STEPS} steps: its "
            f"largest force is {force:.2g} eV/Å, not {FMAX}. Its energy is too high, and "
            "structures seem more stable than they are; relax it further before it becomes "
            "a reference",
            stacklevel=2,
        )
    return phase


def _key(atoms: Atoms) -> str:
    """Digest of a crystal, with its moments and charges, on which energies can depend."""
    given = [atoms.get_initial_magnetic_moments(), atoms.get_initial_charges()]
    if not any(values.any() for values in given):
        return digest(atoms)
    content = hashlib.blake2b(digest_size=16)
    for values in given:
        content.update(values.astype(float).tobytes())
    return f"{digest(atoms)}-{content.hexdigest()}"


def relax(atoms: Atoms, calculator: Calculator) -> tuple[Atoms, float]:
    """Return a copy whose positions and cell are relaxed, with energy, forces and stress.

    The second value is the largest force that is left on atoms and cell, eV/Å.

    Raises
    ------
    ModelError
        If the energy is not finite.
    """
    relaxed = atoms.copy()
    relaxed.set_constraint()
    relaxed.calc = calculator
    cell = FrechetCellFilter(relaxed)
    with BFGS(cell, logfile=None, maxstep=0.1) as optimizer:
        optimizer.run(fmax=FMAX, steps=STEPS)
    force = float(np.linalg.norm(cell.get_forces(), axis=1).max())
    results = {name: calculator.get_property(name, relaxed) for name in NEEDED}
    results["energy"] = float(results["energy"])
    if not math.isfinite(results["energy"]):
        raise ModelError(f"the energy of the phase {atoms.symbols} is {results['energy']}")
    relaxed.calc = SinglePointCalculator(relaxed, **results)
    return relaxed, force
