"""The models as subclasses of matgl's `MatGLModel`, which `matgl.load_model` returns.

Only this file imports matgl. Model folders name it, so `matgl.load_model` finds the classes
here; the package itself loads the same folders without matgl.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from matgl.models import CHGNet, M3GNet, MatGLModel, MEGNet, SO3Net, TensorNet

from ase_orbital.checksums import read_json
from ase_orbital.errors import ModelError
from ase_orbital.models import ensemble, eosnet, ocrystalnet
from ase_orbital.models.loading import load_as

if TYPE_CHECKING:
    from ase_orbital.models.crystal_model import CrystalModel

# Models of matgl that predict one number for a crystal.
PROPERTY_MODELS = {
    kind.__name__: kind for kind in (MEGNet, M3GNet, CHGNet, SO3Net, TensorNet)
}
DTYPES = {str(dtype): dtype for dtype in (torch.float32, torch.float64)}


class _FolderOfThisPackage:
    """Constructor arguments under matgl's name, and loading that runs no code."""

    @property
    def _init_args(self: CrystalModel) -> dict[str, Any]:  # type: ignore[misc]
        return self.settings

    @classmethod
    def load(cls, path: str | Path | dict[str, Any], **_: Any) -> Any:
        """Load a folder, or the paths by name that `matgl.load_model` has found."""
        folder = Path(path["model.json"]).parent if isinstance(path, dict) else Path(path)
        return load_as(cls, folder, read_json(folder))  # type: ignore[arg-type]


class EOSNet(_FolderOfThisPackage, eosnet.EOSNet, MatGLModel):  # type: ignore[misc]
    """EOSNet as a matgl model."""


class OCrystalNet(_FolderOfThisPackage, ocrystalnet.OCrystalNet, MatGLModel):  # type: ignore[misc]
    """OCrystalNet as a matgl model."""


class Ensemble(_FolderOfThisPackage, ensemble.Ensemble, MatGLModel):  # type: ignore[misc]
    """Ensemble as a matgl model; its members are the plain networks."""


def load_matgl_folder(folder: Path) -> Any:
    """Load one of matgl's own property models, such as MEGNet; see `loading.load_as`.

    Unlike `matgl.load_model`, this makes only the classes of `PROPERTY_MODELS`, from the
    settings in `model.json`.

    Raises
    ------
    ModelError
        If the class is another one, or the folder is damaged.
    """
    content = read_json(folder)
    name, settings = str(content.get("@class")), content.get("kwargs")
    if name not in PROPERTY_MODELS or not isinstance(settings, dict):
        raise ModelError(
            f"the model in {folder} is of the class {name}; of matgl's models, only "
            f"{', '.join(PROPERTY_MODELS)} are loaded from folders. If you trust this one, "
            "load it with matgl.load_model, and pass the model to a Predictor"
        )
    dtype = str(settings.get("dtype"))
    if dtype in DTYPES:  # matgl writes a torch.dtype as text
        content["kwargs"] = settings | {"dtype": DTYPES[dtype]}
    return load_as(PROPERTY_MODELS[name], folder, content)
