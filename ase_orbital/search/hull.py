"""Formation energies and distances from the convex hull, from a potential's energies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ase_orbital.calculators.base import checked_base
from ase_orbital.errors import ElementError, ModelError, SettingError
from ase_orbital.search.reference_phases import reference_phases
from ase_orbital.search.relaxed_phases import RelaxedPhases
from ase_orbital.structure import to_atoms, to_atoms_many

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms
    from ase.calculators.calculator import Calculator
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

    from ase_orbital.structure import AtomsLike

FORMATION = "calculated_formation_energy_per_atom"  # the predicted one has no `calculated_`
ABOVE_HULL = "energy_above_hull"
HULL_UNITS = {FORMATION: "eV/atom", ABOVE_HULL: "eV/atom"}


class Hull:
    """Formation energy and energy above the convex hull, from energies of a potential.

    The reference phases have energies of the same potential: each one is relaxed with it,
    positions and cell, when its elements are needed for the first time.

    Parameters
    ----------
    calculator
        The potential: an ASE calculator with energies, forces and stress. Its energies are
        used for all structures, whatever calculator they have. Pass the object that relaxes
        them; then their energies are known, and nothing is computed twice.
    references
        Structures of known phases, at least one of each element; anything that `predict`
        accepts. None for `reference_phases()`.
    cache
        File, ending with `.extxyz`, of relaxed reference phases. It is read and extended,
        and several potentials can share it. None to keep phases in memory only.

    Examples
    --------
    >>> hull = Hull(potential, cache="references.extxyz")
    >>> hull.energies(atoms)["energy_above_hull"]  # eV/atom

    Beside predicted properties:

    >>> Recorder("eosnet-band-gap-mp2018", hull=hull)
    >>> Score("eosnet-band-gap-mp2018", [Minimize("energy_above_hull")], hull=hull)

    Notes
    -----
    A hull is only as complete as its reference phases, and the distance from it only as
    good as the potential. The distance is that of the structure as it is: relax first.
    """

    def __init__(
        self,
        calculator: Calculator,
        references: Sequence[AtomsLike] | None = None,
        *,
        cache: str | Path | None = None,
    ) -> None:
        if checked_base(calculator) is None:
            raise SettingError("a hull needs a calculator, the potential of its energies")
        self.calculator = calculator
        own = reference_phases() if references is None else to_atoms_many(references)
        self._phases = RelaxedPhases(calculator, own, cache)
        self._diagrams: dict[frozenset[str], PhaseDiagram] = {}

    def __repr__(self) -> str:
        return f"Hull({type(self.calculator).__name__}: {len(self._phases)} phases)"

    def energies(
        self, structure: AtomsLike, energy: float | None = None
    ) -> dict[str, float]:
        """Compute formation energy and energy above the hull of a structure, eV/atom.

        Parameters
        ----------
        structure
            `ase.Atoms`, a pymatgen `Structure`, or the path of a file.
        energy
            Its total energy from the same potential, eV; None to compute it, which costs
            nothing if the calculator has it.

        Returns
        -------
        dict
            `calculated_formation_energy_per_atom`, relative to the elements, and
            `energy_above_hull`, which is negative for a structure below the hull of the
            reference phases, that is, more stable than all of them and their mixtures.

        Raises
        ------
        ElementError
            If there is no reference phase of an element.
        ModelError
            If an energy is not finite, or a reference phase cannot be relaxed.
        """
        atoms = to_atoms(structure)
        self._check_elements(frozenset(atoms.symbols))
        if energy is None:  # before phases are relaxed, after which it is not known
            energy = float(self.calculator.get_property("energy", atoms))
        if not math.isfinite(energy):
            raise ModelError(f"the energy of {atoms.symbols} is {energy}")
        diagram = self.phase_diagram(set(atoms.symbols))
        entry = _entry(atoms, energy)
        _, above = diagram.get_decomp_and_e_above_hull(entry, allow_negative=True)
        return {
            FORMATION: float(diagram.get_form_energy_per_atom(entry)),
            ABOVE_HULL: float(above),
        }

    def phase_diagram(self, elements: set[str]) -> PhaseDiagram:
        """Return pymatgen's phase diagram of some elements, for plots and decompositions.

        The entries are those of all reference phases of these elements; `attribute` is the
        relaxed structure. Phases that are not relaxed yet are relaxed now.

        Raises
        ------
        ElementError, ModelError
            As for `energies`.
        """
        from pymatgen.analysis.phase_diagram import PhaseDiagram

        key = frozenset(elements)
        if key not in self._diagrams:
            self._check_elements(key)
            entries = [
                _entry(phase, phase.get_potential_energy())
                for phase in self._phases.of(key)
            ]
            self._diagrams[key] = PhaseDiagram(entries)
        return self._diagrams[key]

    def _check_elements(self, elements: frozenset[str]) -> None:
        missing = sorted(elements - self._phases.elements)
        if missing:
            raise ElementError(
                f"there is no reference phase of {', '.join(missing)}; add the elemental "
                "solid to the references"
            )


def _entry(atoms: Atoms, energy: float) -> PDEntry:
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

    return PDEntry(Composition(atoms.symbols.formula.count()), energy, attribute=atoms)
