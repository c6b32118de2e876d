"""The local minima of a search, each recorded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_orbital.errors import ElementError, SettingError, StructureError
from ase_orbital.search.recorder import Recorder
from ase_orbital.search.records import Output
from ase_orbital.similarity.archive import Archive
from ase_orbital.structure import as_atoms

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms
    from ase.optimize.optimize import Optimizer
    from ase.utils.abc import Optimizable

    from ase_orbital.predict.predictor import PredictorLike
    from ase_orbital.structure import AtomsLike


class MinimaRecorder:
    """A row of numbers for each distinct local minimum.

    Parameters
    ----------
    models
        A Predictor, or what a Predictor takes: names, folders, models.
    archive
        Says which minima are one; None for a new `Archive()`. One that is loaded has the
        minima of earlier runs, which are counted, and not recorded again.
    output
        Write each new minimum at once, too: a path ending with `.csv`, `.extxyz`, `.traj`
        or `.db`, see `records.Output`.

    Attributes
    ----------
    rows : list of dict
        `number` in the archive, `energy`, `fmax`, `volume` of a crystal, each predicted
        property and `reason`, as in `Recorder.records`. How often a minimum was seen is
        `archive[number].seen`, its structure `archive[number].atoms`.

    Examples
    --------
    Basin hopping tells its observers of new lowest minima only. All of them:

    >>> minima = Minima("eosnet-bulk-modulus-mp")
    >>> BasinHopping(atoms, local_minima_trajectory=minima).run(100)

    Minima hopping has no observers, and any loop that relaxes is served in the same way:

    >>> MinimaHopping(atoms, optimizer=minima.recording(QuasiNewton))(totalsteps=10)
    """

    def __init__(
        self,
        models: PredictorLike,
        archive: Archive | None = None,
        *,
        output: str | Path | None = None,
    ) -> None:
        self._recorder = Recorder(models)
        self.output = None if output is None else Output(output)
        self.predictor = self._recorder.predictor
        self.archive = Archive() if archive is None else archive

    @property
    def records(self) -> list[dict[str, Any]]:
        """One for each minimum, in the order of discovery."""
        return self._recorder.records

    @property
    def units(self) -> dict[str, str]:
        """Unit of each number in `records`; empty where it has none, or it is not known."""
        return {"number": "", **self._recorder.units}

    def record(self, structure: AtomsLike, **labels: int | str) -> bool:
        """Count a minimum, and add a row if it is new, with labels behind its number.

        Returns
        -------
        bool
            Whether it is new. What cannot be described is new each time, with number -1.

        Raises
        ------
        ElementError
            If a descriptor or a model does not know an element.
        """
        atoms = as_atoms(structure)
        self._refuse_elements(atoms)
        try:
            found = self.archive.add(atoms, ", ".join(map(str, labels.values())))
        except StructureError:
            number = -1
        else:
            if not found.new:
                return False
            number = found.number
        row = self._recorder.record(atoms, number=number, **labels)
        if number >= 0:
            numeric = {
                name: value for name, value in row.items() if isinstance(value, float)
            }
            self.archive[number].values.update(numeric)
        if self.output is not None:
            self.output.add(row, atoms)
        return True

    def write(self, minimum: Optimizable | Atoms) -> None:
        """Take a minimum as an ASE trajectory does, from whatever has `iterimages`."""
        for atoms in minimum.iterimages():
            self.record(atoms)

    def recording(self, optimizer: type[Optimizer]) -> type[Optimizer]:
        """Make an optimizer class that hands over what it has relaxed.

        Parameters
        ----------
        optimizer
            Such as `ase.optimize.FIRE`. A run that ends before it converges hands over
            nothing.

        Raises
        ------
        SettingError
            If this is no class of optimizers.
        """
        if not (isinstance(optimizer, type) and hasattr(optimizer, "run")):
            raise SettingError(
                f"recording() takes a class of optimizers, such as FIRE, not {optimizer!r}"
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

    def _refuse_elements(self, atoms: Atoms) -> None:
        """An element stays unknown throughout a search: better an end than rows of nan."""
        if self.records:
            return
        try:
            self.predictor.validate(atoms)
        except ElementError:
            raise
        except StructureError:
            return
