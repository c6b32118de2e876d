# %% [markdown]
# # Away from equilibrium
#
# Relaxations and structure searches meet structures that are compressed, strained or
# disordered. This tutorial asks how the predicted energy of such structures changes, and
# whether it can be trusted. You need the extra `plot`.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small crystals run fastest on one thread

import matplotlib.pyplot as plt
import numpy as np
from ase.build import bulk
from ase.eos import EquationOfState

from ase_orbital import Predictor
from ase_orbital.training.distortions import rattled, scaled

MODEL = "eosnet-formation-energy-mp2018"
predictor = Predictor(MODEL, device="cpu", domain=True)

# %% [markdown]
# ## Energy against volume
#
# The model of formation energies was trained on relaxed crystals and on distorted copies
# of them, so its energy has a minimum near the volume of the relaxed crystal. The band is
# the 90 % interval of the energy.

# %%
crystals = {
    "MgO": bulk("MgO", "rocksalt", a=4.25),
    "GaAs": bulk("GaAs", "zincblende", a=5.75),
    "NaCl": bulk("NaCl", "rocksalt", a=5.69),
}
changes = np.linspace(-0.12, 0.16, 29)
figure, panels = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for (name, atoms), axes in zip(crystals.items(), panels, strict=True):
    copies = [scaled(atoms, change) for change in changes]
    table = predictor.frame(copies)
    volume = np.array([copy.get_volume() / len(copy) for copy in copies])
    energy = table["formation_energy_per_atom"].to_numpy()
    half = 1.645 * table["formation_energy_per_atom_std"].to_numpy()
    axes.plot(volume, energy)
    axes.fill_between(volume, energy - half, energy + half, alpha=0.2)
    axes.set(title=name, xlabel="volume (Å³/atom)")
    lowest = volume[energy.argmin()]
    known = atoms.get_volume() / 2
    print(f"{name}: lowest at {lowest:.2f} Å³/atom, with DFT at {known:.2f} Å³/atom")
panels[0].set_ylabel("formation energy (eV/atom)")
plt.show()

# %% [markdown]
# An equation of state turns such a curve into a bulk modulus. The elastic moduli have
# models of their own, which are more accurate; the agreement shows how good the shape of
# the curve is.

# %%
near = [scaled(crystals["MgO"], change) for change in np.linspace(-0.06, 0.06, 9)]
energies = [at["formation_energy_per_atom"] * 2.0 for at in predictor.predict_many(near)]
fit = EquationOfState([copy.get_volume() for copy in near], energies)
_, _, modulus = fit.fit()
direct = Predictor("eosnet-bulk-modulus-mp", device="cpu").predict(crystals["MgO"])
print(f"bulk modulus of MgO from the curve: {modulus * 160.2177:.0f} GPa")
print(f"bulk modulus of MgO from its model: {direct['bulk_modulus']:.0f} GPa")

# %% [markdown]
# ## Disorder
#
# Random displacements raise the energy. From 0.1 Å on, the structure is outside the domain,
# and above that the standard deviation grows with them.

# %%
random = np.random.default_rng(0)
supercell = crystals["MgO"].repeat(2)
stds = [0.0, 0.02, 0.05, 0.1, 0.15, 0.2]
table = predictor.frame([rattled(supercell, std, random) for std in stds])
table.insert(0, "displacement", stds)
print(table.round(3).to_string(index=False))

# %% [markdown]
# The page "Away from equilibrium" has the errors for many crystals, and says what the
# models of other properties return.
