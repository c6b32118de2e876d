"""Transfer of weights from another model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.errors import ModelError
from ase_orbital.models import Ensemble
from ase_orbital.models.loading import load_folder

if TYPE_CHECKING:
    from ase_orbital.models.crystal_model import CrystalModel


def start_from(model: CrystalModel, folder: str, index: int) -> None:
    """Load the weights of another model that may predict another property.

    The uncertainty is not taken, because it belongs to a training set; nor is the target's
    scale of another property, and the output layer if the number of classes differs.

    From an ensemble, the member of this index is taken, modulo the number of its members.
    Networks that start from different members make different errors.

    Raises
    ------
    ModelError
        If the folder has no model, or its network, descriptor or widths differ.
    """
    if not (Path(folder) / "model.json").is_file():
        raise ModelError(f"there is no model to start from in {folder}")
    other = load_folder(Path(folder))
    if isinstance(other, Ensemble):
        other = other.networks[index % len(other.networks)]
    if type(other) is not type(model) or other.descriptor != model.descriptor:
        raise ModelError(
            f"the model in {folder} is a {type(other).__name__} on {other.descriptor}, and "
            f"this a {type(model).__name__} on {model.descriptor}; their weights do not fit"
        )
    kept: tuple[str, ...] = ("uncertainty.",)
    if other.property_name != model.property_name:
        kept += ("target_",)
    if other.n_classes != model.n_classes:
        kept += ("output.",)
    weights = {
        name: value
        for name, value in other.state_dict().items()
        if not name.startswith(kept)
    }
    try:
        model.load_state_dict(model.state_dict() | weights)
    except RuntimeError as error:
        raise ModelError(f"the weights in {folder} do not fit: {error}") from error
