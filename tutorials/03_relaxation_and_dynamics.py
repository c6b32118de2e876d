# %% [markdown]
# # Relaxation and molecular dynamics
#
# A `Recorder` observes a run and stores predicted properties at its steps. In this tutorial
# copper transforms from one crystal structure into another, and is then heated. CHGNet, a
# universal potential, moves the atoms; the models do not influence the run. You need the
# extras `plot` and `chgnet`.

# %%
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small crystals run fastest on one thread

import numpy as np
import pandas as pd
from ase import units
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.io import read
from ase.optimize import BFGS, FIRE
from chgnet.model.dynamics import CHGNetCalculator

from ase_orbital import Predictor
from ase_orbital.search import Hull, Recorder

folder = Path(tempfile.mkdtemp())
potential = CHGNetCalculator(use_device="cpu")
predictor = Predictor(
    ["eosnet-formation-energy-mp2018", "eosnet-bulk-modulus-mp", "eosnet-shear-modulus-mp"],
    device="cpu",
    domain=True,
)

# %% [markdown]
# ## A relaxation past a saddle point
#
# The start is body-centered copper, slightly rattled and stretched. This structure is a
# saddle point: the forces vanish, and one path leads down to the face-centered structure.
# Two optimizers follow it. One recorder watches both and distinguishes them by a label. It
# writes every record to a trajectory immediately, so that an interrupted run loses nothing.
# A `Hull` relaxes known phases of copper with the same potential, and adds the formation
# energy according to the potential to each record.

# %%
start = bulk("Cu", "bcc", a=2.85, cubic=True)
start.set_cell(start.cell * [1.0, 1.0, 1.02], scale_atoms=True)
start.rattle(0.05, seed=0)

hull = Hull(potential, cache=folder / "references.extxyz")
relaxation = Recorder(predictor, output=folder / "relaxation.traj", hull=hull)
for method in (FIRE, BFGS):
    copper = start.copy()
    copper.calc = potential
    with method(FrechetCellFilter(copper), logfile=None) as optimizer:
        relaxation.watch(optimizer, optimizer=method.__name__)
        optimizer.run(fmax=0.01)
relaxation.plot(
    "calculated_formation_energy_per_atom",
    "formation_energy_per_atom",
    "shear_modulus",
    "shear_modulus_std",
    title="copper, from body-centered to face-centered",
)

# %% [markdown]
# The recorder took the energies from the run, and computed nothing but predictions. They
# follow the energy. `fmax`, the largest force on an
# atom, does not show the transformation: symmetry keeps it small, while the optimizer
# changes the cell according to the stress. The table shows the changes from the first step
# with small forces to the last:

# %%
records = pd.DataFrame(relaxation.records)
quiet = records.query("fmax < 0.01").groupby("optimizer", sort=False)
names = ["formation_energy_per_atom", "shear_modulus"]
names = ["calculated_formation_energy_per_atom", *names]
change = quiet[names].last() - quiet[names].first()
change["steps"] = quiet.size()
change.round(3)

# %% [markdown]
# ## The trajectory
#
# The frames of the trajectory have the energy and forces of CHGNet, and the values of each
# record as `orbital_<name>` in `info`. `predict_many` gives the same values for all frames.
# If a trajectory exists already, this is faster than a recorder.

# %%
frames = read(folder / "relaxation.traj", ":")
last = frames[-1]
print(f"{len(frames)} frames; the last: {last.get_potential_energy():.4f} eV")
print({name: last.info[f"orbital_{name}"] for name in ("optimizer", "step")})
again = pd.DataFrame(predictor.predict_many(frames))
difference = (again["shear_modulus"] - records["shear_modulus"]).abs().max()
print(f"shear moduli agree within {difference:.0e} GPa")

# %% [markdown]
# ## Molecular dynamics
#
# A recorder watches molecular dynamics in the same way, and its records also have the time,
# the temperature, the total energy and the stress. Langevin dynamics keeps copper at two
# temperatures in the cell of the relaxed crystal. The first steps are left out. Every fifth
# of the others is recorded in an ASE database.

# %%
from ase.md.langevin import Langevin

edge = (2 * copper.get_volume()) ** (1 / 3)  # edge of the cubic cell with four atoms, Å
crystal = bulk("Cu", a=edge, cubic=True) * (2, 1, 1)
temperatures = (300, 900)  # K
rng = np.random.default_rng(0)


