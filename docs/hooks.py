"""Hooks that complete the site when mkdocs builds it.

They add the pages of `elsewhere` (model cards, changelog, executed tutorials) and let links
to their sources lead to them, fill in tables from the code, and convert formulas to MathML,
which needs no script in the browser.
"""

from __future__ import annotations

import html
import logging
import os
import re
import time
from contextlib import redirect_stdout, suppress
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

logger = logging.getLogger("mkdocs.hooks")

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Potentials are optional: a tutorial that imports one that is absent is not executed.
POTENTIALS = ("chgnet", "sevenn")
# Figures have twice the resolution at which the site shows them.
SETUP = """\
from IPython import get_ipython
from matplotlib_inline.config import InlineBackend
backend = InlineBackend.instance(parent=get_ipython())
backend.figure_formats = {"png"}
backend.print_figure_kwargs = {"bbox_inches": "tight", "dpi": 200}
"""
LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")
FORMULA = re.compile(
    r'(<p>)?<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\2>(?(1)(</p>)?)',
    re.DOTALL,
)


def elsewhere() -> dict[str, Path]:
    """Return the pages whose source is not in this folder: {place in the site: source}."""
    tutorials = {
        f"tutorials/{path.stem}.md": path for path in sorted(ROOT.glob("tutorials/*.py"))
    }
    cards = {
        f"models/{path.parent.name}.md": path
        for path in sorted(ROOT.glob("pretrained/*/README.md"))
    }
    return (
        tutorials
        | cards
        | {
            "models/experiments.md": ROOT / "pretrained/EXPERIMENTS.md",
            "changelog.md": ROOT / "CHANGELOG.md",
            "development/contributing.md": ROOT / ".github/CONTRIBUTING.md",
            "development/benchmarks.md": ROOT / "tests/benchmarks/README.md",
        }
    )


def on_config(config: MkDocsConfig) -> None:
    """Add tutorials and cards to the navigation, after the first page of their section."""
    listed = re.findall(r"[\w/-]+\.md", str(config.nav))
    new = [uri for uri in elsewhere() if uri not in listed]
    for section in config.nav or []:
        for pages in section.values():
            folder = pages[0].rpartition("/")[0]
            pages[1:1] = [uri for uri in new if folder and uri.startswith(folder + "/")]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages of `elsewhere` with their figures and notebooks."""
    from mkdocs.structure.files import File

    for uri, path in elsewhere().items():
        if path.suffix == ".py":
            for name, content in _tutorial(path, bool(config.extra["execute"])).items():
                files.append(File.generated(config, f"tutorials/{name}", content=content))
        else:
            files.append(File.generated(config, uri, content=path.read_text("utf-8")))


def _tutorial(path: Path, execute: bool) -> dict[str, str | bytes]:
    """Convert a tutorial: {file name: content} of its page, notebook and figures.

    Raises
    ------
    PluginError
        If a cell fails; the message names the tutorial.
    """
    import jupytext
    import nbformat
    from mkdocs.exceptions import PluginError
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbconvert import MarkdownExporter

    notebook = jupytext.read(path)
    head = "The outputs are missing because EXECUTE_TUTORIALS was false"
    if absent := absent_potentials(path.read_text("utf-8")):
        head, execute = f"The outputs are missing because {absent} is not installed", False
        logger.info("%s: not executed without %s", path.name, absent)
    if execute:
        began = time.perf_counter()
        notebook.cells.insert(0, nbformat.v4.new_code_cell(SETUP))
        folder = {"metadata": {"path": str(path.parent)}}
        client = NotebookClient(
            notebook, kernel_name="python3", resources=folder, coalesce_streams=True
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise PluginError(f"the tutorial {path.name} failed: {error}") from error
        del notebook.cells[0]
        for cell in notebook.cells:  # drop progress bars and warnings of libraries
            if "outputs" in cell:
                cell["outputs"] = [
                    output for output in cell["outputs"] if output.get("name") != "stderr"
                ]
        logger.info("%s: %.0f s", path.name, time.perf_counter() - began)
        head = f"[This page as an executed notebook]({path.stem}.ipynb)"
    body, resources = MarkdownExporter().from_notebook_node(notebook)

    def image(found: re.Match[str]) -> str:
        # Bytes 16 to 20 of a PNG file are its width.
        width = int.from_bytes(resources["outputs"][found[1]][16:20]) // 2
        return f"![]({path.stem}/{found[1]}){{ width={width} }}"

    body = re.sub(r"!\[png\]\((.*?)\)", image, body)
    title, _, rest = body.lstrip().partition("\n")
    page = f"{title}\n\n*{head}; the source is `tutorials/{path.name}`.*\n{rest}"
    figures = {f"{path.stem}/{name}": data for name, data in resources["outputs"].items()}
    notebooks = {f"{path.stem}.ipynb": nbformat.writes(notebook)} if execute else {}
    return {f"{path.stem}.md": page, **notebooks, **figures}


def absent_potentials(source: str) -> str:
    """Name the potentials that a tutorial imports and that are not installed."""
    imported = {
        name for name in POTENTIALS if re.search(rf"^(from|import) {name}\b", source, re.M)
    }
    return ", ".join(name for name in sorted(imported) if find_spec(name) is None)


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Make tables such as `<!-- coverage -->` anew, and drop what stands for docstrings."""
    for name, filling in FILLINGS.items():
        if (found := block(name)).search(markdown):
            made = filling()
            markdown = found.sub(lambda _, made=made: made, markdown)
    places = {path: DOCS / uri for uri, path in elsewhere().items()}
    folder = (DOCS / page.file.src_uri).parent
    return moved_links(block("api").sub("", markdown), folder, places)


