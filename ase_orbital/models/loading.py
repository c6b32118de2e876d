"""Load model folders: settings from `model.json`, weights from `state.pt`.

Nothing that a folder contains or names is run. Classes come from tables, settings from
JSON, and `state.pt` can only hold tensors.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn

from ase_orbital.checksums import KEY, UNCERTAINTY, read_files, read_json
from ase_orbital.errors import ModelError
from ase_orbital.models.crystal_model import CrystalModel
from ase_orbital.models.ensemble import MODELS
from ase_orbital.models.uncertainty import Uncertainty
from ase_orbital.numerics.torch_state import default_float32, own_torch_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Kind = TypeVar("Kind", bound=type[nn.Module])

REGISTERED: dict[tuple[str, str], type[nn.Module]] = {}  # by module and name


def register_model(kind: Kind) -> Kind:
    """Let `load_model` load the folders of a class of your own; usable as a decorator.

    The class is a `CrystalModel`, or another torch module with `predict_structure`. It is
    called with the "kwargs" of `model.json`, and its folder is as `CrystalModel.save` and
    matgl write it.

    Raises
    ------
    ModelError
        If the class has no `predict_structure`.
    """
    if not (issubclass(kind, nn.Module) and hasattr(kind, "predict_structure")):
        raise ModelError(f"{kind.__name__} is no torch module with predict_structure")
    REGISTERED[kind.__module__, kind.__name__] = kind
    return kind


def load_folder(folder: Path) -> Any:
    """Load a model of this package, or of a registered class; see `load_as`."""
    content = read_json(folder)
    module, name = str(content.get("@module")), str(content.get("@class"))
    kind: Any = REGISTERED.get((module, name))
    if kind is None and module.startswith("ase_orbital."):
        kind = MODELS.get(name)
    if kind is None:
        raise ModelError(
            f"the model in {folder} is of the class {name} of {module}, which is not known "
            "here; give your own classes to ase_orbital.zoo.register_model first"
        )
    return load_as(kind, folder, content)


@own_torch_state()
@default_float32()
def load_as(kind: type[nn.Module], folder: Path, content: Mapping[str, Any]) -> Any:
    """Make a model of a class, on the CPU and in evaluation mode.

    Parameters
    ----------
    kind
        Class of the model.
    folder
        Folder with `state.pt`.
    content
        Content of `model.json`, as from `checksums.read_json`.

    Raises
    ------
    ModelError
        If a file is damaged, settings or weights do not fit the class, weights are missing,
        or the model was saved by a later version.
    """
    found, known = content.get("@model_version", 0), getattr(kind, "__version__", 0)
    if not (isinstance(found, int) and found <= known):
        raise ModelError(
            f"the model in {folder} has version {found}, and {kind.__name__} is known here "
            f"up to version {known}: update the package"
        )
    if KEY in content:
        files = read_files(folder, content)
    elif issubclass(kind, CrystalModel):
        raise ModelError(
            f"the model folder {folder} has no checksums; save the model again, or call "
            "ase_orbital.zoo.renew_checksums if you know where the folder comes from"
        )
    else:  # matgl writes no checksums
        files = {"state.pt": (folder / "state.pt").read_bytes()}
    state = _tensors(folder, files, "state.pt")
    uncertainty = _tensors(folder, files, UNCERTAINTY) if UNCERTAINTY in files else None
    try:
        settings = _plain(content["kwargs"])
        with torch.random.fork_rng(devices=[]):  # new weights are drawn, and replaced
            model = kind(**settings)
        model.load_state_dict(state)
        if uncertainty is not None:
            model.uncertainty = Uncertainty.from_content(uncertainty)
    except Exception as error:  # settings of the wrong kind raise many errors, too
        raise ModelError(f"the model folder {folder} is damaged: {error}") from error
    return model.eval()


def _tensors(folder: Path, files: Mapping[str, bytes], name: str) -> Any:
    """Read a file that can only hold tensors and plain values."""
    content = BytesIO(files.get(name, b""))
    try:
        return torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise many kinds of errors
        raise ModelError(
            f"the model folder {folder} is damaged: {name} cannot be read as tensors "
            f"({type(error).__name__})"
        ) from error


def _plain(settings: Any) -> Any:
    """Return settings, or raise ModelError if they name a class in matgl's way."""
    if isinstance(settings, dict):
        named = [key for key in settings if key.startswith("@")]
        if named:
            raise ModelError(f"{', '.join(named)} in its settings is not followed")
        return {key: _plain(value) for key, value in settings.items()}
    return [_plain(value) for value in settings] if isinstance(settings, list) else settings
