"""The models as subclasses of matgl's `MatGLModel`, which `matgl.load_model` returns.

Only this file imports matgl. Model folders name it, so `matgl.load_model` finds the classes
here; the package itself loads the same folders without matgl.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matgl
from matgl.models import MatGLModel

from ase_orbital.errors import ModelError
from ase_orbital.models import ensemble, eosnet, ocrystalnet

if TYPE_CHECKING:
    from pathlib import Path

    from ase_orbital.models.crystal_model import CrystalModel


class _Settings:
    """Constructor arguments under matgl's name."""

    @property
    def _init_args(self: CrystalModel) -> dict[str, Any]:  # type: ignore[misc]
        return self.settings


class EOSNet(_Settings, eosnet.EOSNet, MatGLModel):  # type: ignore[misc]
    """EOSNet as a matgl model."""


class OCrystalNet(_Settings, ocrystalnet.OCrystalNet, MatGLModel):  # type: ignore[misc]
    """OCrystalNet as a matgl model."""


class Ensemble(_Settings, ensemble.Ensemble, MatGLModel):  # type: ignore[misc]
    """Ensemble as a matgl model; its members are the plain networks."""


def load_matgl_folder(folder: Path) -> Any:
    """Load one of matgl's own models, such as MEGNet; a damaged folder is a ModelError."""
    try:
        model = matgl.load_model(folder)
    except (RuntimeError, ValueError) as error:
        # matgl replaces every error by these; the cause has the message.
        raise ModelError(
            f"the model folder {folder} is damaged: {error.__cause__ or error}"
        ) from error
    return model.to("cpu").eval()
