"""Find, describe and load model folders, by name or path."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple

from ase_orbital.checksums import read_json
from ase_orbital.elements import provenance
from ase_orbital.errors import ModelError, check_path
from ase_orbital.numerics.digits import four_digits
from ase_orbital.properties import transformed_unit, unit_of

FILES: Final = ("model.json", "model.pt", "state.pt")
PACKAGE: Final = Path(__file__).parents[1]
# In an installed package, and in a checkout that is installed in editable mode.
PRETRAINED: Final = (PACKAGE / "pretrained", PACKAGE.parent / "pretrained")


class Card(NamedTuple):
    """Description of a model, from its `model.json`."""

    network: str  # its class, and the number of networks in an ensemble
    package: str  # that has the class
    settings: dict[str, Any]  # constructor arguments, for an ensemble of its first member
    metrics: dict[str, Any]  # sizes of the data sets and errors, from the training command
    tables: dict[str, str]  # checksums of the element tables of the training, by file name

    @property
    def property_name(self) -> str:
        """Name of the predicted property."""
        return str(self.settings.get("property_name"))

    @property
    def unit(self) -> str:
        """Unit of the predicted property; empty if it is not known."""
        return str(self.settings.get("unit") or unit_of(self.property_name))

    @property
    def test_error(self) -> str:
        """Mean absolute error with its unit, or accuracy; empty without a test set."""
        if "accuracy_test" in self.metrics:
            return f"accuracy {self.metrics['accuracy_test']:.4f}"
        if "mae_test" not in self.metrics:
            return ""
        transform = self.settings.get("transform") or "identity"
        unit = transformed_unit(self.unit, transform)
        return f"{four_digits(self.metrics['mae_test'])} {unit}".strip()


def _shipped() -> dict[str, Path]:
    for root in PRETRAINED:
        if root.is_dir():
            folders = sorted(path.parent for path in root.glob("*/model.json"))
            return {folder.name: folder for folder in folders}
    return {}


def list_models() -> list[str]:
    """Names of the models that are shipped with the package."""
    return list(_shipped())


def model_folder(name_or_path: str | Path) -> Path:
    """Find the folder of a shipped model, or check the folder at a path.

    Raises ModelError if there is no such model, or a file is missing.
    """
    shipped = _shipped()
    path = check_path("a model", name_or_path, ModelError)
    folder = shipped.get(str(name_or_path), path)
    if not folder.is_dir():
        near = get_close_matches(str(name_or_path), shipped, n=3, cutoff=0.4)
        raise ModelError(
            f"there is no model or folder {str(name_or_path)!r}; "
            f"did you mean {', '.join(near or shipped)}?"
        )
    lacking = [name for name in FILES if not (folder / name).is_file()]
    if lacking and (folder / "model" / FILES[0]).is_file():
        raise ModelError(
            f"{folder} is the folder of a run; its model is in {folder / 'model'}"
        )
    if lacking:
        raise ModelError(
            f"the model folder {folder} lacks {', '.join(lacking)}; "
            "copy the folder again, or reinstall"
        )
    return folder


def read_card(name_or_path: str | Path) -> Card:
    """Read the settings and metrics of a model, without loading the model.

    Raises ModelError if there is no such model, or its `model.json` is damaged.
    """
    folder = model_folder(name_or_path)
    content = read_json(folder)
    try:
        metadata = content["metadata"] or {}
        network, settings = content["@class"], content["kwargs"]
        if "members" in settings:
            network = f"{len(settings['members'])} x {settings['members'][0]['network']}"
            settings = settings["members"][0]
        package, *_ = content["@module"].split(".")
        metrics, tables = metadata.get("metrics", {}), metadata.get("tables", {})
        return Card(network, package, {**settings}, {**metrics}, {**tables})
    except (ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        raise ModelError(f"{folder / 'model.json'} is damaged: {error!r}") from error


def load_model(name_or_path: str | Path) -> Any:
    """Load one of `list_models()`, or a model folder of this package or of matgl.

    The model is an EOSNet, OCrystalNet, Ensemble, or a model of matgl, on the CPU and in
    evaluation mode. Nothing is downloaded: load models from a hub with `matgl.load_model`,
    and give these to a Predictor. Code that a folder contains or names is never run: only
    classes of this package, property models of matgl, and those given to `register_model`
    are made. `matgl.load_model`, in contrast, imports the module that a folder names.

    Raises
    ------
    ModelError
        If there is no such model, its class is not known, a file is damaged or differs from
        its checksum, or it was trained with other tables of the elements than those of this
        version.
    """
    folder = model_folder(name_or_path)
    card = read_card(folder)
    ours = {name: origin.sha256 for name, origin in provenance().items()}
    for table, checksum in card.tables.items():
        if ours.get(table) != checksum:
            raise ModelError(
                f"the model in {folder} was trained with another version of the table "
                f"{table}; install the version of ase-orbital it was made with"
            )
    if card.package == "matgl":
        from ase_orbital.models.matgl import load_matgl_folder  # takes seconds to import

        return load_matgl_folder(folder)
    from ase_orbital.models.loading import load_folder

    return load_folder(folder)
