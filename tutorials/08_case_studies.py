# %% [markdown]
# # Case studies: what the models know
#
# This tutorial applies the shipped models to Mn2O7 and Si3NiP4, the case studies of the
# OCrystalNet paper (X. Yang, arXiv:2211.11543), and then to crystals that are less and less
# like the training data. It compares predictions with known values and with three
# indicators of their reliability: the standard deviation, the domain, and the prediction of
# another network. You need the extra `plot`.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small crystals run fastest on one thread

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from ase.build import bulk
from ase.collections import dcdft
from ase.io import read
from ase.neighborlist import neighbor_list
from ase.units import GPa

from ase_orbital import Predictor, load_model
from ase_orbital.errors import ElementError

# %% [markdown]
# ## Two crystals
#
# The geometries and the known values are from the Materials Project (Jain et al., APL
# Mater. 1, 011002 (2013)). Si3NiP4 (mp-8311) is a semiconductor of tetrahedra. It is part
# of the data from which the models were made, so a small error is no achievement. Mn2O7
# (mp-28338) consists of molecules in which two MnO4 tetrahedra share an oxygen. No model
# was trained on it, because its cell has too many atoms. Its known values are from a later
# release than those of most training data.

# %%
crystals = {"Si3NiP4": read("Si3NiP4.cif"), "Mn2O7": read("Mn2O7.cif")}
KNOWN = {
    "Si3NiP4": {
        "formation_energy_per_atom": -0.2465,
        "band_gap": 0.3308,
        "fermi_energy": 7.068,
        "bulk_modulus": 105.0,
        "shear_modulus": 61.0,
    },
    "Mn2O7": {"formation_energy_per_atom": -0.9017, "band_gap": 1.806},
}
NETWORKS = {
    "EOSNet": [
        "eosnet-formation-energy-mp2018",
        "eosnet-band-gap-mp2018",
        "eosnet-fermi-energy-mp2018",
        "eosnet-bulk-modulus-mp",
        "eosnet-shear-modulus-mp",
    ],
    "OCrystalNet": [
        "ocrystalnet-band-gap-mp2018",
        "ocrystalnet-bulk-modulus-mp",
        "ocrystalnet-shear-modulus-mp",
    ],
}
lines = []
for name, atoms in crystals.items():
    for network, models in NETWORKS.items():
        for model in models:
            predictor = Predictor(model, device="cpu", domain=True)
            key = predictor.properties[0]
            prediction = predictor.predict(atoms)
            lines.append(
                {
                    "crystal": name,
                    "property": key,
                    "unit": predictor.units[key],
                    "known": KNOWN[name].get(key, np.nan),
                    "predicted": prediction[key],
                    "std": prediction.get(f"{key}_std", np.nan),
                    "in_domain": prediction["in_domain"],
                    "network": network,
                }
            )
pd.DataFrame(lines).sort_values(["crystal", "property"]).round(3)

# %% [markdown]
# Mn2O7 is outside the domain of one of these eight models, EOSNet's for bulk moduli: it
# consists of molecules, and few crystals with known moduli do. Outside the domain a
# prediction can be right, but nothing says so beforehand. The band gap is in the domain of
# both networks, and both predict it to 0.15 eV.
#
# ## How a network represents the atoms
#
# The left figure shows cosine similarities between the input features of the atoms of
# Mn2O7, which are the orbital field matrix and elemental features. The right one shows them
# for the atoms after message passing in the OCrystalNet for band gaps. The input features
# distinguish the elements, but little else. After message passing the oxygens differ as
# well, although not as a chemist would group them: some terminal ones differ from the
# others, and the bridging ones are similar to the rest.

# %%
from ase_orbital.plotting import similarity_map


def kinds(atoms):
    """Label atoms by element, and oxygen by the number of Mn within 2 Å (one or two)."""
    oxygen = neighbor_list("i", atoms, {("Mn", "O"): 2.0})
    n_neighbors = np.bincount(oxygen, minlength=len(atoms))
    names = {1: "O, terminal", 2: "O, bridging"}
    pairs = zip(atoms.symbols, n_neighbors, strict=True)
    return [names[n] if symbol == "O" else symbol for symbol, n in pairs]


