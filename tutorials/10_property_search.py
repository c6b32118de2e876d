# %% [markdown]
# # Search for a property
#
# This tutorial searches halides ABX3 for crystals with a band gap of 1.5 eV that are close
# to the convex hull. Neither composition nor structure is given. A genetic algorithm
# proposes crystals, the universal potential CHGNet relaxes them and gives their energy
# above the hull, and a model predicts the band gap with its standard deviation and domain.
# A random search with as many relaxations is the comparison. You need the extras `plot`,
# `search` and `chgnet`, and some minutes.

# %%
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small crystals run fastest on one thread

import matplotlib.pyplot as plt
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers, covalent_radii
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.spacegroup import crystal
from ase_ga.data import DataConnection, PrepareDB
from ase_ga.element_mutations import RandomElementMutation
from ase_ga.offspring_creator import OperationSelector
from ase_ga.population import Population
from ase_ga.standardmutations import RattleMutation, StrainMutation
from ase_ga.utilities import CellBounds, atoms_too_close, closest_distances_generator
from chgnet.model.dynamics import CHGNetCalculator

from ase_orbital import Predictor
from ase_orbital.search import (
    Archive,
    GOMComparator,
    Hull,
    Minimize,
    Score,
    Target,
    pareto_front,
    reference_phases,
)

folder = Path(os.environ.get("SEARCH_FOLDER") or tempfile.mkdtemp())
COLORS = ("#0072B2", "#D55E00")
N_CANDIDATES = 30  # that each search relaxes
SITES = {
    "A": ["Na", "K", "Rb", "Cs"],
    "B": ["Mg", "Ca", "Zn", "Cd", "Ge", "Sn", "Pb"],
    "X": ["Cl", "Br", "I"],
}

# %% [markdown]
# ## What is good
#
# The score has four parts: the distance of the predicted band gap from 1.5 eV, the energy
# above the hull, of which 0.1 eV/atom counts as much as 1 eV of the gap, the standard
# deviation of the predicted gap, and the domain of the model.
#
# All energies come from one potential. The `Hull` relaxes the reference phases that it
# needs, and keeps them in a file. A hull without the phases that a crystal decomposes to
# makes everything look stable, by almost 1 eV/atom here. The reference phases of the
# package lack eight of the 21 halides BX2, so all of them are added as layers of CdI2. As
# phases are still missing, crystals below this hull are not rewarded: their instability is
# zero.


# %%
def layers(metal, halogen):
    bond = covalent_radii[[atomic_numbers[metal], atomic_numbers[halogen]]].sum()
    cell = [1.41 * bond, 1.41 * bond, 2.4 * bond, 90, 90, 120]
    positions = [(0, 0, 0), (1 / 3, 2 / 3, 0.24)]
    return crystal([metal, halogen], positions, spacegroup=164, cellpar=cell)


potential = CHGNetCalculator(use_device="cpu")
halides = [layers(metal, halogen) for metal in SITES["B"] for halogen in SITES["X"]]
hull = Hull(potential, [*reference_phases(), *halides], cache=folder / "references.extxyz")
score = Score(
    Predictor("eosnet-band-gap-mp2018", device="cpu", domain=True),
    [
        Target("band_gap", 1.5),
        Minimize("instability", weight=10.0),
        Minimize("band_gap_std", weight=0.5),
    ],
    inside_domain=True,
    given=["instability"],
)

# %% [markdown]
# ## Candidates
#
# A random candidate has random elements and a strained cell of five atoms. They are at
# random places, or displaced by 0.3 Å from those of a perovskite. An archive holds what has
# been relaxed, so that no minimum counts twice.

# %%
elements = [symbol for site in SITES.values() for symbol in site]
closest = closest_distances_generator(Atoms(elements).numbers, 0.6)
places = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)]


def with_volume(atoms):
    """Scale the cell to the volume of a perovskite with bonds of usual length."""
    bond = covalent_radii[atoms.numbers[1]] + covalent_radii[atoms.numbers[2]]
    factor = (1.35 * (2.0 * bond) ** 3 / atoms.get_volume()) ** (1 / 3)
    atoms.set_cell(factor * atoms.cell[:], scale_atoms=True)
    return atoms


