# %% [markdown]
# # Search for structures
#
# Learned properties and fingerprints inside the loops that look for crystals: along a
# relaxation, in a genetic algorithm, and as the energy that is minimized. Needs the extras
# `plot` and `search`. EMT, the potential that comes with ASE, stands for whatever computes
# your energies. Crystals as small as these are computed fastest on one thread.

# %%
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.neighborlist import neighbor_list
from ase.optimize import BFGS, FIRE
from ase.spacegroup import crystal

from ase_orbital import FingerprintCalculator, Predictor

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)

# %% [markdown]
# ## Properties along a relaxation
#
# A `Recorder` watches an optimizer, and predicts on every step or on every n-th. It costs
# no extra force call, and leaves `atoms.info` alone.

# %%
from ase_orbital.search import Recorder

alloy = crystal(
    ["Au", "Cu"], [(0, 0, 0), (0, 0.5, 0.5)], spacegroup=221, cellpar=[4.1] * 3 + [90] * 3
)
alloy.rattle(0.2, rng=rng)
alloy.calc = EMT()
predictor = Predictor(
    ["eosnet-bulk-modulus-mp", "eosnet-formation-energy-mp2018"], device="cpu"
)
recorder = Recorder(predictor, output=folder / "relaxation.csv")
with BFGS(FrechetCellFilter(alloy), logfile=None) as optimizer:
    recorder.watch(optimizer)
    optimizer.run(fmax=0.02)
picture = recorder.plot(
    "energy",
    "bulk_modulus",
    "bulk_modulus_std",
    "formation_energy_per_atom",
    "formation_energy_per_atom_std",
    title="Cu3Au relaxes",
)
picture.savefig(folder / "relaxation.png")
picture

# %% [markdown]
# ## A genetic algorithm
#
# `ase_ga` proposes crystals of Cu3Au, EMT relaxes them, and a score says what is good: here
# a low formation energy of the learned model, in the range of what it was trained on. Two
# candidates count as one if their fingerprints do, whatever their cells.

# %%
from ase_ga.cutandsplicepairing import CutAndSplicePairing
from ase_ga.data import DataConnection, PrepareDB
from ase_ga.offspring_creator import OperationSelector
from ase_ga.population import Population
from ase_ga.standardmutations import RattleMutation, StrainMutation
from ase_ga.startgenerator import StartGenerator
from ase_ga.utilities import CellBounds

from ase_orbital.search import AtLeast, GOMComparator, Minimize, Score

random = np.random.RandomState(0)
nothing = Atoms(pbc=True)
closest = dict.fromkeys([(29, 29), (29, 79), (79, 29), (79, 79)], 1.9)  # Å
angles = {name: [35, 145] for name in ("phi", "chi", "psi")}
bounds = CellBounds({**angles, **{name: [2.2, 9] for name in "abc"}})
cells = {"cellbounds": bounds, "number_of_variable_cell_vectors": 3, "rng": random}
score = Score(
    Predictor("eosnet-formation-energy-mp2018", device="cpu", domain=True),
    [Minimize("formation_energy_per_atom"), AtLeast("in_domain", 1.0, penalty=0.1)],
)
comparator = GOMComparator()


def evaluate(candidate):
    candidate.calc = EMT()
    relaxation = BFGS(FrechetCellFilter(candidate), logfile=None, maxstep=0.1)
    relaxation.run(fmax=0.05, steps=80)
    score.annotate(candidate)
    data.add_relaxed_step(candidate)


start = PrepareDB(folder / "search.db", simulation_cell=nothing, population_size=6)
generator = StartGenerator(
    nothing, [("Cu", 3), ("Au", 1)], closest, box_volume=53.0, test_too_far=False, **cells
)
for _ in range(6):
    start.add_unrelaxed_candidate(generator.get_new_candidate())
data = DataConnection(folder / "search.db")
while data.get_number_of_unrelaxed_candidates():
    evaluate(data.get_an_unrelaxed_candidate())
population = Population(data, 6, comparator=comparator, rng=random)
operators = OperationSelector(
    [4, 3, 3],
    [
        CutAndSplicePairing(nothing, 4, closest, p1=1.0, p2=0.0, minfrac=0.15, **cells),
        StrainMutation(closest, stddev=0.4, **cells),
        RattleMutation(
            closest, 4, rattle_strength=2.0, test_dist_to_slab=False, rng=random
        ),
    ],
    rng=random,
)
best = []
for _ in range(20):
    child, description = operators.get_new_individual(population.get_two_candidates())
    if child is not None:
        data.add_unrelaxed_candidate(child, description)
        evaluate(child)
        population.update()
    best.append(-population.pop[0].info["key_value_pairs"]["raw_score"])
