"""What the site has beside the pages of this folder.

Pages that lie elsewhere in the repository (model cards, changelog, tutorials) are added
under the names of `elsewhere`; tutorials are executed for it. Formulas become MathML, which
browsers draw without a script.
"""

from __future__ import annotations

import html
import logging
import os
import re
import time
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

logger = logging.getLogger("mkdocs.hooks")

ROOT = Path(__file__).parents[1]
# Sharp pictures, shown at half their pixels where a cell ends with one.
PICTURES = """\
from IPython import get_ipython
from matplotlib_inline.config import InlineBackend
backend = InlineBackend.instance(parent=get_ipython())
backend.figure_formats = {"png"}
backend.print_figure_kwargs = {"bbox_inches": "tight", "dpi": 200}
"""
FORMULA = re.compile(
    r'(<p>)?<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\2>(?(1)(</p>)?)',
    re.DOTALL,
)


def elsewhere() -> dict[str, Path]:
    """Pages of the site whose source is not in this folder, by their place in the site."""
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
    """Put tutorials and cards into the navigation, behind the first page of theirs."""
    listed = re.findall(r"[\w/-]+\.md", str(config.nav))
    new = [uri for uri in elsewhere() if uri not in listed]
    for section in config.nav or []:
        for pages in section.values():
            folder = pages[0].rpartition("/")[0]
            pages[1:1] = [uri for uri in new if folder and uri.startswith(folder + "/")]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages of `elsewhere`, with what belongs to them."""
    from mkdocs.structure.files import File

    for uri, path in elsewhere().items():
        if path.suffix == ".py":
            for name, content in _tutorial(path, bool(config.extra["execute"])).items():
                files.append(File.generated(config, f"tutorials/{name}", content=content))
        else:
            files.append(File.generated(config, uri, content=path.read_text("utf-8")))


def _tutorial(path: Path, execute: bool) -> dict[str, str | bytes]:
    """Page, notebook and pictures of a tutorial, by file name.

    Raises
    ------
    PluginError
        If a cell fails, with the tutorial's name.
    """
    import jupytext
    import nbformat
    from mkdocs.exceptions import PluginError
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbconvert import MarkdownExporter

    notebook = jupytext.read(path)
    head = "Without its outputs: this site was built with EXECUTE_TUTORIALS=false."
    if execute:
        began = time.perf_counter()
        notebook.cells.insert(0, nbformat.v4.new_code_cell(PICTURES))
        folder = {"metadata": {"path": str(path.parent)}}
        client = NotebookClient(
            notebook, kernel_name="python3", resources=folder, coalesce_streams=True
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise PluginError(f"the tutorial {path.name} failed: {error}") from error
        del notebook.cells[0]
        for cell in notebook.cells:  # bars, and what libraries say of their surroundings
            shown = [one for one in cell.get("outputs", []) if one.get("name") != "stderr"]
            cell.update({"outputs": shown} if "outputs" in cell else {})
        logger.info("%s: %.0f s", path.name, time.perf_counter() - began)
        head = f"[This page as an executed notebook]({path.stem}.ipynb)"
    body, resources = MarkdownExporter().from_notebook_node(notebook)

    def shown(found: re.Match[str]) -> str:
        width = int.from_bytes(resources["outputs"][found[1]][16:20]) // 2  # of the PNG
        return f"![]({path.stem}/{found[1]}){{ width={width} }}"

    body = re.sub(r"!\[png\]\((.*?)\)", shown, body)
    title, _, rest = body.lstrip().partition("\n")
    page = f"{title}\n\n*{head}; its source is `tutorials/{path.name}`.*\n{rest}"
    pictures = {f"{path.stem}/{name}": data for name, data in resources["outputs"].items()}
    notebooks = {f"{path.stem}.ipynb": nbformat.writes(notebook)} if execute else {}
    return {f"{path.stem}.md": page, **notebooks, **pictures}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in what the code itself says: a comment `<!-- models -->` becomes a table."""
    for name, filling in FILLINGS.items():
        if f"<!-- {name} -->" in markdown:
            markdown = markdown.replace(f"<!-- {name} -->", filling())
    return markdown


def models() -> str:
    """Table of the shipped models, from their cards."""
    from ase_orbital.zoo import list_models, read_card

    rows = ["| model | predicts | network | error on its test set |", "|---|---|---|---|"]
    for name in list_models():
        card = read_card(name)
        rows.append(
            f"| [{name}]({name}.md) | `{card.property_name}` | {card.network} "
            f"| {card.test_error} |"
        )
    return "\n".join(rows)


def tutorials() -> str:
    """List of the tutorials: number, title and first sentence of each."""
    rows = []
    for path in sorted(ROOT.glob("tutorials/*.py")):
        head = path.read_text("utf-8").partition("\n\n")[0].splitlines()
        lines = [line.removeprefix("#").removeprefix(" ") for line in head]
        title, text = lines[1].removeprefix("# "), " ".join(lines[2:]).strip()
        first = re.match(r".*?[^A-Z]\.(?=\s|$)", text)
        rows.append(f"1. [{title}]({path.stem}.md): {first[0] if first else text}")
    return "\n".join(rows)


def coverage() -> str:
    """Table of how the calibrated spreads did on test sets, from the cards."""
    from ase_orbital.zoo import list_models, read_card

    rows = ["| ensemble | test crystals | within 1.64 spreads |", "|---|---|---|"]
    for name in list_models():
        figures = read_card(name).metrics
        if "coverage_90_test" in figures:
            share = 100.0 * figures["coverage_90_test"]
            rows.append(f"| `{name}` | {figures['n_test']:,} | {share:.1f} % |")
    return "\n".join(rows)


def properties() -> str:
    """Table of the names of properties."""
    from ase_orbital.properties import PROPERTIES

    rows = ["| name | unit | meaning | learned as |", "|---|---|---|---|"]
    for name, known in PROPERTIES.items():
        learned = "a class" if known.classes else known.transform
        rows.append(f"| `{name}` | {known.unit} | {known.meaning} | {learned} |")
    return "\n".join(rows)


def settings() -> str:
    """Table of the settings of a training run."""
    from ase_orbital.training import TrainingSettings

    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, value in TrainingSettings().to_dict().items():
        meaning = TrainingSettings.model_fields[name].description
        rows.append(f"| `{name}` | `{value}` | {meaning} |")
    return "\n".join(rows)


def commands() -> str:
    """What every verb of the command line says to `--help`."""
    from ase_orbital.cli.main import VERBS, main

    os.environ["COLUMNS"] = "76"
    parts = []
    for verb, purpose in VERBS.items():
        printed = StringIO()
        with redirect_stdout(printed), suppress(SystemExit):
            main([verb, "--help"])
        parts.append(
            f"## {verb}\n\n{purpose.capitalize()}.\n\n```text\n{printed.getvalue()}```"
        )
    return "\n\n".join(parts)


FILLINGS = {
    "coverage": coverage,
    "models": models,
    "tutorials": tutorials,
    "properties": properties,
    "settings": settings,
    "commands": commands,
}


def on_page_content(content: str, **_: Any) -> str:
    """Turn formulas into MathML."""
    return FORMULA.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    from latex2mathml.converter import convert

    opened, _, bracket, formula, closed = found.groups()
    alone = bracket == "[" or bool(opened and closed)
    drawn = str(
        convert(html.unescape(formula).strip(), display="block" if alone else "inline")
    )
    return (opened or "") + drawn + (closed or "")
