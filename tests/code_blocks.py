"""Blocks of code in Markdown, and running them in the order they are read."""

import ast
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

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


def promised(comment):
    """Value that a comment such as `# 1.0: inside` gives, or None; None is no value."""
    try:
        return ast.literal_eval(comment.partition(": ")[0].strip())
    except (SyntaxError, ValueError):
        return None


def run_python(code, line, path, namespace):
    """Run a block; expressions have the values, arrays the shapes, of comments behind."""
    # Empty lines in front, so that an error names the line of the page.
    text = "\n" * (line - 1) + code
    for statement in ast.parse(text).body:
        if not isinstance(statement, ast.Expr):
            module = ast.Module([statement], type_ignores=[])
            exec(compile(module, path, "exec"), namespace)
            continue
        found = eval(compile(ast.Expression(statement.value), path, "eval"), namespace)
        last = text.splitlines()[statement.end_lineno - 1][statement.end_col_offset :]
        wanted = promised(last.strip().removeprefix("#"))
        found = list(found.shape) if getattr(found, "shape", ()) else found
        if wanted is not None:
            assert found == wanted, f"{path}, line {statement.end_lineno}: {found}"


def run_blocks(path, folder, monkeypatch, *languages):
    """Run the blocks of a page in a folder that has the tutorials beside it.

    Of bash only `ase-orbital` is run. Returns how many blocks there are.
    """
    (folder / "tutorials").symlink_to(ROOT / "tutorials")
    monkeypatch.chdir(folder)
    module = ModuleType("__page__")  # where models find the classes of a page
    monkeypatch.setitem(sys.modules, "__page__", module)
    namespace = vars(module)
    found = blocks(path.read_text("utf-8"), *languages)
    for language, line, code in found:
        if language == "python":
            run_python(code, line, path, namespace)
            continue
        for arguments in commands(code):
            assert main(arguments) == 0, f"{path}, line {line}: {arguments}"
    return len(found)
