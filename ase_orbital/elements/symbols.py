"""Symbols of the elements, and the error for elements that a table does not cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ase_orbital.errors import ElementError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PERIODS: Final = """
    X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga
    Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd
    Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac
    Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""

SYMBOLS: Final = tuple(_PERIODS.split())
"""Symbol of each atomic number; 0 is X, a dummy atom."""


def require(
    numbers: NDArray[np.integer[Any]], known: NDArray[np.bool_], entry: str
) -> None:
    """Raise ElementError if a table does not cover the element of an atom.

    Parameters
    ----------
    numbers : [n_atoms]
        Atomic numbers.
    known : [n]
        Whether the table has an entry, for each atomic number from 0.
    entry
        Description of an entry, such as "covalent radius in the GOM table".
    """
    # Numbers outside the table become 0, which is no element.
    inside = np.where((numbers > 0) & (numbers < len(known)), numbers, 0)
    if known[inside].all():
        return
    atom = int(known[inside].argmin())
    number = int(numbers[atom])
    symbol = SYMBOLS[number] if 0 <= number < len(SYMBOLS) else "no element"
    raise ElementError(
        f"atom {atom} ({symbol}, Z={number}) has no {entry} "
        f"(Z {spans(np.flatnonzero(known))}); replace it, or choose a descriptor that "
        "covers its element"
    )


def spans(numbers: NDArray[np.integer[Any]]) -> str:
    """Format ascending numbers as ranges, such as "1-53, 55"."""
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs if len(run)
    )
