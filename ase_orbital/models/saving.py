"""Save model folders: `model.json`, `model.pt` and `state.pt`, as in matgl.

`model.pt` repeats the settings of `model.json`, because matgl expects that file. Weights
that half precision represents exactly, as those of `rounding.round_weights`, are in half
precision in `state.pt`, and become single precision when they are read.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import torch

from ase_orbital.checksums import JSON, UNCERTAINTY, with_checksums
from ase_orbital.elements import provenance
from ase_orbital.errors import check_path
from ase_orbital.files import replace_files
from ase_orbital.models.rounding import smallest

if TYPE_CHECKING:
    from pathlib import Path

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
    """Save a model with the checksums of its files and of the element tables.

    No file is replaced before all are written; see `CrystalModel.save`.
    """
    folder = check_path("path", path)
    if makedirs:
        folder.mkdir(parents=True, exist_ok=True)
    tables = {name: origin.sha256 for name, origin in provenance().items()}
    module = type(model).__module__
    content = {
        "@class": type(model).__name__,
        "@module": MATGL_MODULE if module.startswith("ase_orbital.") else module,
        "@model_version": model.__version__,
        "metadata": {"tables": tables} | (metadata or {}),
        "kwargs": model.settings,
    }
    plain = json.loads(json.dumps(content, default=str))
    files = {"model.pt": _torch_bytes(model.settings)}
    files["state.pt"] = _torch_bytes(
        {
            name: smallest(values)
            for name, values in model.state_dict().items()
            if not name.startswith("uncertainty.")
        }
    )
    if model.uncertainty is not None:
        files[UNCERTAINTY] = _torch_bytes(model.uncertainty.content())
    text = json.dumps(with_checksums(plain, files), indent=4)
    replace_files(folder, files | {JSON: text.encode()})


def _torch_bytes(value: Any) -> bytes:
    with BytesIO() as file:
        torch.save(value, file)
        return file.getvalue()
