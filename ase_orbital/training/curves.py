"""Learning curves: the error against the number of training crystals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.errors import SettingError
from ase_orbital.training.ablation import LEARNING_RATES
from ase_orbital.training.figures import draw_learning_curve
from ase_orbital.training.series import train_series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase_orbital.training.dataset import Source
    from ase_orbital.training.settings import TrainingSettings


def learning_curve(
    source: Source,
    folder: str | Path,
    settings: TrainingSettings,
    *,
    sizes: Sequence[int],
    n_test: int,
    networks: Sequence[str] = ("EOSNet", "OCrystalNet"),
    cache: str | Path | None = None,
) -> dict[str, list[float]]:
    """Train networks on growing training sets, and evaluate them on the same test set.

    Finished runs are not repeated.

    Parameters
    ----------
    source
        As for `train`.
    folder
        Folder for the runs, their table `learning-curve.csv`, and the figure.
    settings
        Settings that all runs share; network, learning rate and sizes are replaced.
    sizes
        Sizes of the training sets; each set contains the smaller ones.
    n_test
        Size of the test set.
    networks
        Networks to train.
    cache
        Folder of the cached features; None for one in `folder`.

    Returns
    -------
    dict
        Mean absolute errors of each network, in the unit of the targets, by rising size.

    Raises
    ------
    SettingError
        If classes are learned, which have no mean absolute error.
    DataError
        If no crystal can be used.
    """
    if settings.classes:
        raise SettingError("a learning curve needs numeric targets, not classes")
    sizes, folder = sorted(sizes), Path(folder)
    variants = [
        (
            {"network": network, "n_train": size},
            {
                "network": network,
                "learning_rate": LEARNING_RATES[network],
                "sizes": (size, 0, n_test),
            },
        )
        for network in networks
        for size in sizes
    ]
    rows = train_series(source, folder / "learning-curve.csv", settings, variants, cache)
    errors = {
        network: [row["mae"] for row in rows if row["network"] == network]
        for network in networks
    }
    draw_learning_curve(folder, settings, sizes, errors)
    return errors
