"""Predictions along torch-sim's simulations, tested with 0.3.0.

torch-sim moves the atoms, with a potential of its own; what is here reads its states.
"""

from __future__ import annotations

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
    """Predict for every system of a state, together.

    Parameters
    ----------
    predictor
        Its `units` are those of the answer.
    state
        Any state of torch-sim's.

    Returns
    -------
    dict of [n_systems]
        Each property as `orbital_<property>`, on the state's device, of its dtype.

    Raises
    ------
    StructureError, ElementError
        If one of the systems cannot be predicted for, with a note saying which.
    """
    rows = predictor.predict_many(state.to_atoms())
    return {
        PREFIX + name: torch.tensor(
            [row[name] for row in rows], dtype=state.dtype, device=state.device
        )
        for name in predictor.properties
    }


def property_calculators(
    models: PredictorLike,
) -> dict[str, Callable[[SimState], torch.Tensor]]:
    """Functions of a state for `TrajectoryReporter`, which writes what they give.

    Parameters
    ----------
    models
        A Predictor, or what a Predictor takes: names, folders, models.

    Returns
    -------
    dict of functions
        By `orbital_<property>`; each takes a state and gives [n_systems], in the
        predictor's units. Asked for the same state in turn, they predict once.

    Examples
    --------
    >>> reporter = TrajectoryReporter(
    ...     "copper.h5md", prop_calculators={10: property_calculators("my-model")}
    ... )
    >>> optimize(system=atoms, model=potential, trajectory_reporter=reporter, ...)
    """
    predictor = Predictor.of(models)
    last: dict[tuple[str, ...], dict[str, torch.Tensor]] = {}

    def function_of(name: str) -> Callable[[SimState], torch.Tensor]:
        def value(state: SimState) -> torch.Tensor:
            key = tuple(digest(atoms) for atoms in state.to_atoms())
            if key not in last:
                found = predict_state(predictor, state)
                last.clear()
                last[key] = found
            return last[key][name]

        return value

    return {PREFIX + name: function_of(PREFIX + name) for name in predictor.properties}
