"""Wishes about properties as an energy, which whatever minimizes energies fulfils."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ase_orbital.calculators.differentiable import DifferentiableCalculator
from ase_orbital.calculators.model_graph import differentiable_graph, refuse_without_slope
from ase_orbital.calculators.objective_energies import KINDS, cost
from ase_orbital.descriptors.settings import computing
from ase_orbital.errors import ModelError, SettingError
from ase_orbital.models.crystal_model import CrystalModel
from ase_orbital.models.ensemble import Ensemble
from ase_orbital.properties import DOMAIN_EXCESS, STD
from ase_orbital.zoo.folders import load_model

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator
    from torch import Tensor

    from ase_orbital.calculators.objective_terms import Term
    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.predict.predictor import ModelLike


class ObjectiveCalculator(DifferentiableCalculator):
    """Energy, forces and stress from predicted properties.

    The energy is the sum of what the terms cost: `Maximize` minus and `Minimize` plus
    `weight * value`, `Target` `weight * distance^2`, `AtMost` and `AtLeast`
    `penalty * excess^2`. These are the terms of a `Score`, with weights in eV for a unit of
    the property, or its square. It does not grow with the size of the cell; forces become
    smaller in a larger one.

    Parameters
    ----------
    models
        A name of `list_models()`, a model folder, a loaded model, or several of these in a
        list. Their rows need derivatives: EOSNet on `GOM` and `OneHot` has them, what is
        built on `OFM` has not.
    terms
        Of the properties; of `<property>_std`, for ensembles; or of `domain_excess`, by
        which a crystal is outside the models' training sets: in standard deviations of
        their rows, the largest over atoms, directions and models.
    base
        A calculator whose energy, forces and stress are added; None for none.

    Attributes
    ----------
    values : dict of float
        What was predicted for the last structure, by property.
    parts : dict of float
        What the last energy is the sum of, eV: "own" and, if there is one, "base".

    Raises
    ------
    ModelError
        If a model has no derivatives.
    SettingError
        If a term is of something that is not predicted here.

    Examples
    --------
    >>> terms = [Maximize("bulk_modulus", weight=0.1), AtMost("domain_excess", 0.3)]
    >>> atoms.calc = ObjectiveCalculator("eosnet-bulk-modulus-mp", terms)
    >>> FIRE(FrechetCellFilter(atoms)).run(fmax=0.05, steps=100)

    Notes
    -----
    Following a learned property uphill leads to where the model is wrong: keep a term of
    `domain_excess`, a potential as base, or both, and compute what you found.
    """

    def __init__(
        self,
        models: ModelLike | Sequence[ModelLike],
        terms: Sequence[Term],
        *,
        base: Calculator | None = None,
    ) -> None:
        super().__init__(base)
        if isinstance(models, str | Path) or not isinstance(models, Sequence):
            models = [models]
        if not models:
            raise ModelError("give at least one model")
        self._models = [_prepared(model) for model in models]
        self.terms = tuple(terms)
        self._refuse_terms()
        self.values: dict[str, float] = {}
        self.parameters |= {
            "properties": [model.property_name for model in self._models],
            "terms": [repr(term) for term in self.terms],
        }

    @property
    def properties(self) -> list[str]:
        """Names that terms can be of."""
        names = [model.property_name for model in self._models]
        std = {name for name in names if names.count(name) > 1}
        std |= {
            model.property_name for model in self._models if isinstance(model, Ensemble)
        }
        known = [*dict.fromkeys(names), *sorted(name + STD for name in std)]
        in_domain = all(model.domain.known for model in self._models)
        return [*known, DOMAIN_EXCESS] if in_domain else known

    @property
    def reach(self) -> float:
        """Farthest that a model looks, Å."""
        return max(
            max(model.connectivity.radius, model.descriptor.reach) for model in self._models
        )

    def differentiable_energy(self, around: Surroundings, vectors: Tensor) -> Tensor:
        """Sum of what the terms cost; see `DifferentiableCalculator.differentiable_energy`.

        Raises
        ------
        ElementError
            If an element was not seen in training.
        """
        graphs: dict[object, CrystalGraph] = {}
        found: dict[str, list[Tensor]] = {}
        stds: dict[str, list[Tensor]] = {}
        excess = []
        for model in self._models:
            model.check_elements(around.atoms)
            key = (model.descriptor, model.connectivity)
            if key not in graphs:
                graphs[key] = differentiable_graph(model, around, vectors)
            value, std = model.predict_graphs(graphs[key])
            model.clear_features()
            found.setdefault(model.property_name, []).append(value[0])
            if std is not None:
                stds.setdefault(model.property_name, []).append(std[0])
            if DOMAIN_EXCESS in self.properties:
                excess.append(model.domain.excess(graphs[key])[0])
        values = {name: torch.stack(members).mean() for name, members in found.items()}
        for name, members in found.items():
            if name + STD in self.properties:
                values[name + STD] = _std(members, stds.get(name, []))
        if excess:
            values[DOMAIN_EXCESS] = torch.stack(excess).max()
        self.values = {name: float(value.detach()) for name, value in values.items()}
        return torch.stack([cost(term, values[term.name]) for term in self.terms]).sum()

    def _refuse_terms(self) -> None:
        if not self.terms:
            raise SettingError("an objective needs at least one term, as Maximize(...)")
        for term in self.terms:
            if not isinstance(term, KINDS):
                kinds = ", ".join(kind.__name__ for kind in KINDS)
                raise SettingError(f"{term!r} is no term; give {kinds}")
            if term.name not in self.properties:
                raise SettingError(
                    f"{term.name!r} is not predicted here; the models have "
                    f"{', '.join(self.properties)}"
                )


def _prepared(model: ModelLike) -> CrystalModel:
    """Make a copy of our own, in double precision, for evaluation only."""
    loaded = load_model(model) if isinstance(model, str | Path) else model
    if not isinstance(loaded, CrystalModel):
        raise ModelError(
            f"a {type(loaded).__name__} is not a model of this package; give a name of "
            "list_models(), a model folder, or a loaded EOSNet"
        )
    refuse_without_slope(loaded)
    loaded.clear_features()  # what its last run left may not be copied
    copy: CrystalModel = deepcopy(loaded).cpu().double().eval().requires_grad_(False)
    copy.descriptor = computing(copy.descriptor, "float64")
    copy.fuse()
    return copy


def _std(values: list[Tensor], stds: list[Tensor]) -> Tensor:
    """Standard deviation of a committee, as a Predictor has it."""
    square = values[0].new_zeros(())
    if stds:
        square = torch.square(torch.stack(stds)).sum() / len(values)
    if len(values) > 1:
        square = square + torch.stack(values).var()
    return torch.sqrt(square)
