"""Evaluation of a model on crystals with known properties."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ase.symbols import Symbols

from ase_orbital.errors import DataError, ModelError
from ase_orbital.files import write_csv
from ase_orbital.models.fused import fuse
from ase_orbital.models.layers import mean_over_atoms
from ase_orbital.numerics.torch_state import own_torch_state
from ase_orbital.training.batches import Batches
from ase_orbital.training.metrics import classification, coverage, regression

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.crystal_model import CrystalModel, Transform
    from ase_orbital.training.batches import GraphDataset

    Values = NDArray[np.float64]

BATCH = 32  # crystals; more exceed the cache


@dataclass(frozen=True)
class Evaluation:
    """Known and predicted values of each crystal.

    Parameters
    ----------
    ids
        Identifiers of the crystals.
    formulas
        Formulas of their cells, such as Ga4N4.
    known, predicted : [n_crystals]
        Targets and predictions of them: the property, its log10, or a class and the
        probability of class 1.
    std : [n_crystals], optional
        Standard deviations of the predictions, from an ensemble.
    in_domain : [n_crystals], optional
        Whether the crystal is inside the domain of the training set.
    classes
        Whether the targets are classes.
    transform
        "log10" if the targets are logarithms of the property.
    mean
        Mean target of the training set, to compare with predicting this for all crystals.
    """

    ids: list[str]
    formulas: list[str]
    known: Values
    predicted: Values
    std: Values | None
    in_domain: NDArray[np.bool_] | None
    classes: bool
    transform: Transform = "identity"
    mean: float | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Errors, the share in the domain, and the coverage of the 90 % interval.

        `mae_of_mean` is the error of predicting the mean of the training set. Where
        logarithms are learned, errors are those of the logarithm, and `mae_property` and
        `rmse_property` those of the property in its unit.

        The coverage is also that in the fifths of the crystals by their standard deviation
        where it is lowest and highest, and `outside_ratio` is the mean error outside the
        domain over that inside.
        """
        measure = classification if self.classes else regression
        metrics = {"n": len(self.known), **measure(self.known, self.predicted)}
        if self.mean is not None and not self.classes:
            metrics["mae_of_mean"] = float(np.abs(self.known - self.mean).mean())
        if self.transform == "log10":
            of_property = regression(10.0**self.known, 10.0**self.predicted)
            for name in ("mae", "rmse"):
                metrics[f"{name}_property"] = of_property[name]
        if self.std is not None and not self.classes:
            metrics["coverage_90"] = float(coverage(self.known, self.predicted, self.std))
            fifths = np.array_split(np.argsort(self.std), min(5, len(self.std)))
            shares = [
                float(coverage(self.known[part], self.predicted[part], self.std[part]))
                for part in fifths
            ]
            metrics["coverage_90_lowest"] = min(shares)
            metrics["coverage_90_highest"] = max(shares)
        if self.in_domain is not None:
            metrics["in_domain"] = float(self.in_domain.mean())
            error = np.abs(self.predicted - self.known)
            if 0.0 < metrics["in_domain"] < 1.0 and error[self.in_domain].any():
                outside = error[~self.in_domain].mean()
                metrics["outside_ratio"] = float(outside / error[self.in_domain].mean())
        return metrics

    def select(self, names: Collection[str]) -> Evaluation:
        """Return the evaluation on some of the crystals, given by their identifiers."""
        rows = [row for row, name in enumerate(self.ids) if name in names]
        return replace(
            self,
            ids=[self.ids[row] for row in rows],
            formulas=[self.formulas[row] for row in rows],
            known=self.known[rows],
            predicted=self.predicted[rows],
            std=None if self.std is None else self.std[rows],
            in_domain=None if self.in_domain is None else self.in_domain[rows],
        )

    def save(self, path: Path) -> None:
        """Write a CSV file with a row for each crystal.

        Where logarithms are learned, there are columns for the property, too.
        """
        columns: dict[str, Any] = {
            "id": self.ids,
            "formula": self.formulas,
            "known": self.known.tolist(),
            "predicted": self.predicted.tolist(),
        }
        if self.transform == "log10":
            columns["known_property"] = (10.0**self.known).tolist()
            columns["predicted_property"] = (10.0**self.predicted).tolist()
        if self.std is not None:
            columns["std"] = self.std.tolist()
        if self.in_domain is not None:
            columns["in_domain"] = self.in_domain.astype(int).tolist()
        write_csv(path, [columns, *zip(*columns.values(), strict=True)])

    @classmethod
    def load(cls, path: Path, *, classes: bool) -> Evaluation:
        """Read the file of `save`.

        Raises
        ------
        DataError
            If the file is absent, or lacks a column or a number.
        """
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            numbers = {
                name: np.array(columns[name], float)
                for name in ("known", "predicted", "std", "in_domain")
                if name in columns or name in ("known", "predicted")
            }
            if not all(np.isfinite(numbers[name]).all() for name in ("known", "predicted")):
                raise ValueError("a value is not finite")
            if not all(columns["formula"]):
                raise ValueError("a formula is absent")
            inside = numbers.get("in_domain")
            return cls(
                columns["id"],
                columns["formula"],
                numbers["known"],
                numbers["predicted"],
                numbers.get("std"),
                None if inside is None else inside == 1.0,
                classes,
            )
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise DataError(
                f"{path} is no table of predictions with id, formula, known and "
                f"predicted ({type(error).__name__}: {error}); run the evaluation again"
            ) from error


