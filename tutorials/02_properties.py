# %% [markdown]
# # Properties of a crystal
#
# This tutorial predicts properties of `Atoms` with a `Predictor`, an ASE calculator, the
# command line and matgl, and writes them to files. You need the extra `plot`.

# %%
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small crystals run fastest on one thread

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from ase.io import read

from ase_orbital import Predictor, PropertyCalculator, list_models
from ase_orbital.zoo import model_folder, read_card

folder = Path(tempfile.mkdtemp())
titanate = read("SrTiO3.cif")

# %% [markdown]
# ## Available models
#
# These models are part of the package. Their errors are mean absolute errors on test sets
# that were not used for training; moduli are learned as logarithms. Each model folder has a
# card that defines the property and describes the training data and the limits.

# %%
for name in list_models():
    card = read_card(name)
    print(f"{name:42} {card.property_name:27} {card.test_error}")

# %%
card = (model_folder("eosnet-bulk-modulus-mp") / "README.md").read_text()
print(card.split("\n\n")[1])  # its first sentence; the card has more

# %% [markdown]
# ## One crystal
#
# A `Predictor` takes names of models, and predicts for `Atoms`, pymatgen structures or
# files. Each of these two models is an ensemble of networks. The standard deviation of a
# prediction is estimated from their disagreement, the predicted value and the distance from
# the training set. It is calibrated on crystals with known values: about 90 % of these are
# within 1.64 standard deviations.

# %%
predictor = Predictor(["eosnet-band-gap-mp2018", "eosnet-bulk-modulus-mp"], device="cpu")
prediction = predictor.predict(titanate)
for name, value in prediction.items():
    print(f"{name:20} {value:8.3f} {predictor.units[name]}")

# %% [markdown]
# ## Many crystals, several models, and the domain
#
# Several models of one property form a committee: `Predictor` returns their mean, and their
# disagreement increases the standard deviation. With `domain=True` it also returns whether
# the crystal is in the domain of all models: close to their training sets, with a standard
# deviation that is not large, and not far above a minimum of the energy. One call predicts
# for SrTiO3 at different volumes:

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
mean, std = table["heat_of_formation"], table["heat_of_formation_std"]
inside = table["in_domain"] == 1.0
figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
axes.fill_between(
    edges,
    mean - std,
    mean + std,
    color="#56B4E9",
    alpha=0.4,
    lw=0,
    label="standard deviation",
)
axes.plot(edges[inside], mean[inside], "o", color="#0072B2", ms=4, label="in the domain")
axes.plot(edges[~inside], mean[~inside], "x", color="#D55E00", ms=5, label="outside")
axes.axvline(titanate.cell.lengths()[0], color="0.5", linestyle="--", linewidth=1)
axes.set_xlabel("edge of the cell (Å); dashed: edge in the file")
axes.set_ylabel("heat of formation (eV/atom)")
axes.legend(frameon=False, fontsize=9)
plt.close(figure)
figure

# %% [markdown]
# The networks were trained on one relaxed cell of each perovskite, and not on energies at
# other volumes. Nevertheless the minimum is close to the edge in the file. Cells with edges
# from 3.88 to 4.05 Å are in the domain. Under stronger compression the models disagree, and
# compressed and expanded cells are far above their minimum, so they are outside.
#
# If a model cannot predict for a structure, an error explains why:

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
# `PropertyCalculator` wraps another calculator. Energies, forces and stress come from
# `base`, and a predicted property is computed only when you ask for it. Here seven metals
# relax with EMT, and two bulk moduli are compared: that of EMT, from its energies at seven
# volumes, and the predicted one.

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
    predicted = atoms.calc.get_property("bulk_modulus", atoms)
    std = atoms.calc.get_property("bulk_modulus_std", atoms)
    metals.append((atoms, modulus / GPa, predicted, std))
    energy = atoms.get_potential_energy()
    print(f"{symbol}: {energy:.4f} eV; {modulus / GPa:.0f} and {predicted:.0f} GPa")

# %%
_, computed, predicted, std = zip(*metals, strict=True)
figure, axes = plt.subplots(figsize=(4.4, 4.0), layout="constrained")
axes.errorbar(computed, predicted, std, fmt="o", color="#0072B2", markersize=4.5)
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
axes.set_ylabel("bulk modulus, predicted (GPa)")
plt.close(figure)
figure

# %% [markdown]
# The model was trained on moduli from density functional theory, and EMT has seven
# parameters for each metal. They differ most for aluminium.
#
# ## The command line
#
# `ase-orbital predict` reads all frames of any file that ASE reads. If a frame cannot be
# used, its row has the reason, which is also reported on stderr, and the exit status is 1.
# Without `-m` the command uses the first shipped model of each property. If the command is
# not on your path, use `python -m ase_orbital`.

# %%
import shutil
import subprocess
import sys

from ase.io import write


def shell(command):
    """Run a command in the folder of this tutorial, and print its output."""
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
# ## Write to files, and read them
#
# `-o` writes the predictions to a file whose suffix determines the format. `.csv` and
# `.json` have one row per structure, or per number with `--long`. `.extxyz` and `.db` (an
# ASE database) contain the structures, with their energy and forces if these are known, and
# the predictions as `orbital_<property>`; the prefix avoids conflicts with other names.

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
# In Python, predictions are dictionaries, which you can put into `info`, a table or a
# database:

# %%
crystals = [titanate.copy(), *(atoms for atoms, *_ in metals)]
predictions = predictor.predict_many(crystals)
for atoms, prediction in zip(crystals, predictions, strict=True):
    atoms.info |= {f"orbital_{name}": value for name, value in prediction.items()}
write(folder / "crystals.extxyz", crystals)
again = read(folder / "crystals.extxyz", ":")
print(
    f"{len(again)} frames; {again[0].symbols}: {again[0].info['orbital_band_gap']:.3f} eV"
)

with connect(folder / "metals.db") as database:
    prediction = committee.predict(titanate)
    pairs = {f"orbital_{name}": value for name, value in prediction.items()}
    database.write(titanate, key_value_pairs=pairs)
    print("below the hull:", database.get("orbital_heat_of_formation<0").formula)

table = pd.DataFrame(predictions, index=[str(atoms.symbols) for atoms in crystals])
table.to_csv(folder / "crystals.csv")
pd.read_csv(folder / "crystals.csv", index_col=0).round(3)

# %% [markdown]
# ## matgl
#
# The models are matgl models: `matgl.load_model` opens their folders and returns a model
# with `predict_structure`. Conversely, a `Predictor` accepts matgl's own property models,
# such as MEGNet: `Predictor({"formation_energy_per_atom": megnet})`.

# %%
import matgl

model = matgl.load_model(model_folder("eosnet-band-gap-mp2018"))
print(f"matgl     {float(model.predict_structure(titanate)):.5f} eV")
print(f"Predictor {predictor.predict(titanate)['band_gap']:.5f} eV")
