"""Features of a structure from those of its atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Features: TypeAlias = NDArray[np.floating[Any]]

REDUCTIONS: dict[str, Callable[..., Any]] = {
    "mean": np.mean,
    "sum": np.sum,
    "max": np.max,
    "std": np.std,
}


def check_pool(pool: str | None, elements: Sequence[str] | None) -> None:
    """Raise SettingError for an unknown pool or element, or elements without a pool."""
    if pool is not None and pool not in REDUCTIONS:
        raise SettingError(f"pool must be one of {', '.join(REDUCTIONS)}, not {pool!r}")
    if elements is not None and pool is None:
        raise SettingError("elements are for pooled features; give a pool, such as 'mean'")
    if isinstance(elements, str) or not (elements is None or hasattr(elements, "__len__")):
        raise SettingError(f"give a list of elements, such as ['O'], not {elements!r}")
    for symbol in elements or ():
        if symbol not in SYMBOLS[1:]:
            raise SettingError(f"{symbol!r} in elements is not the symbol of an element")


def pooled(
    features: Features,
    numbers: NDArray[np.integer[Any]],
    pool: str,
    elements: Sequence[str] | None = None,
) -> Features:
    """Reduce the features of atoms to those of their structure.

    Parameters
    ----------
    features : [n_atoms, n_features]
    numbers : [n_atoms]
        Atomic numbers.
    pool
        "mean", "sum", "max" or "std", over the atoms.
    elements
        Symbols of elements whose atoms are pooled each on their own. None to pool all atoms
        together.

    Returns
    -------
    [n_features] or [n_elements * n_features]
        Zero for elements that are not in the structure.
    """
    if elements is None:
        return np.asarray(REDUCTIONS[pool](features, axis=0))
    out = np.zeros((len(elements), features.shape[1]), features.dtype)
    for row, symbol in zip(out, elements, strict=True):
        own = features[numbers == SYMBOLS.index(symbol)]
        if len(own):
            row[:] = REDUCTIONS[pool](own, axis=0)
    return out.ravel()


def pooled_names(
    names: Sequence[str], pool: str | None, elements: Sequence[str] | None = None
) -> list[str]:
    """Name pooled features, such as `mean O s2-p4`."""
    if pool is None:
        return list(names)
    groups = [pool] if elements is None else [f"{pool} {symbol}" for symbol in elements]
    return [f"{group} {name}" for group in groups for name in names]