def random_candidate(random):
    a, b, x = (random.choice(SITES[site]) for site in "ABX")
    while True:
        cell = np.eye(3) + 0.1 * random.normal(size=(3, 3))
        free = random.random_sample() < 0.5
        scaled = random.random_sample((5, 3)) if free else places
        atoms = Atoms([a, b, x, x, x], scaled_positions=scaled, cell=cell, pbc=True)
        with_volume(atoms).positions += 0.3 * random.normal(size=(5, 3))
        if not atoms_too_close(atoms, closest):
            return atoms


def relaxed(atoms, archive):
    """Relax and rate a candidate; None if it is known, or does not hold together."""
    volume = atoms.get_volume()
    atoms.calc = potential
    with BFGS(FrechetCellFilter(atoms), logfile=None, maxstep=0.2) as optimizer:
        for _ in optimizer.irun(fmax=0.1, steps=40):
            if not 0.4 < atoms.get_volume() / volume < 2.5:
                return None
    n_steps.append(optimizer.nsteps)
    atoms.info = {"key_value_pairs": {}, "data": {}}
    above = hull.energies(atoms)["energy_above_hull"]
    score.annotate(atoms, instability=max(above, 0.0))
    atoms.calc = SinglePointCalculator(atoms, energy=float(atoms.get_potential_energy()))
    found = {
        name.removeprefix("orbital_"): value
        for name, value in atoms.info["key_value_pairs"].items()
    }
    return atoms if archive.add(atoms, energy_above_hull=above, **found).new else None


# %% [markdown]
# ## Random search

# %%
n_steps = []
archives = {"random": Archive(), "genetic": Archive()}
random = np.random.RandomState(0)
for _ in range(N_CANDIDATES):
    relaxed(random_candidate(random), archives["random"])
archives["random"].save(folder / "random.npz")
print(f"random: {sum(n_steps)} steps, {len(archives['random'])} distinct crystals")

# %% [markdown]
# ## Genetic algorithm
#
# The first quarter of the candidates is random. Afterwards a crystal of the population has
# the elements of one site exchanged, or is strained or rattled.

