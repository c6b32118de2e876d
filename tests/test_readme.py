"""The commands and the Python code of the README work."""

import re

from .code_blocks import ROOT, blocks, run_blocks

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no section {title!r}"
    return found[1]


def test_two_commands_set_everything_up():
    """Only their form is checked here; the gate, .ci/run, runs them."""
    commands = [code for _, _, code in blocks(section("Set up"), "bash")]
    pins = (ROOT / ".ci/constraints.txt").read_text(encoding="utf-8").splitlines()
    assert len(commands) == 2
    for command in commands:
        assert command.startswith("python3.11 -m venv .venv")
        # The pinned torch comes first: the default build can be gigabytes larger.
        assert re.search(r"pip install [^&]*torch==\S+", command)
        assert re.search(r"torch==\S+", command)[0] in pins
        assert command.count("-c .ci/constraints.txt") == command.count("pip install")
        # It is one command, which stops at the first failure.
        lines = command.splitlines()
        assert all(line.endswith(("&& \\", "\\")) for line in lines[:-1])
        assert command.count("&&") >= 3
    assert "ase-orbital predict" in commands[0]
    assert commands[1].rstrip().endswith("pytest")


def test_python_blocks_run_in_the_order_they_are_read(tmp_path, monkeypatch):
    assert run_blocks(ROOT / "README.md", tmp_path, monkeypatch, "python")
