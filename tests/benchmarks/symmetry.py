"""Energy, forces and stress of the fingerprints' dispersion, against reformpy."""

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

MAX_ATOMS = 8  # reformpy takes seconds for larger cells
SAMPLE = 2
N_STEPS = 20
PROPERTIES = ["energy", "forces", "stress"]
EQUAL = 1e-6


def reformpy(sets: Sets, repetitions: int) -> Iterator[Row]:
    """A call for all properties, and steps of a relaxation."""
    peer("libfp")  # without it reformpy takes a slower one in Python
    library = peer("reformpy.calculator").Reform_Calculator
    crystals = [atoms for atoms in sets["C"] if len(atoms) <= MAX_ATOMS][:SAMPLE]

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

    # 6 Å is our default cutoff, 4 Å theirs.
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
            what=f"energy, forces, stress of fingerprints, {cutoff:g} Å, against reformpy",
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
    # With a fixed cell equal forces lead to equal steps.
    np.testing.assert_allclose(ends["ours"], ends["theirs"], rtol=EQUAL)
    yield Row(
        what="a step of FIRE towards symmetry, 4 Å, against reformpy",
        crystals=f"C, {len(crystals[0])} atoms, {N_STEPS} steps",
        unit="ms",
        ours=1000.0 * mine / N_STEPS,
        against=1000.0 * other / N_STEPS,
    )


def ours(atoms: Atoms, cutoff: float) -> Calculator:
    """Return a calculator of reformpy's energy, which sums over all ordered pairs."""
    return FingerprintCalculator(weight=2.0 * len(atoms), descriptor=GOM(cutoff=cutoff))


def with_calculator(atoms: Atoms, calculator: Calculator) -> Atoms:
    """Return a copy of atoms with a calculator."""
    copy = atoms.copy()
    copy.calc = calculator
    return copy


def call(atoms: Atoms) -> None:
    """Compute again, even if results are stored."""
    atoms.calc.calculate(atoms, PROPERTIES)


def check_equal(one: Atoms, other: Atoms) -> None:
    """Compare energy, forces and normal stress of two calculators.

    The shear stress of reformpy 1.3.1 is twice the derivative of its energy.
    """
    call(one)
    call(other)
    mine, theirs = one.calc.results, other.calc.results
    np.testing.assert_allclose(mine["energy"], theirs["energy"], rtol=EQUAL)
    np.testing.assert_allclose(mine["forces"], theirs["forces"], atol=EQUAL)
    np.testing.assert_allclose(mine["stress"][:3], theirs["stress"][:3], atol=EQUAL)
