"""Print the number of atoms that GOM describes, and the memory it takes above the imports.

This runs in its own process, because the peak memory of a process never decreases. It is
read from /proc, because `resource` begins with the peak of the parent process on Linux.
"""

import sys

import torch

from ase_orbital import GOM

from .memory import memory
from .sets import rattled_diamond

REPEATS = {"s": 13, "sp": 5}  # of a cell of 8 atoms


if __name__ == "__main__":
    orbitals = sys.argv[1]
    torch.set_num_threads(1)
    atoms = rattled_diamond(REPEATS[orbitals], "C")
    gom = GOM(orbitals=orbitals, dtype="float32")
    gom.create(rattled_diamond(1, "C"))  # loads and compiles
    before = memory("VmRSS")
    gom.create_many([atoms])
    sys.stdout.write(f"{len(atoms)} {memory('VmHWM') - before:.0f}\n")
