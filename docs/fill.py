"""Fill in what the pages show on the site, for readers of a clone: `python docs/fill.py`.

Tables made from the code stand between `<!-- models -->` and `<!-- end -->`. After `:::`,
where the site has the whole docstring, stand signature, first sentence and source. Links to
pages that the site adds, such as model cards, lead to their sources. When the site is
built, all of this is made anew; a test checks that it is current.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import hooks

MOST_PARAMETERS = 20
ROOT, DOCS = hooks.ROOT, hooks.DOCS
DIRECTIVE = re.compile(  # with its options, and what was filled in before
    r"^::: (\S+)\n((?: .*\n)*)(?:\n<!-- api -->\n[\s\S]*?<!-- end -->\n)?", re.MULTILINE
)


def main() -> None:
    """Fill in all pages."""
    for page in DOCS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(filled(text, page), encoding="utf-8")


def filled(text: str, page: Path) -> str:
    """Return the text of a page with all parts filled in."""
    for name, filling in hooks.FILLINGS.items():
        block = hooks.block(name)
        if block.search(text):
            new = f"<!-- {name} -->\n{CLONE.get(name, filling)()}\n<!-- end -->"
            text = block.sub(lambda _, new=new: new, text)
    folder = os.path.relpath(ROOT, page.parent)

    def described(found: re.Match[str]) -> str:
        lines = _describe(found[1], folder)
        return f"::: {found[1]}\n{found[2]}\n<!-- api -->\n{lines}\n<!-- end -->\n"

    text = DIRECTIVE.sub(described, text)
    # Pages that the site adds are elsewhere in a clone.
    sources = {(DOCS / uri).resolve(): path for uri, path in hooks.elsewhere().items()}
    return hooks.moved_links(text, page.parent, sources)


def commands() -> str:
    """Make a table of the commands; the site has their options."""
    from ase_orbital.cli.main import COMMANDS

    rows = [f"| `{name}` | {purpose} |" for name, purpose in COMMANDS.items()]
    return "\n".join(["| command, with options in `--help` | |", "|---|---|", *rows])


CLONE = {"commands": commands}  # shorter than on the site


def _describe(name: str, folder: str) -> str:
    path = ROOT / f"{name.replace('.', '/')}.py"
    if path.is_file():  # not imported: it may need a package that is not installed
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {
            at.name: ast.get_docstring(at)
            for at in tree.body
            if isinstance(at, ast.FunctionDef | ast.ClassDef) and at.name[0] != "_"
        }
        head = f"{_first(ast.get_docstring(tree))} Source: {_source(path, folder)}."
        return "\n".join([head, "", *_listed(docstrings)]).rstrip()
    found = _find(name)
    if isinstance(found, ModuleType):
        names = getattr(found, "__all__", [at for at in dir(found) if at[0] != "_"])
        objects = {at: getattr(found, at) for at in names}
        docstrings = {at: it.__doc__ for at, it in objects.items() if callable(it)}
        return "\n".join([_first(found.__doc__), "", *_listed(docstrings)])
    path = Path(import_module(found.__module__).__file__ or "")  # also of decorated ones
    text = f"`{found.__name__}{_signature(found)}`: {_first(found.__doc__)}"
    if inspect.isclass(found):
        routines = [at for at, it in vars(found).items() if inspect.isroutine(it)]
        if methods := ", ".join(f"`{at}`" for at in routines if at[0] != "_"):
            text += f" Methods: {methods}."
    return f"{text} Source: {_source(path, folder)}."


def _listed(docstrings: dict[str, str | None]) -> list[str]:
    return [f"- `{name}`: {_first(text)}" for name, text in docstrings.items()]


def _find(name: str) -> Any:
    """Import an object by its dotted name."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        module, _, last = name.rpartition(".")
        return getattr(import_module(module), last)


def _signature(found: Any) -> str:
    """Names of the parameters with their defaults, without types, if they are not many."""
    try:
        signature = inspect.signature(found)
    except ValueError:  # an exception
        return ""
    if len(signature.parameters) > MOST_PARAMETERS:
        return "(...)"
    parameters = [at.replace(annotation=at.empty) for at in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


def _first(docstring: str | None) -> str:
    """First sentence of a docstring."""
    text = " ".join((docstring or "").split("\n\n")[0].split())
    return re.split(r"(?<=[^A-Z]\.)\s", text)[0]


def _source(path: Path, folder: str) -> str:
    place = path.resolve().relative_to(ROOT).as_posix()
    return f"[{place}]({folder}/{place})"


if __name__ == "__main__":
    main()