found = population.pop[0]
print(f"best of all: {best[-1]:.4f} eV/atom")
print(f"the ordered alloy: {'yes' if comparator.looks_like(found, alloy) else 'not yet'}")

# %%
figure, axes = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
axes.step(range(1, len(best) + 1), best, where="post")
axes.axhline(-score(alloy), color="0.5", linestyle="--", label="the relaxed alloy above")
axes.set_xlabel("candidates after the first six")
axes.set_ylabel("formation energy (eV/atom)")
axes.legend(frameon=False)
figure.savefig(folder / "search.png")
plt.close(figure)
figure

# %% [markdown]
# ## Fingerprints as an energy
#
# The spread of the fingerprints within each species is an energy that is zero where all
# atoms of a species have equal surroundings (Tao, Shao & Zhu, arXiv:2401.13953). Added to a
# potential it leads past minima that are low in nothing but symmetry. Eight copper atoms
# from anywhere, once with EMT alone and once with both:


# %%
def anywhere(formula, volume, seed):
    """Atoms at random in a random cell; Å^3 an atom."""
    rng = np.random.default_rng(seed)
    while True:
        cell = np.eye(3) + 0.3 * rng.normal(size=(3, 3))
        if abs(np.linalg.det(cell)) < 0.4:
            continue
        atoms = Atoms(formula, pbc=True)
        atoms.set_cell(cell * (volume * len(atoms) / abs(np.linalg.det(cell))) ** (1 / 3))
        atoms.set_scaled_positions(rng.random((len(atoms), 3)))
        if not len(neighbor_list("d", atoms, 0.6 * volume ** (1 / 3))):
            return atoms


curves = {}
for name, calculator in {
    "EMT": EMT(),
    "EMT and fingerprints": FingerprintCalculator(weight=100.0, base=EMT()),
}.items():
    curves[name] = []
    for seed in (3, 4):
        copper = anywhere("Cu8", 13.0, seed)
        copper.calc = calculator
        curve = []

        def note(curve=curve, copper=copper):
            parts = getattr(copper.calc, "parts", {"base": copper.get_potential_energy()})
            curve.append(parts["base"] / len(copper))

        with BFGS(FrechetCellFilter(copper), logfile=None) as optimizer:
            optimizer.attach(note)
            optimizer.run(fmax=0.05, steps=200)
        curves[name].append(curve)
        print(f"{name}, seed {seed}: {curve[-1]:.3f} eV/atom after {len(curve)} steps")

# %%
figure, axes = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
for (name, runs), color in zip(curves.items(), ("#0072B2", "#D55E00"), strict=True):
    for index, curve in enumerate(runs):
        axes.plot(curve, color=color, label=name if index == 0 else None)
axes.set_ylim(-0.05, 1.0)
axes.set_xlabel("step")
axes.set_ylabel("EMT energy (eV/atom)")
axes.legend(frameon=False)
figure.savefig(folder / "fingerprints.png")
plt.close(figure)
figure

# %% [markdown]
# With a `target` the energy is the distance from another crystal's fingerprints, and a
# relaxation goes there: shaken carbon becomes diamond again.

# %%
from ase.build import bulk

diamond = bulk("C", cubic=True)
shaken = diamond.copy()
shaken.rattle(0.25, rng=rng)
before = comparator.difference(shaken, diamond)
shaken.calc = FingerprintCalculator(diamond, weight=100.0)
BFGS(FrechetCellFilter(shaken), logfile=None).run(fmax=0.01, steps=100)
print(f"difference {before:.3f}, then {comparator.difference(shaken, diamond):.5f}")

# %% [markdown]
# ## A wish as an energy
#
# `ObjectiveCalculator` makes an energy of wishes about properties, with forces and stress
# through network and descriptor, so that any optimizer follows them. A model can be wrong
# uphill: the term of `domain_excess` holds the crystal near those of the training set, in
# standard deviations of their descriptors. Here the band gap of SrTiO3 is to become 2.5 eV.

# %%
from ase.io import read

from ase_orbital.search import AtMost, ObjectiveCalculator, Target

perovskite = read("SrTiO3.cif")
perovskite.rattle(0.03, rng=rng)
terms = [Target("band_gap", 2.5, weight=5.0), AtMost("domain_excess", 0.3, penalty=5.0)]
perovskite.calc = ObjectiveCalculator("eosnet-band-gap-mp2018", terms)
rows = []
with FIRE(FrechetCellFilter(perovskite), logfile=None) as optimizer:
    optimizer.attach(lambda: rows.append(dict(perovskite.calc.values)))
    optimizer.run(fmax=0.05, steps=60)
for row in (rows[0], rows[-1]):
    print({name: round(value, 3) for name, value in row.items()})

