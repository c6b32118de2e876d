"""Recorder of the distinct local minima of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_orbital.errors import ElementError, SettingError, StructureError
from ase_orbital.search.recorder import Recorder
from ase_orbital.similarity.archive import Archive
from ase_orbital.structure import as_atoms

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms
    from ase.optimize.optimize import Optimizer
    from ase.utils.abc import Optimizable

    from ase_orbital.predict.predictor import PredictorLike
    from ase_orbital.search.hull import Hull
    from ase_orbital.structure import AtomsLike


class MinimaRecorder:
    """Predicts properties for each distinct local minimum of a search.

    Parameters
    ----------
    models, domain, output, hull
        As for `Recorder`; each new minimum is written.
    archive
        Archive that decides which minima are the same; None for a new `Archive()`. Minima
        of a loaded archive are counted, and not recorded again.

    Attributes
    ----------
    records : list of dict
        For each minimum, in the order of discovery: `number` in the archive, and what
        `Recorder.records` has without `step` and `time`. `archive[number]` has the
        structure of a minimum as `atoms`, and `seen`, the number of times it was found.

    Examples
    --------
    Basin hopping calls its observers only for a new lowest minimum. To record all minima:

    >>> minima = MinimaRecorder("eosnet-bulk-modulus-mp")
    >>> BasinHopping(atoms, local_minima_trajectory=minima).run(100)

    Minima hopping has no observers. For this and any other loop over relaxations:

    >>> MinimaHopping(atoms, optimizer=minima.recording(QuasiNewton))(totalsteps=10)
    """

    def __init__(
        self,
        models: PredictorLike,
        archive: Archive | None = None,
        *,
        domain: bool = False,
        output: str | Path | None = None,
        hull: Hull | None = None,
    ) -> None:
        self._recorder = Recorder(models, domain=domain, output=output, hull=hull)
        self.predictor, self.records = self._recorder.predictor, self._recorder.records
        self.archive = Archive() if archive is None else archive

    def __repr__(self) -> str:
        return f"MinimaRecorder({self.predictor.names}: {len(self.records)} minima)"

    def _repr_html_(self) -> str:
        return self._recorder._repr_html_()

    @property
    def units(self) -> dict[str, str]:
        """Unit of each number in `records`; empty if it has none, or if it is unknown."""
        return {"number": "", **self._recorder.units}

    def record(self, structure: AtomsLike, **labels: int | str) -> bool:
        """Count a minimum and, if it is new, add a record with its number and labels.

        Returns
        -------
        bool
            Whether it is new. Structures that cannot be described are always new, with
            number -1.

        Raises
        ------
        ElementError
            If a descriptor or a model does not know an element.
        """
        atoms = as_atoms(structure)
        self._check_elements(atoms)
        try:
            found = self.archive.add(atoms, ", ".join(map(str, labels.values())))
        except StructureError:
            number = -1
        else:
            if not found.new:
                return False
            number = found.number
        record = self._recorder.record(atoms, number=number, **labels)
        if number >= 0:
            self.archive[number].values |= {
                name: value for name, value in record.items() if isinstance(value, float)
            }
        return True

    def write(self, minimum: Optimizable | Atoms) -> None:
        """Record a minimum; the interface of an ASE trajectory."""
        for atoms in minimum.iterimages():
            self.record(atoms)

    def recording(self, optimizer: type[Optimizer]) -> type[Optimizer]:
        """Create an optimizer class that records the structures that it has relaxed.

        Parameters
        ----------
        optimizer
            Optimizer class, such as `ase.optimize.FIRE`. Runs that do not converge are not
            recorded.

        Raises
        ------
        SettingError
            If `optimizer` is not a class of optimizers.
        """
        if not (isinstance(optimizer, type) and hasattr(optimizer, "run")):
            raise SettingError(
                f"recording() needs an optimizer class, such as FIRE, not {optimizer!r}"
            )
        minima = self

        class Recording(optimizer):  # type: ignore[misc]
            def run(self, *arguments: Any, **settings: Any) -> bool:
                converged = bool(super().run(*arguments, **settings))
                if converged:
                    minima.write(self.optimizable)
                return converged

        Recording.__name__ = Recording.__qualname__ = optimizer.__name__
        Recording.__doc__ = optimizer.__doc__
        return Recording

    def _check_elements(self, atoms: Atoms) -> None:
        """Raise ElementError at the first minimum: no other one could be predicted."""
        if not self.records:
            try:
                self._recorder.validate(atoms)
            except StructureError as error:
                if isinstance(error, ElementError):
                    raise
