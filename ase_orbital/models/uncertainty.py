"""Uncertainty of a prediction: its standard deviation, and the domain of the model.

Both are computed from what the networks know of a crystal: the disagreement between the
members of an ensemble, the distance from the training set in the features of the first
network, and the predicted value; and from the relaxation energy, by which a structure lies
above its local minimum and which a small network predicts. `training.calibration` fits them
to crystals that were not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from ase_orbital.models.layers import mean_over_atoms
from ase_orbital.models.relaxation import LEAST, RelaxationEnergy
from ase_orbital.models.rounding import smallest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.models.outputs import NetworkOutputs

    Values = NDArray[np.floating[Any]]

NOMINAL = 0.90  # probability of the central interval for calibration and coverage
HALF_WIDTH = 1.6448536269514722  # of that interval, in normal standard deviations

N_COMPONENTS = 128  # of the features, for the distance
N_LEADING = 8  # of these components, from which the error is estimated
N_HIDDEN = 16  # width of the layer that estimates the error
N_KNOTS = 12  # of the calibration of the standard deviation
LARGEST = 2.302585092994046  # logarithm of 10


class Signals(NamedTuple):
    """What the uncertainty is computed from, [n_graphs] each.

    Attributes
    ----------
    components
        Mean features of the atoms in units of their standard deviations in the training
        set, along their principal components: [n_graphs, n_components].
    distance
        Root mean square of the components: 1 for a typical training crystal.
    relaxation
        Relaxation energy, eV/atom; None if it is not known.
    members
        Standard deviation between the networks; None for a single one.
    """

    components: Tensor
    distance: Tensor
    relaxation: Tensor | None
    members: Tensor | None


class Uncertainty(nn.Module):
    """Standard deviation and domain of one model.

    The standard deviation is a small network on the signals, followed by an increasing
    function, so that 90 % of the known values are in the 90 % interval wherever the
    standard deviation lies. A crystal is in the domain if none of standard deviation,
    relaxation energy and distance is above its limit.

    Parameters
    ----------
    n_features
        Number of features of an atom in all stages together.
    n_components
        Number of principal components.
    relaxation
        Settings of the network that predicts the relaxation energy; None without one.
    distorted
        Whether the error is estimated from the relaxation energy as well, because errors of
        distorted crystals are known. Else only the domain needs that network.
    n_inputs
        Number of signals from which the error is estimated; 0 for classes, whose standard
        deviation is that between the members.
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        *,
        relaxation: dict[str, Any] | None,
        distorted: bool = False,
        n_inputs: int,
    ) -> None:
        super().__init__()
        self.settings = {
            "n_features": n_features,
            "n_components": n_components,
            "relaxation": relaxation,
            "distorted": distorted,
            "n_inputs": n_inputs,
        }
        self.distorted = distorted
        self.center: Tensor
        self.projection: Tensor
        self.input_center: Tensor
        self.input_scale: Tensor
        self.members_floor: Tensor
        self.knots: Tensor
        self.limits: Tensor
        self.temperature: Tensor
        self.register_buffer("center", torch.zeros(n_features))
        self.register_buffer("projection", torch.zeros(n_features, n_components))
        self.register_buffer("input_center", torch.zeros(n_inputs))
        self.register_buffer("input_scale", torch.ones(n_inputs))
        self.register_buffer("members_floor", torch.tensor(1e-6))
        # Estimated and calibrated logarithms of the standard deviation.
        ramp = torch.linspace(0.0, 1.0, N_KNOTS)
        self.register_buffer("knots", torch.stack([ramp, ramp]))
        # Of standard deviation, relaxation energy (eV/atom) and distance.
        self.register_buffer("limits", torch.full((3,), torch.inf))
        self.register_buffer("temperature", torch.tensor(1.0))  # of class probabilities
        self.relaxation = RelaxationEnergy(**relaxation) if relaxation else None
        self.error = None
        if n_inputs:
            self.error = nn.Sequential(
                nn.Linear(n_inputs, N_HIDDEN), nn.Softplus(), nn.Linear(N_HIDDEN, 1)
            )
        self.requires_grad_(False)

    def place(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        """Return components and distance of mean features, [n_graphs, n_features]."""
        components = (mean - self.center) @ self.projection
        distance = torch.linalg.vector_norm(components, dim=1) / components.shape[1] ** 0.5
        return components, distance

    def signals(self, outputs: NetworkOutputs, *, domain: bool = True) -> Signals:
        """Compute the signals of a batch; without `domain` those for `std` only."""
        graph = outputs.graph
        atoms = torch.cat(outputs.stages, dim=1)
        mean = mean_over_atoms(atoms, graph).to(self.center.dtype)
        components, distance = self.place(mean)
        relaxation = None
        if self.relaxation is not None and (domain or self.distorted):
            relaxation = self.relaxation(graph)
        members = None
        if len(outputs.target) > 1:
            values = outputs.target
            if values.dim() == 3:
                values = torch.exp(self.scaled(values)[..., 1])
            members = torch.sqrt(values.var(0) + self.members_floor**2)
        return Signals(components, distance, relaxation, members)

    def scaled(self, log_probabilities: Tensor) -> Tensor:
        """Divide the logarithms of probabilities by the temperature, and normalize."""
        return functional.log_softmax(log_probabilities / self.temperature, dim=-1)

    def inputs(self, signals: Signals, target: Tensor) -> Tensor:
        """Return what the error is estimated from, [n_graphs, n_inputs]."""
        columns = [signals.components[:, :N_LEADING], target[:, None]]
        columns.append(torch.log(signals.distance)[:, None])
        if signals.members is not None:
            columns.append(torch.log(signals.members)[:, None])
        if self.distorted and signals.relaxation is not None:
            columns.append(torch.log(signals.relaxation + LEAST)[:, None])
        return torch.cat(columns, dim=1)

    def std(self, signals: Signals, target: Tensor) -> Tensor | None:
        """Return the standard deviation of the target, [n_graphs].

        None for classes predicted by a single network.
        """
        if self.error is None:
            return signals.members
        return torch.exp(self.calibrated(self.log_error(self.inputs(signals, target))))

    def log_error(self, inputs: Tensor) -> Tensor:
        """Estimate the logarithm of the error before calibration, [n_graphs]."""
        assert self.error is not None  # there is one for a target that is no class
        estimate: Tensor = self.error((inputs - self.input_center) / self.input_scale)
        return estimate.squeeze(1)

    def calibrated(self, estimate: Tensor) -> Tensor:
        """Apply the piecewise linear calibration; outside the knots the slope is 1.

        The result is at most ten times the largest standard deviation of the knots, beyond
        which nothing is known.
        """
        x, y = self.knots.unbind()
        one = x.new_ones(1)
        # A sum of ramps takes a third as long as finding the knots around each value.
        bends = torch.diff(torch.diff(y) / torch.diff(x), prepend=one, append=one)
        estimate = estimate.clamp(max=x[-1] + LARGEST)
        ramps = (estimate[:, None] - x).clamp(min=0.0)
        return estimate + (ramps @ bends + (y[0] - x[0]))

    def excess(self, signals: Signals, std: Tensor | None) -> Tensor:
        """Return how far the signals are above their limits, [n_graphs].

        This is the largest ratio of standard deviation, relaxation energy or distance to
        its limit, less 1; and 0 inside the domain.
        """
        values = [std, signals.relaxation, signals.distance]
        ratios = [
            value / limit
            for value, limit in zip(values, self.limits, strict=True)
            if value is not None
        ]
        return (torch.stack(ratios).amax(0) - 1.0).clamp(min=0.0)

    def content(self) -> dict[str, Any]:
        """Return settings and tensors for a file; the large tensors in half precision."""
        state = {
            name: value.half() if name == "projection" else smallest(value)
            for name, value in self.state_dict().items()
        }
        return {"settings": self.settings, "state": state}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Uncertainty:
        """Make an uncertainty from its `content`."""
        new = cls(**content["settings"])
        new.load_state_dict(content["state"])
        return new


@dataclass(frozen=True)
class Calibration:
    """Scale and floor of the deviation of members, for an ensemble without `Uncertainty`.

    Parameters
    ----------
    scale
        Factor of the standard deviation.
    floor
        Standard deviation that is added in quadrature, in the unit of the target.
    """

    scale: float = 1.0
    floor: float = 0.0

    def std(self, variance: torch.Tensor) -> torch.Tensor:
        """Calibrate the variance between members, and return the standard deviation."""
        return self.scale * torch.sqrt(variance + self.floor**2)
