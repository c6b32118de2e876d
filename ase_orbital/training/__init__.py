"""Models from crystals: data, features, fitting, figures, cards."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ase_orbital.training.settings import TrainingSettings

if TYPE_CHECKING:
    from ase_orbital.training.ablation import ablate
    from ase_orbital.training.comparison import compare
    from ase_orbital.training.curves import learning_curve
    from ase_orbital.training.evaluation import Evaluation
    from ase_orbital.training.run import Run, train

__all__ = [
    "Evaluation",
    "Run",
    "TrainingSettings",
    "ablate",
    "compare",
    "learning_curve",
    "train",
]

_HOMES = {
    "Evaluation": "evaluation",
    "Run": "run",
    "ablate": "ablation",
    "compare": "comparison",
    "learning_curve": "curves",
    "train": "run",
}


def __getattr__(name: str) -> Any:
    # Late, because lightning takes seconds to import and the names of settings need none.
    if name in _HOMES:
        return getattr(import_module(f"ase_orbital.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ase_orbital.training' has no attribute {name!r}")
