"""Recognize what results are, and write their report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_orbital.errors import DataError, OrbitalError, SettingError, check_path

if TYPE_CHECKING:
    from pathlib import Path

    from ase_orbital.report.page import Page


N_BEST = 100
N_POINTS = 20_000


def write_report(
    source: str | Path,
    output: str | Path | None = None,
    *,
    sort: str | None = None,
    top: int = N_BEST,
    points: int = N_POINTS,
) -> Path:
    """Write the report of results as one HTML file, and return its path.

    Parameters
    ----------
    source
        Folder that `ase-orbital screen -o`, `evaluate -o` or `train -o` wrote, or a table
        that `predict -o` wrote as CSV, JSON or Parquet.
    output
        File to write; None for `report.html` in the folder, or for the name of the table
        with the suffix .html.
    sort
        For structures: column that ranks the candidates, with a minus behind its name for
        the highest first, such as "band_gap-". None for what the run selected, or else the
        first property: the lowest energy, or the highest value of another property.
    top
        For structures: number of candidates, which are in the page with their cells.
    points
        For structures: largest number in the figures of points, which show a random sample
        of more. Histograms and counts are of all structures.

    Raises
    ------
    DataError
        If the source is none of these, or a file of it is damaged.
    SettingError
        If there is no column to sort by, or a number is below 1.
    """
    if top < 1 or points < 1:
        raise SettingError(f"top and points must be at least 1, not {top} and {points}")
    source = check_path("source", source)
    path = source.with_suffix(".html") if source.is_file() else source / "report.html"
    path = path if output is None else check_path("output", output)
    try:
        page_of(source, sort=sort, top=top, points=max(points, top)).save(path)
    except OrbitalError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # A table can have anything in place of a number or a name.
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{source} is damaged, and cannot be shown ({reason})") from error
    return path


def page_of(source: Path, *, sort: str | None, top: int, points: int) -> Page:
    """Make the page of a folder or file."""
    if (source / "evaluation.json").is_file():
        from ase_orbital.report.evaluations import evaluation_page

        return evaluation_page(source)
    if (source / "settings.json").is_file():
        from ase_orbital.report.evaluations import training_page

        return training_page(source)
    from ase_orbital.report.screened import from_results, from_table
    from ase_orbital.report.screening import screening_page

    if source.is_file():
        screened = from_table(source)
    elif (source / "run.json").is_file():
        screened = from_results(source)
    else:
        raise DataError(
            f"{source} is no result of ase-orbital screen, predict, evaluate or train: "
            "it is no table, and no folder with run.json, evaluation.json or settings.json"
        )
    return screening_page(source, screened, sort=sort, top=top, points=points)
