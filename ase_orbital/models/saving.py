"""Save and load model folders: `model.json`, `model.pt` and `state.pt`, as in matgl.

This package reads the settings from `model.json` and the weights from `state.pt`;
`model.pt` repeats the settings for matgl's loader.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ase_orbital.elements import provenance
from ase_orbital.errors import ModelError

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


def load_folder(folder: Path) -> CrystalModel:
    """Load a model on the CPU, in evaluation mode, without running what a file names.

    The class comes from a fixed table and the settings from `model.json`; `state.pt` can
    only hold tensors.

    Raises
    ------
    ModelError
        If a file is damaged, or the weights do not fit the settings.
    """
    from ase_orbital.models.ensemble import MODELS  # late, as models import this file

    try:
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        kind, settings = content["@class"], content["kwargs"]
        if kind not in MODELS:
            raise ModelError(f"there is no model class {kind!r}; known: {list(MODELS)}")
        state = torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
        with torch.random.fork_rng(devices=[]):  # new weights are drawn, and replaced
            model = MODELS[kind](**settings)
        model.load_state_dict(state)
    except Exception as error:  # damaged files raise many kinds of errors
        raise ModelError(f"the model folder {folder} is damaged: {error}") from error
    return model.eval()