# %%
n_steps = []
random = np.random.RandomState(1)
PrepareDB(folder / "search.db", simulation_cell=Atoms(pbc=True), population_size=8)
data = DataConnection(folder / "search.db")
for _ in range(N_CANDIDATES // 4):
    atoms = relaxed(random_candidate(random), archives["genetic"])
    if atoms is not None:
        data.add_relaxed_candidate(atoms)
population = Population(data, 8, comparator=GOMComparator(), rng=random)
bounds = CellBounds({name: [30, 150] for name in ("phi", "chi", "psi")})
operators = OperationSelector(
    [2, 1, 1],
    [
        RandomElementMutation(
            list(SITES.values()), max_diff_elements=[1, 1, 1], rng=random
        ),
        StrainMutation(
            closest,
            stddev=0.2,
            cellbounds=bounds,
            number_of_variable_cell_vectors=3,
            rng=random,
        ),
        RattleMutation(
            closest, 5, rattle_strength=1.0, test_dist_to_slab=False, rng=random
        ),
    ],
    rng=random,
)
n_left = N_CANDIDATES - N_CANDIDATES // 4
while n_left:
    child, _ = operators.get_new_individual(population.get_two_candidates())
    if child is None:
        continue
    n_left -= 1
    atoms = relaxed(with_volume(child), archives["genetic"])
    if atoms is not None:
        data.add_relaxed_candidate(atoms)
        population.update()
print(f"genetic: {sum(n_steps)} steps, {len(archives['genetic'])} distinct crystals")
archives["genetic"].save(folder / "genetic.npz")

# %% [markdown]
# The best score so far, against the number of distinct crystals. The genetic algorithm is
# not better here: 30 relaxations are few, and it soon keeps to what it found first. Try
# more candidates, and several seeds, before you prefer one of the searches.

# %%
figure, axes = plt.subplots(figsize=(5.6, 3.0), layout="constrained")
for (name, archive), color in zip(archives.items(), COLORS, strict=True):
    best = np.maximum.accumulate([entry.values["raw_score"] for entry in archive])
    axes.step(range(1, len(best) + 1), -best, where="post", color=color, label=name)
axes.set_ylim(0.0, 3.0)
axes.set_xlabel("distinct crystals")
axes.set_ylabel("minus the best score")
axes.legend(frameon=False)
figure.savefig(folder / "property-search-scores.svg")
plt.close(figure)
figure

# %% [markdown]
# ## Pareto fronts
#
# No crystal of a front has another one that is closer to the gap and to the hull. Only
# crystals in the domain of the model count.

# %%
fronts, crystals = {}, {}
for name, archive in archives.items():
    inside = [entry for entry in archive if entry.values["in_domain"]]
    objectives = [
        (abs(entry.values["band_gap"] - 1.5), entry.values["instability"])
        for entry in inside
    ]
    fronts[name] = [inside[index] for index in pareto_front(objectives)]
    crystals[name] = inside
    print(f"{name}: {len(inside)} crystals in the domain")
    for entry in fronts[name]:
        value = entry.values
        print(
            f"  {entry.atoms.symbols!s:8} gap "
            f"{value['band_gap']:.2f} ± {value['band_gap_std']:.2f} eV, "
            f"{value['energy_above_hull']:+.3f} eV/atom from the hull"
        )

# %%
figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
for (name, front), color, side in zip(fronts.items(), COLORS, (-1, 1), strict=True):
    gaps, above = np.array(
        [
            (entry.values["band_gap"], entry.values["energy_above_hull"])
            for entry in crystals[name]
        ]
    ).T
    axes.scatter(gaps, above, s=14, color=color, alpha=0.4, label=name)
    named = set()
    for entry in sorted(front, key=lambda entry: entry.values["energy_above_hull"]):
        value, formula = entry.values, str(entry.atoms.symbols)
        gap, height, std = (
            value[key] for key in ("band_gap", "energy_above_hull", "band_gap_std")
        )
        axes.errorbar(gap, height, xerr=std, marker="o", color=color, elinewidth=0.8)
        if formula not in named:  # once, at the end of the bar, in turn above and below
            up = 5 - 10 * (len(named) % 2)
            named.add(formula)
            axes.annotate(
                formula,
                (gap + side * std, height),
                (4 * side, up),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=8,
                color=color,
            )
axes.axvline(1.5, color="0.5", linestyle="--", zorder=0)
axes.set_xlim(left=0.0)
axes.set_xlabel("predicted band gap (eV)")
axes.set_ylabel("energy above the hull (eV/atom)")
axes.legend(frameon=False, loc="lower right")
figure.savefig(folder / "property-search.svg")
plt.close(figure)
figure

# %% [markdown]
# ## Known crystals
#
# Is there a crystal of this composition already, and is it the same? The next cell looks
# for the crystals of both fronts in a file of known crystals that have `id` and `band_gap`
# in `info`, if the environment variable `KNOWN_CRYSTALS` names one.

# %%
from ase.io import iread
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

known = {}
if path := os.environ.get("KNOWN_CRYSTALS"):
    for atoms in iread(path, format="extxyz"):
        formula = atoms.symbols.formula.reduce()[0].format("metal")
        known.setdefault(formula, []).append(atoms)
matcher = StructureMatcher()
for name, front in fronts.items():
    for entry in front:
        formula = entry.atoms.symbols.formula.format("metal")
        structure = AseAtomsAdaptor.get_structure(entry.atoms)
        for atoms in known.get(formula, []):
            same = matcher.fit(structure, AseAtomsAdaptor.get_structure(atoms))
            print(
                f"{name}: {entry.atoms.symbols} gap {entry.values['band_gap']:.2f} eV; "
                f"{atoms.info['id']}, gap {atoms.info['band_gap']:.2f} eV, is "
                f"{'the same crystal' if same else 'another structure'}"
            )
