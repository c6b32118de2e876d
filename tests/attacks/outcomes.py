"""What became of one try of an attack."""

from __future__ import annotations

from typing import NamedTuple


class Try(NamedTuple):
    """One try: answered as it should be, refused with a clear error, or wrong."""

    what: str
    outcome: str
    detail: str = ""


ANSWERED, REFUSED, WRONG = "answered", "refused", "wrong"
