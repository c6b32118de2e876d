"""Where the frozen tables come from, and that they are still what they were."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from ase_orbital.errors import OrbitalError

TABLES: Final = Path(__file__).parent / "tables"
MANIFEST: Final = "tables.json"


class Provenance(NamedTuple):
    """Origin of one table.

    Attributes
    ----------
    source
        Who published the values, and what was changed.
    version
        Release of the source.
    license
        Terms the source is under.
    sha256
        Checksum of the table's file.
    """

    source: str
    version: str
    license: str
    sha256: str


@cache
def _manifest() -> dict[str, Provenance]:
    manifest = json.loads((TABLES / MANIFEST).read_text(encoding="utf-8"))
    return {name: Provenance(**entry) for name, entry in manifest.items()}


def provenance() -> dict[str, Provenance]:
    """Origin of every table, by the name of its file."""
    return dict(_manifest())


def read_table(name: str) -> bytes:
    """Content of a table's file.

    Raises
    ------
    OrbitalError
        If the file is not the one whose checksum was published.
    """
    content = (TABLES / name).read_bytes()
    expected, found = _manifest()[name].sha256, sha256(content).hexdigest()
    if found != expected:
        raise OrbitalError(
            f"{TABLES / name} is damaged: its sha256 is {found}, not {expected}; "
            "reinstall ase-orbital"
        )
    return content
