"""Comparators on the same pairs of crystals: wrong merges, missed duplicates and time.

Known structures are relaxed, and relaxed again from strained and rattled copies with the
larger final force of a search. Two relaxed crystals count as the same if they have the
same space group (spglib, 0.1 Å; not triclinic) and their energies differ by less than 2
meV/atom. They count as different if their space groups differ, and if their energies
differ by more than 10 meV/atom or both are the known structures, whose relaxations keep
their symmetry. Other pairs are left out. Atoms are ordered by element, as ase_ga needs it.
"""

from __future__ import annotations

import math
from functools import cache
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
SAME_ENERGY, OTHER_ENERGY = 0.002, 0.01  # eV/atom
SYMMETRY, TRICLINIC = 0.1, 2  # Å; the last space group of these
LARGEST = 18  # atoms of a pair of different structures, repeated to equal cells
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
    crystals = list(read(path, index=":", format="extxyz"))
    names = [atoms.info["structure"] for atoms in crystals]
    for index, atoms in enumerate(crystals):  # the known one precedes its copies
        atoms.info["known"] = atoms.info["structure"] not in names[:index]
    return crystals


def pairs(crystals: Sequence[Atoms]) -> list[Pair]:
    """Pair the relaxed crystals of one composition."""
    crystals = [_sorted(atoms) for atoms in crystals]
    groups = [_space_group(atoms) for atoms in crystals]
    energies = [atoms.get_potential_energy() / len(atoms) for atoms in crystals]
    turned = [
        in_another_cell(atoms, np.random.default_rng(index))
        for index, atoms in enumerate(crystals)
    ]
    # Each made once, because comparators may keep fingerprints of the same object.
    repeated = cache(lambda index, n_atoms: _repeated(crystals[index], n_atoms))
    found = []
    for i, j in combinations(range(len(crystals)), 2):
        sizes = len(crystals[i]), len(crystals[j])
        apart, n_atoms = abs(energies[i] - energies[j]), math.lcm(*sizes)
        both_known = all(crystals[index].info.get("known") for index in (i, j))
        if groups[i] != groups[j]:
            if (apart > OTHER_ENERGY or both_known) and n_atoms <= LARGEST:
                found.append(Pair(repeated(i, n_atoms), repeated(j, n_atoms), DIFFERENT))
        elif groups[i] > TRICLINIC and apart < SAME_ENERGY and sizes[0] == sizes[1]:
            found.append(Pair(crystals[i], crystals[j], SAME))
            found.append(Pair(crystals[i], turned[j], OTHER_CELL))
            found.append(Pair(crystals[i], repeated(j, 2 * sizes[1]), SUPERCELL))
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
    return _sorted(_with_energy(other, energy))


class Method(NamedTuple):
    """A comparator: whether two crystals look alike, or how much they differ."""

    looks_like: Callable[[Atoms, Atoms], bool] | None = None
    distance: Callable[[Atoms, Atoms], float] | None = None


def methods() -> dict[str, Method]:
    """Make the comparators whose packages are installed."""
    adaptor, matcher = AseAtomsAdaptor(), StructureMatcher()

    def matched(one: Atoms, other: Atoms) -> bool:
        structures = (adaptor.get_structure(atoms) for atoms in (one, other))
        return bool(matcher.fit(*structures))

    found = {
        "`GOMComparator()`": Method(GOMComparator().looks_like),
        "`GOMComparator(0.02)`": Method(GOMComparator(0.02).looks_like),
        '`GOMComparator(orbitals="sp")`': Method(GOMComparator(orbitals="sp").looks_like),
        "`OFMComparator()`": Method(OFMComparator().looks_like),
        "ase_ga `InteratomicDistanceComparator(mic=True)`": Method(
            InteratomicDistanceComparator(mic=True).looks_like
        ),
        "ase_ga `OFPComparator()`": Method(OFPComparator().looks_like),
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
        apart, _ = libfp.get_fp_dist(*features, cells[0][2], assignment=True)
        return float(apart)

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
    return _sorted(_with_energy(repeated, factor * energy))


def _sorted(atoms: Atoms) -> Atoms:
    """Order a copy by element, and forget all but what is known of the crystal."""
    copy = atoms[np.argsort(atoms.numbers, kind="stable")]
    copy.info = {"known": atoms.info.get("known", False)}
    return _with_energy(copy, atoms.get_potential_energy())


def _with_energy(atoms: Atoms, energy: float) -> Atoms:
    atoms.calc = SinglePointCalculator(atoms, energy=energy)
    return atoms


def _libfp_cell(atoms: Atoms) -> tuple[Any, ...]:
    elements, kinds = np.unique(atoms.numbers, return_inverse=True)
    return atoms.cell.array, atoms.positions, kinds + 1, elements
