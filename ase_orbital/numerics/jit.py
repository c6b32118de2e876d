"""Compilation of numerical kernels with numba, and arrays that grow inside them.

Kernels that are not compiled yet may run as plain Python; see `interpreter`.
Compilation time follows the number of loops and array accesses. Whole-array expressions,
slice assignments, lists, and numpy functions such as argsort or unique each cost seconds.
"""

from __future__ import annotations

import logging
from functools import cache, wraps
from pickle import UnpicklingError
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numba import njit
from numba.core.caching import FunctionCache
from numba.core.compiler import Compiler
from numba.extending import overload, register_jitable

from ase_orbital.numerics.interpreter import interpreter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
F = TypeVar("F", bound="Callable[..., Any]")

logger = logging.getLogger(__name__)

QUIET = 3.0  # s of compilation before the user is told
VECTORIZED = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}
plain: dict[Callable[..., Any], Callable[..., Any]] = {}  # what runs instead of each kernel


class NotCompiled(Exception):  # noqa: N818  # caught by every kernel
    """A kernel was neither compiled nor read from numba's cache."""


class AnnouncedCompiler(Compiler):  # type: ignore[misc]  # numba has no annotations
    """Tell the user once per process if compilation takes longer than `QUIET`.

    Kernels that are read from numba's cache do not come here. numba holds a lock while it
    compiles, so the counters need none.
    """

    started: float | None = None  # when the outermost kernel in progress began
    spent = 0.0  # s, for kernels that are done
    announced = False

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile one kernel; those that it calls are compiled inside this call."""
        shared, now = AnnouncedCompiler, perf_counter()
        if shared.started is None and interpreter.allowed:
            raise NotCompiled
        outermost = shared.started is None
        started = now if shared.started is None else shared.started
        shared.started = started
        try:
            result = super().compile_extra(func)
        finally:
            spent = shared.spent + perf_counter() - started
            if outermost:
                shared.started, shared.spent = None, spent
        if spent > QUIET and not shared.announced:
            shared.announced = True
            # Without a logging configuration, Python writes warnings to stderr.
            logger.warning(
                "ase-orbital compiles its numerical kernels, which takes some seconds; "
                "numba keeps them for the next time."
            )
        return result


def compiled(function: F) -> F:
    """Compile a kernel on its first call and keep the machine code on disk.

    The code on disk is renewed when the file of `function` changes, but not when a function
    or constant from another file changes: after such an edit, remove `__pycache__/*.nbi`.
    """
    return _kernel(function)


def vectorized(function: F) -> F:
    """Compile loops over independent numbers into vector instructions.

    Fused multiply-add is allowed, and used for all elements alike.
    """
    return _kernel(function, **VECTORIZED)


def inner(function: F) -> F:
    """Compile a function as a part of the kernels that call it.

    Called from Python, it runs uncompiled.
    """
    return cast("F", register_jitable(function))


def vectorized_inner(function: F) -> F:
    """Compile a function as a part of the `vectorized` kernels that call it.

    Inlined before LLVM optimizes, its loops become a fifth faster.
    """
    return cast("F", register_jitable(inline="always", **VECTORIZED)(function))


def uncompiled(kernel: Callable[..., Any]) -> Callable[[F], F]:
    """Run a function in place of a kernel that is not compiled.

    For kernels that would be slow as plain Python, because they go through many numbers.
    """

    def register(function: F) -> F:
        plain[kernel] = function
        return function

    return register


def _dispatcher(function: F, **options: Any) -> Any:
    kernel = njit(nogil=True, pipeline_class=AnnouncedCompiler, **options)(function)
    try:
        kernel._cache = _OptionalCache(function)  # where `njit(cache=True)` puts its own
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        _warn_without_cache()
    return kernel


class _OptionalCache(FunctionCache):  # type: ignore[misc]  # numba has no annotations
    """A cache of compiled kernels whose files may be absent, damaged or read-only."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError, UnpicklingError):
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except (OSError, EOFError, UnpicklingError):  # it reads the index before
            _warn_without_cache()


@cache
def _warn_without_cache() -> None:
    """Say once why every process compiles anew."""
    logger.warning(
        "ase-orbital compiles its numerical kernels in every process, because numba's "
        "cache cannot be written; set NUMBA_CACHE_DIR to a folder with space for it."
    )


def _kernel(function: F, **options: Any) -> F:
    kernel = _dispatcher(function, **options)

    @wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return kernel(*arguments)
        except NotCompiled:
            started = thread_time()
        try:
            with np.errstate(all="ignore"):  # as in compiled kernels
                return plain[call](*arguments)
        finally:
            interpreter.charge(thread_time() - started)

    def call_compiled(*arguments: Any) -> Any:
        return kernel(*arguments)

    plain[call] = function
    overload(call, strict=False)(lambda *_: call_compiled)  # for calls from kernels
    return cast("F", call)


@inner
def extended(rows: NDArray[T], capacity: int) -> NDArray[T]:
    """Copy an array into one with space for more rows."""
    more = np.empty((capacity, rows.shape[1]), rows.dtype)
    for i in range(len(rows)):
        for a in range(rows.shape[1]):
            more[i, a] = rows[i, a]
    return more
