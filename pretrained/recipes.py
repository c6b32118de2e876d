"""Recipes of the shipped models: their data and settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ase.collections import dcdft
from data_sets import (
    ANY_GEOMETRY,
    ELASTICITY,
    ELASTICITY_2019,
    HSE,
    MP2018,
    MP2018_2019,
    PEROVSKITES,
    PHONONS,
    REFRACTION,
    WITHOUT_FORCES,
    Data,
)

from ase_orbital import GOM, Concatenate, OneHot, OrientationalOrder, properties
from ase_orbital.properties import FORMATION_ENERGY
from ase_orbital.structure import read_frames
from ase_orbital.training import TrainingSettings
from ase_orbital.training.dataset import Dataset, read_dataset
from ase_orbital.training.splits import Split, draw_split

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms


@dataclass(frozen=True)
class Recipe:
    """Recipe of a shipped model.

    Parameters
    ----------
    data
        Crystals to train on.
    settings
        Settings of the run, as for `TrainingSettings`.
    published_column
        Column of the data with the predictions of that run.
    step
        Whether other models start from this one, and it is not shipped itself; it is then
        in `pretrained/steps`.
    soft
        Energy above the crystal, in eV/atom, at which a distorted copy has half the weight
        of the crystal.
    later
        Weight of crystals, with their copies, whose geometry is from a later release than
        the target.
    n_files
        Files of distorted copies of `mp2018` to train on; None for all copies.
    """

    data: Data
    settings: dict[str, Any]
    published_column: str | None = None
    step: bool = False
    soft: float = 0.1
    later: float = 1.0
    n_files: int | None = None

    @property
    def published(self) -> str:
        """Error of the published EOSnet run on its own test set; empty without one."""
        return PUBLISHED.get(self.settings["property_name"], "")

    def read(self, folder: Path) -> list[Atoms]:
        """Read the structures with a target from the data files."""
        return self._read(folder, self.data.files)

    def read_extra(self, folder: Path, known: set[str]) -> list[Atoms]:
        """Read the small crystals of other files whose identifiers are not known.

        Their split is drawn alone: the first part is trained on, and the others, with their
        distorted copies, serve to fit and to check the uncertainty.
        """
        return [
            atoms
            for atoms in self._read(folder, self.data.extra)
            if len(atoms) <= MOST_ATOMS and str(atoms.info["id"]) not in known
        ]

    def _read(self, folder: Path, names: tuple[str, ...]) -> list[Atoms]:
        target = TrainingSettings(**self.settings).target
        crystals: dict[str, Atoms] = {}
        for name in names:
            for atoms in frames_of(folder / f"{name}.extxyz.gz"):
                if atoms.info.get(target) is not None and not atoms.info.get("dilute"):
                    crystals[str(atoms.info["id"])] = atoms
        return list(crystals.values())


# Errors of the published EOSnet runs on all crystals of their own test sets, recomputed
# from their published predictions.
PUBLISHED = {
    properties.HEAT_OF_FORMATION: "0.0433 eV/atom (1,936 crystals)",
    properties.ENERGY: "0.0405 eV/atom (1,936 crystals)",
    properties.FORMATION_ENERGY: "0.0335 eV/atom (5,065 crystals)",
    properties.BAND_GAP: "0.2729 eV (5,065 crystals)",
    properties.FERMI_ENERGY: "0.3424 eV (2,729 crystals)",
    properties.METAL_PROBABILITY: "accuracy 0.9247, area under the ROC curve 0.9774 "
    "(1,939 crystals)",
    properties.BULK_MODULUS: "0.0424 log10(GPa) (500 crystals)",
    properties.SHEAR_MODULUS: "0.0783 log10(GPa) (500 crystals)",
}
MOST_ATOMS = 30  # of the crystals in the extra files
# Elements whose crystal in `ase.collections.dcdft` is the reference state of the data.
REFERENCES = "Ag As B Ba Bi Cs Cu Fe I In K Kr Mg Mo P Pt Rb Ru Sc Sn Sr Xe Zn"


@cache
def frames_of(path: Path) -> list[Atoms]:
    """Read a data file, once in a process."""
    return read_frames(path)


def is_reference(atoms: Atoms) -> bool:
    """Whether a crystal is the reference state of an element, with energy zero."""
    return len(set(atoms.numbers)) == 1 and abs(atoms.info[FORMATION_ENERGY]) < 1e-3


def missing_references(crystals: list[Atoms]) -> list[Atoms]:
    """Return the reference states of elements for which the crystals have none."""
    known = {atoms.numbers[0] for atoms in crystals if is_reference(atoms)}
    found = [dcdft[symbol] for symbol in REFERENCES.split()]
    missing = [atoms for atoms in found if atoms.numbers[0] not in known]
    for atoms in missing:
        atoms.info = {"id": f"reference-{atoms.symbols[0]}", FORMATION_ENERGY: 0.0}
        atoms.set_initial_magnetic_moments(None)
    return missing


def read_copies(folder: Path, source: str = "*", n_files: int | None = None) -> list[Atoms]:
    """Read distorted copies of the crystals of a data file, made by `distorted.py`."""
    paths = sorted(folder.glob(f"{source}-*.extxyz"))[:n_files]
    return [atoms for path in paths for atoms in read_frames(path)]


def trained_settings(folder: Path) -> TrainingSettings:
    """Read the settings with which the model in a folder was trained."""
    content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return TrainingSettings(**content["metadata"]["training"]["settings"])


def dataset_of(structures: list[Atoms], settings: TrainingSettings) -> Dataset:
    """Make a dataset of structures with their targets in `info`."""
    targets = [atoms.info[settings.target] for atoms in structures]
    return read_dataset((structures, targets), settings)


def split_of(crystals: list[Atoms], settings: TrainingSettings) -> Split:
    """Draw the random split of crystals, without their distorted copies."""
    ids = [str(atoms.info["id"]) for atoms in crystals]
    return draw_split(ids, None, settings.sizes, settings.seed)


WIDE = {"n_hidden": 128}
DEEP = WIDE | {"n_convolutions": 4}
SHORT = {"warm_up": 0.05, "learning_rate": 1e-3}  # for runs that start from a model
NETWORKS = {
    "EOSNet": {"network_settings": WIDE, "compile": True, "accelerator": "cpu"},
    "OCrystalNet": {"warm_up": 0.04, "learning_rate": 3e-4, "accelerator": "cpu"},
}
RECIPES: dict[str, Recipe] = {}


def starting_from(folder: str, **network: Any) -> dict[str, Any]:
    """Return the settings of a run that starts from a model in `pretrained`."""
    start = {"start_from": f"pretrained/{folder}", **SHORT}
    return start | ({"network_settings": network} if network else {})


# For properties other than gaps, the energy at any geometry is the best start.
FROM_ENERGY = starting_from(
    "steps/eosnet-formation-energy-sevennet-0", **DEEP, readout_per_atom=True
)
# Elastic moduli depend on the angles between bonds.
ORDERED = Concatenate(OneHot(), GOM(n_eigenvalues=66, normalize=True), OrientationalOrder())
FROM_ENERGY_WITH_ANGLES = FROM_ENERGY | {
    "network_settings": FROM_ENERGY["network_settings"]
    | {"descriptor": ORDERED.to_settings()}
}


def add(
    name: str,
    target: str | dict[str, Any],
    data: Data,
    published_column: str | None = None,
    *,
    step: bool = False,
    soft: float = 0.1,
    later: float = 1.0,
    n_files: int | None = None,
    **networks: dict[str, Any],
) -> None:
    """Add a recipe for each network, with the settings in which it differs from others."""
    target = {"property_name": target} if isinstance(target, str) else target
    for network, changes in networks.items():
        settings = {"network": network} | NETWORKS[network] | target | data.settings
        RECIPES[f"{network.lower()}-{name}"] = Recipe(
            data, settings | changes, published_column, step, soft, later, n_files
        )


add(
    "heat-of-formation-perovskites",
    properties.HEAT_OF_FORMATION,
    PEROVSKITES,
    "eosnet_heat_of_formation",
    EOSNet={"members": 3, "epochs": 200},
    OCrystalNet={"members": 2, "epochs": 60},
)
add(
    "energy-perovskites",
    properties.ENERGY,
    PEROVSKITES,
    "eosnet_energy_per_atom",
    EOSNet={"members": 3, "epochs": 60}
    | starting_from("eosnet-heat-of-formation-perovskites"),
    OCrystalNet={
        "epochs": 40,
        "start_from": "pretrained/ocrystalnet-heat-of-formation-perovskites",
    },
)
add(  # the relaxed crystals alone
    "formation-energy-relaxed",
    properties.FORMATION_ENERGY,
    MP2018,
    step=True,
    EOSNet={"members": 3, "epochs": 80, "network_settings": DEEP},
)
COPIES = {"members": 2, "difference_weight": 2.0, "copies_per_epoch": 1}
add(
    "formation-energy-any-geometry",
    properties.FORMATION_ENERGY,
    ANY_GEOMETRY,
    step=True,
    EOSNet=COPIES
    | {"epochs": 24}
    | starting_from("steps/eosnet-formation-energy-relaxed", **DEEP, readout_per_atom=True),
)
add(  # small changes of the energy and the right geometry count more
    "formation-energy-sevennet-0",
    properties.FORMATION_ENERGY,
    ANY_GEOMETRY,
    step=True,
    soft=0.03,
    later=0.4,
    EOSNet=COPIES
    | {"epochs": 6}
    | starting_from(
        "steps/eosnet-formation-energy-any-geometry", **DEEP, readout_per_atom=True
    )
    | {"learning_rate": 3e-4},
)
LARGE_BATCHES = {"epochs": 60, "batch_size": 128, "learning_rate": 6e-4}
add(
    "formation-energy-mp2018",
    properties.FORMATION_ENERGY,
    WITHOUT_FORCES,
    soft=0.05,
    later=0.4,
    n_files=31,
    OCrystalNet=COPIES
    | LARGE_BATCHES
    | {"members": 1, "network_settings": {"n_hidden": 384}},
)
add(  # copies of all crystals, labeled by 7net-l3i5
    "formation-energy-mp2018",
    properties.FORMATION_ENERGY,
    ANY_GEOMETRY,
    soft=0.05,
    later=0.4,
    EOSNet=COPIES | FROM_ENERGY | {"epochs": 18, "batch_size": 128, "learning_rate": 6e-4},
)
add(
    "band-gap-one-release",
    properties.BAND_GAP,
    MP2018,
    step=True,
    EOSNet={"members": 3, "epochs": 25}
    | starting_from("steps/eosnet-formation-energy-relaxed", **DEEP),
)
add(
    "band-gap-two-releases",
    properties.BAND_GAP,
    MP2018_2019,
    step=True,
    later=0.4,
    EOSNet={"members": 3, "epochs": 15}
    | starting_from("steps/eosnet-band-gap-one-release", **DEEP),
)
add(
    "band-gap-mp2018",
    properties.BAND_GAP,
    MP2018_2019,
    later=0.4,
    EOSNet={"members": 3, "epochs": 30, "batch_size": 128}
    | starting_from("steps/eosnet-band-gap-two-releases", **DEEP)
    | {"learning_rate": 7e-4},
    OCrystalNet=LARGE_BATCHES,
)
add(
    "fermi-energy-mp2018",
    properties.FERMI_ENERGY,
    MP2018,
    EOSNet={"members": 3, "epochs": 60, "batch_size": 128}
    | starting_from("steps/eosnet-formation-energy-relaxed", **DEEP),
)
add(
    "metal-mp2018",
    {
        "property_name": properties.METAL_PROBABILITY,
        "column": "band_gap",
        "at_most": 0.0,
    },
    MP2018_2019,
    later=0.4,
    EOSNet={"members": 3, "epochs": 12, "batch_size": 128}
    | starting_from("steps/eosnet-band-gap-two-releases", **DEEP, dropout=0.3)
    | {"learning_rate": 5e-4},
)
for name, target, start in (  # moduli from each other, without release 2019
    ("bulk-modulus-from-gap", properties.BULK_MODULUS, "band-gap-one-release"),
    ("shear-modulus-one-release", properties.SHEAR_MODULUS, "bulk-modulus-from-gap"),
    ("bulk-modulus-one-release", properties.BULK_MODULUS, "shear-modulus-one-release"),
):
    add(
        name,
        target,
        ELASTICITY,
        step=True,
        EOSNet={"members": 5, "epochs": 50}
        | starting_from(f"steps/eosnet-{start}", **DEEP),
    )
add(
    "bulk-modulus-mp",
    properties.BULK_MODULUS,
    ELASTICITY_2019,
    EOSNet={"members": 5, "epochs": 20}
    | starting_from("steps/eosnet-bulk-modulus-one-release", **DEEP),
)
add(
    "bulk-modulus-mp",
    properties.BULK_MODULUS,
    ELASTICITY,
    OCrystalNet={"epochs": 50},
)
add(
    "shear-modulus-mp",
    properties.SHEAR_MODULUS,
    ELASTICITY_2019,
    EOSNet={"members": 5, "epochs": 12}
    | starting_from("steps/eosnet-shear-modulus-one-release", **DEEP),
    OCrystalNet={"epochs": 80},
)
add(
    "phonon-peak",
    properties.PHONON_PEAK,
    PHONONS,
    EOSNet={"members": 3, "epochs": 150} | FROM_ENERGY,
    OCrystalNet={"members": 3, "epochs": 60},
)
add(
    "refractive-index",
    properties.REFRACTIVE_INDEX,
    REFRACTION,
    EOSNet={"members": 3, "epochs": 50} | FROM_ENERGY,
)
add(
    "band-gap-hse",
    properties.BAND_GAP_HSE,
    HSE,
    EOSNet={"members": 3, "epochs": 30}
    | starting_from("steps/eosnet-band-gap-one-release", **DEEP)
    | {"learning_rate": 3e-4},
)
