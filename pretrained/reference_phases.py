"""Rebuild the reference phases that `ase_orbital.search.Hull` compares with.

    python pretrained/reference_phases.py --data FOLDER --out FOLDER

It writes `reference_phases.extxyz`, the elements and then the prototypes, and
`reference_phases.csv`, the compounds: prototype, elements in the order of its letters, and
volume per atom in Å^3. Compounds have the structure of a prototype of the AFLOW library, as
pymatgen has it. They are the crystals of `mp2018` that are stable among these, those of
`mp2018` and `mp_matbench` that are stable among all of these, and those of files without
energies that are nearly so by the energy that `eosnet-formation-energy-mp2018` predicts.
Those in `pretrained/reference_phases.csv` come
first: they have volumes that are given by hand, or are farther from their prototype. It
takes some minutes.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import ase.io
import numpy as np
from ase.build import bulk
from ase.collections import dcdft
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.analysis.prototypes import AFLOW_PROTOTYPE_LIBRARY
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Composition
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from ase_orbital import Predictor
from ase_orbital.files import atomic_write
from ase_orbital.properties import FORMATION_ENERGY
from ase_orbital.structure import read_frames
from ase_orbital.training.distortions import scaled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ase import Atoms
    from pymatgen.core import Structure

GIVEN = Path(__file__).with_suffix(".csv")
MOST_ATOMS = 24
WITH_ENERGIES = ("mp2018", "mp_matbench")
WITHOUT_ENERGIES = (
    "elasticity_binaries_2025", "elasticity_mp2018", "elastic_tensor_2015",
    "moduli_matbench", "dielectric_constant", "dielectric_matbench", "phonons_mp",
    "phonons_matbench", "band_gap_hse", "jarvis_subset",
)  # fmt: skip
MODEL = "eosnet-formation-energy-mp2018"
NEARLY = 0.03  # eV/atom above the hull, the error of a prediction
SYMPREC = 0.1  # Å
LARGEST_RMS = 0.1  # displacement from a prototype, in units of (volume per atom)^(1/3)
# Elements beside those of ASE's Delta test set: prototype and volume per atom (Å^3), or
# lattice and its constant (Å).
PROTOTYPES = {
    "S": ("A_oF128_70_4h", 25.6), "Mn": ("A_cI58_217_ac2g", 11.0),
    "La": ("A_hP4_194_ac", 37.2), "Ce": ("A_hP4_194_ac", 34.5),
    "Pr": ("A_hP4_194_ac", 34.5), "Nd": ("A_hP4_194_ac", 34.2),
    "Pm": ("A_hP4_194_ac", 33.6), "Sm": ("A_hR3_166_ac", 33.2),
    "Gd": ("A_hP2_194_c", 33.0), "Tb": ("A_hP2_194_c", 32.0), "Dy": ("A_hP2_194_c", 31.5),
    "Ho": ("A_hP2_194_c", 31.1), "Er": ("A_hP2_194_c", 30.6), "Tm": ("A_hP2_194_c", 30.1),
    "Pa": ("A_tI2_139_a", 25.0), "U": ("A_oC4_63_c", 20.5), "Np": ("A_oP8_62_2c", 19.2),
    "Pu": ("A_mP16_11_8e", 20.0),
}  # fmt: skip
LATTICES = {
    "Ce": ("fcc", 4.70), "Eu": ("bcc", 4.45), "Yb": ("fcc", 5.40), "Ac": ("fcc", 5.67),
    "Th": ("fcc", 5.05),
}  # fmt: skip


class Compound(NamedTuple):
    """A prototype, elements in the order of its letters, and a volume per atom (Å^3)."""

    prototype: str
    elements: tuple[str, ...]
    volume: float

    @property
    def name(self) -> tuple[str, str]:
        """Reduced formula and prototype."""
        own = sorted(LIBRARY[self.prototype].composition.get_el_amt_dict().items())
        pairs = zip(self.elements, own, strict=True)
        formula = {symbol: amount for symbol, (_, amount) in pairs}
        return Composition(formula).reduced_formula, self.prototype.partition(" ")[0]


def library() -> dict[str, Structure]:
    """Read pymatgen's prototypes; a label that is there twice has a number from 2 on."""
    found: dict[str, Structure] = {}
    for entry in AFLOW_PROTOTYPE_LIBRARY:
        label, name, number = entry["tags"]["aflow"], entry["tags"]["aflow"], 1
        while name in found:
            number += 1
            name = f"{label} {number}"
        found[name] = entry["snl"].structure
    return found


LIBRARY = library()


def as_atoms(prototype: str) -> Atoms:
    """Return a prototype with its own elements."""
    atoms = AseAtomsAdaptor.get_atoms(LIBRARY[prototype])
    atoms = atoms[np.argsort(atoms.symbols, kind="stable")]
    atoms.info = {"prototype": prototype}
    return atoms


def element_phases() -> list[Atoms]:
    """Return the elements, by atomic number."""
    phases = [dcdft[name].copy() for name in dcdft.names]
    for symbol, (prototype, volume) in PROTOTYPES.items():
        atoms = as_atoms(prototype)
        atoms.symbols = [symbol] * len(atoms)
        phases.append(scaled(atoms, volume * len(atoms) / atoms.get_volume() - 1.0))
    phases += [bulk(symbol, *lattice) for symbol, lattice in LATTICES.items()]
    for atoms in phases:
        atoms.info = {"prototype": atoms.info.get("prototype", "-")}
        atoms.pbc = True
    return sorted(phases, key=lambda atoms: int(atoms.numbers[0]))


