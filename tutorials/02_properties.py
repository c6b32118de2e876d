# %% [markdown]
# # Properties of a crystal
#
# From an `Atoms` to learned properties, in all ways there are: a `Predictor`, an ASE
# calculator, the command line and matgl; and into files and back. Needs the extra `plot`.

# %%
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # crystals as small as these want no more

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from ase.io import read

from ase_orbital import Predictor, PropertyCalculator, list_models
from ase_orbital.zoo import model_folder, read_card

folder = Path(tempfile.mkdtemp())
titanate = read("SrTiO3.cif")

# %% [markdown]
# ## What can be asked
#
# These models come with the package. Errors are mean absolute errors on crystals that no
# model has seen; moduli are learned as logarithms. The folder of each has a card, which
# says what its property means, what it was trained on, and what its limits are.

# %%
for name in list_models():
    card = read_card(name)
    print(f"{name:42} {card.property_name:27} {card.test_error}")

# %%
card = (model_folder("eosnet-bulk-modulus-mp") / "README.md").read_text()
print(card.split("\n\n")[1])  # and much more

# %% [markdown]
# ## One crystal
#
# A predictor takes names, and `Atoms`, pymatgen structures or files. These two models are
# of three networks each, whose disagreement, scaled on crystals with known values, is the
# spread: about nine values in ten are within 1.64 spreads.

# %%
predictor = Predictor(["eosnet-band-gap-mp2018", "eosnet-bulk-modulus-mp"], device="cpu")
row = predictor.predict(titanate)
for name, value in row.items():
    print(f"{name:20} {value:8.3f} {predictor.units[name]}")

# %% [markdown]
# ## Many crystals, a committee, and a domain
#
# Several models of one property are a committee: their mean is the answer, and what they
# disagree on adds to the spread. With `domain=True` the answer includes whether all that
# describes the atoms is in the ranges of the training sets. SrTiO3, squeezed and stretched,
# asked in one call:

# %%
committee = Predictor(
    ["eosnet-heat-of-formation-perovskites", "ocrystalnet-heat-of-formation-perovskites"],
    device="cpu",
    domain=True,
)
edges = np.linspace(3.6, 4.4, 33)  # Å
strained = []
for edge in edges:
    atoms = titanate.copy()
    atoms.set_cell([edge] * 3, scale_atoms=True)
    strained.append(atoms)
table = pd.DataFrame(committee.predict_many(strained), index=edges)
lowest = table["heat_of_formation"].idxmin()
print(f"lowest at {lowest:.3f} Å; the file has {titanate.cell.lengths()[0]:.3f} Å")

# %%
middle, spread = table["heat_of_formation"], table["heat_of_formation_std"]
known = table["in_domain"] == 1.0
figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
axes.fill_between(
    edges,
    middle - spread,
    middle + spread,
    color="#56B4E9",
    alpha=0.4,
    lw=0,
    label="spread",
)
axes.plot(edges[known], middle[known], "o", color="#0072B2", ms=4, label="in the domain")
axes.plot(edges[~known], middle[~known], "x", color="#D55E00", ms=5, label="outside")
axes.axvline(titanate.cell.lengths()[0], color="0.5", linestyle="--", linewidth=1)
axes.set_xlabel("edge of the cell (Å); dashed: of the file")
axes.set_ylabel("heat of formation (eV/atom)")
axes.legend(frameon=False, fontsize=9)
plt.close(figure)
figure

# %% [markdown]
# Nobody told the networks of energies at other volumes: they were trained on one relaxed
# cell of each perovskite. Still the minimum is near the edge in the file. To the left no
# relaxed perovskite is like these; the models disagree, and the domain ends. To the right
# it does not: larger cells are like those of other perovskites, and the spread alone warns.
#
# What a model cannot take, it refuses, and says why:

# %%
from ase.build import bulk, molecule

from ase_orbital.errors import OrbitalError

broken = titanate.copy()
broken.positions[0] = broken.positions[1]
for atoms in (bulk("Po", "sc", a=3.36), broken, molecule("H2O", pbc=True), "SrTi03.cif"):
    try:
        committee.predict(atoms)
    except OrbitalError as error:
        print(f"{type(error).__name__}: {error}")

# %% [markdown]
# ## A calculator
#
# `PropertyCalculator` goes around the calculator that one has. Energies, forces and stress
# are those of `base`; a learned property is computed when it is asked for, and only then.
# Seven metals relax with EMT, and two bulk moduli are compared: that of EMT, from its
# energies at seven volumes, and the learned one.

# %%
from ase.calculators.emt import EMT
from ase.eos import calculate_eos
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.units import GPa

