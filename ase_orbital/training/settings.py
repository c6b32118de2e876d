"""Everything a training run can be told, under one name in Python, a file and a command."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.errors import SettingError
from ase_orbital.properties import PROPERTIES

if TYPE_CHECKING:
    from typing import Self

CHOICES: dict[str, tuple[str, ...]] = {
    "network": ("EOSNet", "OCrystalNet"),
    "loss": ("mae", "mse", "huber"),
    "optimizer": ("adam", "adamw"),
    "schedule": ("cosine", "milestones", "exponential", "constant"),
    "precision": ("32-true", "16-mixed", "bf16-mixed"),
}
# What may differ when a run goes on: where and how it computes, not what.
MACHINE = ("accelerator", "devices", "precision", "compile", "workers", "progress")


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Settings of a training run; each field's meaning is in its metadata.

    The defaults are those of the shipped EOSNet models; `paper` gives those of the papers.

    Raises
    ------
    SettingError
        If a value means nothing, with the values that do.
    """

    # What is learned.
    property_name: str = _setting(
        "property", "what is learned; known names have units and cards"
    )
    column: str | None = _setting(
        None, "name of the target in the data (default: property)"
    )
    at_most: float | None = _setting(
        None, "for classes: 1 where the column is at most this, 0 above"
    )
    id: str = _setting("id", "name of the identifier in the data")
    # On which crystals.
    split: str = _setting(
        "random",
        "random, formula, chemical_system, prototype, megnet, or the path of a split.json",
    )
    sizes: tuple[float, float, float] = _setting(
        (0.8, 0.1, 0.1), "of training, validation and test set: fractions or numbers"
    )
    test_column: str | None = _setting(
        None, "crystals where this is true are the test set, in place of a drawn one"
    )
    most_atoms: int | None = _setting(
        None, "larger cells are not trained on, but are validated and tested on"
    )
    # With what.
    network: str = _setting("EOSNet", "EOSNet or OCrystalNet")
    network_settings: dict[str, Any] = field(
        default_factory=dict, metadata={"meaning": "arguments of the network"}
    )
    start_from: str | None = _setting(
        None,
        "folder of a model of the same network, of whatever property, to begin with; "
        "of an ensemble each member begins with its own",
    )
    members: int = _setting(1, "networks in the ensemble, of seeds one apart")
    # How.
    epochs: int = _setting(200, "passes over the training set")
    batch_size: int = _setting(64, "crystals a step (a process, if there are several)")
    loss: str = _setting("mae", "mae, mse or huber; classes have negative log-likelihood")
    class_weights: bool = _setting(True, "weigh classes by the inverse of their frequency")
    optimizer: str = _setting("adam", "adam or adamw")
    learning_rate: float = _setting(2e-3, "the largest")
    schedule: str = _setting("cosine", "cosine, milestones, exponential or constant")
    warm_up: float = _setting(0.15, "share of all steps in which the rate rises")
    first_rate: float = _setting(1e-4, "learning rate at the start of the warm-up")
    last_rate: float = _setting(1e-6, "learning rate at the end (cosine, exponential)")
    milestones: tuple[float, ...] = _setting(
        (0.2, 0.4, 0.8), "shares of all steps after which the rate falls to a tenth"
    )
    weight_decay: float = _setting(0.0, "of the optimizer")
    clip: float = _setting(5.0, "largest norm of the gradient")
    averaging: float = _setting(
        0.9995, "decay of the moving average of weights; 0 for none"
    )
    patience: int | None = _setting(
        None, "stop after so many epochs without progress, and keep the best"
    )
    seed: int = _setting(0, "of weights, order, dropout and split")
    # Where.
    accelerator: str = _setting("auto", "auto, cpu, gpu")
    devices: int = _setting(1, "how many; several are driven by one process each")
    precision: str = _setting("32-true", "32-true, 16-mixed or bf16-mixed")
    compile: bool = _setting(False, "torch.compile the network; needs a C++ compiler")
    workers: int = _setting(1, "processes to compute features with")
    progress: bool = _setting(True, "show bars")

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for known in fields(self):
            if not _fits(getattr(self, known.name), str(known.type)):
                raise SettingError(
                    f"{known.name} must be {known.type}, not {getattr(self, known.name)!r}"
                )
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise SettingError(
                    f"{name} must be one of {', '.join(choices)}, "
                    f"not {getattr(self, name)!r}"
                )
        for name in ("epochs", "batch_size", "members", "devices", "workers", "patience",
                     "most_atoms"):  # fmt: skip
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingError(f"{name} must be a whole number from 1, not {value}")
        for name in ("learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise SettingError(f"{name} must be above zero, not {getattr(self, name)}")
        for name in ("first_rate", "last_rate", "weight_decay", "seed"):
            if not getattr(self, name) >= 0:
                raise SettingError(f"{name} must not be negative, as {getattr(self, name)}")
        for name in ("warm_up", "averaging"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise SettingError(f"{name} must be in [0, 1), not {getattr(self, name)}")
        if len(self.sizes) != 3 or min(self.sizes) < 0 or self.sizes[0] == 0:
            raise SettingError(
                f"sizes must be three numbers, of training, validation and test set, "
                f"not {self.sizes}"
            )
        if sum(self.sizes) > 1.0 + 1e-9 and any(size % 1 for size in self.sizes):
            raise SettingError(
                f"sizes must be fractions that add up to at most 1, or whole numbers, "
                f"not {self.sizes}"
            )
        if self.transform not in ("identity", "log10"):
            raise SettingError(
                f"transform must be identity or log10, not {self.transform!r}"
            )
        if self.at_most is not None and not self.classes:
            raise SettingError(
                f"{self.property_name} is learned as a number, and at_most makes classes; "
                f"give another property_name, with column {self.target}"
            )

    @property
    def target(self) -> str:
        """Name of the target in the data."""
        return self.column or self.property_name

    @property
    def classes(self) -> bool:
        """Whether a class is learned, not a number."""
        known = PROPERTIES.get(self.property_name)
        return known.classes if known else self.at_most is not None

    @property
    def transform(self) -> str:
        """What of the target is learned: "identity" or "log10"."""
        known = PROPERTIES.get(self.property_name)
        default = known.transform if known else "identity"
        return str(self.network_settings.get("transform") or default)

    @classmethod
    def paper(cls, network: str, **changes: Any) -> Self:
        """Settings of the paper of a network; `changes` go on top.

        EOSnet: Adam at 1e-3 after 20 of 500 epochs of warm-up, a tenth after 100, 200 and
        400 epochs, batches of 64. OCrystalNet: 1e-4 to 3e-4 in 2 of 50 epochs, then
        exponentially to 1e-5, batches of 64. No averaging, exactly the nearest neighbors.
        """
        settings: dict[str, Any] = {"network": network, "averaging": 0.0}
        if network == "OCrystalNet":
            settings |= {
                "epochs": 50, "schedule": "exponential", "warm_up": 0.04,
                "first_rate": 1e-4, "learning_rate": 3e-4, "last_rate": 1e-5, "loss": "mse",
            }  # fmt: skip
        else:
            settings |= {
                "epochs": 500, "schedule": "milestones", "warm_up": 0.04,
                "first_rate": 1e-5, "learning_rate": 1e-3, "loss": "mae",
            }  # fmt: skip
        exact = {"smoothing": None, **changes.pop("network_settings", {})}
        return cls(**settings | {"network_settings": exact} | changes)

    @classmethod
    def from_file(cls, path: str | Path, **changes: Any) -> Self:
        """Read a TOML or JSON file of these names; `changes` go on top.

        Raises
        ------
        SettingError
            If the file cannot be read, or has a name that is none of these.
        """
        return cls.from_dict(cls.read_file(path) | changes)

    @staticmethod
    def read_file(path: str | Path) -> dict[str, Any]:
        """Values of a TOML or JSON file, as `from_dict` takes them.

        Raises
        ------
        SettingError
            If the file cannot be read, or holds no names.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
            read = json.loads if path.suffix == ".json" else tomllib.loads
            values: dict[str, Any] = read(text)
        except (OSError, ValueError) as error:
            raise SettingError(f"the settings {path} cannot be read: {error}") from error
        if not isinstance(values, dict):
            raise SettingError(f"the settings {path} have no names, only {values!r:.40}")
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Take plain values, as a file has them.

        Raises
        ------
        SettingError
            If a name is none of these, or a value means nothing.
        """
        names = [known.name for known in fields(cls)]
        for name in values:
            if name not in names:
                near = get_close_matches(name, names, n=1, cutoff=0.0)
                raise SettingError(f"there is no setting {name!r}; did you mean {near[0]}?")
        lists = {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        return cls(**values | lists)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `from_dict` takes them."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    def differences(self, other: TrainingSettings) -> list[str]:
        """Names of settings in which two runs differ, those of the machine apart."""
        return [
            known.name
            for known in fields(self)
            if known.name not in MACHINE
            and getattr(self, known.name) != getattr(other, known.name)
        ]

    def of_member(self, index: int) -> Self:
        """Settings of one network of the ensemble."""
        return replace(self, members=1, seed=self.seed + index)


def _fits(value: Any, kind: str) -> bool:
    """Whether a value is what the annotation of its field says."""
    if value is None:
        return kind.endswith("None")
    if kind.startswith("tuple"):
        return isinstance(value, list | tuple) and all(_fits(x, "float") for x in value)
    if kind.startswith("dict"):
        return isinstance(value, dict)
    if isinstance(value, bool):
        return kind == "bool"
    kinds = {"str": str, "int": int, "float": int | float}
    return kind != "bool" and isinstance(value, kinds[kind.removesuffix(" | None")])
