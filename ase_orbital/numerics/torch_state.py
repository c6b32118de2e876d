"""The torch state in which this package computes, whatever the caller has set."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase_orbital.errors import OrbitalError


class _Process:
    """Whether this process was forked."""

    forked = False


def _note_fork() -> None:
    _Process.forked = True


os.register_at_fork(after_in_child=_note_fork)

DEVICES = ("cpu", "cuda")  # for which a caller may have switched autocast on


@contextmanager
def own_torch_state() -> Iterator[None]:
    """Compute with gradients on the CPU, without inference mode and autocast.

    The functions inside choose other modes and devices themselves. A forked process uses
    one thread of torch. The state belongs to this thread and is restored at the end. Use it
    as a context or as a decorator.
    """
    with ExitStack() as stack:
        # Only what differs, because a default device slows down every call to torch.
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(mode=False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for device in DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        # torch 2.6 does not know the default device inside `with torch.device(...)`.
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if _Process.forked and torch.get_num_threads() > 1:
            # The threads of torch stay behind in a fork, and are waited for without end.
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield


def check_device(device: torch.device | str, error: type[OrbitalError]) -> torch.device:
    """Return a device; raise an error if this machine has none of that name."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as reason:
        raise error(
            f"there is no device {str(device)!r} here; use 'cpu', or leave it out"
        ) from reason
    return torch.device(device)


class _Float32:
    """Counts the blocks inside `default_float32`, of all threads."""

    lock = Lock()
    n_inside = 0
    before = torch.float32


@contextmanager
def default_float32() -> Iterator[None]:
    """Make float32 the default precision.

    Torch has one default for all threads. So keep these blocks short: they are for making
    networks, whose layers and random weights have the default precision.
    """
    with _Float32.lock:
        if _Float32.n_inside == 0:
            _Float32.before = torch.get_default_dtype()
            torch.set_default_dtype(torch.float32)
        _Float32.n_inside += 1
    try:
        yield
    finally:
        with _Float32.lock:
            _Float32.n_inside -= 1
            if _Float32.n_inside == 0:
                torch.set_default_dtype(_Float32.before)