def hot(temperature):
    """Copper with twice the kinetic energy, half of which becomes potential energy."""
    atoms = crystal.copy()
    std = np.sqrt(2 * temperature * units.kB * atoms.get_masses())  # Maxwell and Boltzmann
    atoms.set_momenta(std[:, None] * rng.standard_normal((len(atoms), 3)))
    atoms.calc = potential
    return atoms


langevin = Recorder(predictor, output=folder / "langevin.db")
for temperature in temperatures:
    settings = {"temperature_K": temperature, "friction": 0.01 / units.fs, "rng": rng}
    with Langevin(hot(temperature), 4 * units.fs, fixcm=False, **settings) as dynamics:
        dynamics.run(50)
        langevin.watch(dynamics, interval=5, thermostat=temperature)
        dynamics.run(150)
langevin.plot("energy", "formation_energy_per_atom", "shear_modulus", title="hot copper")

# %% [markdown]
# How much higher is the energy per atom than that of the crystal at rest? In a harmonic
# crystal the potential energy increases by 1.5 kT. CHGNet has somewhat less, because the
# run is short, and because one of eight atoms stands for the motion of the whole crystal,
# which costs no energy. The network predicts less:

# %%
crystal.calc = potential
rest = predictor.predict(crystal)["formation_energy_per_atom"]
heat = pd.DataFrame(langevin.records).groupby("thermostat").mean(numeric_only=True)
pd.DataFrame(
    {
        "1.5 kT": 1.5 * units.kB * heat.index,
        "CHGNet": (heat["energy"] - crystal.get_potential_energy()) / len(crystal),
        "predicted": heat["formation_energy_per_atom"] - rest,
        "in domain": heat["in_domain"],
    },
    index=heat.index,
).round(3)

# %% [markdown]
# The model was trained on displaced atoms as well, but it underestimates their energy. Use
# a potential for the energies of displaced atoms.
#
# You can select steps of the run from the database, for example the two with the largest
# shear modulus at 900 K:

# %%
from ase.db import connect

with connect(folder / "langevin.db") as database:
    print(f"{database.count()} records")
    for row in database.select(
        "orbital_thermostat=900", sort="-orbital_shear_modulus", limit=2
    ):
        print(f"{row.orbital_time:.0f} fs: {row.orbital_shear_modulus:.1f} GPa")

# %% [markdown]
# ## Constant pressure
#
# A crystal expands when it is heated. At constant pressure the cell becomes larger, and the
# predicted moduli decrease, because the models were trained on crystals of different
# density. Here the records are written to a CSV file.

# %%
from ase.md.nptberendsen import NPTBerendsen

from ase_orbital.plotting import distributions

compressibility = 1.0 / (relaxation.records[-1]["bulk_modulus"] * units.GPa)  # as predicted
expanding = Recorder(predictor, output=folder / "expanding.csv")
for temperature in temperatures:
    with NPTBerendsen(
        hot(temperature),
        4 * units.fs,
        temperature_K=temperature,
        pressure_au=0.0,
        compressibility_au=compressibility,
        taut=100 * units.fs,
        taup=100 * units.fs,
    ) as dynamics:
        dynamics.run(50)
        expanding.watch(dynamics, interval=5, thermostat=temperature)
        dynamics.run(150)

moduli = pd.read_csv(folder / "expanding.csv").groupby("thermostat")["bulk_modulus"]
distributions(
    dict(iter(moduli)),
    label="bulk modulus",
    unit="GPa",
    by="temperature (K)",
    title="copper at zero pressure",
)

# %%
fixed = pd.DataFrame(langevin.records).groupby("thermostat")["bulk_modulus"]
volumes = pd.DataFrame(expanding.records).groupby("thermostat")["volume"]
pd.DataFrame(
    {
        "volume per atom, Å^3": volumes.mean() / len(crystal),
        "bulk modulus, GPa": moduli.mean(),
        "in the cell at rest, GPa": fixed.mean(),
    }
).round(2)

# %% [markdown]
# Most of the softening follows from the volume. The distributions show fluctuations during
# the run. The standard deviation of the model, an error which may be common to all steps,
# is larger:

# %%
pd.DataFrame(expanding.records)["bulk_modulus_std"].agg(["min", "mean", "max"]).round(1)
