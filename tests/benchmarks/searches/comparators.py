"""Comparators on the same pairs of crystals: wrong merges, missed duplicates and time.

Known structures are relaxed, and relaxed again from strained and rattled copies with the
larger final force of a search. Two relaxed crystals count as the same if they have the same
space group (spglib, 0.1 Å) and their energies differ by less than 2 meV/atom, and as
different if their space groups differ. Other pairs are left out.
"""

from __future__ import annotations

import math
from itertools import combinations
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ase.build import make_supercell
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase_ga.ofp_comparator import OFPComparator
from ase_ga.standard_comparators import InteratomicDistanceComparator
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from ase_orbital.files import atomic_write
from ase_orbital.search import GOMComparator, OFMComparator
from ase_orbital.training.distortions import rattled, strained

from .known import known_structures
from .relaxation import relax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms

COPIES = 2  # of each known structure
STRAIN, DISPLACEMENT = 0.03, 0.1  # of the copies; Å
SAME_ENERGY = 0.002  # eV/atom
SYMMETRY = 0.1  # Å
LARGEST = 24  # atoms of a pair of different structures, repeated to equal cells
SAME, OTHER_CELL, SUPERCELL, DIFFERENT = KINDS = (
    "relaxed twice",
    "in another cell",
    "in a supercell",
    "different",
)


class Pair(NamedTuple):
    """Two crystals with energies, and one of KINDS."""

    one: Atoms
    other: Atoms
    kind: str


def relaxed_copies(system: str, name: str, potential: Any, folder: Path) -> list[Atoms]:
    """Known structures and what their copies relaxed to, kept in a file."""
    path = folder / f"copies-{system}-{name}.extxyz"
    if not path.is_file():
        found = []
        for atoms in known_structures(system, name, potential, folder):
            found.append(atoms)
            for seed in range(COPIES):
                random = np.random.default_rng(seed)
                copy = rattled(strained(atoms, STRAIN, random), DISPLACEMENT, random)
                copy.info = {"structure": atoms.info["structure"]}
                if relax(copy, potential):
                    continue
                found.append(_with_energy(copy, copy.get_potential_energy()))
        with atomic_write(path) as temporary:
            write(temporary, found, format="extxyz")
    return list(read(path, index=":", format="extxyz"))


def pairs(crystals: Sequence[Atoms]) -> list[Pair]:
    """Pair the relaxed crystals of one composition."""
    groups = [_space_group(atoms) for atoms in crystals]
    energies = [atoms.get_potential_energy() / len(atoms) for atoms in crystals]
    found = []
    for i, j in combinations(range(len(crystals)), 2):
        one, other = crystals[i], crystals[j]
        if groups[i] != groups[j]:
            n_atoms = math.lcm(len(one), len(other))
            if n_atoms <= LARGEST:
                equal = (_repeated(atoms, n_atoms) for atoms in (one, other))
                found.append(Pair(*equal, DIFFERENT))
        elif abs(energies[i] - energies[j]) < SAME_ENERGY and len(one) == len(other):
            random = np.random.default_rng([i, j])
            found.append(Pair(one, other, SAME))
            found.append(Pair(one, in_another_cell(other, random), OTHER_CELL))
            found.append(Pair(one, _repeated(other, 2 * len(other)), SUPERCELL))
    return found


def in_another_cell(atoms: Atoms, random: np.random.Generator) -> Atoms:
    """Describe the same crystal by other lattice vectors, turned, shifted and reordered."""
    energy = atoms.get_potential_energy()
    change = np.eye(3, dtype=int)
    for first, second in ((0, 1), (1, 2)):
        step = np.eye(3, dtype=int)
        step[first, second] = random.choice([-1, 1])
        change = change @ step
    other = make_supercell(atoms, change)
    other.rotate(float(random.uniform(10, 170)), random.normal(size=3), rotate_cell=True)
    other.positions += random.normal(size=3)
    other = other[random.permutation(len(other))]
    other.wrap()
    return _with_energy(other, energy)


class Method(NamedTuple):
    """A comparator: whether two crystals look alike, or how much they differ."""

    looks_like: Callable[[Atoms, Atoms], bool] | None = None
    distance: Callable[[Atoms, Atoms], float] | None = None


