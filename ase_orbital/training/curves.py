"""How the error falls with more crystals to learn from."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.errors import SettingError
from ase_orbital.properties import learned_unit_of
from ase_orbital.training.ablation import RATES
from ase_orbital.training.series import train_series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase_orbital.training.dataset import Source
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
        Mean absolute error at each size, in the unit of what is learned, by network.

    Raises
    ------
    SettingError
        If classes are learned, which have no such error.
    DataError
        If there is nothing to learn from.
    """
    if settings.classes:
        raise SettingError("a learning curve is of an error; classes have none")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    variants = [
        (
            {"network": network, "n_train": size},
            {
                "network": network,
                "learning_rate": RATES[network],
                "sizes": (size, 0, n_test),
            },
        )
        for network in networks
        for size in sorted(sizes)
    ]
    table = folder / "learning-curve.csv"
    rows = train_series(source, table, settings, variants, Path(cache) if cache else None)
    errors = {
        network: [row["mae"] for row in rows if row["network"] == network]
        for network in networks
    }
    try:
        from ase_orbital.plotting import learning_curve as draw
    except ModuleNotFoundError:
        logger.info("pictures need matplotlib: pip install 'ase-orbital[plot]'")
    else:
        unit = learned_unit_of(settings.property_name, settings.transform)
        title = settings.property_name.replace("_", " ")
        figure = draw(sorted(sizes), errors, unit=unit, title=title)
        figure.savefig(folder / "learning-curve.png")
    return errors
