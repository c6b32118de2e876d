"""Save model folders: `model.json`, `model.pt` and `state.pt`, as in matgl.

`model.pt` repeats the settings of `model.json` for matgl's loader.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ase_orbital.elements import provenance

if TYPE_CHECKING:
    from ase_orbital.models.crystal_model import CrystalModel

# The module that matgl imports to find the class of a model.
MATGL_MODULE = "ase_orbital.models.matgl"


def save_model(
    model: CrystalModel,
    path: str | Path,
    metadata: dict[str, Any] | None = None,
    *,
    makedirs: bool = True,
) -> None:
    """Save a model with the checksums of the element tables; see `CrystalModel.save`."""
    folder = Path(path)
    if makedirs:
        folder.mkdir(parents=True, exist_ok=True)
    tables = {name: origin.sha256 for name, origin in provenance().items()}
    settings = model.settings
    content = {
        "@class": type(model).__name__,
        "@module": MATGL_MODULE,
        "@model_version": model.__version__,
        "metadata": {"tables": tables} | (metadata or {}),
        "kwargs": settings,
    }
    text = json.dumps(content, default=str, indent=4)
    torch.save(settings, folder / "model.pt")
    torch.save(model.state_dict(), folder / "state.pt")
    (folder / "model.json").write_text(text, encoding="utf-8")
