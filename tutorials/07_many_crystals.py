# %% [markdown]
# # Many crystals
#
# This tutorial creates a few hundred hypothetical perovskites by substitution, predicts
# their properties in one call, and filters, ranks and plots them. It uses a list, a file
# and an ASE database, in Python and on the command line. You need the extra `plot`.

# %%
import os
import tempfile
import time
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small crystals run fastest on one thread

import matplotlib.pyplot as plt
import pandas as pd
from ase.db import connect
from ase.io import read, write

from ase_orbital import Predictor
from ase_orbital.errors import OrbitalError

folder = Path(tempfile.mkdtemp())

# %% [markdown]
# ## A list
#
# The crystals are cubic ABO3 with all combinations of some elements on A and B, including
# those whose usual charges do not match. The edge of the cell follows from ionic radii
# (Shannon, Acta Cryst. A 32, 751 (1976)) with the formula of Ubic, J. Am. Ceram. Soc. 90,
# 3326 (2007). The crystals are not relaxed.

# %%
ON_A = {  # radii in sixfold coordination by charge, Å
    1: {"Li": 0.76, "Na": 1.02, "K": 1.38, "Rb": 1.52, "Cs": 1.67, "Ag": 1.15, "Tl": 1.50},
    2: {"Ca": 1.00, "Sr": 1.18, "Ba": 1.35, "Cd": 0.95, "Pb": 1.19},
    3: {"Sc": 0.745, "Y": 0.90, "La": 1.032, "Bi": 1.03},
}
ON_B = {
    3: {"Al": 0.535, "Ga": 0.62, "In": 0.80, "Sc": 0.745, "Cr": 0.615, "Y": 0.90},
    4: {"Si": 0.40, "Ge": 0.53, "Sn": 0.69, "Ti": 0.605, "Zr": 0.72, "Hf": 0.71},
    5: {"V": 0.54, "Nb": 0.64, "Ta": 0.64, "Sb": 0.60},
}
OXYGEN = 1.40
charge_a = {symbol: charge for charge, radii in ON_A.items() for symbol in radii}
charge_b = {symbol: charge for charge, radii in ON_B.items() for symbol in radii}


def substitute(titanate, a, b):
    """Replace the elements of SrTiO3, and adapt the cell to their radii."""
    to_a, to_b = ON_A[charge_a[a]][a] + OXYGEN, ON_B[charge_b[b]][b] + OXYGEN
    atoms = titanate.copy()
    atoms.symbols[atoms.symbols == "Sr"] = a
    atoms.symbols[atoms.symbols == "Ti"] = b
    atoms.set_cell([0.06741 + 0.49052 * to_a + 1.29212 * to_b] * 3, scale_atoms=True)
    atoms.info = {"on_a": a, "on_b": b}
    return atoms


titanate = read("SrTiO3.cif")
crystals = [substitute(titanate, a, b) for a, b in product(charge_a, charge_b) if a != b]
print(f"{len(crystals)} crystals, from {crystals[0].symbols} to {crystals[-1].symbols}")

# %% [markdown]
# ## A table
#
# One predictor predicts two properties. `progress=True` shows a progress bar. The standard
# deviations estimate the errors, and `in_domain` is 1 if the crystal is in the domain of
# both models.

# %%
predictor = Predictor(
    ["eosnet-heat-of-formation-perovskites", "eosnet-band-gap-mp2018"],
    device="cpu",
    domain=True,
)
predictor.predict_many(crystals[:3])  # compile before the timing
start = time.perf_counter()
predictions = predictor.predict_many(crystals, progress=True)
seconds = time.perf_counter() - start
print(f"{len(predictions) / seconds:.0f} crystals per second, with six networks")
print(predictor.units)

# %%
pairs = zip(crystals, predictions, strict=True)
table = pd.DataFrame([{**atoms.info, **row} for atoms, row in pairs])
table["formula"] = table["on_a"] + table["on_b"] + "O3"
table["charge"] = table["on_a"].map(charge_a) + table["on_b"].map(charge_b)
print(f"in the domain of both models: {table['in_domain'].mean():.0%}")
columns = ["formula", *predictor.properties]
table[columns].head().round(3)

# %% [markdown]
# All crystals are checked before the first is computed. An error names the crystal:

# %%
try:
    predictor.predict_many([*crystals[:7], "not-there.cif"])
except OrbitalError as error:
    print(error, *error.__notes__, sep="; ")

# %% [markdown]
# `frame` returns a pandas table, and continues after such an error: the values of this row
# are missing, and the column `error` says why. `predict_many(..., errors="record")` does
# the same with dictionaries.

# %%
predictor.frame([crystals[0], "not-there.cif"])[["heat_of_formation", "band_gap", "error"]]

# %% [markdown]
# ## A map
#
# The map shows the heat of formation for the elements on A and B. Below zero, a perovskite
# is stable against the phases of Castelli et al., Energy Environ. Sci. 5, 9034 (2012). Rows
# and columns are ordered by charge. If the charges of A and B add up to six, they balance
# three O2-. The model has no information about charges, but most crystals that it predicts
# to be stable are balanced, or contain V or Nb, which also have lower charges. Crossed
# cells are outside the domain of at least one model, and their values are not reliable.

# %%
from ase_orbital.plotting import property_map


def grid(name):
    return table.pivot(index="on_a", columns="on_b", values=name).loc[
        [*charge_a], [*charge_b]
    ]


