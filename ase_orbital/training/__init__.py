"""Models from crystals: data, features, fitting, figures, cards."""

from __future__ import annotations

from ase_orbital.training.evaluation import Evaluation, evaluate
from ase_orbital.training.run import Run, train
from ase_orbital.training.settings import TrainingSettings

__all__ = ["Evaluation", "Run", "TrainingSettings", "evaluate", "train"]
