# %% [markdown]
# # A day of work
#
# This tutorial follows a working day from a few structures of your own to a trained model:
# predictions, a relaxation with molecular dynamics, a genetic algorithm, a training run
# that is killed and resumed, three thousand structures on the command line, and other
# libraries. Every step is short. You need the extras `plot` and `search`.

# %%
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # small crystals run fastest on one thread
# Commands are those of this Python, also if its environment is not activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.collections import dcdft
from ase.filters import FrechetCellFilter
from ase.io import read, write
from ase.md.langevin import Langevin
from ase.optimize import BFGS

from ase_orbital import Predictor
from ase_orbital.search import Recorder

folder = Path(tempfile.mkdtemp())


def shell(command):
    """Run a command in the folder, and print what it writes."""
    done = subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, check=False
    )
    print(f"$ {command}\n{done.stdout}{done.stderr}(exit status {done.returncode})")


# %% [markdown]
# ## Ten structures of your own
#
# A DataFrame has one row per structure. The reason is in `error` if there is no prediction.

# %%
structures = [read("SrTiO3.cif"), read("Si3NiP4.cif"), read("Mn2O7.cif")]
structures += [bulk(name, "rocksalt", a=a) for name, a in (("NaCl", 5.64), ("MgO", 4.21))]
structures += [bulk(name, "zincblende", a=a) for name, a in (("GaAs", 5.65), ("ZnS", 5.41))]
structures += [bulk("Cu"), bulk("Al"), bulk("Si")]
models = ["eosnet-bulk-modulus-mp", "eosnet-formation-energy-mp2018"]
predictor = Predictor(models, device="cpu", domain=True)
predictor.frame(structures).round(2)

# %% [markdown]
# ## A relaxation and molecular dynamics
#
# EMT stands for the calculator that you use. The recorder writes each record at once, and
# the last step is recorded whatever the interval.

# %%
alloy = bulk("Cu", cubic=True).repeat((2, 1, 1))
alloy.symbols[0] = "Au"
alloy.rattle(0.1, seed=0)
alloy.calc = EMT()
recorder = Recorder(predictor, output=folder / "alloy.extxyz")
with BFGS(FrechetCellFilter(alloy), logfile=None) as optimizer:
    recorder.watch(optimizer, interval=5, run="relaxation")
    optimizer.run(fmax=0.02)
random = np.random.default_rng(0)
dynamics = Langevin(
    alloy, 2.0 * units.fs, temperature_K=600, friction=0.02, fixcm=False, rng=random
)
recorder.watch(dynamics, interval=10, run="dynamics")
dynamics.run(50)
for record in recorder.records[::3]:
    print({name: record[name] for name in ("run", "step", "energy", "bulk_modulus")})

# %% [markdown]
# ## A genetic algorithm
#
# ase_ga proposes crystals of Cu3Au, EMT relaxes them, a `Score` rates them by the predicted
# formation energy, and a comparator keeps equal crystals out of the population.

# %%
from ase_ga.cutandsplicepairing import CutAndSplicePairing
from ase_ga.data import DataConnection, PrepareDB
from ase_ga.population import Population
from ase_ga.startgenerator import StartGenerator
from ase_ga.utilities import CellBounds

from ase_orbital.search import GOMComparator, Minimize, Score

random, nothing = np.random.RandomState(0), Atoms(pbc=True)
closest = dict.fromkeys([(29, 29), (29, 79), (79, 29), (79, 79)], 1.9)  # Å
bounds = {name: [35, 145] for name in ("phi", "chi", "psi")}
bounds |= {name: [2.2, 9] for name in "abc"}
cells = {
    "cellbounds": CellBounds(bounds),
    "number_of_variable_cell_vectors": 3,
    "rng": random,
}
generator = StartGenerator(
    nothing, [("Cu", 3), ("Au", 1)], closest, box_volume=53.0, test_too_far=False, **cells
)
score = Score(predictor, [Minimize("formation_energy_per_atom")])


def evaluate(candidate):
    """Relax a candidate for a few steps, and rate it."""
    candidate.calc = EMT()
    BFGS(FrechetCellFilter(candidate), logfile=None, maxstep=0.1).run(fmax=0.05, steps=30)
    score.annotate(candidate)
    data.add_relaxed_step(candidate)


