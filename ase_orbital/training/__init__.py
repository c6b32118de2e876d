"""Train, evaluate and compare models on crystals with known properties."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase_orbital.training.comparison import compare
    from ase_orbital.training.evaluation import Evaluation
    from ase_orbital.training.run import Run, train
    from ase_orbital.training.series import ablate, cross_validate, learning_curve
    from ase_orbital.training.settings import TrainingSettings

__all__ = [
    "Evaluation",
    "Run",
    "TrainingSettings",
    "ablate",
    "compare",
    "cross_validate",
    "learning_curve",
    "train",
]

_MODULES = {
    "Evaluation": "evaluation",
    "Run": "run",
    "TrainingSettings": "settings",
    "ablate": "series",
    "compare": "comparison",
    "cross_validate": "series",
    "learning_curve": "series",
    "train": "run",
}


def __getattr__(name: str) -> Any:
    # Late, because importing lightning takes seconds.
    if name in _MODULES:
        return getattr(import_module(f"ase_orbital.training.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'ase_orbital.training' has no attribute {name!r}")
