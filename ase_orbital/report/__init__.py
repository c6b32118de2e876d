"""Reports as HTML pages that need no network and no server.

`write_report` reads the results of `ase-orbital screen`, `predict`, `evaluate` or `train`.
"""

from __future__ import annotations

from ase_orbital.report.writing import write_report

__all__ = ["write_report"]