def read_crystals(data: Path) -> list[Atoms]:
    """Read the crystals of two and three elements; those with energies come first."""
    found: dict[str, Atoms] = {}
    for name in (*WITH_ENERGIES, *WITHOUT_ENERGIES):
        for atoms in read_frames(data / f"{name}.extxyz.gz"):
            if len(set(atoms.symbols)) not in (2, 3) or atoms.info.get("dilute"):
                continue
            energy = atoms.info.get(FORMATION_ENERGY) if name in WITH_ENERGIES else None
            if energy is not None or len(atoms) <= MOST_ATOMS:
                key = str(atoms.info["id"])
                atoms.info = {"file": name, FORMATION_ENERGY: energy}
                found.setdefault(key, atoms)
    return [*found.values()]


def stable(crystals: Iterable[Atoms], elements: set[str]) -> Iterator[Atoms]:
    """Yield the crystals of known elements on the hull, or nearly so by prediction."""
    known: dict[frozenset[str], list[PDEntry]] = defaultdict(list)
    others: dict[frozenset[str], list[PDEntry]] = defaultdict(list)
    unknown = []
    for atoms in crystals:
        if not elements.issuperset(atoms.symbols):
            continue
        if (energy := atoms.info[FORMATION_ENERGY]) is None:
            unknown.append(atoms)
        else:
            known[frozenset(atoms.symbols)].append(entry_of(atoms, float(energy)))
    records = Predictor(MODEL).predict_many(unknown, errors="record", progress=True)
    for atoms, record in zip(unknown, records, strict=True):
        if np.isfinite(record[FORMATION_ENERGY]):
            entry = entry_of(atoms, record[FORMATION_ENERGY])
            others[frozenset(atoms.symbols)].append(entry)
    for system in sorted(known.keys() | others.keys(), key=sorted):
        entries = [PDEntry(Composition(symbol), 0.0) for symbol in system]
        for size in (2, 3):
            for part in combinations(sorted(system), size):
                entries += known.get(frozenset(part), [])
        # A crystal of the later file that is lower by a rounding error replaces none.
        first = [
            entry
            for entry in entries
            if entry.attribute is None or entry.attribute.info["file"] == WITH_ENERGIES[0]
        ]
        diagram = PhaseDiagram(entries)
        on_hull = PhaseDiagram(first).stable_entries | diagram.stable_entries
        yield from (entry.attribute for entry in known[system] if entry in on_hull)
        for entry in others[system]:
            _, above = diagram.get_decomp_and_e_above_hull(entry, allow_negative=True)
            if above is not None and above < NEARLY:
                yield entry.attribute


def entry_of(atoms: Atoms, energy: float) -> PDEntry:
    """Make an entry of a phase diagram from a formation energy, eV/atom."""
    composition = Composition(atoms.get_chemical_formula())
    return PDEntry(composition, energy * len(atoms), attribute=atoms)


def compound_of(atoms: Atoms, matcher: StructureMatcher) -> Compound | None:
    """Return the nearest prototype of the same space group; None if there is none."""
    structure = AseAtomsAdaptor.get_structure(atoms)
    group = SpacegroupAnalyzer(structure, symprec=SYMPREC).get_space_group_number()
    best, found = LARGEST_RMS, None
    for name, prototype in LIBRARY.items():
        alike = prototype.composition.anonymized_formula
        if (
            len(prototype) != len(structure)
            or int(name.split("_")[2]) != group
            or alike != structure.composition.anonymized_formula
        ):
            continue
        rms, mapping = matcher.get_rms_anonymous(prototype, structure)
        if rms is not None and rms < best:
            species = {str(own): str(other) for own, other in mapping.items()}
            elements = tuple(species[own] for own in sorted(species))
            best, found = rms, Compound(name, elements, atoms.get_volume() / len(atoms))
    return found


def read_given() -> list[Compound]:
    """Read the compounds that are given by hand."""
    with GIVEN.open(newline="") as file:
        return [
            Compound(prototype, tuple(elements.split("-")), float(volume))
            for prototype, elements, volume in csv.reader(file)
        ]


def all_compounds(crystals: Iterable[Atoms], elements: set[str]) -> list[Compound]:
    """Return the given compounds and those of the crystals, by elements and name."""
    found = {compound.name: compound for compound in read_given()}
    matcher = StructureMatcher(primitive_cell=False)
    for atoms in stable(crystals, elements):
        if len(atoms) <= MOST_ATOMS and (compound := compound_of(atoms, matcher)):
            found.setdefault(compound.name, compound)
    return sorted(found.values(), key=lambda at: (len(at.elements), at.name))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    elements = element_phases()
    known = {atoms.symbols[0] for atoms in elements}
    ordered = all_compounds(read_crystals(arguments.data), known)
    used = sorted({compound.prototype for compound in ordered})
    with atomic_write(arguments.out / "reference_phases.extxyz") as temporary:
        frames = [*elements, *map(as_atoms, used)]
        for atoms in frames:
            atoms.set_cell(atoms.cell.array.round(6))
        ase.io.write(temporary, frames, format="extxyz")
    with (
        atomic_write(arguments.out / "reference_phases.csv") as temporary,
        temporary.open("w", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        for prototype, symbols, volume in ordered:
            writer.writerow([prototype, "-".join(symbols), f"{volume:.4f}"])
    counts = f"{len(elements)} elements, {len(ordered)} compounds, {len(used)} prototypes"
    sys.stdout.write(counts + "\n")


if __name__ == "__main__":
    main()
