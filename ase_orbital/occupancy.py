"""Site occupancies, as ASE's CIF reader notes them in `info["occupancy"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.io.cif import parse_cif

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import StructureError

if TYPE_CHECKING:
    from typing import IO

    from ase import Atoms
    from ase.io.cif import CIFBlock

SAME_SITE = 1e-3  # in fractions of the cell, as in ASE's reader


def read_cif(file: IO[Any]) -> list[Atoms]:
    """Read the structures of a CIF as ASE does, but note all occupancies of a site.

    Where a site has several ions of one element, such as Fe2+, Fe3+ and Fe4+, ASE notes the
    occupancy of one of them. Here it is their sum, for each of them.
    """
    blocks = [block for block in parse_cif(file) if block.has_structure()]
    structures = [block.get_atoms() for block in blocks]
    for block, atoms in zip(blocks, structures, strict=True):
        if "occupancy" in atoms.info:
            atoms.info["occupancy"] = _noted(block)
        elif groups := _alternatives(block):
            atoms.info["occupancy"] = groups
    return structures


def _alternatives(block: CIFBlock) -> dict[str, dict[str, Any]]:
    """Sites in groups of which only one is occupied, where no occupancy is given."""
    groups = block.get("_atom_site_disorder_group") or []
    named = [group not in (None, ".", "?") for group in groups]
    if len({group for group, is_named in zip(groups, named, strict=True) if is_named}) < 2:
        return {}
    symbols = block.get_symbols()
    return {str(kind): {symbols[kind]: "?"} for kind in np.flatnonzero(named)}


def _noted(block: CIFBlock) -> dict[str, dict[str, Any]]:
    """Occupancies by element for each kind of site, as far as they are numbers."""
    basis = block.get_unsymmetrized_structure()
    steps = basis.get_scaled_positions()
    given = block["_atom_site_occupancy"]
    noted: dict[str, dict[str, Any]] = {}
    for kind, place in enumerate(steps):
        apart = steps - place
        apart -= np.round(apart)
        species: dict[str, Any] = {}
        for other in np.flatnonzero(np.linalg.norm(apart, axis=1) < SAME_SITE):
            symbol, share = basis.symbols[other], given[other]
            species[symbol] = _sum(species[symbol], share) if symbol in species else share
        noted[str(kind)] = species
    return noted


def _sum(one: Any, other: Any) -> float | str:
    """Sum of two occupancies; that of a full site if it is written twice."""
    try:
        shares = _share(one), _share(other)
    except ValueError:
        return "?"
    return 1.0 if all(map(is_whole, shares)) else sum(shares)


def check_occupancy(atoms: Atoms) -> None:
    """Raise StructureError if ASE's CIF reader found a partially occupied site.

    The reader keeps the majority species of each site and writes
    {kind: {symbol: occupancy}} into `info`, where an occupancy can be a text. Other
    programs use this key differently.
    """
    noted = atoms.info.get("occupancy")
    if not isinstance(noted, dict):
        return
    kinds = np.asarray(atoms.arrays.get("spacegroup_kinds", ())).astype(str).tolist()
    problems: dict[str, tuple[dict[str, Any], float | None]] = {}
    for kind, species in noted.items():
        if not (isinstance(species, dict) and set(species) <= set(SYMBOLS)):
            continue
        try:
            total = sum(map(_share, species.values()))
        except ValueError:
            problems[str(kind)] = species, None
        else:
            if len(species) != 1 or not is_whole(total):
                problems[str(kind)] = species, total
    if kinds:
        _join_charges(problems, kinds)
    for kind, (species, found) in problems.items():
        what = "has an unknown occupancy" if found is None else "is partially occupied"
        shares = ", ".join(f"{symbol} {share}" for symbol, share in species.items())
        atom = f" (atom {kinds.index(kind)})" if kind in kinds else ""
        alike = sum(species.keys() == other.keys() for other, _ in problems.values())
        hint = "or give the path of the CIF, because ASE loses ions of one element; "
        raise StructureError(
            f"site {kind}{atom} {what} ({shares}); {hint if alike > 2 else ''}make an "
            "ordered structure first, and delete atoms.info['occupancy']"
        )


def _join_charges(
    problems: dict[str, tuple[dict[str, Any], float | None]], kinds: list[str]
) -> None:
    """Remove pairs of species that fill one site with one element, as Fe2+ and Fe3+ do.

    ASE drops their charges, keeps one of the two, and notes the occupancy of the other.
    """
    dropped = [kind for kind in problems if kind not in kinds]
    for kind in [kind for kind in problems if kind in kinds]:
        species, share = problems[kind]
        for other in dropped:
            same, rest = problems[other]
            whole = share is not None and rest is not None and is_whole(share + rest)
            if len(species) == 1 and species.keys() == same.keys() and whole:
                dropped.remove(other)
                del problems[kind], problems[other]
                break


def is_whole(share: float) -> bool:
    """Whether a site is full, also by three thirds with three digits."""
    return abs(share - 1.0) < 2e-3


def _share(value: Any) -> float:
    """Occupancy as a number; it is 1 where a CIF has its default. ValueError for others."""
    if value is None or value == ".":
        return 1.0
    return float(str(value))