# %%
figure, (above, below) = plt.subplots(
    2, figsize=(5.6, 4.2), sharex=True, layout="constrained"
)
above.plot([row["band_gap"] for row in rows])
above.axhline(2.5, color="0.5", linestyle="--")
above.set_ylabel("band gap (eV)")
below.plot([row["domain_excess"] for row in rows])
below.axhline(0.3, color="0.5", linestyle="--")
below.set_ylabel("outside the training\nset (std. dev.)")
below.set_xlabel("step")
figure.savefig(folder / "wish.png")
plt.close(figure)
figure

# %% [markdown]
# ## Uphill, and how far to trust it
#
# The other way is to raise a property. Graphite-like boron nitride is soft, and its cubic
# form among the hardest crystals there are. So: raise the predicted bulk modulus of the
# soft one, once with nothing in the way, and once held near the training set
# (`domain_excess`) and to where the networks of the ensemble agree (`bulk_modulus_std`).

# %%
from ase_orbital.search import Maximize

hexagonal = crystal(
    ["B", "N"],
    [(1 / 3, 2 / 3, 1 / 4), (1 / 3, 2 / 3, 3 / 4)],
    spacegroup=194,
    cellpar=[2.50, 2.50, 6.66, 90, 90, 120],
)
cubic = bulk("BN", "zincblende", a=3.615)
uphill = [Maximize("bulk_modulus", weight=0.02)]  # eV/GPa
limits = [
    AtMost("domain_excess", 0.3, penalty=5.0),
    AtMost("bulk_modulus_std", 20.0, penalty=0.005),
]
climbs = {}
for name, terms in {"nothing in the way": uphill, "with limits": uphill + limits}.items():
    nitride = hexagonal.copy()
    nitride.rattle(0.05, seed=0)
    nitride.calc = ObjectiveCalculator("eosnet-bulk-modulus-mp", terms)
    climb = climbs[name] = []

    def note(climb=climb, nitride=nitride):
        volume = nitride.get_volume() / len(nitride)
        climb.append({**nitride.calc.values, "volume": volume})

    with FIRE(FrechetCellFilter(nitride), logfile=None, maxstep=0.1) as optimizer:
        optimizer.attach(note)
        optimizer.run(fmax=0.05, steps=80)
    end = {quantity: round(float(value), 2) for quantity, value in climb[-1].items()}
    n_near = len(neighbor_list("d", nitride, 1.8)) / len(nitride)
    print(f"{name}: {end}, {n_near:g} neighbors within 1.8 Å")
known = Predictor("eosnet-bulk-modulus-mp", device="cpu").predict(cubic)["bulk_modulus"]
volume = cubic.get_volume() / 2
print(f"the cubic one: {known:.0f} GPa predicted, {volume:.2f} Å^3 an atom")

# %%
quantities = {
    "bulk_modulus": "predicted bulk\nmodulus (GPa)",
    "volume": "volume an\natom (Å$^3$)",
    "domain_excess": "outside the training\nset (std. dev.)",
}
figure, panels = plt.subplots(3, figsize=(5.6, 6.0), sharex=True, layout="constrained")
for (name, climb), color in zip(climbs.items(), ("#D55E00", "#0072B2"), strict=True):
    for (quantity, label), panel in zip(quantities.items(), panels, strict=True):
        values = np.array([row[quantity] for row in climb])
        panel.plot(values, color=color, label=name)
        panel.set_ylabel(label)
        if quantity == "bulk_modulus":
            spread = np.array([row["bulk_modulus_std"] for row in climb])
            panel.fill_between(
                range(len(values)), values - spread, values + spread,
                color=color, alpha=0.2, linewidth=0,
            )  # fmt: skip
for panel, level in zip(panels, (known, volume, 0.3), strict=True):
    panel.axhline(level, color="0.5", linestyle="--", zorder=0)
panels[0].annotate("cubic", (0, known), (0, 4), textcoords="offset points", color="0.4")
panels[2].annotate("limit", (0, 0.3), (0, 4), textcoords="offset points", color="0.4")
panels[0].legend(frameon=False, loc="lower right")
panels[-1].set_xlabel("step")
figure.align_ylabels()
figure.savefig(folder / "uphill.png")
plt.close(figure)
figure

# %% [markdown]
# With nothing in the way the crystal is crushed to two thirds of the cubic one's volume.
# The number is high and means nothing: the networks disagree about it by a quarter. The
# distance from the training set grows by less than half a standard deviation, because each
# number of a descriptor is in the range that some crystal has: the limit on it alone ends
# at 402 GPa and 3.8 Å^3, too. With both limits the prediction stops near that for the cubic
# crystal, at nearly its density, and the networks agree. What is found is still not cubic
# boron nitride: each atom has three near neighbors and not four. No energy took part, so it
# need not be stable. It is a candidate: relax it with a potential, and compute it.
