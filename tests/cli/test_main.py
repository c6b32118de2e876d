"""The command line as a whole: exit status, pipes, imports."""

import subprocess
import sys

import pytest

from ase_orbital import __version__, list_models
from ase_orbital.cli.main import COMMANDS, main


def test_the_package_runs_as_the_command():
    command = [sys.executable, "-m", "ase_orbital", "models"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in list_models())


@pytest.mark.parametrize(
    "arguments", [["describe", "--cutoff", "-1"], ["predict", "--device", "nowhere"]]
)
def test_an_invalid_setting_is_one_line_and_exit_1(crystals, arguments, capsys):
    assert main([*arguments, str(crystals / "salt.cif")]) == 1
    assert capsys.readouterr().err.startswith("ase-orbital: ")


@pytest.mark.parametrize("verb", ["predict", "describe"])
@pytest.mark.parametrize("path", ["out.docx", "absent/out.csv", "absent/out.npz"])
def test_a_file_that_cannot_be_written_is_misuse(crystals, verb, path):
    with pytest.raises(SystemExit) as caught:
        main([verb, str(crystals / "salt.cif"), "-o", path])
    assert caught.value.code == 2


def test_a_closed_pipe_gives_no_traceback():
    command = [sys.executable, "-m", "ase_orbital.cli.main", "models"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: ase-orbital {name}")
    assert COMMANDS[name].split()[-1] in out


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize("words", [[], ["nonsense"], ["predict"]])
def test_a_wrong_call_is_exit_2(words):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "not enough memory"),
        (ZeroDivisionError("by\nzero"), "ZeroDivisionError: by zero; this is a fault"),
    ],
)
def test_any_error_is_one_line_and_debug_shows_where(monkeypatch, capsys, error, words):
    def fail(_):
        raise error

    monkeypatch.setattr("ase_orbital.cli.models.run", fail)
    assert main(["models"]) == 1
    text = capsys.readouterr().err
    assert words in text
    assert text.count("\n") == 1
    for call in (["models", "--debug"], ["--debug", "models"]):
        with pytest.raises(type(error)):
            main(call)


def test_an_interruption_has_the_exit_status_of_shells(monkeypatch, capsys):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("ase_orbital.cli.models.run", interrupt)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "ase-orbital: interrupted\n"
