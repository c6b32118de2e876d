"""Command line as `python -m ase_orbital`, if `ase-orbital` is not on the path."""

from __future__ import annotations

import sys

from ase_orbital.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
