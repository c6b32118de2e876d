"""Choose between compiled loops and torch operations, and run loops on torch's threads."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from ase_orbital.numerics.threads import each_on_one_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def in_loops(values: Tensor) -> bool:
    """Return whether compiled loops can read a tensor: on a CPU, outside torch.compile."""
    known = values.dtype in (torch.float32, torch.float64)
    return values.device.type == "cpu" and known and not torch.compiler.is_compiling()


def each_slice(function: Callable[[slice], None], length: int, least: int) -> None:
    """Apply a function to one slice of a range per thread, of at least `least` numbers."""
    n_slices = min(torch.get_num_threads(), length // max(least, 1))
    if n_slices < 2:
        function(slice(0, length))
        return
    ends = [length * index // n_slices for index in range(n_slices + 1)]
    for _ in each_on_one_thread(function, [slice(*pair) for pair in pairwise(ends)]):
        pass