start = PrepareDB(folder / "search.db", simulation_cell=nothing, population_size=4)
for _ in range(4):
    start.add_unrelaxed_candidate(generator.get_new_candidate())
data = DataConnection(folder / "search.db")
while data.get_number_of_unrelaxed_candidates():
    evaluate(data.get_an_unrelaxed_candidate())
population = Population(data, 4, comparator=GOMComparator(), rng=random)
pairing = CutAndSplicePairing(nothing, 4, closest, p1=1.0, p2=0.0, minfrac=0.15, **cells)
for _ in range(4):
    child, description = pairing.get_new_individual(population.get_two_candidates())
    if child is not None:
        data.add_unrelaxed_candidate(child, description)
        evaluate(child)
        population.update()
for candidate in population.pop:
    energy = -candidate.info["key_value_pairs"]["raw_score"]
    print(f"{candidate.symbols}: {energy:.3f} eV/atom")

# %% [markdown]
# ## Train on a thousand crystals, kill the run, and resume it
#
# Elements of ASE's `dcdft` set are compressed and stretched. The model learns the logarithm
# of the volume per atom, in Å³, to keep the example short; a property of your own is a
# column of the file.

# %%
crystals = []
for symbol in dcdft.names:
    for strain in np.linspace(0.9, 1.1, 15):
        crystal = dcdft[symbol]
        crystal.set_cell(crystal.cell * strain ** (1.0 / 3.0), scale_atoms=True)
        volume = crystal.get_volume() / len(crystal)
        crystal.info = {"id": f"{symbol}-{strain:.3f}", "volume_per_atom": volume}
        crystals.append(crystal)
chosen = np.random.default_rng(0).permutation(len(crystals))[:1000]
write(folder / "crystals.extxyz", [crystals[index] for index in chosen])
TRAIN = (
    "ase-orbital train crystals.extxyz --property-name volume_per_atom --unit A^3 "
    "--transform log10 --epochs 4 --members 1 --no-progress -o run"
)
with (folder / "train.log").open("w") as log:
    process = subprocess.Popen(TRAIN.split(), cwd=folder, stderr=log, stdout=log)
    checkpoint = folder / "run" / "member-0" / "last.ckpt"
    while not checkpoint.is_file() and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)  # Ctrl-C
    process.wait()
print((folder / "train.log").read_text())
shell(TRAIN)

# %% [markdown]
# ## Three thousand structures in a pipeline
#
# Seven of them are bad: atoms coincide, cells are flat, or elements are unknown to the
# model. They are reported on stderr and have their reason in the table; the others are
# predicted.

# %%
many = []
for number, strain in enumerate(np.linspace(0.95, 1.05, 43)):
    for symbol in dcdft.names:
        crystal = dcdft[symbol]
        crystal.set_cell(crystal.cell * strain, scale_atoms=True)
        crystal.info = {"id": f"{symbol}-{number}"}
        many.append(crystal)
many = many[:2993]
coincident = bulk("Cu", cubic=True)
coincident.positions[1] = coincident.positions[0]
flat = Atoms("Cu", cell=[[3, 0, 0], [0, 3, 0], [3, 3, 0]], pbc=True)
for number, atoms in enumerate(
    [coincident] * 3 + [flat] * 2 + [bulk("Ac", "fcc", a=5.67)] * 2
):
    bad = atoms.copy()
    bad.info["id"] = f"bad-{number}"
    many.insert(400 * number, bad)
write(folder / "many.extxyz", many)
shell(
    "cat many.extxyz | ase-orbital predict - -m run/model --domain -o - > table.csv; "
    "wc -l table.csv; grep bad- table.csv"
)
shell(
    "ase-orbital predict many.extxyz@:300 -m run/model --where 'volume_per_atom > 25' "
    "--sort volume_per_atom- --top 5 2> /dev/null"
)

# %% [markdown]
# ## matgl and PyG
#
# The model is one of matgl's, and its converter makes graphs of PyTorch Geometric.

# %%
import matgl

model = matgl.load_model(folder / "run" / "model")
print(float(model.predict_structure(bulk("Cu"))), "Å³ per atom")
graph, _, _ = model.graph_converter("pyg").get_graph(bulk("Cu"))
print(graph)

# %% [markdown]
# ## A notebook
#
# In a notebook, results show themselves: the DataFrame above, and a recorder.

# %%
recorder
