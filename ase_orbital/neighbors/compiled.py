"""Compilation of loops over atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def compiled(function: F) -> F:
    """Compile on first call and keep the machine code on disk.

    The code on disk is renewed when the file of `function` changes, not when a file it
    calls into does: after such an edit, remove `__pycache__/*.nbi`.
    """
    return cast("F", njit(cache=True, nogil=True)(function))
