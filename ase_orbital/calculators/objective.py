"""Calculator for relaxations to structures with desired properties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ase_orbital.calculators.differentiable import DifferentiableCalculator
from ase_orbital.calculators.model_graph import (
    check_model_differentiable,
    differentiable_graph,
)
from ase_orbital.calculators.objective_terms import AtMost, checked_terms
from ase_orbital.errors import ModelError
from ase_orbital.models.committee import Prediction, combine, property_names
from ase_orbital.models.crystal_model import CrystalModel
from ase_orbital.numerics.torch_state import own_torch_state
from ase_orbital.predict.prepared_model import PreparedModel, load_or_copy
from ase_orbital.properties import DOMAIN_EXCESS, minimum_of

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator
    from torch import Tensor

    from ase_orbital.calculators.objective_terms import Term
    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.featurization import Featurization
    from ase_orbital.neighbors.batch import NeighborBatch
    from ase_orbital.predict.prepared_model import ModelLike


class ObjectiveCalculator(DifferentiableCalculator):
    """Energy, forces and stress from predicted properties.

    The energy is the sum of the energies of the terms, which are those of a `Score` with
    weights in eV per unit of the property, or per its square. It does not grow with the
    size of the cell, so forces are smaller in larger cells.

    Where a network returns less than the least possible value of a property, such as a
    negative band gap, `values` has that least value. A term that prefers larger values
    takes what the network returns, so that it has forces there, too.

    Networks that take GOM have a kink where eigenvalues are degenerate, which is common in
    symmetric crystals. There the forces and the stress are one of several slopes; they are
    right for changes that keep the symmetry.

    Parameters
    ----------
    models
        A name from `list_models()`, a model folder, a loaded model, or a list of these.
        Their features need derivatives: EOSNet on `GOM` and `OneHot` has them, models on
        `OFM` do not.
    terms
        Terms of properties, of `<property>_std`, or of `domain_excess`: how far a crystal
        is outside the domain, 0 inside, as the maximum over the models. See
        `models.uncertainty.Uncertainty.excess`.
    inside_domain
        Keep the structure in the domain of the models by the term
        `AtMost("domain_excess", 0.0)`. Give this term yourself for another penalty.
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
    >>> atoms.calc = ObjectiveCalculator(
    ...     "eosnet-bulk-modulus-mp", [Maximize("bulk_modulus", 0.1)], inside_domain=True
    ... )
    >>> FIRE(FrechetCellFilter(atoms)).run(fmax=0.05, steps=100)

    Notes
    -----
    Optimizing a predicted property leads to structures for which the model is wrong. Use
    `inside_domain`, a potential as base, or both, and verify candidates with a calculation.
    """

    contribution = "objective"

    @own_torch_state()
    def __init__(
        self,
        models: ModelLike | Sequence[ModelLike],
        terms: Sequence[Term],
        *,
        inside_domain: bool = False,
        base: Calculator | None = None,
    ) -> None:
        super().__init__(base)
        if isinstance(models, str | Path) or not isinstance(models, Sequence):
            models = [models]
        if not models:
            raise ModelError("give at least one model")
        self._models = [_prepared(model) for model in models]
        inside = [AtMost(DOMAIN_EXCESS, 0.0)] if inside_domain else []
        self.terms = checked_terms(terms, self.properties, more=inside)
        self.values: dict[str, float] = {}
        self.parameters |= {
            "properties": [model.property_name for model in self._models],
            "terms": [repr(term) for term in self.terms],
        }

    @property
    def properties(self) -> list[str]:
        """Names of the properties that terms can have."""
        known = property_names(self._models)
        has_domain = all(model.has_domain for model in self._models)
        return [*known, DOMAIN_EXCESS] if has_domain else known

    @property
    def cutoff(self) -> float:
        """Largest cutoff of the models, Å."""
        return max(
            max(model.connectivity.radius, model.descriptor.cutoff)
            for model in (prepared.featurization for prepared in self._models)
        )

    def energy(self, batch: NeighborBatch, vectors: Tensor) -> Tensor:
        """Sum of the energies of the terms; see the base class.

        Raises
        ------
        ElementError
            If an element was not seen in training.
        """
        graphs: dict[Featurization, CrystalGraph] = {}
        predictions, excess = [], []
        for model in self._models:
            model.check_elements(self.atoms)
            shared = model.featurization
            if shared not in graphs:
                graphs[shared] = differentiable_graph(shared, batch, vectors)
            value, std, beyond = model.predict_graphs(graphs[shared], bounded=False)
            predictions.append(Prediction(model.property_name, value, std))
            if beyond is not None:
                excess.append(beyond[0])
        values = {name: value[0] for name, value in combine(_bounded(predictions)).items()}
        if DOMAIN_EXCESS in self.properties:
            values[DOMAIN_EXCESS] = torch.stack(excess).max()
        self.values = {name: float(value.detach()) for name, value in values.items()}
        # At its bound a value has no gradient. For terms that prefer larger values, the
        # value without the bound has a higher energy, and its gradient leads back.
        unbounded = combine(predictions)
        energies = []
        for term in self.terms:
            energy = term.energy(values[term.name])
            if minimum_of(term.name) > -math.inf:
                energy = torch.maximum(energy, term.energy(unbounded[term.name][0]))
            energies.append(energy)
        return torch.stack(energies).sum()


def _bounded(predictions: list[Prediction]) -> list[Prediction]:
    """Keep the least possible value of each property."""
    return [
        each._replace(value=each.value.clamp(min=minimum_of(each.property_name)))
        for each in predictions
    ]


def _prepared(model: ModelLike) -> PreparedModel:
    """Make a copy in double precision."""
    own = load_or_copy(model)
    if not isinstance(own, CrystalModel):
        raise ModelError(
            f"a {type(own).__name__} is not a model of this package; give a name of "
            "list_models(), a model folder, or a loaded EOSNet"
        )
    check_model_differentiable(own)
    return PreparedModel(own, device=torch.device("cpu"), dtype=torch.float64)
