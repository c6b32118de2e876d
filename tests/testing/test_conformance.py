"""The conformance checks pass what obeys a law, and find what violates it."""

from threading import current_thread, main_thread

import numpy as np
import pytest
import torch
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.io import read

from ase_orbital import (
    GOM,
    OFM,
    ElementalFeatures,
    OneHot,
    OrientationalOrder,
    Predictor,
)
from ase_orbital.models import EOSNet
from ase_orbital.testing import (
    assert_conforms,
    calculator_check,
    conformance,
    descriptor_check,
    largest_jump,
    predictor_check,
    random_structure,
)
from ase_orbital.testing.__main__ import main

STRUCTURES = [
    random_structure(np.random.default_rng(seed), n_atoms=3, **drawn)
    for seed, drawn in enumerate(
        [{"lattice": "FCC", "sites": "special"}, {"skewed": True}, {"kind": "molecule"}]
    )
]
LAWS = {
    "rotation",
    "reflection",
    "translation",
    "whole lattice vectors",
    "order of the atoms",
    "choice of cell",
    "supercell",
    "continuity",
}


@pytest.mark.parametrize(
    "descriptor",
    [
        GOM(cutoff=4.0, n_eigenvalues=9),
        OFM(),
        ElementalFeatures(),
        OneHot(),
        OrientationalOrder(),
    ],
    ids=lambda descriptor: type(descriptor).__name__,
)
def test_descriptors_conform(descriptor):
    few = STRUCTURES[1:2] if isinstance(descriptor, OFM) else STRUCTURES  # it is slow
    processes = isinstance(descriptor, GOM)  # starting one takes seconds
    findings = conformance(descriptor_check(descriptor, processes=processes), few)
    assert_conforms(findings)
    laws = {finding.law for finding in findings}
    assert laws >= LAWS | {"batch", "pickle", "precision", "threads"}
    assert ("processes" in laws) == processes
    assert ("gradient" in laws) == isinstance(descriptor, GOM | OrientationalOrder)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return EOSNet(GOM(cutoff=4.0, n_eigenvalues=9), n_hidden=4, property_name="band_gap")


def test_predictors_conform(network):
    double = Predictor(network, device="cpu", dtype=torch.float64)
    single = Predictor(network, device="cpu")
    check = predictor_check(single, {"band_gap": 0.5}, double=double)
    assert_conforms(conformance(check, STRUCTURES[:2], tolerance=1e-4, tolerances=LOOSE))


LOOSE = {"continuity": 1e-4}  # single precision


def test_calculators_conform():
    findings = conformance(
        calculator_check(lambda: LennardJones(rc=5.0, smooth=True)), CUBES
    )
    assert_conforms(findings)
    assert {finding.law for finding in findings} == LAWS | {"gradient", "stress"}


CUBES = [random_structure(np.random.default_rng(1), lattice="CUB", n_atoms=2, volume=40.0)]


class Wrong:
    """Violates one law."""

    differentiable = False

    def __init__(self, law):
        self.law = law
        self.batched = False

    def __reduce__(self):
        return Wrong, ("pickled" if self.law == "pickle" else self.law,)

    def with_precision(self, _):
        return Wrong("always") if self.law == "precision" else self

    def create(self, structure):
        features = ElementalFeatures().create(structure)
        wrong = {
            "rotation": structure.cell.array[0, 1] > 0.0,
            "supercell": len(structure) > 6,
            "continuity": structure.get_volume() < 0.9 * STRUCTURES[1].get_volume(),
            "batch": self.batched,
            "threads": current_thread() is not main_thread(),
            "pickled": True,
            "always": True,
        }
        return features + 0.1 * wrong.get(self.law, False)

    def create_many(self, structures):
        self.batched = True
        found = [self.create(atoms) for atoms in structures]
        self.batched = False
        return found


@pytest.mark.parametrize(
    "law", ["supercell", "continuity", "batch", "pickle", "precision", "threads"]
)
def test_a_violated_law_is_named_with_its_structure(law):
    findings = conformance(descriptor_check(Wrong(law)), STRUCTURES[1:])
    broken = {finding.law: finding for finding in findings if not finding.passed}
    assert law in broken
    assert broken[law].structure in STRUCTURES
    with pytest.raises(AssertionError, match=f"{law}: .* is above .* for Atoms"):
        assert_conforms(findings)


def test_wrong_forces_and_stress_are_found():
    class Scaled(EMT):
        def calculate(self, *arguments):
            super().calculate(*arguments)
            self.results["forces"] = 1.1 * self.results["forces"]
            self.results["stress"] = 1.1 * self.results["stress"]

    copper = random_structure(
        np.random.default_rng(0), lattice="FCC", n_atoms=2, volume=11.0, elements=["Cu"]
    )
    findings = conformance(calculator_check(Scaled), [copper])
    broken = {finding.law for finding in findings if not finding.passed}
    assert {"gradient", "stress"} <= broken


def test_a_result_that_is_no_number_violates():
    class Lost(Calculator):
        implemented_properties = ("energy",)

        def calculate(self, *_):
            self.results = {"energy": float("nan")}

    assert not any(at.passed for at in conformance(calculator_check(Lost), STRUCTURES[:1]))


@pytest.mark.parametrize(("jump", "found"), [(0.0, 0.0), (1e-3, 1e-3)])
def test_the_size_of_a_jump_is_measured(jump, found):
    atoms = STRUCTURES[1]

    def values(at):
        moved = np.linalg.norm(at.positions - atoms.positions, axis=1).max()
        return np.array([[np.sin(moved) + jump * (moved > 0.04)]])

    assert largest_jump(values, atoms, seed=5) == pytest.approx(found, abs=1e-7)


def test_the_command_writes_the_worst_structure_of_each_law(tmp_path, capsys):
    path = tmp_path / "w.extxyz"
    words = ["onehot", "--number", "2", "--atoms", "3", "-o", str(path)]
    assert main(words) == 0
    printed = capsys.readouterr().out.splitlines()
    written = read(path, ":")
    assert len({atoms.info["law"] for atoms in written}) == len(printed)
    for line, atoms in zip(printed, written, strict=True):
        assert line.startswith(f"{atoms.info['law']} ")
        assert f"{atoms.info['violation']:.2e}" in line
        assert line.endswith(f" {atoms.symbols}")
