"""Which rows of the atoms serve which network best: the OCrystalNet paper's ablation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.descriptors.elemental import ElementalFeatures
from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.descriptors.onehot import OneHot
from ase_orbital.descriptors.settings import to_settings
from ase_orbital.training.series import train_series

if TYPE_CHECKING:
    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.training.dataset import Source
    from ase_orbital.training.settings import TrainingSettings

_OVERLAP = GOM(n_eigenvalues=66, normalize=True)
# Figure 4 of the paper has the first four, in OCrystalNet; one-hot in EOSNet's convolution
# is CGCNN, OFM there is OGCNN, and the last is EOSnet itself.
ROWS: dict[str, Descriptor] = {
    "one-hot": OneHot(),
    "elemental": ElementalFeatures(),
    "OFM": OFM(),
    "OFM-feature": Concatenate(OFM(), ElementalFeatures()),
    "GOM": _OVERLAP,
    "one-hot + GOM": Concatenate(OneHot(), _OVERLAP),
}
# The rate each network is trained at; the rest is the same for all.
RATES = {"EOSNet": 2e-3, "OCrystalNet": 3e-4}


def ablate(
    source: Source,
    folder: str | Path,
    settings: TrainingSettings,
    cache: str | Path | None = None,
) -> list[dict[str, Any]]:
    """Train each network on each kind of rows: same split, same epochs, same seed.

    Parameters
    ----------
    source
        As for `train`.
    folder
        For a run a combination, and the table as `ablation.csv`.
    settings
        Of all runs, but for network, rows and learning rate. What is done is not repeated.
    cache
        Folder of the features; None for one in `folder`.

    Returns
    -------
    list of dict
        network, rows, n_features, the figures of the last set that was evaluated, minutes.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    variants = [
        (
            {"network": network, "rows": rows, "n_features": descriptor.n_features},
            {
                "network": network,
                "learning_rate": rate,
                "network_settings": settings.network_settings
                | {"descriptor": to_settings(descriptor)},
            },
        )
        for network, rate in RATES.items()
        for rows, descriptor in ROWS.items()
    ]
    table = folder / "ablation.csv"
    return train_series(source, table, settings, variants, Path(cache) if cache else None)
