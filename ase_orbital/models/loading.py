"""Load model folders: settings from `model.json`, weights from `state.pt`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch

from ase_orbital.errors import ModelError
from ase_orbital.models.ensemble import MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from ase_orbital.models.crystal_model import CrystalModel


def load_folder(folder: Path) -> CrystalModel:
    """Load a model on the CPU, in evaluation mode, without running what a file names.

    The class comes from a fixed table and the settings from `model.json`; `state.pt` can
    only hold tensors.

    Raises
    ------
    ModelError
        If a file is damaged, or the weights do not fit the settings.
    """
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
