"""python -m tests.attacks KIND: try to break the package, and count what goes wrong."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections import Counter
from importlib import import_module

# Module of each kind, and the default number of tries.
KINDS = {
    "bad-input": ("bad_input", 400),
    "fuzz": ("fuzz", 1500),
    "kill": ("kill", 40),
    "bit-flips": ("bit_flips", 100),
    "threads": ("threads", 20),
    "forks": ("forks", 10),
    "long-run": ("long_run", 100_000),
}


def main(words=None):
    """Run one kind or all; the exit status is 1 if something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("kinds", nargs="+", choices=[*KINDS, "all"], metavar="KIND",
                        help=f"all, or some of {', '.join(KINDS)}")  # fmt: skip
    parser.add_argument("--number", type=int, help="tries; for long-run, predictions")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(words)
    warnings.simplefilter("ignore")
    n_wrong = 0
    for kind in KINDS if "all" in arguments.kinds else arguments.kinds:
        module, number = KINDS[kind]
        attack = import_module(f".{module}", __package__).attack
        counts, start = Counter(), time.monotonic()
        for one in attack(arguments.number or number, arguments.seed):
            counts[one.outcome] += 1
            if one.outcome == "wrong" or kind == "long-run":
                sys.stdout.write(f"{one.outcome.upper()} {one.what}: {one.detail}\n")
                sys.stdout.flush()
        n_wrong += counts["wrong"]
        found = ", ".join(
            f"{counts[name]} {name}" for name in ("answered", "refused", "wrong")
        )
        seconds = time.monotonic() - start
        sys.stdout.write(f"{kind}: {counts.total()} tries, {found}; {seconds:.0f} s\n")
        sys.stdout.flush()
    return int(n_wrong > 0)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
