"""A parity plot shows each crystal and the metrics of all."""

import numpy as np
import pytest

from ase_orbital.plotting import parity

RANDOM = np.random.default_rng(0)
KNOWN = RANDOM.gamma(2.0, 1.0, 200)
PREDICTED = KNOWN + RANDOM.normal(0.0, 0.2, 200)


def test_every_point_and_the_metrics_are_drawn(tmp_path, texts):
    figure = parity(KNOWN, PREDICTED, label="band_gap", unit="eV")
    axes = figure.axes[0]
    points = np.asarray(axes.collections[0].get_offsets())
    expected = np.column_stack([KNOWN, PREDICTED])
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(expected, axis=0))
    assert axes.get_xlabel() == "known band gap (eV)"
    assert axes.get_ylabel() == "predicted band gap (eV)"
    assert axes.get_xlim() == axes.get_ylim()
    assert f"MAE {np.abs(PREDICTED - KNOWN).mean():.4f} eV" in texts(axes)
    assert "200 crystals" in texts(axes)
    figure.savefig(tmp_path / "parity.png")
    assert (tmp_path / "parity.png").stat().st_size > 10_000


def test_crystals_outside_the_domain_have_rings(texts):
    inside = np.arange(200) % 50 > 0
    axes = parity(KNOWN, PREDICTED, in_domain=inside).axes[0]
    rings = np.asarray(axes.collections[1].get_offsets())
    np.testing.assert_allclose(rings[:, 0], KNOWN[~inside])
    assert "outside the domain" in texts(axes)


@pytest.mark.parametrize("n_crystals", [1, 2, 7])
def test_few_crystals_can_be_drawn(n_crystals, tmp_path):
    figure = parity(KNOWN[:n_crystals], PREDICTED[:n_crystals], label="band_gap", unit="eV")
    figure.savefig(tmp_path / "parity.png")
