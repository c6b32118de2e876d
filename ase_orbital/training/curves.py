"""How the error falls with more crystals to learn from."""

from __future__ import annotations

import csv
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.errors import SettingError
from ase_orbital.training.ablation import RATES
from ase_orbital.training.run import train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase_orbital.training.crystals import Source
    from ase_orbital.training.settings import TrainingSettings

logger = logging.getLogger(__name__)


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
    """Train networks on more and more crystals, and test them on the same ones.

    Parameters
    ----------
    source
        As for `train`.
    folder
        For a run each, the table as `learning-curve.csv`, and the picture. What is done is
        not repeated.
    settings
        Of all runs, but for network, learning rate and sizes.
    sizes
        Crystals to train on; each set contains the smaller ones.
    n_test
        Crystals to test on.
    networks
        Which to train.
    cache
        Folder of the features; None for one in `folder`.

    Returns
    -------
    dict
        Mean absolute error at each size, by network.
    """
    if settings.classes:
        raise SettingError("a learning curve is of an error; classes have none")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    errors: dict[str, list[float]] = {network: [] for network in networks}
    rows: list[tuple[str, int, float]] = []
    for network in networks:
        for size in sorted(sizes):
            run = train(
                source,
                folder / f"{network}-{size}",
                settings,
                cache=cache or folder / "features",
                network=network,
                learning_rate=RATES[network],
                sizes=(size, 0, n_test),
            )
            errors[network].append(run.figures["mae_test"])
            rows.append((network, size, errors[network][-1]))
            with (folder / "learning-curve.csv").open("w", newline="") as file:
                csv.writer(file).writerows([("network", "n_train", "mae_test"), *rows])
    try:
        from ase_orbital.plotting import learning_curve as draw
    except ModuleNotFoundError:
        logger.info("pictures need matplotlib: pip install 'ase-orbital[plot]'")
    else:
        draw(sorted(sizes), errors).savefig(folder / "learning-curve.png")
    return errors
