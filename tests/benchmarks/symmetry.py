"""Energy, forces and stress of the fingerprints' spread, against reformpy's calculator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.optimize import FIRE

from ase_orbital import GOM, FingerprintCalculator

from .table import Row, peer
from .timing import medians

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms
    from ase.calculators.calculator import Calculator

    from .sets import Sets

LARGEST = 8  # atoms; reformpy takes seconds a call
SAMPLE = 2
N_STEPS = 20
PROPERTIES = ["energy", "forces", "stress"]
EQUAL = 1e-6


def reformpy(sets: Sets, repetitions: int) -> Iterator[Row]:
    """One call for all, and steps of a relaxation."""
    peer("libfp")  # without it reformpy takes a slower one in Python
    library = peer("reformpy.calculator").Reform_Calculator
    crystals = [atoms for atoms in sets["C"] if len(atoms) <= LARGEST][:SAMPLE]

    def theirs(atoms: Atoms, cutoff: float) -> Calculator:
        return library(
            atoms=atoms,
            ntyp=1,
            nx=256,
            lmax=0,
            cutoff=cutoff,
            znucl=[int(atoms.numbers[0])],
            stress_mode="analytical",
        )

    # 6 Å is our cutoff, 4 Å theirs.
    for cutoff in (6.0, 4.0):
        pairs = [
            (with_calculator(atoms, ours(atoms, cutoff)),
             with_calculator(atoms, theirs(atoms, cutoff)))
            for atoms in crystals
        ]  # fmt: skip
        for mine, other in pairs:
            check_equal(mine, other)
        mine, other = medians(
            lambda pairs=pairs: [call(atoms) for atoms, _ in pairs],
            lambda pairs=pairs: [call(atoms) for _, atoms in pairs],
            repetitions=repetitions,
        )
        yield Row(
            what=f"energy, forces and stress of the spread, {cutoff:g} Å, against reformpy",
            crystals="C, to 8 atoms",
            unit="ms",
            ours=1000.0 * mine / SAMPLE,
            against=1000.0 * other / SAMPLE,
        )
    ends: dict[str, float] = {}

    def relax(name: str, calculator: Calculator) -> None:
        atoms = with_calculator(crystals[0], calculator)
        with FIRE(atoms, logfile=None) as optimizer:
            optimizer.run(fmax=0.0, steps=N_STEPS)
        ends[name] = atoms.get_potential_energy()

    mine, other = medians(
        lambda: relax("ours", ours(crystals[0], 4.0)),
        lambda: relax("theirs", theirs(crystals[0].copy(), 4.0)),
        repetitions=repetitions,
    )
    # Equal forces make equal steps, in a cell that is kept.
    np.testing.assert_allclose(ends["ours"], ends["theirs"], rtol=EQUAL)
    yield Row(
        what="a step of FIRE towards symmetry, 4 Å, against reformpy",
        crystals=f"C, {len(crystals[0])} atoms, {N_STEPS} steps",
        unit="ms",
        ours=1000.0 * mine / N_STEPS,
        against=1000.0 * other / N_STEPS,
    )


def ours(atoms: Atoms, cutoff: float) -> Calculator:
    """Of the same energy: reformpy sums over all pairs of atoms, either way round."""
    return FingerprintCalculator(weight=2.0 * len(atoms), descriptor=GOM(cutoff=cutoff))


def with_calculator(atoms: Atoms, calculator: Calculator) -> Atoms:
    """A copy of atoms, so that nothing is kept from another."""
    copy = atoms.copy()
    copy.calc = calculator
    return copy


def call(atoms: Atoms) -> None:
    """Compute anew, whatever the calculator has kept."""
    atoms.calc.calculate(atoms, PROPERTIES)


def check_equal(one: Atoms, other: Atoms) -> None:
    """Hold energy, forces and normal stress of two calculators to each other.

    Not the shear stress: that of reformpy 1.3.1 is twice the derivative of its energy.
    """
    call(one)
    call(other)
    mine, theirs = one.calc.results, other.calc.results
    np.testing.assert_allclose(mine["energy"], theirs["energy"], rtol=EQUAL)
    np.testing.assert_allclose(mine["forces"], theirs["forces"], atol=EQUAL)
    np.testing.assert_allclose(mine["stress"][:3], theirs["stress"][:3], atol=EQUAL)
