"""Known phases to compare energies with: elements and common compounds.

The elements are those of `ase.collections.dcdft`, completed with lanthanides, actinides,
alpha-manganese and alpha-sulfur. Compounds have the structure of an AFLOW prototype, as
pymatgen has them (Mehl et al., Comput. Mater. Sci. 136, S1, 2017), with its label in
`info["prototype"]`. Most are binaries, half-Heuslers, perovskites and spinels that are
stable in the Materials Project of 2018 (CC BY 4.0), from which their volumes are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ase.io import read

if TYPE_CHECKING:
    from ase import Atoms

FILE = Path(__file__).with_name("reference_phases.extxyz")


def reference_phases() -> list[Atoms]:
    """Return the phases that a `Hull` compares with by default, 94 of elements first.

    They are not relaxed; a `Hull` relaxes those that it needs.

    Examples
    --------
    >>> hull = Hull(potential, [*reference_phases(), my_phase])
    """
    phases: list[Atoms] = read(FILE, ":", format="extxyz")
    return phases
