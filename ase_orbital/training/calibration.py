"""Fit the uncertainty of a trained model to crystals that it was not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import torch
from scipy.optimize import isotonic_regression
from torch import nn

from ase_orbital.errors import DataError
from ase_orbital.models import Ensemble
from ase_orbital.models.fused import fuse
from ase_orbital.models.layers import mean_over_atoms
from ase_orbital.models.uncertainty import (
    HALF_WIDTH,
    N_COMPONENTS,
    N_KNOTS,
    N_LEADING,
    NOMINAL,
    Signals,
    Uncertainty,
)
from ase_orbital.training.batches import Batches, GraphDataset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.models.fused import FusedEOSNet
    from ase_orbital.models.outputs import NetworkOutputs
    from ase_orbital.models.relaxation import RelaxationEnergy

    Networks = CrystalModel | FusedEOSNet

BATCH = 32  # crystals; more exceed the cache
MOST_TRAINING = 36_000  # crystals of the training set that are used
INSIDE = 0.95  # share of the validation set that is in the domain
# Of the crystals outside, those that are beyond the limit of each signal: standard
# deviation, relaxation energy, distance.
SHARES = (1.0, 1.0, 0.05)
LEAST_CRYSTALS = 5  # of the validation set
FEW = 50  # crystals, for which the estimate of the error is a constant
PER_BIN = 20  # crystals, at least, of the calibration
LEAST_SLOPE = 0.05  # of the calibration, so that it increases everywhere


class _Observed(NamedTuple):
    """Signals, predictions and errors of labeled crystals, in order."""

    signals: Signals
    target: Tensor
    error: Tensor


def fit_uncertainty(
    model: CrystalModel,
    train: CrystalGraph,
    validation: GraphDataset,
    others: Sequence[GraphDataset] = (),
    relaxation: RelaxationEnergy | None = None,
) -> None:
    """Fit the `uncertainty` of a model, which is changed in place.

    Parameters
    ----------
    model
        Trained model, in evaluation mode.
    train
        Crystals it was trained on, of which a random part is used.
    validation
        Crystals with targets that it was not trained on. 95 % of them, without distorted
        copies, will be in the domain.
    others
        More such crystals, of the kinds that predictions will be made for; they count for
        the standard deviation only.
    relaxation
        Predicts the relaxation energy for the graphs of the model; see
        `training.relaxation`. Without it, the uncertainty does not use one.

    Raises
    ------
    DataError
        If there are fewer than 5 validation crystals.
    """
    if len(validation.targets) < LEAST_CRYSTALS:
        raise DataError(
            f"{len(validation.targets)} validation crystals are too few to fit an "
            f"uncertainty; it needs {LEAST_CRYSTALS}"
        )
    random = torch.Generator().manual_seed(0)
    train = _some(train, MOST_TRAINING, random)
    model.uncertainty = None
    model.eval()
    # The first network is enough for all but predictions and the disagreement.
    first = fuse(model.networks[0] if isinstance(model, Ensemble) else model)
    mean = _mean_features(first, train)
    n_components = min(N_COMPONENTS, mean.shape[1], len(mean) - 1)
    with_members = isinstance(model, Ensemble)
    distorted = relaxation is not None and any(
        each.relaxation is not None and bool(each.relaxation.nan_to_num(0.0).any())
        for each in (validation, *others)
    )
    n_inputs = min(N_LEADING, n_components) + 2 + with_members + distorted
    new = Uncertainty(
        mean.shape[1],
        n_components,
        relaxation=None if relaxation is None else relaxation.settings,
        distorted=distorted,
        n_inputs=0 if model.n_classes else n_inputs,
    )
    new.center.copy_(mean.mean(0))
    new.projection.copy_(_whitening(mean, n_components).half())
    _, distances = new.place(mean)
    new.relaxation = relaxation
    if model.n_classes:
        new.temperature.fill_(_temperature(model, validation))
    new = new.to(model.target_mean.device)
    observed = [_observe(model, new, dataset) for dataset in (validation, *others)]
    if new.error is not None:
        if observed[0].signals.members is not None:
            spread = torch.cat([each.signals.members for each in observed])  # type: ignore[misc]
            new.members_floor.fill_(0.01 * float(spread.median()))
        _fit_std(new, observed)
    no_copies = torch.ones(len(validation.targets), dtype=torch.bool)
    if validation.relaxation is not None:
        no_copies = validation.relaxation.nan_to_num(0.0) == 0.0
    new.limits.copy_(_limits(new, observed[0], no_copies))
    # A small training set has as many components as crystals: all of them are equally far,
    # but for rounding, and farther than others, which do not spread along all components.
    new.limits[2].clamp_(min=1.01 * float(distances.quantile(INSIDE)))
    model.uncertainty = new.requires_grad_(False)


def _some(graph: CrystalGraph, most: int, random: torch.Generator) -> CrystalGraph:
    order = torch.randperm(graph.n_graphs, generator=random)[:most]
    return graph if graph.n_graphs <= most else graph.select(order)


def _each(
    networks: Networks, graph: CrystalGraph, function: Callable[[NetworkOutputs], Any]
) -> list[Any]:
    """Apply a function to the outputs of networks, batch by batch."""
    dataset, found = GraphDataset(graph, torch.zeros(graph.n_graphs)), []
    with torch.inference_mode():
        for batch in Batches(dataset, None, BATCH):
            outputs = networks.outputs(batch.graph.to(networks.target_mean.device))
            found.append(function(outputs))
    return found


def _mean_features(network: Networks, graph: CrystalGraph) -> Tensor:
    """Return the mean features of each crystal."""

    def mean(outputs: NetworkOutputs) -> Tensor:
        return mean_over_atoms(torch.cat(outputs.stages, dim=1), outputs.graph)

    return torch.cat(_each(network, graph, mean)).cpu()


def _whitening(features: Tensor, n_components: int) -> Tensor:
    """Compute the leading principal components over their standard deviations."""
    offset = features.double() - features.double().mean(0)
    variances, axes = torch.linalg.eigh(offset.T @ offset / len(offset))
    variances, axes = variances.flip(0)[:n_components], axes.flip(1)[:, :n_components]
    # Directions without variance would only amplify rounding.
    scale = torch.where(
        variances > 1e-9 * variances[0], variances.clamp(min=1e-30).rsqrt(), 0.0
    )
    components: Tensor = axes * scale
    return components


def _temperature(model: CrystalModel, dataset: GraphDataset) -> float:
    """Return the temperature that makes probabilities most likely on a dataset."""
    outputs = torch.cat(_each(fuse(model), dataset.graph, lambda o: o.target.cpu()), dim=1)
    temperatures = torch.logspace(-1.0, 1.0, 201)
    classes = dataset.targets.long()

    def loss(temperature: Tensor) -> float:
        scaled = torch.log_softmax(outputs / temperature, dim=-1)
        return float(nn.functional.nll_loss(torch.logsumexp(scaled, 0), classes))

    return float(min(temperatures, key=loss))


def _observe(model: CrystalModel, new: Uncertainty, dataset: GraphDataset) -> _Observed:
    parts = _each(
        fuse(model),
        dataset.graph,
        lambda o: (new.signals(o), model.assess_target(o).value),
    )
    columns: list[Any] = [
        None if values[0] is None else torch.cat(values).cpu()
        for values in zip(*(part[0] for part in parts), strict=True)
    ]
    signals = Signals(*columns)
    target = torch.cat([part[1] for part in parts]).cpu()
    predicted = torch.exp(target[:, 1]) if model.n_classes else target
    return _Observed(signals, target, (predicted - dataset.targets).abs())


def _fit_std(new: Uncertainty, observed: list[_Observed]) -> None:
    """Fit the estimate of the error, and calibrate it on crystals left out in turn."""
    inputs = torch.cat([new.inputs(each.signals, each.target) for each in observed])
    errors = torch.cat([each.error for each in observed])
    new.input_center.copy_(inputs.mean(0))
    new.input_scale.copy_(inputs.std(0) + 1e-9)
    halves = torch.randperm(len(errors), generator=torch.Generator().manual_seed(0)) % 2
    estimates = torch.empty(len(errors))
    for half in (0, 1):
        _fit_error(new, inputs[halves != half], errors[halves != half])
        estimates[halves == half] = new.log_error(inputs[halves == half])
    new.knots.copy_(_knots(estimates, errors))
    _fit_error(new, inputs, errors)


def _fit_error(new: Uncertainty, inputs: Tensor, errors: Tensor, steps: int = 400) -> None:
    """Fit the mean absolute error, as that of a Laplace distribution."""
    assert new.error is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for layer in new.error:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
    last = cast("nn.Linear", new.error[2])
    nn.init.constant_(last.bias, float(torch.log(errors.mean() + 1e-30)))
    if len(errors) < FEW:
        nn.init.zeros_(last.weight)
        return
    optimizer = torch.optim.Adam(new.error.parameters(), lr=1e-2, weight_decay=1e-3)
    errors = errors + 0.02 * errors.mean()  # a prediction that is right by chance
    new.error.requires_grad_(True)
    for _ in range(steps):
        estimate = new.log_error(inputs)
        loss = (estimate + errors * torch.exp(-estimate)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    new.error.requires_grad_(False)


def _knots(estimates: Tensor, errors: Tensor) -> Tensor:
    """Compute the calibration from the nominal quantile of the error in each bin."""
    order = torch.argsort(estimates)
    n_bins = 1 if len(errors) < FEW else min(N_KNOTS, len(errors) // PER_BIN)
    bins = [part.numpy() for part in order.tensor_split(n_bins)]
    ratios = torch.exp(-estimates) * errors
    x = np.array([np.median(estimates[part]) for part in bins])
    factors = np.array([np.quantile(ratios[part], NOMINAL) for part in bins]) / HALF_WIDTH
    y = _increasing(x, x + np.log(np.maximum(factors, 1e-3)))
    if n_bins == 1:
        x, y = np.append(x, x + 1.0), np.append(y, y + 1.0)
    places = np.linspace(
        0.0, len(x) - 1.0, N_KNOTS
    )  # the bins themselves, if all are there
    knots = [np.interp(places, np.arange(len(x)), values) for values in (x, y)]
    return torch.tensor(np.stack(knots) + 1e-5 * np.arange(N_KNOTS))


def _increasing(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Fit values that increase, with a least slope, by averaging neighbors."""
    line = LEAST_SLOPE * x
    fitted: np.ndarray[Any, Any] = isotonic_regression(y - line).x
    return fitted + line


def _limits(new: Uncertainty, observed: _Observed, chosen: Tensor) -> Tensor:
    """Choose limits that leave the nominal share of the crystals inside."""
    std = new.std(observed.signals, observed.target)
    columns = [std, observed.signals.relaxation, observed.signals.distance]
    columns = [values if values is None else values[chosen] for values in columns]
    low, high = 0.0, 1.0 - INSIDE
    for _ in range(30):  # the share beyond one limit; those beyond several count once
        share = (low + high) / 2.0
        limits = [
            torch.inf if values is None else float(np.quantile(values, 1.0 - share * part))
            for values, part in zip(columns, SHARES, strict=True)
        ]
        outside = torch.zeros(int(chosen.sum()), dtype=torch.bool)
        for values, limit in zip(columns, limits, strict=True):
            if values is not None:
                outside |= values > limit
        if float(outside.float().mean()) > 1.0 - INSIDE:
            high = share
        else:
            low = share
    return torch.tensor(limits)
