"""An ASE calculator that answers for learned properties as well as for energies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.outputs import Properties, all_outputs

from ase_orbital.errors import ModelError
from ase_orbital.predict.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from ase import Atoms
    from ase.calculators.abc import GetPropertiesMixin

    from ase_orbital.predict.predictor import ModelLike


class PropertyCalculator(Calculator):  # type: ignore[misc]  # ASE is only partly annotated
    """Learned properties, alone or on top of any calculator.

    Energy, forces and stress come from `base`, untouched. A learned property is computed
    only when asked for, so a relaxation costs what `base` costs.

    Parameters
    ----------
    models
        A Predictor, or what a Predictor takes: names, folders, models.
    base
        Answers for everything else; None if there is nothing else to ask.
    device
        As for Predictor.

    Examples
    --------
    >>> atoms.calc = PropertyCalculator("eosnet-heat-of-formation-perovskites", base=EMT())
    >>> atoms.calc.get_property("heat_of_formation", atoms)

    Notes
    -----
    ASE admits no property names but its own in files: `get_property` and `results` have the
    learned ones, extxyz, trajectories and databases do not.
    """

    results: dict[str, Any]

    def __init__(
        self,
        models: Predictor | ModelLike | Sequence[ModelLike] | Mapping[str, ModelLike],
        base: Calculator | None = None,
        *,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(models, Predictor):
            models = Predictor(models, device=device)
        elif device is not None:
            raise ModelError("a Predictor has its device; give that to the Predictor")
        if not (base is None or hasattr(base, "get_property")):
            raise ModelError(f"base must be an ASE calculator, not {base!r}")
        self.predictor = models
        self.base = base
        of_base = [] if base is None else base.implemented_properties
        # A new list: the one on the class is shared by every calculator.
        self.implemented_properties = [*of_base, *self.predictor.properties]
        # Written into trajectories and databases, so JSON values only.
        self.parameters = {"models": self.predictor.names}
        if base is not None:
            self.parameters["base"] = base.name

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill `results` with what was asked for, and with nothing that costs extra.

        Called by ASE; `get_property` is for you.

        Parameters
        ----------
        atoms
            What to compute for; None for those of the last call.
        properties
            Names, learned or of the base.
        system_changes
            What differs from the last call; part of ASE's signature.

        Raises
        ------
        PropertyNotImplementedError
            If a name is neither learned nor the base's.
        StructureError, ElementError
            If a model cannot predict for these atoms.
        """
        super().calculate(atoms, properties, system_changes)
        assert self.atoms is not None  # set by the line above
        learned = set(properties).intersection(self.predictor.properties)
        if learned:
            self.results |= self.predictor.predict(self.atoms)
        for name in properties:
            if name in learned:
                continue
            if self.base is None:
                raise PropertyNotImplementedError(
                    f"{name} is not among {self.predictor.properties}, and there is no base"
                )
            self.results[name] = self.base.get_property(name, self.atoms)
            # What the base found along the way goes into trajectories too.
            self.results = {**getattr(self.base, "results", {}), **self.results}

    def export_properties(self) -> GetPropertiesMixin | Properties:
        """Properties under the names ASE admits; ours stay in `results`."""
        known = {name: self.results[name] for name in self.results if name in all_outputs}
        return Properties(known)

    def todict(self, skip_default: bool = True) -> dict[str, Any]:  # noqa: ARG002  # ASE's
        """Names of models and base, for files that record how a value was made."""
        return dict(self.parameters)
