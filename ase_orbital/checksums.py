"""Checksums of the files of a model folder, which its `model.json` keeps.

`model.json` has the SHA-256 of every other file that loading reads, and one of its own
content, so that a changed bit in any of them is found.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.errors import ModelError
from ase_orbital.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "model.json"
KEY = "sha256"
SUFFIXES = (".pt", ".npz", ".json")
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
UNCERTAINTY = "uncertainty.pt"
TEST_IDS = "test-ids.json"  # test crystals of a shipped model, a record as is README.md
UNREAD = (JSON, TEST_IDS)


def with_checksums(content: dict[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """Add the checksums of files, and its own, to the content of a `model.json`.

    The content has JSON values only; checksums that it has are replaced.
    """
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return content | {KEY: {**sums, JSON: _own_checksum(content | {KEY: sums})}}


def read_json(folder: Path) -> dict[str, Any]:
    """Read `model.json`; ModelError if it is damaged or differs from its own checksum.

    A file without checksums, such as one of matgl, is not checked.
    """
    path = folder / JSON
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if KEY not in content.keys():  # noqa: SIM118  # a list has no keys
            return content
        sums = {**content[KEY]}
        own = sums.pop(JSON)
        outside = [name for name in sums if Path(name).name != name or name == ".."]
    except DAMAGED as error:
        raise ModelError(f"{path} is damaged: {error!r}") from error
    if outside:
        raise ModelError(f"{path} names files outside of its folder: {outside}")
    if own != _own_checksum(content | {KEY: sums}):
        raise _differs(folder, JSON)
    return content


def read_files(folder: Path, content: Mapping[str, Any]) -> dict[str, bytes]:
    """Read the files that have checksums in `content`, which is from `read_json`.

    Raises ModelError if one is absent or differs from its checksum.
    """
    files = {}
    for name, checksum in content[KEY].items():
        if name == JSON:
            continue
        try:
            files[name] = (folder / name).read_bytes()
        except OSError as error:
            raise ModelError(f"{folder / name} cannot be read: {error}") from error
        if hashlib.sha256(files[name]).hexdigest() != checksum:
            raise _differs(folder, name)
    return files


def renew_checksums(folder: str | Path) -> None:
    """Record the checksums of a model folder anew, after a change on purpose.

    Only `model.json` is written. All .pt, .npz and .json files are recorded, except for
    `test-ids.json`, which is not read with the model.
    """
    folder = Path(folder)
    content = dict(json.loads((folder / JSON).read_text(encoding="utf-8")))
    files = {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.suffix in SUFFIXES and path.name not in UNREAD
    }
    write_text(folder / JSON, json.dumps(with_checksums(content, files), indent=4))


def _own_checksum(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _differs(folder: Path, name: str) -> ModelError:
    return ModelError(
        f"the model folder {folder} is damaged: {name} differs from its checksum in "
        f"{JSON}; copy the folder again, or reinstall (after a change on purpose, call "
        "ase_orbital.zoo.renew_checksums)"
    )
