"""Learning rates along a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase_orbital.training.settings import TrainingSettings


def learning_rate(step: int, n_steps: int, settings: TrainingSettings) -> float:
    """Rate at a step of a run of `n_steps`.

    Linear from `first_rate` to `learning_rate` during the warm-up; then along a cosine or
    an exponential to `last_rate`, by tenths at the milestones, or constant.
    """
    first, top, last = settings.first_rate, settings.learning_rate, settings.last_rate
    risen = settings.warm_up * n_steps
    if step < risen:
        return first + (top - first) * step / risen
    if settings.schedule == "constant":
        return top
    if settings.schedule == "milestones":
        passed = sum(step >= share * n_steps for share in settings.milestones)
        return float(top * 0.1**passed)
    along = (step - risen) / max(1.0, n_steps - risen)
    if settings.schedule == "exponential":
        return float(top * (last / top) ** along)
    return last + 0.5 * (top - last) * (1.0 + math.cos(math.pi * along))
