"""Small jobs run as plain Python, until the time of all of them would pay for compiling."""

import sys

import numpy as np
import pytest

from ase_orbital import GOM, OFM, Predictor
from ase_orbital.numerics import jit
from ase_orbital.numerics.interpreter import BUDGET, LARGEST, Interpreter

DESCRIPTORS = [
    GOM(cutoff=4.5, n_eigenvalues=30),
    GOM(cutoff=3.5, n_eigenvalues=30, orbitals="sp"),
    OFM(),
]


@pytest.fixture
def interpreter(tmp_path):
    """As in a new process."""

    def new() -> Interpreter:
        interpreter = Interpreter()
        interpreter.record = tmp_path / "record"
        return interpreter

    return new


@pytest.fixture
def plain(monkeypatch):
    """Let all kernels run as plain Python."""
    for name, module in list(sys.modules.items()):
        if name.startswith("ase_orbital."):
            for key, value in list(vars(module).items()):
                if callable(value) and value in jit.plain:
                    monkeypatch.setattr(module, key, jit.plain[value])


def test_only_a_job_begins_plain_python(interpreter):
    one = interpreter()
    assert not one.allowed
    one.begin_job(LARGEST)
    assert one.allowed


def test_a_large_job_ends_plain_python(interpreter):
    one = interpreter()
    one.begin_job(LARGEST + 1)
    one.begin_job(1)
    assert not one.allowed


def test_processes_share_the_budget(interpreter):
    for _ in range(4):
        process = interpreter()
        process.begin_job(5)
        assert process.allowed
        for _ in range(100):
            process.charge(BUDGET / 390)
    assert not process.allowed
    later = interpreter()
    later.begin_job(5)
    assert not later.allowed


def test_a_process_that_cannot_write_counts_alone(interpreter, tmp_path):
    one = interpreter()
    one.record = tmp_path
    one.begin_job(5)
    one.charge(0.6 * BUDGET)
    assert one.allowed
    one.charge(0.6 * BUDGET)
    assert not one.allowed


@pytest.mark.parametrize("descriptor", DESCRIPTORS, ids=["s", "sp", "ofm"])
def test_features_in_plain_python_agree_with_those_of_kernels(
    structures, descriptor, request
):
    compiled = descriptor.create_many(structures.values())
    request.getfixturevalue("plain")
    for found, expected in zip(
        descriptor.create_many(structures.values()), compiled, strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("network", ["eosnet", "ocrystalnet"])
def test_predictions_in_plain_python_agree_with_those_of_kernels(
    structures, network, request
):
    predictor = Predictor(f"{network}-heat-of-formation-perovskites", dtype="float64")
    compiled = predictor.predict(structures["perovskite"])
    request.getfixturevalue("plain")
    assert predictor.predict(structures["perovskite"]) == pytest.approx(compiled, rel=1e-12)
