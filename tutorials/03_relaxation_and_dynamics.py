# %% [markdown]
# # Along a relaxation, and through heat
#
# A `Recorder` watches a run that somebody else drives, and notes learned properties as it
# goes. Here copper falls from one crystal structure into another, and is then heated. EMT,
# the potential that comes with ASE, moves the atoms; the models only look on. Needs the
# extra `plot`.

# %%
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # crystals as small as these want no more

import numpy as np
import pandas as pd
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.io import read
from ase.optimize import BFGS, FIRE

from ase_orbital import Predictor
from ase_orbital.search import Recorder

folder = Path(tempfile.mkdtemp())
predictor = Predictor(
    ["eosnet-formation-energy-mp2018", "eosnet-bulk-modulus-mp", "eosnet-shear-modulus-mp"],
    device="cpu",
    domain=True,
)

# %% [markdown]
# ## A relaxation with a stop
#
# Copper as a body-centered crystal, slightly shaken and stretched. That structure is a
# saddle: forces vanish there, and one way leads down to the face-centered one. Two
# optimizers take it. One recorder watches both; a label in front of each row tells them
# apart, and every row goes into a trajectory at once, so that a run that is killed leaves
# what it had.

# %%
start = bulk("Cu", "bcc", a=2.85, cubic=True)
start.set_cell(start.cell * [1.0, 1.0, 1.02], scale_atoms=True)
start.rattle(0.05, seed=0)

relaxation = Recorder(predictor, output=folder / "relaxation.traj")
for method in (FIRE, BFGS):
    copper = start.copy()
    copper.calc = EMT()
    with method(FrechetCellFilter(copper), logfile=None) as optimizer:
        relaxation.watch(optimizer, optimizer=method.__name__)
        optimizer.run(fmax=0.01)
relaxation.plot(
    "energy",
    "formation_energy_per_atom",
    "shear_modulus",
    "shear_modulus_std",
    title="copper, from body-centered to face-centered",
)

# %% [markdown]
# `energy` is EMT's, of both atoms. It was there already: a recorder computes nothing but
# predictions. The networks were trained on relaxed crystals, and know of no path. Yet they
# see the fall. `fmax`, the largest force on an atom, does not: symmetry keeps it small, and
# what moves is the cell, whose stress the optimizer sees too. From the first step at which
# atoms were quiet to the last:

# %%
rows = pd.DataFrame(relaxation.rows)
quiet = rows.query("fmax < 0.01").groupby("optimizer", sort=False)
names = ["energy", "formation_energy_per_atom", "shear_modulus"]
change = quiet[names].last() - quiet[names].first()
change["energy"] /= 2
change["quiet steps"] = quiet.size()
change.rename(columns={"energy": "EMT's energy per atom"}).round(3)

# %% [markdown]
# ## What was written
#
# Frames of the trajectory have EMT's energy and forces, and each row as `orbital_<name>` in
# `info`. To predict again for all frames at once gives the same numbers; for a path that is
# there already this is the faster way.

# %%
frames = read(folder / "relaxation.traj", ":")
last = frames[-1]
print(f"{len(frames)} frames; the last: {last.get_potential_energy():.4f} eV")
print({name: last.info[f"orbital_{name}"] for name in ("optimizer", "step")})
again = pd.DataFrame(predictor.predict_many(frames))
difference = (again["shear_modulus"] - rows["shear_modulus"]).abs().max()
print(f"shear moduli are equal to {difference:.0e} GPa")

# %% [markdown]
# ## Heat
#
# Molecular dynamics is watched in the same way, and has a `time`. Langevin's equation holds
# copper at three temperatures, in a cell that stays as it is at rest. The first steps are
# left out. Every fifth of the others is predicted, and goes into an ASE database.

# %%
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta

edge = (2 * copper.get_volume()) ** (1 / 3)  # of the cube with four atoms, Å
crystal = bulk("Cu", a=edge, cubic=True) * (2, 2, 2)
temperatures = (300, 600, 900)  # K
rng = np.random.default_rng(0)


