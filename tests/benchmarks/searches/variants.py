"""What can be added to a search; each part is measured alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from ase_ga.utilities import atoms_too_close

from ase_orbital import FingerprintCalculator, Predictor
from ase_orbital.errors import StructureError
from ase_orbital.properties import FORMATION_ENERGY
from ase_orbital.search import Minimize, ObjectiveCalculator
from ase_orbital.zoo.folders import model_folder

from .relaxation import relax

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

    Proposal = Callable[[], Atoms]
    Closest = dict[tuple[int, int], float]

PLAIN, ARCHIVE, SCREENED, SYMMETRIZED, PRERELAXED = VARIANTS = (
    "plain",
    "archive",
    "screened",
    "symmetrized",
    "prerelaxed",
)
WITH_MODEL = (SCREENED, PRERELAXED)
N_SCREENED = 8  # proposals of which the one with the lowest predicted energy is relaxed
SYMMETRIZING_STEPS = 40
SYMMETRIZING_WEIGHT = 10.0  # eV
PRERELAXING_STEPS = 60


class Variant:
    """Turns a source of proposals into the candidate that the potential relaxes.

    Parameters
    ----------
    name
        One of VARIANTS; "plain" and "archive" take every proposal as it is.
    model
        Name or folder of a model of the formation energy.
    n_atoms
        Of each proposal.
    closest
        Smallest distances of two elements, Å.
    """

    def __init__(self, name: str, model: str, n_atoms: int, closest: Closest) -> None:
        self.name, self.closest = name, closest
        self._calculator: Any = None
        if name == SCREENED:
            self._predictor = Predictor(model, device="cpu")
        elif name == SYMMETRIZED:
            self._calculator = FingerprintCalculator(weight=SYMMETRIZING_WEIGHT)
        elif name == PRERELAXED:
            # The prediction is per atom, and forces are those of the whole cell.
            terms = [Minimize(FORMATION_ENERGY, weight=float(n_atoms))]
            self._calculator = ObjectiveCalculator(model, terms)

    def candidate(self, propose: Proposal) -> Atoms:
        """Draw and improve a candidate."""
        if self.name == SCREENED:
            return self._best([propose() for _ in range(N_SCREENED)])
        if self.name == SYMMETRIZED:
            return self._relaxed(propose(), SYMMETRIZING_STEPS, constant_volume=True)
        if self.name == PRERELAXED:
            return self._relaxed(propose(), PRERELAXING_STEPS, constant_volume=False)
        return propose()

    def _best(self, proposals: list[Atoms]) -> Atoms:
        # ase_ga misses atoms that meet across a skewed cell; the model refuses these.
        predicted = self._predictor.predict_many(proposals, errors="record")
        energies = [each[FORMATION_ENERGY] for each in predicted]
        return proposals[int(np.argmin(np.nan_to_num(energies, nan=np.inf)))]

    def _relaxed(self, atoms: Atoms, steps: int, *, constant_volume: bool) -> Atoms:
        """Relax a copy; the original is kept if that fails or if atoms come too close."""
        copy = atoms.copy()
        try:
            stopped = relax(
                copy, self._calculator, steps=steps, constant_volume=constant_volume
            )
        except StructureError:
            return atoms
        copy.calc = None
        return atoms if stopped or atoms_too_close(copy, self.closest) else copy


def model_label(model: str) -> str:
    """Name of a model with the checksum of its weights, which may be replaced."""
    state = model_folder(model) / "state.pt"
    return f"{state.parent.name}@{hashlib.sha256(state.read_bytes()).hexdigest()[:8]}"
