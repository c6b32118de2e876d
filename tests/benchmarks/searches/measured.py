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


# Enthalpies of formation at 298 K, kJ/mol of formula units: CRC Handbook of Chemistry and
# Physics, 97th edition, section 5, "Standard thermodynamic properties".
MEASURED: dict[str, tuple[Callable[[], Atoms], float]] = {
    "NaCl": (SYSTEMS["NaCl"].make_ground_state, -411.2),
    "MgO": (SYSTEMS["MgO"].make_ground_state, -601.6),
    "CaF2": (SYSTEMS["CaF2"].make_ground_state, -1228.0),
    "Li2O": (dihalides("O Li", 4.4)["fluorite"], -597.9),
    "Al2O3": (SYSTEMS["Al2O3"].make_ground_state, -1675.7),
    "TiO2": (SYSTEMS["TiO2"].make_ground_state, -944.0),
    "ZnS": (partial(bulk, "ZnS", "zincblende", a=5.41), -206.0),
    "TiN": (partial(bulk, "TiN", "rocksalt", a=4.24), -337.7),
    "GaAs": (SYSTEMS["GaAs"].make_ground_state, -71.0),
}


def per_atom(formula: str) -> float:
    """Convert the enthalpy of formation of a crystal to eV/atom."""
    make, enthalpy = MEASURED[formula]
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
    for formula, (make, _) in MEASURED.items():
        measured, relaxed = per_atom(formula), []
        for hull in hulls:
            relaxed.append(make())
            relax(relaxed[-1], hull.calculator, steps=200, force=FORCE)
        pairs = zip(hulls, relaxed, strict=True)
        found = [hull.energies(atoms)[FORMATION] for hull, atoms in pairs]
        predicted = predictor.predict(relaxed[0])
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
