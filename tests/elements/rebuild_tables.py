"""Rebuild the tables from their sources: `python -m tests.elements.rebuild_tables`.

It needs jarvis-tools for the elemental features. The files change only if a source did.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from argparse import ArgumentParser
from hashlib import sha256
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path
from statistics import fmean, pstdev
from typing import Final

import numpy as np

from ase_orbital.elements.jarvis import JARVIS
from ase_orbital.elements.radii import RADII
from ase_orbital.elements.symbols import SYMBOLS
from ase_orbital.elements.tables import MANIFEST, TABLES
from ase_orbital.elements.valence import CAPACITIES, VALENCE

logger = logging.getLogger(__name__)

LAST: Final = SYMBOLS.index("Lr")
CORES: Final = (0, 2, 10, 18, 36, 54, 86)
ABSENT: Final = -9999.0  # JARVIS writes this for a missing value
FEATURES: Final = "jarvis/core/Elements.json"  # in jarvis-tools

EXCEPTIONS: Final = {
    "Cr": "3d5 4s1",
    "Cu": "3d10 4s1",
    "Nb": "4d4 5s1",
    "Mo": "4d5 5s1",
    "Ru": "4d7 5s1",
    "Rh": "4d8 5s1",
    "Pd": "4d10",
    "Ag": "4d10 5s1",
    "La": "5d1 6s2",
    "Ce": "4f1 5d1 6s2",
    "Gd": "4f7 5d1 6s2",
    "Pt": "4f14 5d9 6s1",
    "Au": "4f14 5d10 6s1",
    "Ac": "6d1 7s2",
    "Th": "6d2 7s2",
    "Pa": "5f2 6d1 7s2",
    "U": "5f3 6d1 7s2",
    "Np": "5f4 6d1 7s2",
    "Cm": "5f7 6d1 7s2",
    "Lr": "5f14 7s2 7p1",
}
"""Ground states that do not follow Madelung's rule."""


def madelung(number: int, core: int) -> str:
    """Fill the subshells outside the core in the order of n + l, then n."""
    letters = list(CAPACITIES)
    shells = [(n, momentum) for n in range(1, 8) for momentum in range(min(n, 4))]
    occupied, filled = [], 0
    for n, momentum in sorted(shells, key=lambda shell: (sum(shell), shell)):
        electrons = min(CAPACITIES[letters[momentum]], number - filled)
        if filled >= core and electrons:
            occupied.append((n, momentum, electrons))
        filled += electrons
    return " ".join(
        f"{n}{letters[momentum]}{electrons}" for n, momentum, electrons in sorted(occupied)
    )


def valence_table() -> bytes:
    """Write one line with the configuration of each free atom."""
    lines = ["atomic_number,symbol,configuration"]
    for number, symbol in enumerate(SYMBOLS[1 : LAST + 1], start=1):
        core = max(noble for noble in CORES if noble < number)
        outer = EXCEPTIONS.get(symbol) or madelung(number, core)
        inner = f"[{SYMBOLS[core]}] " if core else ""
        lines.append(f"{number},{symbol},{inner}{outer}")
    return ("\n".join(lines) + "\n").encode()


def jarvis_table(elements: dict[str, dict[str, float | str]]) -> bytes:
    """Write raw features, nan where missing, and each column's mean and scale."""
    keys = list(elements["H"])
    raw = np.full((LAST + 1, len(keys)), np.nan)
    for symbol, features in elements.items():
        raw[SYMBOLS.index(symbol)] = [float(features[key]) for key in keys]
    raw[raw == ABSENT] = np.nan
    # These functions sum without rounding, so that every machine writes the same bytes.
    columns = [column[np.isfinite(column)].tolist() for column in raw.T]
    mean = [fmean(column) for column in columns]
    scale = [pstdev(column) or 1.0 for column in columns]
    buffer = BytesIO()
    np.savez_compressed(buffer, keys=np.array(keys), raw=raw, mean=mean, scale=scale)
    return buffer.getvalue()


def radii_table(source: str) -> bytes:
    """Read the radii from libfp's `rcov.c` by symbol: its number for Tb is that of Ba."""
    entries = re.findall(r'rcov = ([\d.]+); +/\* "(\w+)"', source)
    radii = {SYMBOLS.index(symbol): radius for radius, symbol in entries}
    lines = ["atomic_number,symbol,covalent_radius_angstrom"]
    lines += [f"{number},{SYMBOLS[number]},{radii[number]}" for number in sorted(radii)]
    return ("\n".join(lines) + "\n").encode()


def build(rcov: Path | None = None) -> dict[str, bytes]:
    """Content of each file, by name.

    Parameters
    ----------
    rcov
        `src/rcov.c` of libfp's source; without it, the radii stay as they are.
    """
    jarvis = distribution("jarvis-tools")
    elements = json.loads(Path(str(jarvis.locate_file(FEATURES))).read_text())
    tables = {
        VALENCE: valence_table(),
        JARVIS: jarvis_table(elements),
        RADII: radii_table(rcov.read_text()) if rcov else (TABLES / RADII).read_bytes(),
    }
    origins = {
        VALENCE: {
            "source": "ground states of NIST Standard Reference Database 111, "
            "doi:10.18434/T42P4C, written as Madelung's rule and its exceptions",
            "version": "2013-09",
            "license": "facts",
        },
        JARVIS: {
            "source": "jarvis-tools, jarvis/core/Elements.json; -9999 made nan",
            "version": jarvis.version,
            "license": "MIT, says the package; its releases up to 2024 say NIST",
        },
        RADII: {
            "source": "libfp, src/rcov.c; Tb is given Z=65, where the source has 56",
            "version": "4.0.1",
            "license": "facts; the package is MIT",
        },
    }
    manifest = {
        name: {**origins[name], "sha256": sha256(content).hexdigest()}
        for name, content in tables.items()
    }
    return {**tables, MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()}


def main(arguments: list[str] | None = None) -> int:
    """Write the tables, or compare them with `--check`, which returns 1 if they differ."""
    parser = ArgumentParser(prog="python -m tests.elements.rebuild_tables")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--rcov", type=Path, help="src/rcov.c of libfp, for the radii")
    options = parser.parse_args(arguments)
    differs = False
    for name, content in build(options.rcov).items():
        path = TABLES / name
        same = path.exists() and path.read_bytes() == content
        differs |= not same
        state = "same" if same else "differs" if options.check else "written"
        logger.info("%s  %s  %s", sha256(content).hexdigest(), name, state)
        if not same and not options.check:
            path.write_bytes(content)
    return int(differs and options.check)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    sys.exit(main())
