"""A single network with its output layer."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_orbital.graphs.converters import as_crystal_graph
from ase_orbital.models.crystal_model import CrystalModel
from ase_orbital.models.featurization import check_features

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph


class Network(CrystalModel):
    """A network on crystal graphs; parameters as for `CrystalModel`.

    Attributes
    ----------
    hyperparameters : dict
        Constructor arguments of the network itself, apart from its descriptor.
    """

    hyperparameters: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """See `CrystalModel.settings`."""
        return {
            "descriptor": self.descriptor.to_settings(),
            **self.hyperparameters,
            **self.target_settings,
        }

    @abstractmethod
    def layer_outputs(self, graph: CrystalGraph) -> dict[str, Tensor]:
        """Run all layers.

        Returns
        -------
        dict of Tensor
            Features after each stage, by matgl's names: "edge_attr", "embedding",
            "gc_1" ..., "readout"; and "output" of the output layer, before scaling,
            [n_graphs, 1 or n_classes].
        """

    def raw_output(self, graph: CrystalGraph) -> Tensor:
        """Run the network up to its output layer: [n_graphs, 1 or n_classes]."""
        check_features(graph.features, self.n_features)
        return self.layer_outputs(graph)["output"]

    def unscale(self, output: Tensor) -> Tensor:
        """Convert `raw_output` to the target."""
        if self.n_classes is not None:
            return torch.log_softmax(output, dim=1)
        return output.squeeze(1) * self.target_scale + self.target_mean

    def outputs(self, graph: CrystalGraph) -> Tensor:
        """See `CrystalModel.outputs`."""
        return self.unscale(self.raw_output(graph))[None]

    def forward(self, g: Any, state_attr: Tensor | None = None, **_: Any) -> Tensor:  # noqa: ARG002
        """See `CrystalModel.forward`."""
        graph = as_crystal_graph(g)
        check_features(graph.features, self.n_features)
        features = self.layer_outputs(graph)
        features["final"] = self.unscale(features.pop("output"))
        self.feature_dict = features
        return features["final"]


def arguments(local_names: dict[str, Any]) -> dict[str, Any]:
    """Pick a constructor's own arguments from its `locals()`, in JSON values."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in local_names.items()
        if name not in ("self", "__class__", "descriptor", "target")
    }
