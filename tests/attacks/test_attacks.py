"""The attacks, small; `python -m tests.attacks all` takes as long as it should."""

import pytest

from ase_orbital.numerics.interpreter import interpreter

from . import __main__ as command
from . import bad_input, bit_flips, forks, fuzz, kill, long_run, threads
from .outcomes import ANSWERED, REFUSED, WRONG, Try

pytestmark = pytest.mark.filterwarnings("ignore::ase_orbital.predict.PeriodicityWarning")


def outcomes(tries):
    found = list(tries)
    assert not [one for one in found if one.outcome == WRONG]
    return {one.outcome for one in found}


def test_damaged_files():
    assert outcomes(bad_input.attack(30, 0)) == {ANSWERED, REFUSED}


def test_strange_structures():
    assert outcomes(fuzz.attack(40, 0)) == {ANSWERED, REFUSED}


def test_flipped_bits():
    assert REFUSED in outcomes(bit_flips.attack(6, 0))


def test_threads():
    assert outcomes(threads.attack(1, 0)) == {ANSWERED}


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_forks(monkeypatch):
    monkeypatch.setattr(forks, "METHODS", ("fork",))  # spawning takes seconds
    assert outcomes(forks.attack(1, 0)) == {ANSWERED}


def test_long_runs():
    assert outcomes(long_run.attack(200, 0)) == {ANSWERED}


def test_a_file_that_a_killed_command_left_half_written_is_found(tmp_path, monkeypatch):
    """The processes are replaced, because each takes seconds."""
    (tmp_path / "out.csv").write_text("fermi_energy")
    monkeypatch.setattr(kill.subprocess, "Popen", Writer)
    monkeypatch.setattr(Writer, "path", tmp_path / "out.csv")
    found = kill.killed(tmp_path, "out.csv", 0.1, Drawn(), 5)
    assert (found.outcome, found.detail) == (WRONG, "3 of 5 rows are left")


class Writer:
    """A process that has written three of five rows."""

    path = None

    def __init__(self, *_, **__):
        self.path.write_text("fermi_energy\n" * 3)

    def wait(self, *_):
        pass


class Drawn:
    def random(self):
        return 0.9

    def integers(self, _):
        return 0


def test_what_goes_wrong_is_printed_and_the_status_is_1(monkeypatch, capsys):
    tries = [Try("a", ANSWERED), Try("b", WRONG, "nan")]
    monkeypatch.setattr(fuzz, "attack", lambda number, seed: tries[: number + seed])
    assert command.main(["fuzz", "--number", "1"]) == 0
    assert command.main(["fuzz", "--number", "1", "--seed", "1"]) == 1
    printed = capsys.readouterr().out
    assert "WRONG b: nan" in printed
    assert "fuzz: 2 tries, 1 answered, 0 refused, 1 wrong" in printed
    assert not interpreter.allowed
