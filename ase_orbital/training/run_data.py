"""What a run was trained on, so that it does not go on with other data unnoticed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from ase_orbital.checksums import TEST_IDS
from ase_orbital.errors import DataError, ModelError
from ase_orbital.files import write_text
from ase_orbital.structure import digest
from ase_orbital.training.splits import Split
from ase_orbital.zoo.folders import model_folder

if TYPE_CHECKING:
    from pathlib import Path

    from ase_orbital.training.dataset import Dataset

FILE = "data.json"


def checksums(dataset: Dataset) -> dict[str, str]:
    """Return a checksum of structure, target, weight and relaxation energy, by id."""
    numbers = zip(dataset.targets, dataset.weights, dataset.relaxation, strict=True)
    crystals = zip(dataset.ids, dataset.structures, numbers, strict=True)
    return {
        name: _short(" ".join([digest(atoms), *(float(at).hex() for at in values)]))
        for name, atoms, values in crystals
    }


def changes_of_data(dataset: Dataset, folder: Path) -> str:
    """Say which crystals differ from those the run in a folder was begun with.

    The text is empty if none do, or if the folder has no record.

    Raises
    ------
    DataError
        If the record is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return ""
    try:
        before = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} is damaged: {error}; remove it to go on") from error
    now = checksums(dataset)
    changed = [name for name in before.keys() & now.keys() if before[name] != now[name]]
    parts = {
        "changed": changed,
        "added": [*(now.keys() - before.keys())],
        "absent": [*(before.keys() - now.keys())],
    }
    return ", ".join(
        f"{len(names):,} {part} (such as {min(names)})"
        for part, names in parts.items()
        if names
    )


def save_data(dataset: Dataset, folder: Path) -> None:
    """Record the data of a run."""
    write_text(folder / FILE, json.dumps(checksums(dataset), indent=0) + "\n")


def sets_of_run(dataset: Dataset, model: str | Path) -> dict[str, list[str]]:
    """Find the crystals that are in the sets of the run that made a model.

    Parameters
    ----------
    dataset
        Crystals. One with the identifier of another crystal of the run is not in its sets.
    model
        Name of a shipped model, of which the test set is known, or the folder `model` of a
        run.

    Returns
    -------
    dict
        Identifiers by set, "train", "validation" and "test"; empty if nothing is known.
    """
    try:
        folder = model_folder(model)
    except ModelError:
        return {}
    if (folder / TEST_IDS).is_file():
        names = {str(at) for at in json.loads((folder / TEST_IDS).read_text("utf-8"))}
        return {"test": [name for name in dataset.ids if name in names]}
    run = folder.parent
    if not ((run / "split.json").is_file() and (run / FILE).is_file()):
        return {}
    before = json.loads((run / FILE).read_text(encoding="utf-8"))
    same = {name for name, at in checksums(dataset).items() if before.get(name) == at}
    split = Split.load(run / "split.json")._asdict()
    return {part: [name for name in ids if name in same] for part, ids in split.items()}


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
