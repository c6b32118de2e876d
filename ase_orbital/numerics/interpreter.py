"""The choice between compiling kernels and running them as plain Python.

Compiling the kernels of a prediction takes 10 to 25 s of processor time, and a small job in
plain Python a tenth of a second. So kernels that are not compiled yet run as plain Python
in small jobs. Their time is added up over all processes that share numba's cache, and
when it comes near the time of compilation, kernels are compiled. This takes at most about
twice the time of the best choice for any jobs to come (the ski rental problem).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

LARGEST = 256  # atoms in a job that may run as plain Python
BUDGET = 8.0  # s of plain Python before kernels are compiled
TICK = 0.01  # s for which the record grows by one byte


class Interpreter:
    """Decides whether kernels that are not compiled run as plain Python.

    They do after a small job has begun, until a large one begins or the budget is spent.
    """

    def __init__(self) -> None:
        # Each changes only once, so that threads need no lock.
        self._enabled = self._disabled = False
        self._unsaved, self._ticks = 0.0, -1  # s, and length of the record if known

    def begin_job(self, n_atoms: int) -> None:
        """Tell how many atoms the kernels get next."""
        if n_atoms > LARGEST:
            self.disable()
        else:
            self._enabled = True

    def disable(self) -> None:
        """Compile every kernel at its first use from now on."""
        self._disabled = True

    @property
    def allowed(self) -> bool:
        """Whether kernels run as plain Python."""
        if self._enabled and not self._disabled and self._ticks < 0:
            self.charge(0.0)
        return self._enabled and not self._disabled

    @cached_property
    def record(self) -> Path:
        """A file in numba's cache folder, with one byte for every `TICK` of all processes.

        Several processes can append to it at the same time.
        """
        from numba import njit

        return Path(njit(cache=True)(_nothing).stats.cache_path, "interpreted")

    def charge(self, seconds: float) -> None:
        """Add to the time of all processes, and end plain Python at the budget."""
        self._unsaved += seconds
        ticks = int(self._unsaved / TICK)
        if ticks == 0 and self._ticks >= 0:
            return
        self._unsaved -= ticks * TICK
        try:
            with self.record.open("ab") as file:
                file.write(b"." * ticks)
                self._ticks = file.tell()
        except OSError:  # then this process counts alone
            self._ticks = max(self._ticks, 0) + ticks
        if self._ticks * TICK >= BUDGET:
            self.disable()


def _nothing() -> None: ...


interpreter = Interpreter()
