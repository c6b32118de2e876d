"""Predictions for states and runs of torch-sim, tested with torch-sim 0.6.2.

torch-sim moves the atoms with a potential, and this module reads its states.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from ase.calculators.singlepoint import SinglePointCalculator
from torch_sim.trajectory import TrajectoryReporter

from ase_orbital.errors import SettingError, StructureError, check_whole
from ase_orbital.predict.predictor import Predictor
from ase_orbital.properties import PREFIX
from ase_orbital.structure import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ase import Atoms
    from torch_sim import SimState

    from ase_orbital.predict.predictor import PredictorLike
    from ase_orbital.search.recorder import Recorder
    from ase_orbital.similarity.archive import Archive


def predict_state(predictor: Predictor, state: SimState) -> dict[str, torch.Tensor]:
    """Predict for all systems of a state in one batch.

    Parameters
    ----------
    predictor
        Its `units` are those of the result.
    state
        Any state of torch-sim.

    Returns
    -------
    dict of [n_systems]
        Each property as `orbital_<property>`, with the state's device and dtype.

    Raises
    ------
    StructureError, ElementError
        If a system cannot be predicted, with a note that names it.
    """
    predictions = predictor.predict_many(state.to_atoms())
    return {
        PREFIX + name: torch.tensor(
            [values[name] for values in predictions], dtype=state.dtype, device=state.device
        )
        for name in predictor.properties
    }


def property_calculators(
    models: PredictorLike,
) -> dict[str, Callable[[SimState], torch.Tensor]]:
    """Functions of a state, whose values a `TrajectoryReporter` writes.

    Parameters
    ----------
    models
        A Predictor, or anything it accepts: names, folders or models.

    Returns
    -------
    dict of functions
        By `orbital_<property>`; each takes a state and returns [n_systems], in the
        predictor's units. Consecutive calls for the same state share one prediction.

    Examples
    --------
    >>> reporter = TrajectoryReporter(
    ...     "copper.h5md", prop_calculators={10: property_calculators("my-model")}
    ... )
    >>> optimize(atoms, potential, trajectory_reporter=reporter, ...)
    """
    predictor = Predictor.of(models)
    last: dict[tuple[str, ...], dict[str, torch.Tensor]] = {}

    def value(name: str, state: SimState) -> torch.Tensor:
        key = tuple(digest(atoms) for atoms in state.to_atoms())
        if key not in last:
            found = predict_state(predictor, state)
            last.clear()
            last[key] = found
        return last[key][name]

    return {PREFIX + name: partial(value, PREFIX + name) for name in predictor.properties}


@dataclass
class _System:
    """A system of a run, with the attributes of a trajectory that torch-sim reads."""

    name: str | int
    filename: str
    record: dict[str, Any] = field(default_factory=dict)  # its last one

    @property
    def last_step(self) -> int | None:
        """Step of the last record."""
        return self.record.get("step")

    last_written_step = last_step


class RecordingReporter(TrajectoryReporter):  # type: ignore[misc]  # it need not be installed
    """Records the systems of a torch-sim run, in place of its trajectory files.

    Systems are predicted together, also while an autobatcher swaps those that have finished
    for others.

    Parameters
    ----------
    recorder
        Recorder that gets a record for each system and step, with the labels `system` and
        `step`. The energy and the forces for `fmax` are those of torch-sim's potential.
    names
        Name of each system, in the order of the run, such as `range(len(crystals))`.
    archive
        Archive to which each structure is added that leaves `torch_sim.optimize`, converged
        or not, with its name as label and the numbers of its last record, such as `fmax`.
        Structures that cannot be described are left out.
    interval
        Number of steps between records, starting with step 0. The last step of each system
        is always recorded.

    Raises
    ------
    SettingError
        If `interval` is below 1, two systems have the same name, or a run has another
        number of systems.
    StructureError, ElementError
        If a model cannot predict for a system, before the run starts.

    Examples
    --------
    >>> recorder, archive = Recorder("eosnet-bulk-modulus-mp"), Archive()
    >>> reporter = RecordingReporter(recorder, range(len(crystals)), archive=archive)
    >>> optimize(
    ...     crystals, potential, trajectory_reporter=reporter, autobatcher=True, ...
    ... )
    """

    def __init__(
        self,
        recorder: Recorder,
        names: Iterable[str | int],
        *,
        archive: Archive | None = None,
        interval: int = 1,
    ) -> None:
        super().__init__(None, interval)
        self.recorder, self.archive, self.names = recorder, archive, list(names)
        check_whole("interval", interval, 1)
        if len(set(self.names)) < len(self.names):
            raise SettingError("two systems have the same name")
        self.finish()

    @property
    def mode(self) -> str:
        """torch-sim's name for a run that continues no earlier one."""
        return "w"

    def reopen_trajectories(self, filenames: Sequence[str]) -> None:
        """Follow the systems with these numbers; torch-sim calls this after a swap."""
        self.trajectories = [self._systems[int(name)] for name in filenames]

    def finish(self) -> None:
        """Prepare for the next run; torch-sim calls this at the end of a run."""
        self._systems = [_System(name, str(i)) for i, name in enumerate(self.names)]
        self.trajectories = [*self._systems]

    close = finish

    def report(
        self,
        state: SimState,
        step: int | list[int],
        model: object = None,  # noqa: ARG002
        *,
        force: bool = False,
    ) -> list[dict[str, torch.Tensor]]:
        """Record the systems of a state whose turn it is; torch-sim calls this."""
        if state.n_systems != len(self.trajectories):
            raise SettingError(
                f"{len(self.trajectories)} names do not fit {state.n_systems} systems"
            )
        steps = [step] * state.n_systems if isinstance(step, int) else step
        due = [
            index
            for index, (system, now) in enumerate(
                zip(self.trajectories, steps, strict=True)
            )
            if (force or now % self.state_frequency == 0) and system.last_step != now
        ]
        if due:
            every = _with_results(state)
            self._record([(self.trajectories[i], steps[i], every[i]) for i in due])
        return [{} for _ in steps]

    def report_final_frame(
        self,
        index: int,
        state: SimState,
        step: int,
        model: object = None,  # noqa: ARG002
    ) -> None:
        """Record and archive a system that leaves the run; torch-sim calls this."""
        (atoms,) = _with_results(state)
        system = self.trajectories[index]
        if system.last_step != step:
            self._record([(system, step, atoms)])
        if self.archive is not None:
            units = self.recorder.units
            numbers = {name: x for name, x in system.record.items() if name in units}
            with suppress(StructureError):
                self.archive.add(atoms, system.name, **numbers)

    def _record(self, due: Sequence[tuple[_System, int, Atoms]]) -> None:
        """Add a record for each system, given with its step and its atoms."""
        for system, _, atoms in due:
            if not system.record:
                self.recorder.predictor.validate(atoms)
        labels = [{"system": system.name, "step": step} for system, step, _ in due]
        records = self.recorder.record_many([atoms for *_, atoms in due], labels)
        for (system, *_), record in zip(due, records, strict=True):
            system.record = record


def _with_results(state: SimState) -> list[Atoms]:
    """Systems of a state, with the energies and forces that it has."""
    every: list[Atoms] = state.to_atoms()
    results = {
        "energy": getattr(state, "energy", None), "forces": getattr(state, "forces", None)
    }  # fmt: skip
    start = 0
    for index, atoms in enumerate(every):
        rows = {"energy": index, "forces": slice(start, start + len(atoms))}
        start += len(atoms)
        known = {
            name: values[rows[name]].detach().cpu().numpy()
            for name, values in results.items()
            if values is not None
        }
        atoms.calc = SinglePointCalculator(atoms, **known)
    return every
