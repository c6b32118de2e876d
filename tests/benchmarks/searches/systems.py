"""Crystals whose ground states are known, and other structures of the same compositions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ase.build import bulk
from ase.spacegroup import crystal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms


@dataclass(frozen=True)
class System:
    """A composition to search.

    Parameters
    ----------
    formula
        Of the cell that is searched, which holds the ground state.
    known
        Make known structures of this composition; the first is the ground state.
    """

    formula: str
    known: dict[str, Callable[[], Atoms]]

    def make_ground_state(self) -> Atoms:
        """Make the first of the known structures."""
        return next(iter(self.known.values()))()


def hexagonal(a: float, c: float) -> list[float]:
    return [a, a, c, 90, 90, 120]


def tetragonal(a: float, c: float) -> list[float]:
    return [a, a, c, 90, 90, 90]


def prototype(
    symbols: str, positions: list[tuple[float, ...]], number: int, cell: list[float], **more
) -> Callable[[], Atoms]:
    """Let a crystal be made from its space group."""
    return partial(
        crystal,
        symbols.split(),
        positions,
        spacegroup=number,
        cellpar=cell,
        primitive_cell=True,
        **more,
    )


def binaries(pair: str, volume: float) -> dict[str, Callable[[], Atoms]]:
    """Six structures of AB with a volume per formula unit in the rocksalt structure, Å³."""
    symbols = " ".join(pair.split("-"))
    edge = (4.0 * volume) ** (1 / 3)
    name = pair.replace("-", "")
    planes = [(1 / 3, 2 / 3, 0.25), (1 / 3, 2 / 3, 0.75)]
    wurtzite = [(1 / 3, 2 / 3, 0.0), (1 / 3, 2 / 3, 0.375)]
    nickeline = [(0, 0, 0), (1 / 3, 2 / 3, 0.25)]
    return {
        "rocksalt": partial(bulk, name, "rocksalt", a=edge),
        "zincblende": partial(bulk, name, "zincblende", a=1.08 * edge),
        "wurtzite": prototype(symbols, wurtzite, 186, hexagonal(0.76 * edge, 1.25 * edge)),
        "CsCl": partial(bulk, name, "cesiumchloride", a=0.62 * edge),
        "NiAs": prototype(symbols, nickeline, 194, hexagonal(0.7 * edge, 1.18 * edge)),
        "BN planes": prototype(symbols, planes, 194, hexagonal(0.8 * edge, 1.1 * edge)),
    }


def dihalides(symbols: str, edge: float) -> dict[str, Callable[[], Atoms]]:
    """Six structures of AB2; `edge` of rutile, Å."""
    name, a = symbols.replace(" ", "") + "2", edge
    rutile = [(0, 0, 0), (0.305, 0.305, 0)]
    cristobalite = [(0, 0, 0), (0.09, 0.25, 0.125)]
    columbite = [(0, 0.17, 0.25), (0.27, 0.38, 0.42)]
    return {
        "fluorite": partial(bulk, name, "fluorite", a=1.05 * a),
        "rutile": prototype(symbols, rutile, 136, tetragonal(a, 0.645 * a)),
        "anatase": prototype(
            symbols, [(0, 0, 0), (0, 0, 0.208)], 141, tetragonal(0.825 * a, 2.07 * a)
        ),
        "CdI2": prototype(
            symbols, [(0, 0, 0), (1 / 3, 2 / 3, 0.24)], 164, hexagonal(0.68 * a, a)
        ),
        "cristobalite": prototype(
            symbols, cristobalite, 122, tetragonal(1.1 * a, 1.55 * a)
        ),
        "columbite": prototype(
            symbols, columbite, 60, [0.99 * a, 1.2 * a, 1.07 * a, 90, 90, 90]
        ),
    }


def first(name: str, known: dict[str, Callable[[], Atoms]]) -> dict[str, Callable]:
    """Move a structure to the first place."""
    return {name: known[name], **known}


# From the cheapest to evaluate to the most expensive.
SYSTEMS = {
    "GaAs": System("Ga2As2", first("zincblende", binaries("Ga-As", 36.0))),
    "SrTiO3": System(
        "SrTiO3",
        {
            "perovskite": prototype(
                "Sr Ti O",
                [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
                221,
                [3.905] * 3 + [90] * 3,
            ),
            "BaNiO3": prototype(
                "Sr Ti O",
                [(1 / 3, 2 / 3, 0.75), (0, 0, 0), (0.15, 0.3, 0.25)],
                194,
                hexagonal(5.5, 4.7),
            ),
            "ilmenite": prototype(
                "Sr Ti O",
                [(0, 0, 0.36), (0, 0, 0.15), (0.31, 0.02, 0.25)],
                148,
                hexagonal(5.3, 15.0),
            ),
        },
    ),
    "CaF2": System("Ca2F4", first("fluorite", dihalides("Ca F", 5.2))),
    "TiO2": System("Ti2O4", first("rutile", dihalides("Ti O", 4.6))),
    "NaCl": System("Na4Cl4", first("rocksalt", binaries("Na-Cl", 44.9))),
    "MgO": System("Mg4O4", first("rocksalt", binaries("Mg-O", 18.7))),
    "SiO2": System(
        "Si3O6",
        {
            "quartz": prototype(
                "Si O",
                [(0.4697, 0, 2 / 3), (0.4135, 0.2669, 0.7858)],
                154,
                hexagonal(4.916, 5.405),
            ),
            **dihalides("Si O", 4.2),
        },
    ),
    "Al2O3": System(
        "Al4O6",
        {
            "corundum": prototype(
                "Al O", [(0, 0, 0.352), (0.306, 0, 0.25)], 167, hexagonal(4.76, 12.99)
            ),
            "La2O3": prototype(
                "Al O O",
                [(1 / 3, 2 / 3, 0.24), (1 / 3, 2 / 3, 0.64), (0, 0, 0)],
                164,
                hexagonal(3.2, 5.0),
            ),
        },
    ),
    "MgAl2O4": System(
        "Mg2Al4O8",
        {
            "spinel": prototype(
                "Mg Al O",
                [(0.125,) * 3, (0.5,) * 3, (0.2624,) * 3],
                227,
                [8.08] * 3 + [90] * 3,
                setting=2,
            )
        },
    ),
}
