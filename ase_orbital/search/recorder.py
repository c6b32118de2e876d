"""Properties along a relaxation or a molecular dynamics run, kept beside the Atoms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units as ase_units

from ase_orbital.errors import SettingError, StructureError
from ase_orbital.predict.predictor import Predictor
from ase_orbital.search.records import Output, cached
from ase_orbital.structure import as_atoms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ase import Atoms
    from ase.optimize.optimize import BaseDynamics
    from matplotlib.figure import Figure

    from ase_orbital.predict.predictor import PredictorLike
    from ase_orbital.structure import AtomsLike

UNITS = {
    "step": "", "image": "", "time": "fs", "energy": "eV", "fmax": "eV/Å", "volume": "Å³",
}  # fmt: skip
REASON = "reason"  # of a prediction that is missing


class Recorder:
    """One row of numbers for each step it is shown.

    Rows stay here, or go into a file of their own: writing them into `atoms.info` would
    make calculators that compare `info` compute every step twice. Energy and largest force
    are noted if the calculator has them already; nothing is computed but predictions.

    Parameters
    ----------
    models
        A Predictor, or what a Predictor takes: names, folders, models.
    output
        Write each row at once, too: a path ending with `.csv`, `.extxyz`, `.traj` or `.db`,
        see `records.Output`.

    Attributes
    ----------
    rows : list of dict
        Labels; `step`; of a molecular dynamics run `time`; `energy` and `fmax` (nan if the
        calculator does not have them); of a crystal `volume`; each predicted property; and
        `reason`: empty, or why properties are nan.

    Examples
    --------
    >>> recorder = Recorder("eosnet-heat-of-formation-perovskites", output="relaxation.csv")
    >>> with BFGS(FrechetCellFilter(atoms)) as optimizer:
    ...     recorder.watch(optimizer, interval=5)
    ...     optimizer.run(fmax=0.02)
    >>> recorder.plot().savefig("relaxation.png")

    Notes
    -----
    To predict for a trajectory that is there already, faster because in batches, use
    `Predictor.predict_many` or `ase-orbital predict`.
    """

    def __init__(
        self,
        models: PredictorLike,
        *,
        output: str | Path | None = None,
    ) -> None:
        self.predictor = Predictor.of(models)
        self.output = None if output is None else Output(output)
        self.records: list[dict[str, Any]] = []

    @property
    def units(self) -> dict[str, str]:
        """Unit of each number in `records`; empty where it has none, or it is not known."""
        return {**UNITS, **self.predictor.units}

    def watch(
        self, optimizer: BaseDynamics, /, interval: int = 1, **labels: int | str
    ) -> None:
        """Predict on every `interval`-th step of an optimizer or molecular dynamics run.

        Parameters
        ----------
        optimizer
            Of Atoms, of a cell filter, whose real Atoms are taken, or of a NEB, each of
            whose images gets a row with its `image` number.
        interval
            Steps from one prediction to the next; the first is that of step 0.
        labels
            In front of each row, to tell runs apart, such as `run="second"`.

        Raises
        ------
        SettingError
            If this is nothing to watch.
        StructureError, ElementError
            If a model cannot predict for these atoms, before the run starts.
        """
        if not (hasattr(optimizer, "insert_observer") and hasattr(optimizer, "atoms")):
            raise SettingError(
                f"a {type(optimizer).__name__} cannot be watched: it is no ASE optimizer "
                "or molecular dynamics run; for minima hopping use search.Minima"
            )
        if type(optimizer).__name__ == "BasinHopping":
            raise SettingError(
                "basin hopping tells its observers of few minima, and of no steps; use "
                "search.Minima as its local_minima_trajectory"
            )
        if not isinstance(interval, int) or interval < 1:
            raise SettingError(f"interval must be a whole number from 1, not {interval!r}")
        taken = {*self.units, REASON} & labels.keys()
        if taken:
            raise SettingError(
                f"{min(taken)!r} is a column already; name the label otherwise"
            )
        # A band has no results to iterate over before its run.
        band = getattr(optimizer.atoms, "images", None)
        for atoms in band or [image for _, image in _images(optimizer)]:
            self.predictor.validate(atoms)

        def look() -> None:
            step: dict[str, Any] = {**labels, "step": optimizer.nsteps}
            if hasattr(optimizer, "get_time"):
                step["time"] = optimizer.get_time() / ase_units.fs
            for image, atoms in _images(optimizer):
                self.record(atoms, **step, **image)

        # Before the trajectory's own observer, and all others.
        optimizer.insert_observer(look, position=0, interval=interval)

    def record(self, structure: AtomsLike, /, **labels: float | str) -> dict[str, Any]:
        """Add one row, with labels such as `step=3` in front, and return it.

        A structure that cannot be predicted for has a row of nan, and the `reason`.

        Returns
        -------
        dict
            The row, as in `records`.
        """
        atoms = as_atoms(structure)
        row: dict[str, Any] = {**labels, **_at_hand(atoms)}
        reason = ""
        try:
            row |= self.predictor.predict(atoms)
        except StructureError as error:
            row |= dict.fromkeys(self.predictor.properties, math.nan)
            reason = str(error)
        row[REASON] = reason
        self.records.append(row)
        if self.output is not None:
            self.output.add(row, atoms)
        return row

    def plot(self, *names: str, title: str = "") -> Figure:
        """Draw properties along the path; needs matplotlib, the extra `plot`.

        Parameters
        ----------
        names
            Which; none for the energy, if known, and all properties. A spread becomes a
            band around its property.
        title
            Above all.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        SettingError
            If there is nothing to draw, or no matplotlib to draw with.
        """
        try:
            from ase_orbital.plotting.path import along_path
        except ImportError as error:
            raise SettingError(
                "pictures need matplotlib: pip install 'ase-orbital[plot]'"
            ) from error
        if not self.records:
            raise SettingError("there are no rows to draw yet; watch a run first")
        known = [name for name in self.records[0] if name in self.units]
        absent = [name for name in names if name not in known]
        if absent:
            raise SettingError(f"there is no {absent[0]!r} in the rows: {', '.join(known)}")
        return along_path(
            self.records, names or self._interesting(), units=self.units, title=title
        )

    def _interesting(self) -> list[str]:
        """Energy, if it is known, and the properties."""
        known = any(math.isfinite(row["energy"]) for row in self.records)
        return [*(["energy"] if known else []), *self.predictor.properties]


def _images(optimizer: BaseDynamics) -> Iterator[tuple[dict[str, int], Atoms]]:
    """Real Atoms behind a filter or a band, numbered where there are several."""
    atoms = optimizer.atoms
    images = list(atoms.iterimages()) if hasattr(atoms, "iterimages") else [atoms]
    for index, image in enumerate(images):
        yield ({"image": index} if len(images) > 1 else {}), image


def _at_hand(atoms: Atoms) -> dict[str, float]:
    """What is known without computing."""
    energy = cached(atoms, "energy")
    known = {"energy": math.nan if energy is None else float(energy), "fmax": math.nan}
    if cached(atoms, "forces") is not None:
        # Through the atoms, so that constraints count; the calculator has them.
        known["fmax"] = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
    if atoms.pbc.all():
        known["volume"] = float(atoms.get_volume())
    return known