network = load_model("ocrystalnet-band-gap-mp2018")
graph, *_ = network.graph_converter().get_graph(crystals["Mn2O7"])
network(graph)
hidden = network.feature_dict
groups = kinds(crystals["Mn2O7"])
print({kind: groups.count(kind) for kind in dict.fromkeys(groups)})
similarity_map(
    {"input features": graph.x, "after message passing": hidden["atoms"].detach()},
    groups,
    title="Mn2O7",
)

# %% [markdown]
# ## A strained crystal
#
# The energies of compressed and stretched silicon are known from WIEN2k (Lejaeghere et al.,
# Science 351, aad3000 (2016); `dcdft` in ASE). The model was trained on distorted copies of
# crystals, too, with volumes changed by -15 to 20 %, which are strains of -5 to 6 %.

# %%
energy_model = Predictor("eosnet-formation-energy-mp2018", device="cpu", domain=True)
silicon, data = dcdft["Si"], dcdft.data["Si"]
strains = np.linspace(-0.15, 0.40, 45)
strained = []
for strain in strains:
    atoms = silicon.copy()
    atoms.set_cell(silicon.cell * (1.0 + strain), scale_atoms=True)
    strained.append(atoms)
table = pd.DataFrame(energy_model.predict_many(strained))
predicted = table["formation_energy_per_atom"].to_numpy()
std = table["formation_energy_per_atom_std"].to_numpy()
outside = table["in_domain"].to_numpy() == 0

volume, modulus = data["wien2k_volume"], data["wien2k_B"] * GPa
near = strains[np.abs(strains) <= 0.10]  # the range of the equation of state
x = (volume / (silicon.get_volume() / len(silicon) * (1.0 + near) ** 3)) ** (2.0 / 3.0)
known = (x - 1.0) ** 3 * data["wien2k_Bp"] + (x - 1.0) ** 2 * (6.0 - 4.0 * x)
known *= 9.0 * volume * modulus / 16.0  # eV/atom, Birch-Murnaghan

figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
axes.fill_between(
    100 * strains, predicted - std, predicted + std, color="#0072B2", alpha=0.25, lw=0
)
axes.plot(100 * strains, predicted, color="#0072B2", label="model, with standard deviation")
axes.plot(
    100 * strains[outside],
    predicted[outside],
    "o",
    color="#0072B2",
    markerfacecolor="white",
    markersize=4,
    label="outside the domain",
)
axes.plot(100 * near, known, color="#D55E00", label="WIEN2k")
axes.set_xlabel("strain of all lengths (%)")
axes.set_ylabel("formation energy (eV/atom)")
axes.legend(frameon=False, fontsize=9)
plt.close(figure)
figure

# %% [markdown]
# Near the relaxed crystal the model follows the known energy. Stretched by 2.5 % or
# compressed by 5 %, silicon is far above its minimum and therefore outside the domain, and
# the standard deviation grows, faster under compression.
#
# ## Crystals that do not exist
#
# The next crystals range from well known to impossible. Argon fluoride has nearly as low a
# predicted formation energy as table salt. A model always returns a number; the standard
# deviation and the domain show that this one means nothing. Outside the domain are all
# crystals here that do not exist.

# %%
candidates = {
    "NaCl": bulk("NaCl", "rocksalt", a=5.64),
    "solid argon": bulk("Ar", "fcc", a=5.26),
    "ArF, rock salt": bulk("ArF", "rocksalt", a=4.6),
    "FO, rock salt": bulk("FO", "rocksalt", a=4.0),
    "NaNe, rock salt": bulk("NaNe", "rocksalt", a=5.2),
    "hydrogen, bcc": bulk("H", "bcc", a=2.5),
    "chlorine, fcc": bulk("Cl", "fcc", a=4.5),
}
predictions = energy_model.predict_many(candidates.values())
pd.DataFrame(predictions, index=list(candidates)).round(3)

# %% [markdown]
# Elements that were not in the training set raise an error, because the network has learned
# nothing about them:

