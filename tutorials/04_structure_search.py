# %% [markdown]
# # Structure search
#
# This tutorial searches for a ternary compound with a universal potential, predicts the
# properties of what it finds, and uses fingerprints and properties as differentiable
# objectives. You need the extras `plot`, `search` and `chgnet`. Small crystals run fastest
# on one thread.

# %%
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from ase import Atoms
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.neighborlist import neighbor_list
from ase.optimize import BFGS, FIRE
from ase.spacegroup import crystal

from ase_orbital import FingerprintCalculator, Predictor, PropertyCalculator

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)

# %% [markdown]
# ## A potential, and the hull of known phases
#
# CHGNet has energies and forces for nearly all elements, and comes with its weights. A
# `Hull` relaxes known phases of Li, Zn and P with the same potential, once, and keeps them
# in a file. From their energies it computes the formation energy of a crystal, and its
# energy above the convex hull, which is zero for a stable phase. The phases are those that
# the package has; pass `references` to compare with your own.

# %%
from chgnet.model.dynamics import CHGNetCalculator

from ase_orbital.search import Hull

potential = CHGNetCalculator(use_device="cpu")
hull = Hull(potential, cache=folder / "references.extxyz")
diagram = hull.phase_diagram({"Li", "Zn", "P"})
pd.DataFrame(
    [
        {
            "phase": entry.composition.reduced_formula,
            "formation energy, eV/atom": diagram.get_form_energy_per_atom(entry),
            "above the hull, eV/atom": diagram.get_e_above_hull(entry),
        }
        for entry in diagram.all_entries
        if len(entry.composition) > 1
    ]
).round(3)

# %% [markdown]
# ## Properties along a relaxation
#
# A `Recorder` watches an optimizer and predicts at every step or at every n-th step. It
# needs no extra force calls and does not change `atoms.info`. With a hull it also records
# `calculated_formation_energy_per_atom`, from the energies of the potential, and
# `energy_above_hull`. Here a distorted crystal of LiZnP relaxes.

# %%
from ase_orbital.search import Recorder

compound = crystal(
    ["Li", "Zn", "P"],
    [(0.5, 0.5, 0.5), (0, 0, 0), (0.25, 0.25, 0.25)],
    spacegroup=216,
    cellpar=[5.76] * 3 + [90] * 3,
    primitive_cell=True,
)
compound.rattle(0.15, rng=rng)
compound.calc = potential
predictor = Predictor(
    ["eosnet-band-gap-mp2018", "eosnet-bulk-modulus-mp", "eosnet-formation-energy-mp2018"],
    device="cpu",
    domain=True,
)
recorder = Recorder(predictor, output=folder / "relaxation.csv", hull=hull)
with BFGS(FrechetCellFilter(compound), logfile=None) as optimizer:
    recorder.watch(optimizer)
    optimizer.run(fmax=0.02, steps=100)
figure = recorder.plot(
    "energy_above_hull",
    "calculated_formation_energy_per_atom",
    "formation_energy_per_atom",
    "formation_energy_per_atom_std",
    "band_gap",
    "band_gap_std",
    title="LiZnP relaxes",
)
figure

# %% [markdown]
# Away from the minimum, trust the potential, which was trained on forces; the standard
# deviation of the learned formation energy is larger there. At the minimum the two differ
# by about one standard deviation. The potential has no standard deviation, and neither
# band gap nor moduli. The guide on universal potentials says more on when to trust which.
#
# ## A genetic algorithm
#
# `ase_ga` proposes crystals of LiZnP, CHGNet relaxes them, and a `Score` rates them by
# their energy above the hull. It also stores the predicted properties with each candidate.
# A comparator identifies equal candidates by their fingerprints, independent of their
# cells; it has a large tolerance, because candidates are not relaxed to the end. The
# `PropertyCalculator` passes on energies and forces of the potential in the precision that
# the database needs.

# %%
from ase_ga.cutandsplicepairing import CutAndSplicePairing
from ase_ga.data import DataConnection, PrepareDB
from ase_ga.offspring_creator import OperationSelector
from ase_ga.population import Population
from ase_ga.standardmutations import RattleMutation, StrainMutation
from ase_ga.startgenerator import StartGenerator
from ase_ga.utilities import CellBounds, closest_distances_generator

from ase_orbital.search import GOMComparator, Minimize, Score

