"""Draw models and potential away from equilibrium.

    python pretrained/off_equilibrium_pictures.py eosnet-formation-energy-mp2018 \
        --structures FILE --out docs/pictures

The structures are those of `off_equilibrium_set.py`. The pictures show the energy of six
crystals against their volume, the energy along the relaxations of random candidates, and
how many energies lie in intervals of a given probability, for crystals and for copies.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from off_equilibrium import Values, grouped
from scipy.stats import norm

from ase_orbital import Predictor
from ase_orbital.plotting.canvas import COLORS
from ase_orbital.properties import FORMATION_ENERGY, STD
from ase_orbital.structure import read_frames

if TYPE_CHECKING:
    from ase import Atoms

N_CRYSTALS = 6
HALF_WIDTH = 1.645  # standard deviations, of the 90 % interval
SOLID = {"svg.hashsalt": "ase-orbital", "svg.fonttype": "none", "font.size": 9}


def energy_against_volume(predictor: Predictor, rows: dict[str, list[Atoms]]) -> Figure:
    """Draw the energy of some crystals against their volume."""
    figure = Figure(figsize=(8.0, 4.6), layout="constrained")
    for number, axes in enumerate(figure.subplots(2, 3).flat):
        steps = [rows["crystal"][number]]
        steps += [at[number] for row, at in rows.items() if row.startswith("volume")]
        steps.sort(key=lambda atoms: atoms.get_volume())
        volume = np.array([atoms.get_volume() / len(atoms) for atoms in steps])
        values = Values(predictor, steps)
        axes.plot(volume, values.known, "o", color=COLORS[1], ms=3.5, label="potential")
        axes.plot(volume, values.predicted, color=COLORS[0], label="model")
        band = HALF_WIDTH * values.std
        low, high = values.predicted - band, values.predicted + band
        axes.fill_between(volume, low, high, color=COLORS[0], alpha=0.2, lw=0.0)
        axes.set_title(steps[0].get_chemical_formula("metal"), fontsize=9)
    figure.supxlabel("volume, Å³/atom")
    figure.supylabel("formation energy, eV/atom")
    axes.legend(frameon=False)
    return figure


def candidate_relaxations(predictor: Predictor, steps: list[Atoms]) -> Figure:
    """Draw the energy along the relaxation of one candidate of each system."""
    paths = grouped(steps, "id")
    firsts = [path for name, path in paths.items() if name.endswith(" 0")]
    figure = Figure(figsize=(9.0, 2.6), layout="constrained")
    for path, axes in zip(firsts, figure.subplots(1, len(firsts)), strict=True):
        potential = np.array([atoms.info["potential"] for atoms in path])
        records = predictor.predict_many(path)
        predicted = np.array([record[FORMATION_ENERGY] for record in records])
        std = np.array([record[FORMATION_ENERGY + STD] for record in records])
        last = predicted[-1]
        axes.plot(potential - potential[-1], color=COLORS[1], label="potential")
        axes.plot(predicted - last, color=COLORS[0], label="model")
        low, high = (predicted - last + sign * HALF_WIDTH * std for sign in (-1.0, 1.0))
        axes.fill_between(range(len(path)), low, high, color=COLORS[0], alpha=0.2, lw=0.0)
        axes.set_title(path[0].info["id"].split()[0], fontsize=9)
    figure.supxlabel("step of the relaxation")
    figure.supylabel("energy above the last step, eV/atom", fontsize=9)
    axes.legend(frameon=False)
    return figure


def reliability(predictor: Predictor, rows: dict[str, list[Atoms]]) -> Figure:
    """Draw the share of energies in an interval against its probability."""
    figure = Figure(figsize=(4.2, 3.8), layout="constrained")
    axes = figure.subplots()
    probability = np.linspace(0.02, 0.98, 49)
    axes.plot([0.0, 1.0], [0.0, 1.0], color="0.6", lw=1.0)
    kinds = {
        "crystals": ["crystal"],
        "volume": [row for row in rows if row.startswith("volume")],
        "strained by 3 %": ["strain 3%"],
        "rattled": [row for row in rows if row.startswith("rattled")],
    }
    for (label, names), color in zip(kinds.items(), COLORS, strict=False):
        values = Values(predictor, [atoms for name in names for atoms in rows[name]])
        deviations = np.abs(values.predicted - values.known) / values.std
        half_widths = norm.ppf(0.5 + probability / 2.0)
        share = (deviations[:, None] <= half_widths).mean(0)
        axes.plot(probability, share, color=color, label=label)
    axes.set_xlabel("probability of the interval")
    axes.set_ylabel("share of energies in it")
    axes.legend(frameon=False)
    return figure


def main() -> None:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description="Draw models off equilibrium.")
    parser.add_argument("model", help="name or folder of a model of formation energies")
    parser.add_argument("--structures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rows = grouped(list(read_frames(arguments.structures)), "row")
    predictor = Predictor(arguments.model, domain=True)
    with rc_context(SOLID):
        pictures = {
            "energy-volume": energy_against_volume(predictor, rows),
            "candidates": candidate_relaxations(predictor, rows["relaxation"]),
            "reliability": reliability(predictor, rows),
        }
        for name, figure in pictures.items():
            path = arguments.out / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
