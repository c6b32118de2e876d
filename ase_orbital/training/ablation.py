"""Comparison of descriptors in each network: the ablation of the OCrystalNet paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.descriptors.elemental import ElementalFeatures
from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.descriptors.onehot import OneHot
from ase_orbital.training.series import train_series

if TYPE_CHECKING:
    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.training.dataset import Source
    from ase_orbital.training.settings import TrainingSettings

_GOM = GOM(n_eigenvalues=66, normalize=True)
# Figure 4 of the paper compares the first four in OCrystalNet. With EOSNet's convolution,
# one-hot is CGCNN, OFM is OGCNN, and the last is EOSnet itself.
DESCRIPTORS: dict[str, Descriptor] = {
    "one-hot": OneHot(),
    "elemental": ElementalFeatures(),
    "OFM": OFM(),
    "OFM-feature": Concatenate(OFM(), ElementalFeatures()),
    "GOM": _GOM,
    "one-hot + GOM": Concatenate(OneHot(), _GOM),
}
LEARNING_RATES = {"EOSNet": 2e-3, "OCrystalNet": 3e-4}


def ablate(
    source: Source,
    folder: str | Path,
    settings: TrainingSettings,
    cache: str | Path | None = None,
) -> list[dict[str, Any]]:
    """Train each network on each descriptor, with the same split, epochs and seed.

    Finished runs are not repeated.

    Parameters
    ----------
    source
        As for `train`.
    folder
        Folder for the runs and their table, `ablation.csv`.
    settings
        Settings that all runs share; network, descriptor and learning rate are replaced.
    cache
        Folder of the cached features; None for one in `folder`.

    Returns
    -------
    list of dict
        network, descriptor, n_features, the metrics of the last set, and the minutes.
    """
    variants = [
        (
            {"network": network, "descriptor": name, "n_features": descriptor.n_features},
            {
                "network": network,
                "learning_rate": rate,
                "network_settings": settings.network_settings
                | {"descriptor": descriptor.to_settings()},
            },
        )
        for network, rate in LEARNING_RATES.items()
        for name, descriptor in DESCRIPTORS.items()
    ]
    return train_series(source, Path(folder) / "ablation.csv", settings, variants, cache)
