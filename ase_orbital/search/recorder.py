"""Recorder of predictions along relaxations and molecular dynamics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units as ase_units

from ase_orbital.errors import ModelError, SettingError, StructureError, check_whole
from ase_orbital.predict.predictor import ERROR, Predictor
from ase_orbital.properties import column_names
from ase_orbital.search.hull import HULL_UNITS
from ase_orbital.search.records import Output, cached
from ase_orbital.structure import as_atoms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ase import Atoms
    from ase.optimize.optimize import BaseDynamics
    from matplotlib.figure import Figure

    from ase_orbital.predict.predictor import PredictorLike
    from ase_orbital.search.hull import Hull
    from ase_orbital.structure import AtomsLike

STRESS = [f"stress_{pair}" for pair in ("xx", "yy", "zz", "yz", "xz", "xy")]
UNITS = {
    "step": "",
    "image": "",
    "time": "fs",
    "temperature": "K",
    "total_energy": "eV",
    **dict.fromkeys(STRESS, "eV/Å³"),
    "energy": "eV",
    "fmax": "eV/Å",
    "volume": "Å³",
}
REASON = "reason"  # why a prediction is missing
KNOWN = ("energy", "fmax", "volume")  # without a calculation
TAKEN = ("number",)  # by MinimaRecorder


class Recorder:
    """Predicts properties at each step of a run, and records them.

    Records are stored here and, optionally, in a file. They are not written into
    `atoms.info`, because calculators that compare `info` would compute every step twice.
    Energy and largest force are recorded if the calculator has them already, so there are
    no extra force calls.

    Parameters
    ----------
    models
        A Predictor, or anything it accepts: names, folders or models.
    domain
        Also record whether each structure is in the domain of the models; as for
        `Predictor`.
    output
        File to which each record is written immediately; the suffix is `.csv`, `.extxyz`,
        `.traj` or `.db`. A database is extended; a file of another kind that exists is
        replaced at the first record.
    hull
        A `Hull`, to record its energies as well. They cost nothing if the run has the
        calculator of the hull, alone or as `base`.

    Attributes
    ----------
    records : list of dict
        Labels; `step`; in molecular dynamics `time`, `temperature`, `total_energy` with the
        kinetic energy and, if the calculator has stresses, `stress_xx` to `stress_xy`
        without their kinetic part; `energy` and `fmax`; `volume` of a crystal; what
        `Hull.energies` returns; each predicted property; and `reason`, which is empty or
        explains why values are nan. What the calculator has not computed is nan. A
        predicted property called like another column, such as `volume`, is
        `predicted_volume`.

    Examples
    --------
    >>> recorder = Recorder("eosnet-heat-of-formation-perovskites", output="relaxation.csv")
    >>> with BFGS(FrechetCellFilter(atoms)) as optimizer:
    ...     recorder.watch(optimizer, interval=5)
    ...     optimizer.run(fmax=0.02)
    >>> recorder.plot().savefig("relaxation.png")

    Notes
    -----
    For an existing trajectory use `Predictor.predict_many` or `ase-orbital predict`, which
    are faster, because they predict in batches.
    """

    def __init__(
        self,
        models: PredictorLike,
        *,
        domain: bool = False,
        output: str | Path | None = None,
        hull: Hull | None = None,
    ) -> None:
        self.predictor = Predictor.of(models, domain=domain)
        self.hull = hull
        self.output = None if output is None else Output(output)
        self.records: list[dict[str, Any]] = []
        self._hull_units = {} if hull is None else HULL_UNITS
        taken = {*UNITS, *self._hull_units, REASON, *TAKEN}
        self._columns = column_names(self.predictor.properties, taken)
        self._taken = {*KNOWN, *self._hull_units, REASON, *self._columns.values()}

    def __repr__(self) -> str:
        output = f", output={str(self.output.path)!r}" if self.output else ""
        return f"Recorder({self.predictor.names}{output}: {len(self.records)} records)"

    def _repr_html_(self) -> str:
        """Table of the records in notebooks."""
        from pandas import DataFrame

        return str(DataFrame(self.records)._repr_html_())

    @property
    def units(self) -> dict[str, str]:
        """Unit of each number in `records`; empty if it has none, or if it is unknown."""
        units = self.predictor.units
        predicted = {self._columns[name]: unit for name, unit in units.items()}
        return {**UNITS, **self._hull_units, **predicted}

    def watch(
        self, optimizer: BaseDynamics, /, interval: int = 1, **labels: int | str
    ) -> None:
        """Predict at every `interval`-th step of a run, and at its last one.

        Parameters
        ----------
        optimizer
            Optimizer or dynamics of Atoms, of a cell filter, or of a NEB, which gives one
            record per image with its `image` number.
        interval
            Number of steps between predictions, starting with step 0. The last step, at
            which the run has converged or reached its number of steps, is always recorded,
            and no step twice.
        labels
            Values to put into each record, such as `run="second"`.

        Raises
        ------
        SettingError
            If `optimizer` cannot be observed, or another argument is invalid.
        StructureError, ElementError
            If a model cannot predict for these atoms, or the hull has no reference phase of
            an element, before the run starts.
        """
        if not (hasattr(optimizer, "insert_observer") and hasattr(optimizer, "atoms")):
            raise SettingError(
                f"a {type(optimizer).__name__} cannot be watched, because it is not an ASE "
                "optimizer or molecular dynamics; for minima hopping use MinimaRecorder"
            )
        if type(optimizer).__name__ == "BasinHopping":
            raise SettingError(
                "basin hopping calls its observers only for new lowest minima; use a "
                "MinimaRecorder as its local_minima_trajectory"
            )
        check_whole("interval", interval, 1)
        self._refuse_taken(labels, {*self.units, REASON})
        # The images of a NEB cannot be iterated with results before its run.
        band = getattr(optimizer.atoms, "images", None)
        for atoms in band or [image for _, image in _images(optimizer)]:
            self.validate(atoms)

        latest = -1

        def observe() -> None:
            nonlocal latest
            now = optimizer.nsteps
            if now == latest or (now % interval and not _is_last_step(optimizer)):
                return
            latest = now
            for image, atoms in _images(optimizer):
                step: dict[str, Any] = {**labels, "step": now, **image}
                if hasattr(optimizer, "get_time"):
                    step["time"] = optimizer.get_time() / ase_units.fs
                    step |= _of_dynamics(atoms)
                self.record(atoms, **step)

        # Before all other observers, such as the trajectory's.
        optimizer.insert_observer(observe, position=0)

    def validate(self, atoms: Atoms) -> None:
        """Raise StructureError or ElementError if atoms cannot be recorded completely."""
        self.predictor.validate(atoms)
        if self.hull is not None:
            self.hull.phase_diagram(set(atoms.symbols))  # relaxes its phases

    def record(self, structure: AtomsLike, /, **labels: float | str) -> dict[str, Any]:
        """Predict for one structure, and add a record that starts with the labels.

        If the structure cannot be predicted, its properties are nan, and `reason` says why.

        Returns
        -------
        dict
            The record, as in `records`.
        """
        self._refuse_taken(labels, self._taken)
        atoms = as_atoms(structure)
        values, reason = dict.fromkeys(self.predictor.properties, math.nan), ""
        try:
            values = self.predictor.predict(atoms)
        except (StructureError, ModelError) as error:
            reason = str(error)
        return self._add(atoms, labels, values, reason)

    def record_many(
        self, structures: Iterable[AtomsLike], labels: Sequence[Mapping[str, float | str]]
    ) -> list[dict[str, Any]]:
        """Predict for many structures in one batch, and add a record for each.

        Parameters
        ----------
        structures, labels
            Structures, and the labels of each; see `record`.

        Returns
        -------
        list of dict
            The new records, in input order.
        """
        for given in labels:
            self._refuse_taken(given, self._taken)
        every = [as_atoms(structure) for structure in structures]
        if len(every) != len(labels):
            raise SettingError(f"{len(labels)} labels do not fit {len(every)} structures")
        predicted = self.predictor.predict_many(every, errors="record")
        reasons = [values.pop(ERROR) for values in predicted]
        return [*map(self._add, every, labels, predicted, reasons)]

    def _add(
        self,
        atoms: Atoms,
        labels: Mapping[str, float | str],
        values: Mapping[str, float],
        reason: str,
    ) -> dict[str, Any]:
        record: dict[str, Any] = {**labels, **_known(atoms)}
        if self.hull is not None:
            record |= dict.fromkeys(HULL_UNITS, math.nan)
            try:
                record |= self.hull.energies(atoms)
            except (StructureError, ModelError) as error:
                reason = reason or str(error)
        record |= {self._columns[name]: value for name, value in values.items()}
        record[REASON] = reason
        self.records.append(record)
        if self.output is not None:
            self.output.add(record, atoms)
        return record

    @staticmethod
    def _refuse_taken(labels: Mapping[str, Any], columns: set[str]) -> None:
        """Raise SettingError if a label is called like a column."""
        if taken := columns & labels.keys():
            raise SettingError(
                f"{min(taken)!r} is a column already; choose another name for the label"
            )

    def plot(self, *names: str, title: str = "") -> Figure:
        """Plot properties along the run; requires matplotlib, the extra `plot`.

        Parameters
        ----------
        names
            Quantities to plot; by default the energy, if known, and all properties. A
            standard deviation is drawn as a band around its property.
        title
            Title of the figure.

        Raises
        ------
        SettingError
            If there are no records, or matplotlib is not installed.
        """
        try:
            from ase_orbital.plotting.path import along_path
        except ImportError as error:
            raise SettingError(
                "figures require matplotlib: pip install 'ase-orbital[plot]'"
            ) from error
        if not self.records:
            raise SettingError("there are no records to plot yet; watch a run first")
        known = [name for name in self.records[0] if name in self.units]
        absent = [name for name in names if name not in known]
        if absent:
            raise SettingError(
                f"{absent[0]!r} is not in the records, which have {', '.join(known)}"
            )
        energy = any(math.isfinite(record["energy"]) for record in self.records)
        shown = names or [
            *["energy"] * energy,
            *self._hull_units,
            *self._columns.values(),
        ]
        return along_path(self.records, shown, units=self.units, title=title)


def _is_last_step(optimizer: BaseDynamics) -> bool:
    """Whether a run ends here, if its loop is one of ASE's, which set `max_steps`."""
    if not getattr(optimizer, "max_steps", 0):
        return False
    if optimizer.nsteps >= optimizer.max_steps:
        return True
    if hasattr(optimizer, "gradient_converged") or not hasattr(optimizer, "optimizable"):
        return bool(optimizer.converged())
    # ASE before 3.29 asks for the gradient, which the calculator has already.
    return bool(optimizer.converged(optimizer.optimizable.get_gradient()))