# %%
perovskites = Predictor("eosnet-heat-of-formation-perovskites", device="cpu")
for predictor, atoms in (
    (energy_model, bulk("Po", "sc", a=3.35)),
    (perovskites, candidates["NaCl"]),
):
    try:
        predictor.predict(atoms)
    except ElementError as error:
        print(error)

# %% [markdown]
# ## Two networks for elemental solids
#
# The bulk moduli that both networks predict for elemental solids are compared with those
# from WIEN2k. Elements that the models do not know are left out.

# %%
eosnet = Predictor("eosnet-bulk-modulus-mp", device="cpu", domain=True)
ocrystalnet = Predictor("ocrystalnet-bulk-modulus-mp", device="cpu", domain=True)
# Solids of molecules, chains or layers:
LOOSE = ["H", "C", "N", "O", "F", "P", "Cl", "As", "Se", "Br", "Sb", "Te", "I", "Bi"]
rows = []
for symbol in dcdft.names:
    try:
        one, other = (model.predict(dcdft[symbol]) for model in (eosnet, ocrystalnet))
    except ElementError:
        continue
    rows.append(
        {
            "element": symbol,
            "known": dcdft.data[symbol]["wien2k_B"],
            "EOSNet": one["bulk_modulus"],
            "std": one["bulk_modulus_std"],
            "OCrystalNet": other["bulk_modulus"],
            "loose": symbol in LOOSE,
        }
    )
moduli = pd.DataFrame(rows)

figure, every = plt.subplots(
    ncols=2, figsize=(7.2, 3.8), sharex=True, sharey=True, layout="constrained"
)
for axes, name in zip(every, ("EOSNet", "OCrystalNet"), strict=True):
    for loose, color, label in (
        (False, "#0072B2", "dense"),
        (True, "#D55E00", "molecules, chains, layers"),
    ):
        part = moduli[moduli["loose"] == loose]
        axes.plot(part["known"], part[name], "o", color=color, markersize=4, label=label)
        if name == "EOSNet":
            axes.errorbar(
                part["known"], part[name], part["std"], fmt="none", color=color, lw=0.8
            )
    for symbol, offset in {"N": 7, "C": 7, "Mn": -24, "Cr": -20}.items():
        (row,) = moduli[moduli["element"] == symbol].to_dict("records")
        at = row["known"], row[name]
        axes.annotate(symbol, at, (offset, 1), textcoords="offset points", fontsize=9)
    axes.plot([0.5, 500], [0.5, 500], color="0.5", linestyle="--", linewidth=1)
    axes.set(xscale="log", yscale="log", xlabel="WIEN2k (GPa)", title=name)
every[0].set_ylabel("predicted bulk modulus (GPa)")
every[0].legend(frameon=False, fontsize=8, loc="upper left")
plt.close(figure)
figure

# %%
logs = np.log10(moduli[["known", "EOSNet", "OCrystalNet"]])
moduli["error"] = (logs[["EOSNet", "OCrystalNet"]].mean(axis=1) - logs["known"]).abs()
moduli["apart"] = (logs["EOSNet"] - logs["OCrystalNet"]).abs()
means = moduli.groupby("loose")[["error", "apart"]].mean()
means.index = ["dense", "molecules, chains, layers"]
print("means of log10 of ratios:")
print(means.round(3))
rank = moduli[["error", "apart"]].corr("spearman").loc["error", "apart"]
print(f"rank correlation of error and disagreement: {rank:.2f}")
dense = moduli[~moduli["loose"]].sort_values("error", ascending=False)
dense.head(4).round(2)

# %% [markdown]
# There are three lessons. First, both networks are accurate for dense solids. Second, for
# molecules, chains and layers the comparison is not valid: the WIEN2k calculations scale
# the cells together with all bonds, while atoms relax in the training data. Two numbers
# with the same name can be different quantities. Third, chromium and manganese are wrong
# without a warning, because magnetic order is not part of a structure. Both networks agree,
# because they were trained on the same data. If networks disagree, trust neither of them;
# if they agree, remember what they were trained on.
