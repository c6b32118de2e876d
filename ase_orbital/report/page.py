"""A self-contained HTML page of figures and tables, made of plain data.

The content is JSON, from which the scripts in `assets` build the page. Content and
plotly's library are compressed, which makes a page about 2 MB large.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from ase_orbital.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = ("records", "figures", "structure", "tables", "main")


@dataclass
class Page:
    """Content of a page.

    Parameters
    ----------
    title, subtitle
        Heading of the page, and the line below it.
    facts
        Values and labels that are shown in large print.
    sections
        Figures and tables, each with its `type`, one of those in `assets/main.js`.
    columns
        Columns of the records, see `columns_of`.
    n_records
        Number of records.
    identifier
        Name of the column that identifies a record.
    structures
        Cells to be drawn by number of the record, see `cells_of`; None for no viewer.
    elements
        Symbol, color and radius of each element in the cells, by atomic number.
    without_structure
        Text for a record that has no cell.
    """

    title: str
    subtitle: str
    facts: list[tuple[Any, str]]
    sections: list[dict[str, Any]]
    columns: list[dict[str, Any]] = field(default_factory=list)
    n_records: int = 0
    identifier: str = "id"
    structures: dict[int, dict[str, Any]] | None = None
    elements: dict[int, dict[str, Any]] = field(default_factory=dict)
    without_structure: str = ""

    def save(self, path: Path) -> None:
        """Write the page as one file that opens in a browser, atomically."""
        content = json.dumps(asdict(self), allow_nan=False, separators=(",", ":"))
        text = Template(_asset("page.html")).substitute(
            title=html.escape(self.title),
            style=_asset("page.css"),
            script="\n".join(_asset(f"{name}.js") for name in SCRIPTS),
            plotly=_library(),
            content=_packed(content),
        )
        write_text(path, text)


def _asset(name: str) -> str:
    return (files("ase_orbital.report") / "assets" / name).read_text("utf-8")


@cache
def _library() -> str:
    from plotly.offline import get_plotlyjs

    return _packed(get_plotlyjs())


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
