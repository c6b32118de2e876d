"""Names of models, and the folders they stand for.

A model folder has matgl's three files, so `matgl.load_model` opens it as well.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple

from ase_orbital.elements import provenance
from ase_orbital.errors import ModelError
from ase_orbital.properties import unit_of

FILES: Final = ("model.json", "model.pt", "state.pt")
PACKAGE: Final = Path(__file__).parents[1]
# Of an installed package, and of a checkout that is installed in editable mode.
PRETRAINED: Final = (PACKAGE / "pretrained", PACKAGE.parent / "pretrained")


class Card(NamedTuple):
    """What a model folder says of itself.

    Attributes
    ----------
    network
        Name of its class, and of how many networks an ensemble is made.
    settings
        The constructor's arguments, of an ensemble those of its first member.
    figures
        Sizes and errors as the training command wrote them.
    tables
        Checksums of the tables of the elements it was trained with, by file.
    """

    network: str
    settings: dict[str, Any]
    metrics: dict[str, Any]
    tables: dict[str, str]

    @property
    def property_name(self) -> str:
        """What the model predicts."""
        return str(self.settings.get("property_name"))

    @property
    def test_error(self) -> str:
        """Mean absolute error of what is learned, with its unit; of classes, the accuracy.

        Empty if the model was made without a test set.
        """
        if "accuracy_test" in self.metrics:
            return f"accuracy {self.metrics['accuracy_test']:.4f}"
        if "mae_test" not in self.metrics:
            return ""
        unit = unit_of(self.property_name)
        if self.settings.get("transform") == "log10":
            unit = f"log10({unit})"
        return f"{self.metrics['mae_test']:.4f} {unit}".strip()


def _shipped() -> dict[str, Path]:
    for root in PRETRAINED:
        if root.is_dir():
            folders = sorted(path.parent for path in root.glob("*/model.json"))
            return {folder.name: folder for folder in folders}
    return {}


def list_models() -> list[str]:
    """Names of the models that come with the package."""
    return list(_shipped())


def model_folder(name_or_path: str | Path) -> Path:
    """Find the folder of a shipped model's name, or check that of a path.

    Raises
    ------
    ModelError
        If there is no such model, with the nearest names; or if a file is absent.
    """
    shipped = _shipped()
    folder = shipped.get(str(name_or_path), Path(name_or_path))
    if not folder.is_dir():
        near = get_close_matches(str(name_or_path), shipped, n=3, cutoff=0.4) or list(
            shipped
        )
        raise ModelError(
            f"there is no model or folder {str(name_or_path)!r}; "
            f"did you mean {', '.join(near)}?"
        )
    lacking = [name for name in FILES if not (folder / name).is_file()]
    if lacking:
        raise ModelError(
            f"the model folder {folder} lacks {', '.join(lacking)}; "
            "copy the folder again, or reinstall"
        )
    return folder


def read_card(name_or_path: str | Path) -> Card:
    """Read a model's settings and figures, without loading the model.

    Raises
    ------
    ModelError
        If there is no such model, or its `model.json` is damaged.
    """
    folder = model_folder(name_or_path)
    try:
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        metadata = content["metadata"] or {}
        network, settings = content["@class"], content["kwargs"]
        if "members" in settings:
            members = settings["members"]
            settings = members[0]
            network = f"{len(members)} x {settings['network']}"
        return Card(
            network=network,
            settings=settings,
            metrics=metadata.get("metrics", {}),
            tables=metadata.get("tables", {}),
        )
    except (ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        raise ModelError(f"{folder / 'model.json'} is damaged: {error!r}") from error


def load_model(name_or_path: str | Path) -> Any:
    """Load a model: one of `list_models()`, or any folder matgl can read.

    Never asks the network: a model of a hub is loaded with `matgl.load_model`, and can be
    handed to a Predictor as it is.

    Returns
    -------
    EOSNet, OCrystalNet, or a model of matgl's own
        On the CPU, ready to predict.

    Raises
    ------
    ModelError
        If there is no such model, its folder is damaged, or it was made with tables of the
        elements other than this version's.
    """
    from matgl import (
        load_model as load_folder,  # seconds, which a list of names does not need
    )

    folder = model_folder(name_or_path)
    ours = {name: origin.sha256 for name, origin in provenance().items()}
    for table, checksum in read_card(folder).tables.items():
        if ours.get(table) != checksum:
            raise ModelError(
                f"the model in {folder} was trained with another version of the table "
                f"{table}; install the version of ase-orbital it was made with"
            )
    try:
        model = load_folder(folder)
    except (RuntimeError, ValueError) as error:
        # matgl wraps whatever went wrong; the cause is what tells.
        raise ModelError(
            f"the model folder {folder} is damaged: {error.__cause__ or error}"
        ) from error
    return model.to("cpu").eval()