metals = []
for symbol in ("Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au"):
    atoms = bulk(symbol)
    atoms.calc = PropertyCalculator(predictor, base=EMT())
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.005)
    _, _, modulus = calculate_eos(atoms, npoints=7, eps=0.02).fit()
    learned = atoms.calc.get_property("bulk_modulus", atoms)
    spread = atoms.calc.get_property("bulk_modulus_std", atoms)
    metals.append((atoms, modulus / GPa, learned, spread))
    energy = atoms.get_potential_energy()
    print(f"{symbol}: {energy:.4f} eV; {modulus / GPa:.0f} and {learned:.0f} GPa")

# %%
_, computed, learned, spread = zip(*metals, strict=True)
figure, axes = plt.subplots(figsize=(4.4, 4.0), layout="constrained")
axes.errorbar(computed, learned, spread, fmt="o", color="#0072B2", markersize=4.5)
for atoms, x, y, _ in metals:
    axes.annotate(
        atoms.symbols[0],
        (x, y),
        (6, -10) if y < x else (-18, 4),
        textcoords="offset points",
    )
axes.plot([0, 320], [0, 320], "--", color="0.5", linewidth=1)
axes.set(xlim=(0, 320), ylim=(0, 320), aspect="equal")
axes.set_xlabel("bulk modulus, EMT (GPa)")
axes.set_ylabel("bulk modulus, learned (GPa)")
plt.close(figure)
figure

# %% [markdown]
# The model learned from moduli of density functional theory; EMT has seven parameters for
# each metal. What they make of aluminium differs most.
#
# ## The command line
#
# `ase-orbital predict` takes any files ASE reads, with all their frames; what cannot be
# used is named, with the reason, and the exit status is 1. Without `-m` all shipped models
# answer. Where the command is not on the path, `python -m ase_orbital` is the same.

# %%
import shutil
import subprocess
import sys

from ase.io import write


def shell(command):
    """Run a command in the folder of this tutorial's files, and show what it says."""
    print(f"$ {command}")
    done = subprocess.run(
        [sys.executable, "-m", "ase_orbital", *command.split()[1:]],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    print(done.stdout + done.stderr + f"exit status {done.returncode}")


shutil.copy("SrTiO3.cif", folder)
write(folder / "broken.extxyz", broken)
shell("ase-orbital predict SrTiO3.cif broken.extxyz -m eosnet-band-gap-mp2018 --domain")

# %% [markdown]
# ## Into files, and back
#
# With `-o` numbers go into a file, whose name says of what kind. `.csv` and `.json` have a
# row a number. `.extxyz` and `.db`, an ASE database, have the structures, with energy and
# forces if there were any, and the numbers as `orbital_<property>`, out of the way of
# others' names.

# %%
from ase.db import connect

write(folder / "metals.extxyz", [atoms for atoms, *_ in metals])
shell("ase-orbital predict metals.extxyz -m eosnet-bulk-modulus-mp -o metals.db")
with connect(folder / "metals.db") as database:
    for entry in database.select("orbital_bulk_modulus>150", sort="orbital_bulk_modulus"):
        print(
            f"{entry.formula}: {entry.orbital_bulk_modulus:.1f} GPa, {entry.energy:.4f} eV"
        )

# %% [markdown]
# From Python it takes a line each. Predictions are dictionaries: a list of them is a table,
# `info` takes one, and so does a database.

# %%
crystals = [titanate.copy(), *(atoms for atoms, *_ in metals)]
rows = predictor.predict_many(crystals)
for atoms, row in zip(crystals, rows, strict=True):
    atoms.info |= {f"orbital_{name}": value for name, value in row.items()}
write(folder / "crystals.extxyz", crystals)
again = read(folder / "crystals.extxyz", ":")
print(
    f"{len(again)} frames; {again[0].symbols}: {again[0].info['orbital_band_gap']:.3f} eV"
)

with connect(folder / "metals.db") as database:
    row = {f"orbital_{name}": value for name, value in committee.predict(titanate).items()}
    database.write(titanate, key_value_pairs=row)
    print("below the hull:", database.get("orbital_heat_of_formation<0").formula)

table = pd.DataFrame(rows, index=[str(atoms.symbols) for atoms in crystals])
table.to_csv(folder / "crystals.csv")
pd.read_csv(folder / "crystals.csv", index_col=0).round(3)

# %% [markdown]
# ## matgl
#
# The models are matgl's: `matgl.load_model` opens their folders, and what it gives has
# matgl's `predict_structure`. The other way round, a `Predictor` takes property models of
# matgl's own, such as MEGNet, as `Predictor({"formation_energy_per_atom": megnet})`.

# %%
import matgl

model = matgl.load_model(model_folder("eosnet-band-gap-mp2018"))
print(f"matgl     {float(model.predict_structure(titanate)):.5f} eV")
print(f"Predictor {predictor.predict(titanate)['band_gap']:.5f} eV")