def methods() -> dict[str, Method]:
    """Make the comparators whose packages are installed, with their default settings."""
    adaptor, matcher = AseAtomsAdaptor(), StructureMatcher()

    def matched(one: Atoms, other: Atoms) -> bool:
        structures = (adaptor.get_structure(atoms) for atoms in (one, other))
        return bool(matcher.fit(*structures))

    found = {
        "`GOMComparator()`": Method(GOMComparator().looks_like),
        '`GOMComparator(orbitals="sp")`': Method(GOMComparator(orbitals="sp").looks_like),
        "`OFMComparator()`": Method(OFMComparator().looks_like),
        "ase_ga `InteratomicDistanceComparator(mic=True)`": Method(
            InteratomicDistanceComparator(mic=True).looks_like
        ),
        "ase_ga `OFPComparator()`": Method(OFPComparator(recalculate=True).looks_like),
        "pymatgen `StructureMatcher()`": Method(matched),
    }
    try:
        import libfp
    except ImportError:
        return found

    def distance(one: Atoms, other: Atoms) -> float:
        if len(one) != len(other):
            return math.inf
        cells = [_libfp_cell(atoms) for atoms in (one, other)]
        features = [libfp.get_lfp(cell, cutoff=6.0, log=False, natx=400) for cell in cells]
        return float(libfp.get_fp_dist(*features, cells[0][2], assignment=True))

    return {**found, "libfp, at its best threshold": Method(distance=distance)}


def table(every: Sequence[Pair]) -> list[str]:
    """Compare all pairs by all methods."""
    counts = {kind: sum(pair.kind == kind for pair in every) for kind in KINDS}
    heads = [f"missed: {kind} ({counts[kind]})" for kind in KINDS[:-1]]
    rows = [
        f"| comparator | {' | '.join(heads)} | wrong merges ({counts[DIFFERENT]}) "
        "| time for a pair |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, method in methods().items():
        begin = process_time()
        alike = judgements(method, every)
        elapsed = (process_time() - begin) / len(every)
        wrong = dict.fromkeys(KINDS, 0)
        for pair, same in zip(every, alike, strict=True):
            wrong[pair.kind] += same == (pair.kind == DIFFERENT)
        cells = " | ".join(str(wrong[kind]) for kind in KINDS)
        rows.append(f"| {name} | {cells} | {1e3 * elapsed:.2g} ms |")
    return rows


def judgements(method: Method, every: Sequence[Pair]) -> list[bool]:
    """Whether the crystals of each pair look alike; an error is taken for a no."""
    if method.distance is not None:
        apart = np.array([method.distance(pair.one, pair.other) for pair in every])
        different = np.array([pair.kind == DIFFERENT for pair in every])
        return [bool(value <= best_threshold(apart, different)) for value in apart]
    assert method.looks_like is not None
    found = []
    for pair in every:
        try:
            found.append(bool(method.looks_like(pair.one, pair.other)))
        except Exception as error:  # ase_ga has no class of its own
            if "same size" not in str(error):
                raise
            found.append(False)
    return found


def best_threshold(apart: np.ndarray, different: np.ndarray) -> float:
    """Largest distance of crystals that are the same, with the fewest wrong judgements."""
    choices = np.unique(apart[np.isfinite(apart)])
    errors = [((apart <= value) == different).sum() for value in choices]
    return float(choices[int(np.argmin(errors))])


def _space_group(atoms: Atoms) -> int:
    structure = AseAtomsAdaptor.get_structure(atoms)
    return int(SpacegroupAnalyzer(structure, symprec=SYMMETRY).get_space_group_number())


def _repeated(atoms: Atoms, n_atoms: int) -> Atoms:
    """Repeat a cell along its shortest vectors until it has this many atoms."""
    energy, factor = atoms.get_potential_energy(), n_atoms // len(atoms)
    repeated = atoms.copy()
    for prime in (2, 3, 5):
        while (n_atoms // len(repeated)) % prime == 0:
            repeat = [1, 1, 1]
            repeat[int(np.argmin(repeated.cell.lengths()))] = prime
            repeated *= repeat
    return _with_energy(repeated, factor * energy)


def _with_energy(atoms: Atoms, energy: float) -> Atoms:
    atoms.calc = SinglePointCalculator(atoms, energy=energy)
    return atoms


def _libfp_cell(atoms: Atoms) -> tuple[Any, ...]:
    elements, kinds = np.unique(atoms.numbers, return_inverse=True)
    return atoms.cell.array, atoms.positions, kinds + 1, elements