random = np.random.RandomState(0)
nothing = Atoms(pbc=True)
closest = closest_distances_generator([3, 30, 15], ratio_of_covalent_radii=0.7)
angles = {name: [50, 130] for name in ("phi", "chi", "psi")}
bounds = CellBounds({**angles, **{name: [2.5, 8] for name in "abc"}})
cells = {"cellbounds": bounds, "number_of_variable_cell_vectors": 3, "rng": random}
score = Score(predictor, [Minimize("energy_above_hull")], hull=hull)
comparator = GOMComparator(tolerance=0.03)


def evaluate(candidate):
    candidate.calc = PropertyCalculator(predictor, base=potential)
    relaxation = BFGS(FrechetCellFilter(candidate), logfile=None, maxstep=0.1)
    relaxation.run(fmax=0.05, steps=60)
    score.annotate(candidate)
    data.add_relaxed_step(candidate)


start = PrepareDB(folder / "search.db", simulation_cell=nothing, population_size=6)
atoms = [("Li", 1), ("Zn", 1), ("P", 1)]
generator = StartGenerator(
    nothing, atoms, closest, box_volume=48.0, test_too_far=False, **cells
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
        CutAndSplicePairing(nothing, 3, closest, p1=1.0, p2=0.0, minfrac=0.15, **cells),
        StrainMutation(closest, stddev=0.4, **cells),
        RattleMutation(
            closest, 3, rattle_strength=2.0, test_dist_to_slab=False, rng=random
        ),
    ],
    rng=random,
)
best = []
for _ in range(12):
    child, description = operators.get_new_individual(population.get_two_candidates())
    if child is not None:
        data.add_unrelaxed_candidate(child, description)
        evaluate(child)
        population.update()
    best.append(-population.pop[0].info["key_value_pairs"]["raw_score"])

# %% [markdown]
# The population, best first: distance from the hull, predicted properties with their
# standard deviations, whether the crystal is in the domain of the models, and whether it is
# the half-Heusler structure from above, which is the known one.

# %%
names = ["band_gap", "band_gap_std", "bulk_modulus", "bulk_modulus_std", "in_domain"]
pd.DataFrame(
    [
        {
            **{
                name: candidate.info["key_value_pairs"][f"orbital_{name}"]
                for name in ["energy_above_hull", *names]
            },
            "half-Heusler": comparator.looks_like(candidate, compound),
        }
        for candidate in population.pop
    ]
).round(3)

# %%
figure, axes = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
axes.step(range(1, len(best) + 1), best, where="post")
known = hull.energies(compound)["energy_above_hull"]
axes.axhline(known, color="0.5", linestyle="--", label="the relaxed compound above")
axes.set_xlabel("candidates after the first six")
axes.set_ylabel("energy above hull (eV/atom)")
axes.legend(frameon=False)
plt.close(figure)
figure

# %% [markdown]
# ## A fingerprint energy
#
# The dispersion of the fingerprints within each species is an energy that is zero if all
# atoms of a species have equal environments (Tao, Shao & Zhu, arXiv:2401.13953). Added to a
# potential, it leads past local minima of low symmetry. Eight copper atoms start at random
# positions and relax with EMT, a fast potential for six metals, alone and with both
# energies:


# %%
def random_crystal(formula, volume, seed):
    """Place atoms at random in a random cell; volume in Å^3 per atom."""
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
        copper = random_crystal("Cu8", 13.0, seed)
        copper.calc = calculator
        curve = []

        def note(curve=curve, copper=copper):
            energies = getattr(copper.calc, "contributions", {})
            curve.append(energies.get("base", copper.get_potential_energy()) / len(copper))

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
plt.close(figure)
figure

# %% [markdown]
# With a `target`, the energy is the squared distance from the fingerprints of another
# crystal, and a relaxation leads to that crystal. Here rattled carbon becomes diamond
# again.

# %%
from ase.build import bulk

diamond = bulk("C", cubic=True)
rattled = diamond.copy()
rattled.rattle(0.25, rng=rng)
before = comparator.difference(rattled, diamond)
rattled.calc = FingerprintCalculator(diamond, weight=100.0)
BFGS(FrechetCellFilter(rattled), logfile=None).run(fmax=0.01, steps=100)
print(f"difference {before:.3f}, then {comparator.difference(rattled, diamond):.5f}")

# %% [markdown]
# ## A property as objective
#
# The energy of an `ObjectiveCalculator` is a sum of terms that depend on predicted
# properties. Its forces and stress are computed through network and descriptor, so that any
# optimizer can minimize it. An optimizer may lead to structures for which the model is
# wrong. The term with `domain_excess` keeps the crystal in the domain of the model. Here
# the target is a band gap of 2.5 eV for SrTiO3.

