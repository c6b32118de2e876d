"""A single network with its output layer."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_orbital.graphs.converters import as_crystal_graph
from ase_orbital.models.crystal_model import CrystalModel
from ase_orbital.models.featurization import check_features
from ase_orbital.models.outputs import NetworkOutputs
from ase_orbital.models.sizes import check_size

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ase_orbital.graphs.crystal_graph import CrystalGraph


class Network(CrystalModel):
    """A network on crystal graphs; parameters as for `CrystalModel`."""

    hyperparameters: dict[str, Any]  # constructor arguments of the network itself

    @property
    def settings(self) -> dict[str, Any]:
        """See `CrystalModel.settings`."""
        return {
            "descriptor": self.descriptor.to_settings(),
            **self.hyperparameters,
            **self.target_settings,
        }

    @property
    def input_layer(self) -> nn.Linear | None:
        """The layer that takes the features of atoms; None if there is no such layer."""
        return None

    @abstractmethod
    def layer_outputs(self, graph: CrystalGraph) -> dict[str, Tensor]:
        """Run all layers.

        Returns
        -------
        dict of Tensor
            Features after each stage, by matgl's names: "edge_attr", "embedding",
            "gc_1" ..., "readout"; "atoms", which are averaged; and the unscaled "output",
            [n_graphs, 1 or n_classes].
        """

    def _run(self, graph: CrystalGraph) -> dict[str, Tensor]:
        check_features(graph.features, self.n_features)
        features = self.layer_outputs(graph)
        output = features.pop("output")
        if self.n_classes is not None:
            features["final"] = torch.log_softmax(output, dim=1)
        else:
            features["final"] = output.squeeze(1) * self.target_scale + self.target_mean
        return features

    def outputs(self, graph: CrystalGraph) -> NetworkOutputs:
        """See `CrystalModel.outputs`."""
        features = self._run(graph)
        stages = [
            values
            for name, values in features.items()
            if name in ("embedding", "atoms") or name.startswith("gc_")
        ]
        if stages[-1] is stages[-2]:  # the last convolution, and what is averaged
            stages.pop()
        return NetworkOutputs(features["final"][None], stages, graph)

    def training_outputs(self, graph: CrystalGraph) -> Tensor:
        """Return what `forward` does; `feature_dict` is not changed."""
        return self._run(graph)["final"]

    def forward(self, g: Any, state_attr: Tensor | None = None, **_: Any) -> Tensor:  # noqa: ARG002
        """See `CrystalModel.forward`."""
        features = self.feature_dict = self._run(as_crystal_graph(g))
        return features["final"]


def arguments(local_names: dict[str, Any]) -> dict[str, Any]:
    """Pick a constructor's own arguments from its `locals()`, in JSON values.

    Raises ModelError if a number of something, `n_...`, is not whole or out of its bounds.
    """
    own = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in local_names.items()
        if name not in ("self", "__class__", "descriptor", "target")
    }
    for name, value in own.items():
        if name.startswith("n_"):
            check_size(name, value)
    return own
