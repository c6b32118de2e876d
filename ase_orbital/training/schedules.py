"""Learning-rate schedules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase_orbital.training.settings import TrainingSettings


def learning_rate(step: int, n_steps: int, settings: TrainingSettings) -> float:
    """Return the learning rate at a step of a run with `n_steps` steps.

    It rises linearly from `first_rate` to `learning_rate` during the warm-up. Then it falls
    to `last_rate` along a cosine or an exponential, drops to a tenth at each milestone, or
    stays constant.
    """
    first, top, last = settings.first_rate, settings.learning_rate, settings.last_rate
    warm_up = settings.warm_up * n_steps
    if step < warm_up:
        return first + (top - first) * step / warm_up
    if settings.schedule == "constant":
        return top
    if settings.schedule == "milestones":
        passed = sum(step >= share * n_steps for share in settings.milestones)
        return float(top * 0.1**passed)
    progress = (step - warm_up) / max(1.0, n_steps - warm_up)
    if settings.schedule == "exponential":
        return float(top * (last / top) ** progress)
    return last + 0.5 * (top - last) * (1.0 + math.cos(math.pi * progress))
