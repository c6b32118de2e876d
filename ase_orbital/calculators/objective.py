"""Calculator for relaxations to structures with desired properties."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ase_orbital.calculators.differentiable import DifferentiableCalculator
from ase_orbital.calculators.model_graph import differentiable_graph, refuse_without_slope
from ase_orbital.calculators.objective_terms import Term
from ase_orbital.descriptors.settings import computing
from ase_orbital.errors import ModelError, SettingError
from ase_orbital.models.crystal_model import CrystalModel
from ase_orbital.models.ensemble import Ensemble
from ase_orbital.properties import DOMAIN_EXCESS, STD
from ase_orbital.zoo.folders import load_model

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.predict.predictor import ModelLike


class ObjectiveCalculator(DifferentiableCalculator):
    """Energy, forces and stress from predicted properties.

    The energy is the sum of the energies of the terms, which are those of a `Score` with
    weights in eV per unit of the property, or per its square. It does not grow with the
    size of the cell, so forces are smaller in larger cells.

    Parameters
    ----------
    models
        A name from `list_models()`, a model folder, a loaded model, or a list of these.
        Their features need derivatives: EOSNet on `GOM` and `OneHot` has them, models on
        `OFM` do not.
    terms
        Terms of properties, of `<property>_std` for ensembles, or of `domain_excess`: how
        far a crystal is outside the models' training sets, in standard deviations of their
        features, as the maximum over atoms, directions and models.
    base
        Calculator whose energy, forces and stress are added; None for none.

    Attributes
    ----------
    values : dict of float
        Predictions for the last structure, by property.
    contributions : dict of float
        Contributions to the last energy, eV: "objective" and, if there is one, "base".

    Raises
    ------
    ModelError
        If a model has no derivatives.
    SettingError
        If the models do not predict the property of a term.

    Examples
    --------
    >>> terms = [Maximize("bulk_modulus", weight=0.1), AtMost("domain_excess", 0.3)]
    >>> atoms.calc = ObjectiveCalculator("eosnet-bulk-modulus-mp", terms)
    >>> FIRE(FrechetCellFilter(atoms)).run(fmax=0.05, steps=100)

    Notes
    -----
    Optimizing a predicted property leads to structures for which the model is wrong. Add a
    term of `domain_excess`, a potential as base, or both, and verify candidates with a
    calculation.
    """

    contribution = "objective"

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
        """Names of the properties that terms can have."""
        names = [model.property_name for model in self._models]
        std = {name for name in names if names.count(name) > 1}
        std |= {
            model.property_name for model in self._models if isinstance(model, Ensemble)
        }
        known = [*dict.fromkeys(names), *sorted(name + STD for name in std)]
        in_domain = all(model.domain.known for model in self._models)
        return [*known, DOMAIN_EXCESS] if in_domain else known

    @property
    def cutoff(self) -> float:
        """Largest cutoff of the models, Å."""
        return max(
            max(model.connectivity.radius, model.descriptor.reach) for model in self._models
        )

    def energy(self, around: Surroundings, vectors: Tensor) -> Tensor:
        """Sum of the energies of the terms; see the base class.

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
        return torch.stack([term.energy(values[term.name]) for term in self.terms]).sum()

    def _refuse_terms(self) -> None:
        if not self.terms:
            raise SettingError("an objective needs at least one term, as Maximize(...)")
        for term in self.terms:
            if not isinstance(term, Term):
                raise SettingError(
                    f"{term!r} is not a term; give Maximize, Minimize, Target, AtMost or "
                    "AtLeast"
                )
            if term.name not in self.properties:
                raise SettingError(
                    f"{term.name!r} is not predicted here; the models have "
                    f"{', '.join(self.properties)}"
                )


def _prepared(model: ModelLike) -> CrystalModel:
    """Copy a model for evaluation in double precision."""
    loaded = load_model(model) if isinstance(model, str | Path) else model
    if not isinstance(loaded, CrystalModel):
        raise ModelError(
            f"a {type(loaded).__name__} is not a model of this package; give a name of "
            "list_models(), a model folder, or a loaded EOSNet"
        )
    refuse_without_slope(loaded)
    loaded.clear_features()  # tensors with gradients cannot be copied
    copy: CrystalModel = deepcopy(loaded).cpu().double().eval().requires_grad_(False)
    copy.descriptor = computing(copy.descriptor, "float64")
    copy.fuse()
    return copy


def _std(values: list[Tensor], stds: list[Tensor]) -> Tensor:
    """Standard deviation of several models, as in a Predictor."""
    square = values[0].new_zeros(())
    if stds:
        square = torch.square(torch.stack(stds)).sum() / len(values)
    if len(values) > 1:
        square = square + torch.stack(values).var()
    return torch.sqrt(square)