def _images(optimizer: BaseDynamics) -> Iterator[tuple[dict[str, int], Atoms]]:
    """Atoms of an optimizer, without a filter; images of a NEB are numbered."""
    atoms = optimizer.atoms
    images = list(atoms.iterimages()) if hasattr(atoms, "iterimages") else [atoms]
    for index, image in enumerate(images):
        yield ({"image": index} if len(images) > 1 else {}), image


def _of_dynamics(atoms: Atoms) -> dict[str, float]:
    """Temperature, total energy and stress."""
    energy = cached(atoms, "energy")
    total = math.nan if energy is None else float(energy + atoms.get_kinetic_energy())
    free = atoms.get_number_of_degrees_of_freedom() > 0
    temperature = float(atoms.get_temperature()) if free else math.nan
    known = {"temperature": temperature, "total_energy": total}
    if "stress" in getattr(atoms.calc, "implemented_properties", ()):
        absent = cached(atoms, "stress") is None
        values = [math.nan] * 6 if absent else atoms.get_stress().tolist()
        known |= dict(zip(STRESS, values, strict=True))
    return known


def _known(atoms: Atoms) -> dict[str, float]:
    """Quantities that are known without a calculation."""
    energy = cached(atoms, "energy")
    known = {"energy": math.nan if energy is None else float(energy), "fmax": math.nan}
    if cached(atoms, "forces") is not None:
        # From the atoms, which apply constraints to the forces of the calculator.
        known["fmax"] = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
    if atoms.pbc.all():
        known["volume"] = float(atoms.get_volume())
    return known
