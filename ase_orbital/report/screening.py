"""The page about predictions for many structures."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import SettingError
from ase_orbital.properties import is_energy
from ase_orbital.report.cells import cell_of, elements_of
from ase_orbital.report.page import Page
from ase_orbital.report.projection import orbital_fingerprints, principal_plane
from ase_orbital.report.records import columns_of, kind_of, plain_numbers, shown_unit

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame, Series

    from ase_orbital.report.screened import Screened

    Section = dict[str, Any]

LABELS = {"n_atoms": "atoms per cell"}
LEAST_BINS, N_BINS = 12, 60
N_MAPPED = 2000  # structures in the map of fingerprints
N_REASONS = 50  # kinds of failures in the table
TAIL = 0.0005  # quantile beyond which values may be drawn in the last bin


def screening_page(
    name: Path, screened: Screened, *, sort: str | None, top: int, points: int
) -> Page:
    """Make the page of predictions; see `write_report` for the parameters.

    Raises
    ------
    SettingError
        If there is no column of the name in `sort`.
    """
    frame = screened.frame
    failed = (frame["error"] != "").to_numpy()
    good = frame[~failed]
    best, ranking = _best(screened, sort, top)
    shown = _shown(good, best, points)
    records = _records(good.loc[shown])
    place = {row: index for index, row in enumerate(shown)}
    atoms = screened.atoms(best)
    cells = {
        place[row]: cell
        for row, one in zip(best, atoms, strict=True)
        if one is not None and (cell := cell_of(one)) is not None
    }
    sections = [
        {
            "type": "candidates", "title": "Candidates", "link": "candidates", "wide": True,
            "rows": [place[row] for row in best], "listed": f"the best {len(best)}",
            "note": f"{ranking} Click on a column to sort, and on a row to see its cell.",
        }
    ] if len(good) else []  # fmt: skip
    columns = columns_of(records, screened.units, LABELS)
    sections += _scatter(screened, len(good), len(shown))
    mapped = _map(screened, shown, best, columns)
    sections += mapped
    sections += _distributions(screened, good)
    sections += _elements(good)
    sections += _failures(frame[failed])
    items = [[name, text] for name, text in screened.facts]
    sections.append({"type": "facts", "title": "About this run", "items": items,
                     "wide": True})  # fmt: skip
    inside = screened.inside
    facts = [
        (len(frame), "structures"),
        (len(good), "predicted"),
        (int(failed.sum()), "failed"),
        *([] if inside is None else [(_percent(inside[~failed]), "in the domain")]),
        (int(good["formula"].nunique()), "formulas"),
    ]
    subtitle = f"{name}: {', '.join(one.replace('_', ' ') for one in screened.properties)}"
    return Page(
        f"Screening of {len(frame):,} structures",
        f"{subtitle}. {screened.note}".strip(),
        facts,
        sections,
        columns,
        len(records),
        structures=cells if len(good) else None,
        elements=elements_of(cells.values()),
        without_structure="The page has cells of the best candidates only, of up to 300 "
        "atoms, and where the file of the structure was found.",
    )


def _percent(flags: Any) -> str:
    return f"{100.0 * flags.mean():.1f} %" if len(flags) else "0 %"


def _best(screened: Screened, sort: str | None, top: int) -> tuple[list[Any], str]:
    """Return the rows of the best candidates, and a sentence about their order."""
    frame = screened.frame
    good = frame[frame["error"] == ""]
    if sort is None and screened.selected is not None:
        chosen = [row for row in screened.selected if row in good.index][:top]
        return chosen, "These were selected by the run, in its order."
    if sort is None:
        names = screened.properties
        if not names:
            return list(good.index[:top]), "In the order of the input."
        sort = names[0] if is_energy(names[0]) else f"{names[0]}-"
    name = sort.removesuffix("-")
    if name not in frame:
        raise SettingError(
            f"there is no column {name!r} to sort by; the columns are {', '.join(frame)}"
        )
    inside = screened.inside
    order = good[[name]].copy()
    order["outside"] = False if inside is None else ~inside[(frame["error"] == "").values]
    order = order.sort_values(
        ["outside", name], ascending=[True, sort == name], kind="stable"
    )
    direction = "lowest" if sort == name else "highest"
    domain = "" if inside is None else ", those in the domain before others"
    words = name.replace("_", " ")
    return list(order.index[:top]), f"Ranked by {words}, the {direction} first{domain}."


def _shown(good: DataFrame, best: list[Any], points: int) -> list[Any]:
    """Return the rows in the page: the best candidates, and a random sample."""
    if len(good) <= points:
        return list(good.index)
    others = good.index.difference(best, sort=False)
    n = max(points - len(best), 0)
    sample = np.random.default_rng(0).choice(len(others), n, replace=False)
    return [*best, *others[np.sort(sample)]]


def _records(good: DataFrame) -> DataFrame:
    """Order the columns as they are read, and drop those that say nothing."""
    last = ["n_atoms"] if (good["source"] == good["id"]).all() else ["n_atoms", "source"]
    others = ("formula", "id", "n_atoms", "source", "error")
    values = [name for name in good if name not in others]
    flags = [name for name in values if kind_of(good[name]) == "flag"]
    numbers = [name for name in values if name not in flags]
    return good[["formula", "id", *numbers, *flags, *last]]


def _scatter(screened: Screened, n_good: int, n_shown: int) -> list[Section]:
    names = screened.properties
    if not n_good or not names:
        return []
    note = "Hover over a point for its values; draw around points to select them."
    if n_shown < n_good:
        note += f" The figure shows {n_shown:,} of {n_good:,} structures: the best "
        note += "candidates and a random sample."
    domain = [one for one in screened.frame if one.startswith("in_domain")]
    color = domain[0] if domain else names[-1]
    second = names[1] if len(names) > 1 else "n_atoms"
    return [
        {
            "type": "scatter", "title": "Property against property", "link": "properties",
            "x": second, "y": names[0], "color": names[2] if len(names) > 2 else color,
            "note": note,
        }
    ]  # fmt: skip


def _map(
    screened: Screened, shown: list[Any], best: list[Any], columns: list[dict[str, Any]]
) -> list[Section]:
    """Draw structures in the plane of their fingerprints, and add the coordinates."""
    rows = list(dict.fromkeys([*best, *shown]))
    if len(rows) < 3:
        return []
    if len(rows) > N_MAPPED:
        others = rows[len(best) :]
        n = max(N_MAPPED - len(best), 0)
        chosen = np.random.default_rng(0).choice(len(others), n, replace=False)
        rows = [*best, *(others[index] for index in np.sort(chosen))]
    if screened.features is not None:
        features, kind = screened.features(rows), "those of the screening"
    else:
        features = orbital_fingerprints(screened.atoms(rows))
        kind = "mean orbital field matrices"
    coordinates, shares = principal_plane(np.asarray(features, float))
    n_mapped = int(np.isfinite(coordinates[:, 0]).sum())
    if n_mapped < 3:
        return []
    place = {row: index for index, row in enumerate(shown)}
    for axis, share in enumerate(shares):
        values: list[float | int | None] = [None] * len(shown)
        for row, value in zip(rows, plain_numbers(coordinates[:, axis]), strict=True):
            values[place[row]] = value
        columns.append(
            {
                "name": f"map {axis + 1}", "values": values, "kind": "number", "unit": "",
                "label": f"principal component {axis + 1} ({100.0 * share:.0f} %)",
                "hidden": True, "drawn": True,
            }
        )  # fmt: skip
    color = next(iter(screened.properties), None)
    return [
        {
            "type": "scatter", "title": "Map of fingerprints", "link": "map", "fixed": True,
            "x": "map 1", "y": "map 2", "color": color,
            "note": f"Similar structures are close. {n_mapped:,} structures; fingerprints: "
            f"{kind}, projected to their two directions of largest variance.",
        }
    ]  # fmt: skip


def _distributions(screened: Screened, good: DataFrame) -> list[Section]:
    inside = screened.inside
    if inside is not None:
        inside = inside[(screened.frame["error"] == "").to_numpy()]
    names = [*screened.properties, *(["n_atoms"] if good["n_atoms"].nunique() > 1 else [])]
    panels = [
        panel for name in names if (panel := _panel(good[name], inside, screened.units))
    ]
    if not panels:
        return []
    note = f"Of all {len(good):,} predicted structures."
    if inside is not None:
        note += " Blue: in the domain of all models; orange: outside."
    if any(panel["cut"] for panel in panels):
        note += " A few values beyond a figure are counted in its first or last bin."
    return [
        {
            "type": "histograms", "title": "Distributions", "link": "distributions",
            "wide": True, "panels": panels, "counted": "structures", "note": note,
        }
    ]  # fmt: skip


def _panel(values: Series, inside: Any, units: dict[str, str]) -> Section | None:
    """Return the histogram of a column; None without a value."""
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    finite = np.isfinite(numbers)
    if not finite.any():
        return None
    known = numbers[finite]
    low, high = float(known.min()), float(known.max())
    near = np.quantile(known, [TAIL, 1.0 - TAIL])
    cut = bool(high - low > 3.0 * np.ptp(near) > 0.0)
    if cut:
        low, high = map(float, near)
    n_bins = int(np.clip(len(known) ** 0.5, LEAST_BINS, N_BINS))
    if (known == np.round(known)).all() and high - low < N_BINS:  # such as n_atoms
        low, high = low - 0.5, high + 0.5
        n_bins = round(high - low)
    edges = np.linspace(low, high if high > low else low + 1.0, n_bins + 1)
    groups = [finite] if inside is None else [finite & inside, finite & ~inside]
    counts = [
        np.histogram(numbers[group].clip(edges[0], edges[-1]), edges)[0].tolist()
        for group in groups
    ]
    name = str(values.name)
    return {
        "label": LABELS.get(name, name.replace("_", " ")),
        "unit": shown_unit(name, units), "cut": cut, "edges": plain_numbers(edges),
        "inside": counts[0],
        "outside": counts[1] if len(counts) > 1 else None,
    }  # fmt: skip


def _elements(good: DataFrame) -> list[Section]:
    """Draw how many structures contain each element, in the order of atomic numbers."""
    found: Counter[str] = Counter()
    for formula, n in good["formula"].value_counts().items():
        for symbol in {*re.findall(r"[A-Z][a-z]?", str(formula))}:
            found[symbol] += int(n)
    symbols = [symbol for symbol in SYMBOLS if symbol in found]
    if not symbols:
        return []
    counts = [found[symbol] for symbol in symbols]
    return [
        {
            "type": "bars", "title": "Elements", "wide": True, "labels": symbols,
            "values": counts, "counts": counts, "x": "element", "y": "structures",
            "note": "Predicted structures that contain the element.",
        }
    ]  # fmt: skip


def _failures(failed: DataFrame) -> list[Section]:
    """Count the failures that differ only in numbers and names, with an example each."""
    if failed.empty:
        return [{"type": "facts", "title": "Failures", "items": [], "note": "None failed."}]
    kinds: dict[str, list[Any]] = {}
    columns = zip(failed["error"], failed["id"], strict=True)
    for error, identifier in columns:
        kind = kinds.setdefault(_kind_of_error(error), [0, error, identifier])
        kind[0] += 1
    ordered = sorted(kinds.values(), key=lambda kind: -kind[0])
    note = "Reasons that differ only in numbers and names are counted together."
    if len(ordered) > N_REASONS:
        note += f" The {N_REASONS} most frequent of {len(ordered):,} are shown."
    rows = [[n, error, identifier] for n, error, identifier in ordered[:N_REASONS]]
    return [
        {
            "type": "table", "title": "Failures", "link": "failures", "wide": True,
            "columns": ["structures", "reason, for example", "example"], "rows": rows,
            "wrap": [1, 2], "note": note,
        }
    ]  # fmt: skip


def _kind_of_error(error: str) -> str:
    """Leave out numbers, chemical symbols and words in quotation marks."""
    names = r"'[^']*'|\b[A-Z][a-z]?(?:\d*[A-Z][a-z]?\d*)*\b|\S*[/@]\S*"
    return re.sub(r"-?\d[\d.,e+-]*", "#", re.sub(names, "", error))
