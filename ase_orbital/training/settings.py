"""Settings of a training run, under the same names in Python, files and commands."""

from __future__ import annotations

import json
import math
import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from ase_orbital.errors import SettingError, check_path
from ase_orbital.properties import DOMAIN_EXCESS, IN_DOMAIN, PROPERTIES, STD, unit_of

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from pydantic_core import ErrorDetails

Share = Annotated[float, Field(ge=0, lt=1)]
Floats = Annotated[tuple[float, ...], Field(strict=False)]  # also from a list
# Settings that may change when a run is resumed: they do not affect what is learned.
MACHINE = (
    "format",
    "accelerator",
    "devices",
    "precision",
    "compile",
    "workers",
    "progress",
)
FEW, MEMBERS = 2_000, 3  # at most so many training crystals have so many networks
PAPERS: dict[str, dict[str, Any]] = {
    "EOSNet": {
        "epochs": 500,
        "schedule": "milestones",
        "first_rate": 1e-4,
        "learning_rate": 1e-3,
        "milestones": (0.24, 0.44, 0.84),
        "loss": "mse",
        "clip": 1.0,
        "patience": 500,
    },
    "OCrystalNet": {
        "epochs": 50,
        "schedule": "exponential",
        "first_rate": 1e-4,
        "learning_rate": 3e-4,
        "last_rate": 1e-5,
        "loss": "mse",
    },
}


