"""Blocks of code in Markdown, and running them in the order they are read."""

import re
import shlex
from pathlib import Path

from ase_orbital.cli.main import main

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text, *languages):
    """Each block's language, the number of its first line, and its code."""
    return [
        (found[1], text.count("\n", 0, found.start(2)) + 1, found[2])
        for found in BLOCK.finditer(text)
        if found[1] in languages
    ]


def commands(code):
    """Arguments of each `ase-orbital` line of a block; none if it has other commands."""
    lines = [shlex.split(line) for line in code.replace("\\\n", " ").splitlines()]
    if all(line and line[0] == "ase-orbital" for line in lines):
        return [line[1:] for line in lines]
    return []


def run_blocks(path, folder, monkeypatch, *languages):
    """Run the blocks of a page in a folder that has the tutorials beside it.

    Of bash only `ase-orbital` is run. Returns how many blocks there are.
    """
    (folder / "tutorials").symlink_to(ROOT / "tutorials")
    monkeypatch.chdir(folder)
    namespace = {"__name__": "__page__"}
    found = blocks(path.read_text("utf-8"), *languages)
    for language, line, code in found:
        if language == "python":
            # Empty lines in front, so that an error names the line of the page.
            exec(compile("\n" * (line - 1) + code, path, "exec"), namespace)
            continue
        for arguments in commands(code):
            assert main(arguments) == 0, f"{path}, line {line}: {arguments}"
    return len(found)