def hot(temperature):
    """Copper that has the temperature once half of its motion has become displacement."""
    atoms = crystal.copy()
    thermalize_momenta(atoms, 2 * temperature, rng=rng)
    atoms.calc = EMT()
    return atoms


langevin = Recorder(predictor, output=folder / "langevin.db")
for temperature in temperatures:
    settings = {"temperature_K": temperature, "friction": 0.01 / units.fs, "rng": rng}
    with Langevin(hot(temperature), 4 * units.fs, fixcm=False, **settings) as dynamics:
        dynamics.run(100)
        langevin.watch(dynamics, interval=5, temperature=temperature)
        dynamics.run(200)
langevin.plot("energy", "formation_energy_per_atom", "shear_modulus", title="hot copper")

# %% [markdown]
# What does heat cost, in eV per atom above the crystal at rest? Harmonic motion would store
# 1.5 kT in displacements, and EMT is near that. The network sees a small part of it:

# %%
crystal.calc = EMT()
rest = predictor.predict(crystal)["formation_energy_per_atom"]
heat = pd.DataFrame(langevin.rows).groupby("temperature").mean(numeric_only=True)
pd.DataFrame(
    {
        "1.5 kT": 1.5 * units.kB * heat.index,
        "EMT": (heat["energy"] - crystal.get_potential_energy()) / len(crystal),
        "learned": heat["formation_energy_per_atom"] - rest,
        "in domain": heat["in_domain"],
    },
    index=heat.index,
).round(3)

# %% [markdown]
# That is a limit to know. A model that was trained on crystals at rest has seen few
# displaced atoms, and answers as if they mattered less. `in_domain` does not tell: it asks
# whether all that describes an atom is in the ranges seen for its element, and for copper
# they are wide. Energies of heat are a potential's business.
#
# The database can be asked later for moments of the run. The stiffest at 900 K:

# %%
from ase.db import connect

with connect(folder / "langevin.db") as database:
    print(f"{database.count()} rows")
    for row in database.select(
        "orbital_temperature=900", sort="-orbital_shear_modulus", limit=2
    ):
        print(f"{row.orbital_time:.0f} fs: {row.orbital_shear_modulus:.1f} GPa")

# %% [markdown]
# ## A cell that breathes
#
# The mean structure of a hot crystal is a larger one. At constant pressure the cell grows,
# and the moduli fall, which the models have learned from crystals of all sizes. Rows go
# into a CSV file here.

# %%
from ase.md.nptberendsen import NPTBerendsen

from ase_orbital.plotting import distributions

softness = 1.0 / (relaxation.rows[-1]["bulk_modulus"] * units.GPa)  # as learned
breathing = Recorder(predictor, output=folder / "breathing.csv")
for temperature in temperatures:
    with NPTBerendsen(
        hot(temperature),
        4 * units.fs,
        temperature_K=temperature,
        pressure_au=0.0,
        compressibility_au=softness,
        taut=100 * units.fs,
        taup=100 * units.fs,
    ) as dynamics:
        dynamics.run(150)
        breathing.watch(dynamics, interval=5, temperature=temperature)
        dynamics.run(200)

moduli = pd.read_csv(folder / "breathing.csv").groupby("temperature")["bulk_modulus"]
distributions(
    dict(iter(moduli)),
    label="bulk modulus",
    unit="GPa",
    by="temperature (K)",
    title="copper at zero pressure",
)

# %%
fixed = pd.DataFrame(langevin.rows).groupby("temperature")["bulk_modulus"]
volumes = pd.DataFrame(breathing.rows).groupby("temperature")["volume"]
pd.DataFrame(
    {
        "volume per atom, Å^3": volumes.mean() / len(crystal),
        "bulk modulus, GPa": moduli.mean(),
        "in the cell at rest, GPa": fixed.mean(),
    }
).round(2)

# %% [markdown]
# Most of the softening comes with the volume. The distributions are those of the running
# crystal; the spread of the model itself, by which all of it may be wrong, is larger:

# %%
pd.DataFrame(breathing.rows)["bulk_modulus_std"].agg(["min", "mean", "max"]).round(1)