def moved_links(text: str, folder: Path, places: dict[Path, Path]) -> str:
    """Let links from pages in a folder lead to the new places of files."""

    def link(found: re.Match[str]) -> str:
        place = places.get((folder / found[1]).resolve())
        if place is None:
            return found[0]
        return f"]({os.path.relpath(place, folder)}{found[2] or ''})"

    return LINK.sub(link, text)


def block(name: str) -> re.Pattern[str]:
    """Match a part that `docs/fill.py` fills in."""
    return re.compile(rf"<!-- {name} -->\n.*?<!-- end -->", re.DOTALL)


def tutorials() -> str:
    """List the tutorials with title and first sentence."""
    rows = []
    for path in sorted(ROOT.glob("tutorials/*.py")):
        head = path.read_text("utf-8").partition("\n\n")[0].splitlines()
        lines = [line.removeprefix("#").removeprefix(" ") for line in head]
        title, text = lines[1].removeprefix("# "), " ".join(lines[2:]).strip()
        first = re.match(r".*?[^A-Z]\.(?=\s|$)", text)
        rows.append(f"1. [{title}]({path.stem}.md): {first[0] if first else text}")
    return "\n".join(rows)


def coverage() -> str:
    """Make the table of coverage and domain on the test sets."""
    from ase_orbital.zoo import list_models, read_card

    rows = [
        "| model | within 1.64 std | fifths | in the domain | outside / inside | others |",
        "|---|---|---|---|---|---|",
    ]
    for name in list_models():
        metrics = read_card(name).metrics
        if "outside_ratio_test" not in metrics:
            continue
        share, low, high, other = (
            f"{metrics[key]:.2f}" if key in metrics else ""
            for key in (
                "coverage_90_test",
                "coverage_90_lowest_test",
                "coverage_90_highest_test",
                "coverage_90_held_out",
            )
        )
        fifths = f"{low} to {high}" if low else ""
        inside, ratio = metrics["in_domain_test"], metrics["outside_ratio_test"]
        rows.append(
            f"| `{name}` | {share} | {fifths} | {inside:.1%} | {ratio:.1f} | {other} |"
        )
    return "\n".join(rows)


def distorted() -> str:
    """Make the table of distorted crystals in the domain, from the texts of the cards."""
    from ase_orbital.zoo import list_models, model_folder

    kinds = (
        "rattled by 0.12 Å",
        "rattled by 0.2 Å",
        "compressed by 6 %",
        "strained by 3 %",
        "random candidates",
    )
    rows = [f"| model | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    for name in list_models():
        text = " ".join((model_folder(name) / "README.md").read_text("utf-8").split())
        shares = [re.search(rf"(\d+%) {re.escape(kind)}", text) for kind in kinds]
        rows.append(f"| `{name}` | {' | '.join(at[1] if at else '' for at in shares)} |")
    return "\n".join(rows)


def properties() -> str:
    """Make the table of properties."""
    from ase_orbital.properties import PROPERTIES

    rows = ["| name | unit | meaning | learned as |", "|---|---|---|---|"]
    for name, known in PROPERTIES.items():
        learned = "a class" if known.classes else known.transform
        rows.append(f"| `{name}` | {known.unit} | {known.meaning} | {learned} |")
    return "\n".join(rows)


def commands() -> str:
    """Return the `--help` output of every command."""
    from ase_orbital.cli.main import COMMANDS, main

    os.environ["COLUMNS"] = "76"
    parts = []
    for name in COMMANDS:
        printed = StringIO()
        with redirect_stdout(printed), suppress(SystemExit):
            main([name, "--help"])
        parts.append(f"## {name}\n\n```text\n{printed.getvalue()}```")
    return "\n\n".join(parts)


FILLINGS = {
    "coverage": coverage,
    "distorted": distorted,
    "tutorials": tutorials,
    "properties": properties,
    "commands": commands,
}


def on_page_content(content: str, **_: Any) -> str:
    """Convert formulas to MathML."""
    return FORMULA.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    from latex2mathml.converter import convert

    opened, _, bracket, formula, closed = found.groups()
    alone = bracket == "[" or bool(opened and closed)
    drawn = str(
        convert(html.unescape(formula).strip(), display="block" if alone else "inline")
    )
    return (opened or "") + drawn + (closed or "")