property_map(
    grid("heat_of_formation"),
    [f"{symbol} {charge}+" for symbol, charge in charge_a.items()],
    [f"{symbol}\n{charge}+" for symbol, charge in charge_b.items()],
    row_label="on A",
    column_label="on B",
    label="heat of formation",
    unit="eV/atom",
    center=0.0,
    in_domain=grid("in_domain"),
    title="cubic ABO3",
)

# %% [markdown]
# The medians for each sum of charges confirm this, also for the band gap:

# %%
balance = table.groupby("charge")[["heat_of_formation", "band_gap"]].median()
balance["crystals"] = table.groupby("charge").size()
balance.round(3)

# %% [markdown]
# ## Filter and rank
#
# Suppose that we look for crystals which are stable within 0.2 eV/atom, in the domain of
# both models, and have a band gap of 1.5 to 3.5 eV. The models predict PBE band gaps, which
# are smaller than measured ones. A standard deviation above 1 eV means that the band gap is
# not known.

# %%
wanted = "heat_of_formation < 0.2 and 1.5 < band_gap < 3.5 and band_gap_std < 1"
chosen = table.query(f"{wanted} and in_domain == 1").sort_values("heat_of_formation")
print(f"{len(chosen)} of {len(table)} are left")
chosen[columns].round(3)

# %% [markdown]
# As a plausibility test, compositions that are well known as (not necessarily cubic)
# perovskites should be among the best. Their band gaps are less certain: some standard
# deviations are more than half of the band gap.

# %%
KNOWN = "SrTiO3 CaTiO3 BaTiO3 PbTiO3 SrZrO3 BaZrO3 SrHfO3 BaSnO3 KNbO3 NaTaO3 LaAlO3 LaGaO3"
known = table[table["formula"].isin(KNOWN.split())]
last = table["heat_of_formation"].rank()[known.index].max()
print(f"all {len(known)} are among the first {last:.0f} of {len(table)}")
known.sort_values("band_gap")[columns].round(3)

# %%
parts = {
    "in the domain": (table.query("in_domain == 1"), "0.75", "o"),
    "chosen": (chosen, "#0072B2", "o"),
    "well known": (known.query("in_domain == 1"), "#D55E00", "x"),
}
figure, axes = plt.subplots(figsize=(6.0, 3.8), layout="constrained")
for label, (part, color, marker) in parts.items():
    x, y = part["heat_of_formation"], part["band_gap"]
    if label == "chosen":
        std_x, std_y = part["heat_of_formation_std"], part["band_gap_std"]
        axes.errorbar(x, y, std_y, std_x, fmt="none", color=color, linewidth=0.9)
    axes.plot(x, y, marker, color=color, markersize=4.5, label=label)
axes.set_xlabel("heat of formation (eV/atom)")
axes.set_ylabel("band gap (eV)")
axes.legend(frameon=False, fontsize=9)
plt.close(figure)
figure

# %% [markdown]
# ## Files and databases
#
# Read a file with many crystals, or an ASE database, with ASE's functions, and predict for
# the `Atoms` as above. (A path in a list stands for one crystal, the last frame of its
# file.) Store the predictions in the database as key-value pairs to use them in a
# selection.

# %%
write(folder / "perovskites.extxyz", crystals)
again = predictor.predict_many(read(folder / "perovskites.extxyz", ":"))
gaps = [[row["band_gap"] for row in part] for part in (predictions, again)]
difference = max(abs(one - other) for one, other in zip(*gaps, strict=True))
print(f"predictions for the file agree within {difference:.0e} eV")

with connect(folder / "perovskites.db") as database:
    for atoms in crystals:
        database.write(atoms, key_value_pairs=atoms.info)
with connect(folder / "perovskites.db") as database:
    entries = list(database.select("on_a=Ba"))
    values = predictor.predict_many(entry.toatoms() for entry in entries)
    for entry, row in zip(entries, values, strict=True):
        database.update(entry.id, **row)
    for entry in database.select("band_gap>1.5,in_domain=1", sort="heat_of_formation"):
        print(f"{entry.on_a}{entry.on_b}O3: {entry.heat_of_formation:.3f} eV/atom")

# %% [markdown]
# ## The command line
#
# This command does the same:
#
#     ase-orbital predict perovskites.extxyz --domain -o predicted.csv \
#         -m eosnet-heat-of-formation-perovskites -m eosnet-band-gap-mp2018
#
# It shows a progress bar for a hundred crystals or more, and reports why a crystal cannot
# be used. The suffix of the output determines its format: CSV and JSON have one row per
# crystal; `.extxyz` and `.db` contain the crystals with their predictions. Here the
# commands are called from Python.

# %%
from ase_orbital.cli.main import main

models = ["-m", "eosnet-heat-of-formation-perovskites", "-m", "eosnet-band-gap-mp2018"]
for name in ("predicted.csv", "predicted.db"):
    options = ["--domain", *models, "-o", str(folder / name)]
    status = main(["predict", str(folder / "perovskites.extxyz"), *options])
    print(f"{name}: exit status {status}")
predicted = pd.read_csv(folder / "predicted.csv")
predicted["structure"] = predicted["structure"].str.removeprefix(f"{folder}/")
predicted[["structure", "formula", "heat_of_formation", "band_gap", "band_gap_std"]].head(6)

# %%
query = (
    "orbital_heat_of_formation<0.2,orbital_band_gap>1.5,orbital_band_gap<3.5,"
    "orbital_band_gap_std<1,"
    "orbital_in_domain_eosnet_band_gap_mp2018=1,"
    "orbital_in_domain_eosnet_heat_of_formation_perovskites=1"
)
with connect(folder / "predicted.db") as database:
    found = list(database.select(query))
print(f"{len(found)} found in the database, {len(chosen)} above")