# %%
from ase.io import read

from ase_orbital.search import AtMost, ObjectiveCalculator, Target

perovskite = read("SrTiO3.cif")
perovskite.rattle(0.03, rng=rng)
terms = [Target("band_gap", 2.5, weight=5.0), AtMost("domain_excess", 0.0, penalty=5.0)]
perovskite.calc = ObjectiveCalculator("eosnet-band-gap-mp2018", terms)
steps = []
with FIRE(FrechetCellFilter(perovskite), logfile=None) as optimizer:
    optimizer.attach(lambda: steps.append(dict(perovskite.calc.values)))
    optimizer.run(fmax=0.05, steps=60)
for values in (steps[0], steps[-1]):
    print({name: round(value, 3) for name, value in values.items()})

# %%
figure, (above, below) = plt.subplots(
    2, figsize=(5.6, 4.2), sharex=True, layout="constrained"
)
above.plot([values["band_gap"] for values in steps])
above.axhline(2.5, color="0.5", linestyle="--")
above.set_ylabel("band gap (eV)")
below.plot([values["domain_excess"] for values in steps])
below.axhline(0.0, color="0.5", linestyle="--")
below.set_ylabel("domain excess")
below.set_xlabel("step")
plt.close(figure)
figure

# %% [markdown]
# ## Maximize a property within limits
#
# Another objective is to maximize a property. Graphite-like boron nitride is soft, and
# cubic boron nitride is one of the hardest crystals. The next cell maximizes the predicted
# bulk modulus of the soft form, first without limits, and then with limits that keep it
# close to the training set (`domain_excess`) and where the networks of the ensemble agree
# (`bulk_modulus_std`).

# %%
from ase_orbital.search import Maximize

hexagonal = crystal(
    ["B", "N"],
    [(1 / 3, 2 / 3, 1 / 4), (1 / 3, 2 / 3, 3 / 4)],
    spacegroup=194,
    cellpar=[2.50, 2.50, 6.66, 90, 90, 120],
)
cubic = bulk("BN", "zincblende", a=3.615)
objective = [Maximize("bulk_modulus", weight=0.02)]  # eV/GPa
limits = [
    AtMost("domain_excess", 0.0, penalty=5.0),
    AtMost("bulk_modulus_std", 20.0, penalty=0.005),
]
climbs = {}
for name, terms in {"without limits": objective, "with limits": objective + limits}.items():
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
print(f"cubic: {known:.0f} GPa predicted, {volume:.2f} Å^3 per atom")

# %%
quantities = {
    "bulk_modulus": "predicted bulk\nmodulus (GPa)",
    "volume": "volume per\natom (Å$^3$)",
    "domain_excess": "domain excess",
}
figure, panels = plt.subplots(3, figsize=(5.6, 6.0), sharex=True, layout="constrained")
for (name, climb), color in zip(climbs.items(), ("#D55E00", "#0072B2"), strict=True):
    for (quantity, label), panel in zip(quantities.items(), panels, strict=True):
        values = np.array([row[quantity] for row in climb])
        panel.plot(values, color=color, label=name)
        panel.set_ylabel(label)
        if quantity == "bulk_modulus":
            std = np.array([row["bulk_modulus_std"] for row in climb])
            panel.fill_between(
                range(len(values)), values - std, values + std,
                color=color, alpha=0.2, linewidth=0,
            )  # fmt: skip
for panel, level in zip(panels, (known, volume, 0.0), strict=True):
    panel.axhline(level, color="0.5", linestyle="--", zorder=0)
panels[0].annotate("cubic", (0, known), (0, 4), textcoords="offset points", color="0.4")
panels[2].annotate("limit", (0, 0.0), (0, 4), textcoords="offset points", color="0.4")
panels[0].legend(frameon=False, loc="center right")
panels[-1].set_xlabel("step")
figure.align_ylabels()
plt.close(figure)
figure

# %% [markdown]
# Without limits the crystal is compressed to less than the volume of the cubic form. The
# predicted modulus is high and means nothing: the crystal is outside the domain of the
# model. With both limits it stays in the domain, and the predicted modulus is a third of
# that. Neither result is cubic boron nitride, in which each atom has four near neighbors.
# As no energy was part of the objective, the structures need not be stable. They are
# candidates: relax them with a potential, compute their energy above the hull, and verify
# them with a calculation.
