"""What a descriptor is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Literal

from ase_orbital.errors import SettingError
from ase_orbital.neighbors.batch import survey_many
from ase_orbital.structure import digest, to_atoms, to_atoms_many

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.neighbors.equivalent_atoms import Orbits
    from ase_orbital.structure import AtomsLike


class Descriptor(ABC):
    """One row of numbers for each atom of a structure.

    A concrete descriptor is final and frozen: its settings are constructor
    arguments, so an instance can be compared, hashed into a cache key, shared
    between threads and sent to other processes.

    Attributes
    ----------
    dtype
        Precision of the rows, "float32" or "float64".
    """

    dtype: Literal["float32", "float64"] = "float64"

    @property
    @abstractmethod
    def n_features(self) -> int | None:
        """Length of an atom's row; None where it depends on the structure."""

    @property
    def reach(self) -> float:
        """Radius around each atom within which `features` needs its pairs, Å."""
        return 0.0

    @abstractmethod
    def features(self, structures: list[Surroundings]) -> list[NDArray[np.floating[Any]]]:
        """Describe the first atom of each orbit of equivalent atoms.

        Parameters
        ----------
        structures
            With pairs up to `reach` or farther; see `neighbors.surroundings`.

        Returns
        -------
        list of [n_orbits, n_features]
            One for each structure.
        """

    def create(self, structure: AtomsLike) -> NDArray[np.floating[Any]]:
        """Describe one structure.

        Parameters
        ----------
        structure
            `ase.Atoms`, a pymatgen `Structure` or `Molecule`, or the path of a file.

        Returns
        -------
        [n_atoms, n_features]
            Rows in the order of the atoms.

        Raises
        ------
        StructureError
            If the structure is empty, not finite, disordered, or has coincident atoms.
        ElementError
            If an element has no entry in the table this descriptor needs.
        """
        return self._describe([to_atoms(structure)])[0]

    def create_many(
        self, structures: Iterable[AtomsLike], workers: int = 1
    ) -> list[NDArray[np.floating[Any]]]:
        """Describe many structures, in input order.

        Parameters
        ----------
        structures
            Anything `create` takes.
        workers
            Processes to share the work between. They are started anew, which takes some
            seconds, and a script that asks for them needs `if __name__ == "__main__":`.

        Returns
        -------
        list of [n_atoms, n_features]
            A list of one stays a list.

        Raises
        ------
        StructureError, ElementError
            As for `create`, with a note saying which structure it is.
        SettingError
            If there are to be fewer than one worker.
        """
        if workers < 1:
            raise SettingError(f"workers must be at least 1, not {workers}")
        atoms = to_atoms_many(structures)
        if workers == 1 or len(atoms) < 2 * workers:
            return self._describe(atoms)
        # Spawned, not forked: a forked process inherits torch's and numba's locks.
        share = -(-len(atoms) // workers)
        parts = [atoms[start : start + share] for start in range(0, len(atoms), share)]
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            return [row for rows in pool.map(self._describe, parts) for row in rows]

    def _describe(self, structures: list[Atoms]) -> list[NDArray[np.floating[Any]]]:
        """Describe all atoms; what occurs twice in the list is described once."""
        names = [digest(atoms) for atoms in structures]
        once = dict(zip(names, structures, strict=True))
        found = survey_many(list(once.values()), self.reach, self.dtype)
        rows = {
            name: _of_all_atoms(part, around.orbits)
            for name, around, part in zip(once, found, self.features(found), strict=True)
        }
        if len(rows) == len(names):
            return list(rows.values())
        return [rows[name].copy() for name in names]


def _of_all_atoms(
    rows: NDArray[np.floating[Any]], orbits: Orbits
) -> NDArray[np.floating[Any]]:
    """Rows of all atoms, from those of the first of each orbit.

    Where no two atoms are equivalent they are not copied, which for the largest arrays
    takes as long as computing them; unless they would keep a larger array alive.
    """
    whole = rows if rows.base is None else rows.base
    if len(orbits.first) == len(orbits.orbit) and whole.nbytes == rows.nbytes:
        return rows
    return rows[orbits.orbit]
