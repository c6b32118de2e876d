"""The area under a curve is the probability that a positive ranks first."""

import numpy as np

from ase_orbital.plotting import roc_curves
from ase_orbital.training.metrics import roc

RANDOM = np.random.default_rng(0)


def test_the_legend_has_the_area_under_the_curve(texts):
    truth = (RANDOM.random(300) < 0.4).astype(float)
    scores = np.clip(0.3 * truth + RANDOM.random(300) * 0.7, 0, 1)
    false, true = roc(truth, scores)
    axes = roc_curves({"EOSNet": (false, true)}).axes[0]
    pairs = scores[truth == 1][:, None] - scores[truth == 0]
    area = np.mean(np.where(pairs > 0, 1.0, np.where(pairs == 0, 0.5, 0.0)))
    assert f"area {area:.4f}" in texts(axes)
