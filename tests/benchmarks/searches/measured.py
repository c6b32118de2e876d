"""Formation energies of potentials and of a model beside measured ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.build import bulk
from ase.units import kJ, mol

from ase_orbital import Predictor
from ase_orbital.properties import FORMATION_ENERGY
from ase_orbital.search import Hull, reference_phases
from ase_orbital.search.hull import FORMATION

from .known import FORCE
from .relaxation import relax
from .systems import SYSTEMS, dihalides

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ase import Atoms


def known(system: str) -> Callable[[], Atoms]:
    """Let the ground state of a system be made."""
    return next(iter(SYSTEMS[system].known.values()))


# Enthalpies of formation at 298 K, kJ/mol of formula units: CRC Handbook of Chemistry and
# Physics, 97th edition, section 5, "Standard thermodynamic properties".
MEASURED: dict[str, tuple[Callable[[], Atoms], float]] = {
    "NaCl": (known("NaCl"), -411.2),
    "MgO": (known("MgO"), -601.6),
    "CaF2": (known("CaF2"), -1228.0),
    "Li2O": (dihalides("O Li", 4.4)["fluorite"], -597.9),
    "Al2O3": (known("Al2O3"), -1675.7),
    "TiO2": (known("TiO2"), -944.0),
    "ZnS": (partial(bulk, "ZnS", "zincblende", a=5.41), -206.0),
    "TiN": (partial(bulk, "TiN", "rocksalt", a=4.24), -337.7),
    "GaAs": (known("GaAs"), -71.0),
}


def per_atom(formula: str, enthalpy: float) -> float:
    """Convert kJ/mol of formula units to eV/atom."""
    make, _ = MEASURED[formula]
    atoms = make()
    _, units = atoms.symbols.formula.reduce()
    return enthalpy * kJ / mol / (len(atoms) / units)


def table(potentials: Mapping[str, Any], model: str) -> list[str]:
    """Make a table with a row for each crystal.

    The model predicts for the crystal that the first potential has relaxed.

    Parameters
    ----------
    potentials
        Calculators and their names.
    model
        Model of the formation energy.
    """
    elements = [phase for phase in reference_phases() if len(set(phase.numbers)) == 1]
    hulls = [Hull(potential, elements) for potential in potentials.values()]
    predictor = Predictor(model)
    rows, differences = [], []
    for formula, (make, enthalpy) in MEASURED.items():
        measured, found = per_atom(formula, enthalpy), []
        predicted = None
        for hull in hulls:
            atoms = make()
            relax(atoms, hull.calculator, steps=200, force=FORCE)
            found.append(hull.energies(atoms)[FORMATION])
            predicted = predicted or predictor.predict(atoms)
        assert predicted is not None  # there is a potential
        learned, std = (predicted[f"{FORMATION_ENERGY}{end}"] for end in ("", "_std"))
        differences.append(np.abs(np.array([*found, learned]) - measured))
        energies = " | ".join(f"{energy:.2f}" for energy in [measured, *found])
        rows.append(f"| {formula} | {energies} | {learned:.2f} ± {std:.2f} |")
    means = " | ".join(f"{mean:.2f}" for mean in np.mean(differences, axis=0))
    return [
        f"| crystal | measured | {' | '.join(potentials)} | learned model |",
        "|---" * (len(potentials) + 3) + "|",
        *rows,
        f"| mean absolute difference | | {means} |",
    ]