@own_torch_state()
def evaluate(model: CrystalModel, ids: list[str], dataset: GraphDataset) -> Evaluation:
    """Evaluate a model on graphs that were made with its descriptor and connectivity."""
    device = model.target_mean.device
    outputs, deviations, inside = [], [], []
    networks = fuse(model.eval())
    with torch.inference_mode():
        for batch in Batches(dataset, None, BATCH):
            graph = batch.graph.to(device)
            output, std, excess = model.assess_target(networks.outputs(graph))
            outputs.append(output)
            if std is not None:
                deviations.append(std)
            if excess is not None:
                inside.append((excess == 0.0) & ~has_new_element(model, graph))
    predicted = torch.cat(outputs).double().cpu()
    if model.transform == "identity":  # else the logarithm is evaluated
        predicted = model.to_property(predicted)
    if not torch.isfinite(predicted).all():
        strange = int((~torch.isfinite(predicted)).nonzero()[0])
        raise ModelError(f"the model predicts no finite number for {ids[strange]}")
    return Evaluation(
        ids,
        _formulas(dataset.graph),
        dataset.targets.double().numpy(),
        predicted.numpy(),
        torch.cat(deviations).double().cpu().numpy() if deviations else None,
        torch.cat(inside).cpu().numpy() if inside else None,
        model.n_classes is not None,
        model.transform,
        float(model.target_mean) if model.n_classes is None else None,
    )


def has_new_element(model: CrystalModel, graph: CrystalGraph) -> Tensor:
    """Whether crystals have elements that the model was not trained on, [n_graphs].

    They have an error, though the model refuses to predict them for a user.
    """
    if model.elements is None:
        return torch.zeros(graph.n_graphs, dtype=torch.bool, device=graph.numbers.device)
    known = torch.tensor(model.elements, device=graph.numbers.device)
    new = ~torch.isin(graph.numbers, known)
    return mean_over_atoms(new[:, None], graph).squeeze(1) > 0.0


def evaluate_mean(evaluations: Sequence[Evaluation], transform: Transform) -> Evaluation:
    """Evaluate the mean of the property, as a Predictor of several models returns it."""
    predicted = np.stack([evaluation.predicted for evaluation in evaluations])
    if transform == "log10":
        mean = np.log10(np.mean(10.0**predicted, axis=0))
    else:
        mean = predicted.mean(axis=0)
    return replace(evaluations[0], predicted=mean, std=None, in_domain=None)


def _formulas(graph: CrystalGraph) -> list[str]:
    """Return the formula of each cell, with all of its equivalent atoms."""
    numbers, copies = graph.numbers, graph.atom_copies
    whole = numbers if copies is None else numbers.repeat_interleave(copies)
    return [
        str(Symbols(cell.tolist()).get_chemical_formula("metal"))
        for cell in whole.split(graph.sizes.tolist())
    ]
