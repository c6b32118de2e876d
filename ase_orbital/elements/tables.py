"""Read the tables of the elements, with their sources and checksums."""

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
        Publication or package, and changes to its values.
    version
        Release of the source.
    license
        License of the source.
    sha256
        Checksum of the file.
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
    """Return the origin of each table by the name of its file."""
    return dict(_manifest())


def read_table(name: str) -> bytes:
    """Read a file; raise OrbitalError if its checksum is not the published one."""
    content = (TABLES / name).read_bytes()
    expected, found = _manifest()[name].sha256, sha256(content).hexdigest()
    if found != expected:
        raise OrbitalError(
            f"{TABLES / name} is damaged: its sha256 is {found}, not {expected}; "
            "reinstall ase-orbital"
        )
    return content
