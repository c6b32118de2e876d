"""How each shipped model is trained: data, settings, and what its card says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ase_orbital import properties
from ase_orbital.structure import read_frames
from ase_orbital.training import TrainingSettings

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms

WIDE = {"n_hidden": 128}
DEEP = WIDE | {"n_convolutions": 4}
SHORT = {"warm_up": 0.05, "learning_rate": 1e-3}  # for what starts from another model
FROM_HEAT = {"start_from": "pretrained/eosnet-heat-of-formation-perovskites", **SHORT}


def deep_from(folder: str) -> dict[str, Any]:
    """Settings of a deep network that starts from another, in a folder of `pretrained`."""
    return {"start_from": f"pretrained/{folder}", **SHORT, "network_settings": DEEP}


FROM_FORMATION = deep_from("eosnet-formation-energy-mp2018")
FROM_GAP = deep_from("eosnet-band-gap-mp2018")
FROM_BULK = deep_from("steps/eosnet-bulk-modulus-from-gap")
FROM_SHEAR = deep_from("eosnet-shear-modulus-mp")
PEROVSKITES = {
    "data": "18,928 cubic perovskites of Castelli et al., Energy Environ. Sci. 5, 9034 "
    "(2012), from the Computational Materials Repository (GPAW). The test set is the "
    "published test split of EOSnet; it was used for the figures above only",
    "limits": "five-atom cells of the perovskite structure. For other crystals it answers "
    "as well, without meaning; `in_domain` finds many of these, not all: rocksalt SrO "
    "passes",
    "license": "MIT, as the package; the data are free with citation",
    "citation": "Castelli et al., Energy Environ. Sci. 5, 9034 (2012)",
}
MP2018 = {
    "data": "40,370 crystals of the Materials Project (VASP, PBE or PBE+U), targets of "
    "release 2018.6, without the test splits that EOSnet published. A third of the "
    "geometries are of a later release than the targets, which adds noise. Formation "
    "energies are relative to the elements in their ground states, with that release's "
    "corrections",
    "limits": "inorganic crystals as in the Materials Project: relaxed, mostly below 150 "
    "atoms a cell. Energies must not be mixed with those of later releases, whose "
    "corrections differ by 0.06 to 0.08 eV/atom",
    "license": "MIT, as the package; the data are CC BY 4.0",
    "citation": "Jain et al., APL Mater. 1, 011002 (2013)",
}
MODULI = {
    "data": "the elasticity sets of the Materials Project of May 2018, of January 2025 "
    "(binaries) and of de Jong et al., Sci. Data 2, 150009 (2015), merged by identifier: "
    "the later value counts. Without the test split that EOSnet published",
    "limits": "the figures are of log10 of the modulus in GPa; the prediction is in GPa. "
    "Soft crystals (below 10 GPa) are few, and their moduli are rounded to whole GPa",
    "license": "MIT, as the package; the data are CC BY 4.0",
    "citation": "de Jong et al., Sci. Data 2, 150009 (2015)",
}
ELASTICITY = ("elastic_tensor_2015", "elasticity_mp2018", "elasticity_binaries_2025")


@dataclass(frozen=True)
class Recipe:
    """One shipped model.

    Parameters
    ----------
    files
        Names of the data files, without `.extxyz.gz`; of one identifier the last counts.
    settings
        Of the run, as for `TrainingSettings`.
    card
        Texts of the model card.
    published
        What the published EOSnet run reached on its own test set.
    published_column
        Where the data have that run's predictions.
    step
        Whether it only is what another starts from, in `pretrained/steps`.
    """

    files: tuple[str, ...]
    settings: dict[str, Any]
    card: dict[str, str]
    published: str
    published_column: str | None = None
    step: bool = False

    def read(self, data: Path) -> tuple[list[Atoms], list[Any]]:
        """Crystals and targets of all files in a folder, as for `training.train`."""
        target = TrainingSettings.from_dict(self.settings).target
        crystals: dict[str, Atoms] = {}
        for name in self.files:
            for atoms in read_frames(data / f"{name}.extxyz.gz"):
                if atoms.info.get(target) is not None:
                    crystals[str(atoms.info["id"])] = atoms
        structures = list(crystals.values())
        return structures, [atoms.info[target] for atoms in structures]


@dataclass(frozen=True)
class _Task:
    """What is learned of which data, whatever the network."""

    name: str
    files: tuple[str, ...]
    settings: dict[str, Any]
    card: dict[str, str]
    published: str
    published_column: str | None = None
    eosnet: dict[str, Any] = field(default_factory=dict)
    ocrystalnet: dict[str, Any] | None = None
    step: bool = False


ON_PEROVSKITES = {"test_column": "published_test", "sizes": (0.95, 0.05, 0.0)}
ON_MP2018 = {"sizes": (0.9, 0.05, 0.05), "most_atoms": 60}
ON_MODULI = {"sizes": (0.9, 0.05, 0.05), "most_atoms": 60}

TASKS = (
    _Task(
        "heat-of-formation-perovskites",
        ("perovskites",),
        {"property_name": properties.HEAT_OF_FORMATION, **ON_PEROVSKITES},
        PEROVSKITES,
        "0.0398 eV/atom",
        "eosnet_heat_of_formation",
        eosnet={"members": 3, "epochs": 200},
        ocrystalnet={"members": 3, "epochs": 60},
    ),
    _Task(
        "energy-perovskites",
        ("perovskites",),
        {"property_name": properties.ENERGY, **ON_PEROVSKITES},
        PEROVSKITES,
        "0.0361 eV/atom",
        "eosnet_energy_per_atom",
        eosnet={"members": 3, "epochs": 60, **FROM_HEAT},
        ocrystalnet={
            "epochs": 40,
            "start_from": "pretrained/ocrystalnet-heat-of-formation-perovskites",
        },
    ),
    _Task(
        "formation-energy-mp2018",
        ("mp2018",),
        {"property_name": properties.FORMATION_ENERGY, **ON_MP2018},
        MP2018,
        "0.0335 eV/atom",
        eosnet={"members": 3, "epochs": 80, "network_settings": DEEP},
    ),
    _Task(
        "band-gap-mp2018",
        ("mp2018",),
        {"property_name": properties.BAND_GAP, **ON_MP2018},
        MP2018,
        "0.273 eV",
        eosnet={"members": 3, "epochs": 25, **FROM_FORMATION},
        ocrystalnet={"epochs": 20, "precision": "bf16-mixed"},
    ),
    _Task(
        "fermi-energy-mp2018",
        ("mp2018",),
        {"property_name": properties.FERMI_ENERGY, **ON_MP2018},
        MP2018,
        "0.342 eV",
        eosnet={"members": 3, "epochs": 25, **FROM_FORMATION},
    ),
    _Task(
        "metal-mp2018",
        ("mp2018",),
        {
            "property_name": properties.METAL_PROBABILITY,
            "column": "band_gap",
            "at_most": 0.0,
            **ON_MP2018,
        },
        MP2018,
        "accuracy 0.9247, area under the ROC curve 0.9774",
        eosnet={
            "members": 3, "epochs": 10, **FROM_GAP, "learning_rate": 5e-4,
            "network_settings": DEEP | {"dropout": 0.3},
        },
    ),
    _Task(
        "bulk-modulus-from-gap",
        ELASTICITY,
        {"property_name": properties.BULK_MODULUS, **ON_MODULI},
        MODULI,
        "0.0401 log10(GPa)",
        eosnet={"members": 5, "epochs": 50, **FROM_GAP},
        step=True,
    ),
    _Task(
        "bulk-modulus-mp",
        ELASTICITY,
        {"property_name": properties.BULK_MODULUS, **ON_MODULI},
        MODULI,
        "0.0401 log10(GPa)",
        eosnet={"members": 5, "epochs": 50, **FROM_SHEAR},
        ocrystalnet={"epochs": 50},
    ),
    _Task(
        "shear-modulus-mp",
        ELASTICITY,
        {"property_name": properties.SHEAR_MODULUS, **ON_MODULI},
        MODULI,
        "0.0783 log10(GPa)",
        eosnet={"members": 5, "epochs": 50, **FROM_BULK},
        ocrystalnet={"epochs": 50},
    ),
)  # fmt: skip

RECIPES: dict[str, Recipe] = {}
for _task in TASKS:
    _shared = {"accelerator": "cpu"}
    RECIPES[f"eosnet-{_task.name}"] = Recipe(
        _task.files,
        {"network": "EOSNet", "network_settings": WIDE, "compile": True}
        | _shared | _task.settings | _task.eosnet,
        _task.card, _task.published, _task.published_column, _task.step,
    )  # fmt: skip
    if _task.ocrystalnet is not None:
        RECIPES[f"ocrystalnet-{_task.name}"] = Recipe(
            _task.files,
            {
                "network": "OCrystalNet", "warm_up": 0.04, "learning_rate": 3e-4,
            } | _shared | _task.settings | _task.ocrystalnet,
            _task.card, _task.published, _task.published_column,
        )  # fmt: skip