class TrainingSettings(BaseModel):
    """Settings of a training run.

    The defaults are those of the shipped EOSNet models; `paper` returns those of the
    publications.

    Raises
    ------
    SettingError
        If a setting is unknown or has an invalid value, or a file cannot be read.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )

    # What to learn.
    property_name: str = "property"
    """Property to learn; known names have units."""
    column: str | None = None
    """Name of the target in the data (default: the property)."""
    unit: str | None = None
    """Unit of the property, to be shown with it (default: that of a known name)."""
    transform: Literal["identity", "log10"] | None = None
    """Learn the property itself, identity, or its logarithm, log10 (default: log10 for
    moduli, and identity for others)."""
    at_most: float | None = None
    """Learn two classes: 1 where the column is at most this value, else 0."""
    id: str = "id"
    """Name of the identifier in the data."""
    format: str | None = None
    """ASE's name of the file format, if the file's name does not tell."""
    # Data and splits.
    split: str = "random"
    """random, formula, chemical_system, prototype, megnet, or the path of a split.json;
    megnet is a random split of MEGNet's sizes, whose own crystals need a file."""
    sizes: Floats = (0.8, 0.1, 0.1)
    """Training, validation and test set, as fractions or numbers of crystals."""
    test_column: str | None = None
    """Use the crystals where this column is true as test set, instead of drawing one."""
    most_atoms: PositiveInt | None = None
    """Leave larger cells out of the training set, but not of the other sets."""
    group_column: str = "group"
    """Name of the group of a crystal in the data, which stays in one set: distorted copies
    have the identifier of their crystal here. Crystals without one are their own group."""
    weight_column: str = "weight"
    """Name of the weight of a crystal in the loss, 1 for crystals without one."""
    augmentation: NonNegativeInt = 0
    """Distorted copies of each training crystal, with the same target. The predictions for
    a roughly relaxed crystal then are those for the relaxed one."""
    augmentation_displacement: NonNegativeFloat = 0.05
    """Standard deviation of the coordinates in these copies, Å."""
    augmentation_strain: NonNegativeFloat = 0.01
    """Standard deviation of the strain in these copies."""
    # Network.
    network: Literal["EOSNet", "OCrystalNet"] = "EOSNet"
    """EOSNet or OCrystalNet."""
    network_settings: dict[str, Any] = {}
    """Arguments of the network."""
    start_from: str | None = None
    """Name or folder of a model whose weights to start from, for any property. Its network
    and network_settings are the defaults then. Each member starts from its own member of an
    ensemble."""
    new_readout: bool = False
    """Draw new weights for the two layers of the read-out, with start_from."""
    trunk_rate: NonNegativeFloat = 1.0
    """Learning rate of the layers before the read-out, as a multiple of the learning rate,
    with start_from."""
    frozen_layers: NonNegativeInt = 0
    """Layers, counted from the first, that keep the weights of start_from."""
    members: PositiveInt | None = None
    """Networks in the ensemble; their seeds differ by one (default: 3 for a training set of
    at most 2,000 crystals, and 1 for more)."""
    # Optimization.
    epochs: PositiveInt = 200
    """Passes over the training set."""
    batch_size: PositiveInt = 64
    """Crystals per step (and per process, if there are several)."""
    loss: Literal["mae", "mse", "huber"] = "mae"
    """mae, mse or huber; classes always use the negative log-likelihood."""
    difference_weight: NonNegativeFloat = 0.0
    """Weight in the loss of differences between the crystals of a group, such as a crystal
    and its distorted copies, which are then in one batch."""
    copies_per_epoch: PositiveInt | None = None
    """Distorted copies of each crystal that an epoch takes, other ones each time; None for
    all. The crystal itself, or the first of its group, is always taken."""
    class_weights: bool = True
    """Weight classes by the inverse of their frequency."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """adam or adamw."""
    learning_rate: PositiveFloat = 2e-3
    """Highest learning rate."""
    schedule: Literal["cosine", "milestones", "exponential", "constant"] = "cosine"
    """cosine, milestones, exponential or constant."""
    warm_up: Share = 0.15
    """Share of all steps in which the learning rate rises."""
    first_rate: NonNegativeFloat = 1e-4
    """Learning rate at the start of the warm-up."""
    last_rate: NonNegativeFloat = 1e-6
    """Learning rate at the end (cosine, exponential)."""
    milestones: Floats = (0.2, 0.4, 0.8)
    """Shares of all steps after which the learning rate drops to a tenth."""
    weight_decay: NonNegativeFloat = 0.0
    """Weight decay of the optimizer."""
    clip: PositiveFloat = 5.0
    """Largest norm of the gradient."""
    averaging: Share = 0.9995
    """Decay of the moving average of the weights; 0 for no average."""
    patience: PositiveInt | None = None
    """Stop after this many epochs without a lower validation loss, and keep the best."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of weights, order, dropout and split."""
    # Machine.
    accelerator: str = "auto"
    """auto, cpu or gpu."""
    devices: PositiveInt = 1
    """Number of devices; several are driven by one process each."""
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    """32-true, 16-mixed or bf16-mixed."""
    compile: bool = False
    """Compile the network with torch.compile; needs a C++ compiler."""
    workers: PositiveInt = 1
    """Processes that compute features."""
    progress: bool = True
    """Show progress bars; without them, the log has a line every minute."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**{name: _plain(value) for name, value in values.items()})
        except ValidationError as error:
            messages = {detail["loc"][:1]: _message(detail) for detail in error.errors()}
            raise SettingError("; ".join(messages.values())) from None

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        """Check what no setting shows alone."""
        finite = all(map(math.isfinite, self.sizes))
        if len(self.sizes) != 3 or not finite or min(self.sizes) < 0 or self.sizes[0] == 0:
            raise ValueError(
                "sizes must be three numbers, for training, validation and test set, the "
                f"first above zero, not {self.sizes}"
            )
        if sum(self.sizes) > 1.0 + 1e-9 and any(size % 1 for size in self.sizes):
            raise ValueError(
                "sizes must be fractions that add up to at most 1, or whole numbers, "
                f"not {self.sizes}"
            )
        if self.start_from is None and (self.frozen_layers or self.new_readout):
            raise ValueError("frozen_layers and new_readout need a model in start_from")
        if self.start_from is None and self.trunk_rate != 1.0:
            raise ValueError("trunk_rate needs a model in start_from")
        name = self.property_name
        if name in ("error", IN_DOMAIN, DOMAIN_EXCESS) or name.endswith(STD):
            raise ValueError(
                f"property_name is {name!r}, which predictions have for something else; "
                f"give it another one, with column={self.target!r}"
            )
        known = PROPERTIES.get(self.property_name)
        if known and self.unit not in (None, known.unit):
            raise ValueError(
                f"unit is {self.unit}, and that of {self.property_name} is {known.unit}; "
                "convert the targets, or give the property another name"
            )
        if self.target_transform not in ("identity", "log10"):
            raise ValueError(
                f"transform must be identity or log10, not {self.target_transform!r}"
            )
        if self.at_most is not None and not math.isfinite(self.at_most):
            raise ValueError(f"at_most must be a finite number, not {self.at_most}")
        if self.at_most is not None and not self.classes:
            raise ValueError(
                f"at_most makes classes, and {self.property_name} is learned as a number; "
                f"use another property_name, with column {self.target}"
            )
        return self

    @property
    def target(self) -> str:
        """Name of the target in the data."""
        return self.column or self.property_name

    @property
    def classes(self) -> bool:
        """Whether classes are learned instead of numbers."""
        known = PROPERTIES.get(self.property_name)
        return known.classes if known else self.at_most is not None

    @property
    def target_unit(self) -> str:
        """Unit of the property; empty if it is not known."""
        return self.unit or unit_of(self.property_name)

    @property
    def target_transform(self) -> str:
        """Transform of the property that is learned: "identity" or "log10"."""
        known = PROPERTIES.get(self.property_name)
        default = known.transform if known else "identity"
        return self.transform or str(self.network_settings.get("transform") or default)

    @classmethod
    def paper(cls, network: str, **changes: Any) -> Self:
        """Return the settings of a network's publication, with `changes` on top.

        EOSNet is trained with squared errors and Adam, whose rate rises from 1e-4 to 1e-3
        in 20 of 500 epochs and drops to a tenth 100, 200 and 400 epochs later. Gradients
        are clipped to a norm of 1, and the epoch with the lowest validation loss is kept.
        This is the authors' code, in all versions of the time of their runs. They used
        batches of 64 for elastic moduli, and of 256 for perovskites and large sets: pass
        `batch_size=256`. They kept the epoch with the lowest mean absolute error.
        OCrystalNet rises from 1e-4 to 3e-4 in 2 of 50 epochs, then falls exponentially to
        1e-5. Both use batches of 64 unless told otherwise, no averaging of the weights, and
        exactly the k nearest neighbors.
        """
        exact = {"smoothing": None, **changes.pop("network_settings", {})}
        shared = {"network": network, "averaging": 0.0, "warm_up": 0.04}
        return cls(
            **shared | PAPERS.get(network, {}) | {"network_settings": exact} | changes
        )

    @classmethod
    def from_file(cls, path: str | Path, **changes: Any) -> Self:
        """Read settings from a TOML or JSON file, with `changes` on top."""
        return cls(**cls.read_file(path) | changes)

    @staticmethod
    def read_file(path: str | Path) -> dict[str, Any]:
        """Read the values in a TOML or JSON file, without checking their names."""
        path = check_path("path", path)
        try:
            text = path.read_text(encoding="utf-8")
            read = json.loads if path.suffix == ".json" else tomllib.loads
            values: dict[str, Any] = read(text)
        except (OSError, ValueError) as error:
            raise SettingError(f"the settings {path} cannot be read: {error}") from error
        if not isinstance(values, dict):
            raise SettingError(f"the settings {path} have no names, only {values!r:.40}")
        return values

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, which `TrainingSettings(**values)` accepts again."""
        return self.model_dump(mode="json")

    def differences(self, other: TrainingSettings) -> list[str]:
        """Return the names of differing settings, except those of the machine."""
        return [
            name
            for name in type(self).model_fields
            if name not in MACHINE and getattr(self, name) != getattr(other, name)
        ]

    def of_size(self, n_train: int) -> Self:
        """Return the settings with the number of members for a training set."""
        if self.members is not None:
            return self
        return self.model_copy(update={"members": MEMBERS if n_train <= FEW else 1})

    def of_member(self, index: int) -> Self:
        """Return the settings of one member of the ensemble."""
        return self.model_copy(update={"members": 1, "seed": self.seed + index})


def _plain(value: Any) -> Any:
    """Turn numbers of numpy into Python's."""
    if isinstance(value, tuple | list):
        return type(value)(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _message(error: ErrorDetails) -> str:
    """Say in one clause which setting is wrong and what it must be."""
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        (near,) = get_close_matches(name, TrainingSettings.model_fields, n=1, cutoff=0.0)
        return f"there is no setting {name!r}; did you mean {near}?"
    requirement = error["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return f"{name} {requirement}, not {error['input']!r}" if name else requirement
