"""Print how many atoms GOM describes, and how much memory that takes above the imports.

A process of its own, because the peak of a process never goes down. From /proc and not from
`resource`, where Linux starts a process with the peak of the one that started it.
"""

import sys
from pathlib import Path

import torch

from ase_orbital import GOM

from .sets import rattled_diamond

REPEATS = {"s": 13, "sp": 5}  # of 8 atoms: seconds to a minute
STATUS = Path("/proc/self/status")


def memory(field: str) -> float:
    """Memory now ("VmRSS") or at most so far ("VmHWM"), MiB."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024.0


if __name__ == "__main__":
    orbitals = sys.argv[1]
    torch.set_num_threads(1)
    atoms = rattled_diamond(REPEATS[orbitals], "C")
    gom = GOM(orbitals=orbitals, dtype="float32")
    gom.create(rattled_diamond(1, "C"))  # what is loaded or compiled at the first use
    before = memory("VmRSS")
    gom.create_many([atoms])
    sys.stdout.write(f"{len(atoms)} {memory('VmHWM') - before:.0f}\n")
