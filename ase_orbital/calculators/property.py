"""ASE calculator for predicted properties, alone or together with a potential."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.outputs import Properties, all_outputs

from ase_orbital.calculators.base import checked_base, known_to, offered_by
from ase_orbital.errors import SettingError, StructureError
from ase_orbital.predict.predictor import Predictor
from ase_orbital.properties import column_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from ase import Atoms
    from ase.calculators.abc import GetPropertiesMixin

    from ase_orbital.predict.predictor import PredictorLike


class PropertyCalculator(Calculator):  # type: ignore[misc]  # ASE is only partly annotated
    """Predicted properties, alone or together with any calculator.

    Energy, forces and stress are those of `base`. Properties are predicted only on request,
    so a relaxation is as fast as with `base` alone.

    Parameters
    ----------
    models
        A Predictor, or anything it accepts: names, folders or models.
    base
        Calculator for all other properties; None for predicted properties alone.
    device, domain
        As for `Predictor`.

    Examples
    --------
    >>> atoms.calc = PropertyCalculator("eosnet-heat-of-formation-perovskites", base=EMT())
    >>> atoms.calc.get_property("heat_of_formation", atoms)

    Notes
    -----
    ASE writes only properties with names of its own into files. `get_property` and
    `results` have the predicted ones; extxyz files, trajectories and databases do not.

    A predicted property that is called like one of ASE's, such as `energy`, is available
    as `predicted_energy`; `energy` is always that of the base.
    """

    def __init__(
        self,
        models: PredictorLike,
        base: Calculator | None = None,
        *,
        device: torch.device | str | None = None,
        domain: bool = False,
    ) -> None:
        self.base = checked_base(base)
        super().__init__()
        self.predictor = Predictor.of(models, device=device, domain=domain)
        of_base = offered_by(base)
        self._names = column_names(self.predictor.properties, all_outputs)
        if both := set(of_base).intersection(self._names.values()):
            raise SettingError(
                f"the base has a property {min(both)!r} as well; leave out one of the two"
            )
        # A new list, because the one on the class is shared by all calculators.
        self.implemented_properties = [*of_base, *self._names.values()]
        # ASE writes these into trajectories and databases as JSON.
        self.parameters = {"models": self.predictor.names}
        if base is not None:
            self.parameters["base"] = base.name

    def __repr__(self) -> str:
        base = "" if self.base is None else f", base={self.base.name!r}"
        return f"PropertyCalculator({self.predictor.names}{base})"

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Compute properties of the models or the base; called by ASE's `get_property`.

        Raises
        ------
        PropertyNotImplementedError
            If neither the models nor the base have a property.
        StructureError, ElementError
            If there are no atoms, or a model cannot predict for them.
        """
        super().calculate(atoms, properties, system_changes)
        if self.atoms is None:
            raise StructureError("nothing has been calculated yet; give the atoms as well")
        predicted = set(properties).intersection(self._names.values())
        if predicted:
            found = self.predictor.predict(self.atoms)
            self._own |= {self._names[name]: value for name, value in found.items()}
        for name in properties:
            if name in predicted:
                continue
            if self.base is None:
                raise PropertyNotImplementedError(
                    f"{name} is not among {[*self._names.values()]}, and there is no base"
                )
            value = self.base.get_property(name, self.atoms)
            if name not in self.results:  # a base that keeps no results
                self._own[name] = value

    @property
    def results(self) -> dict[str, Any]:
        """Predicted properties, and the results that the base has for these atoms.

        The base may discard its own at any time, as in `base.set()`.
        """
        if self.atoms is None:
            return dict(self._own)
        return {**self._own, **known_to(self.base, self.atoms)}

    @results.setter
    def results(self, values: dict[str, Any]) -> None:
        self._own = dict(values)

    def export_properties(self) -> GetPropertiesMixin | Properties:
        """Properties with names of ASE; predicted ones are only in `results`."""
        known = {name: self.results[name] for name in self.results if name in all_outputs}
        return Properties(known)

    def todict(self, skip_default: bool = True) -> dict[str, Any]:  # noqa: ARG002  # ASE's
        """Names of models and base, which ASE stores in files with the results."""
        return dict(self.parameters)
