"""Predictions for states and trajectories of torch-sim, tested with torch-sim 0.3.0.

torch-sim moves the atoms with a potential; the functions here read its states.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from ase_orbital.predict.predictor import Predictor
from ase_orbital.properties import PREFIX
from ase_orbital.structure import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch_sim import SimState

    from ase_orbital.predict.predictor import PredictorLike


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
    >>> optimize(system=atoms, model=potential, trajectory_reporter=reporter, ...)
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
