"""A model of this package, prepared for prediction."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import nn

from ase_orbital.errors import ModelError
from ase_orbital.models.committee import Prediction
from ase_orbital.models.fused import fuse
from ase_orbital.numerics.threads import chunks_by_size
from ase_orbital.zoo.folders import load_model

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.crystal_model import Assessment, CrystalModel

ModelLike: TypeAlias = str | Path | nn.Module

MAX_EDGES = 2048  # edges in one run of a network, so that its layers stay in the cache


def load_or_copy(model: ModelLike) -> Any:
    """Load a model by name or path, or copy a loaded one; ModelError for other objects."""
    if isinstance(model, str | Path):
        return load_model(model)
    if not (isinstance(model, nn.Module) and hasattr(model, "predict_structure")):
        raise ModelError(
            f"a {type(model).__name__} is not a property model; give a name of "
            "list_models(), a model folder, or a model with predict_structure"
        )
    # The features of its last run belong to an autograd graph, and cannot be copied.
    parts = [part for part in model.modules() if hasattr(part, "feature_dict")]
    return deepcopy(model, {id(part.feature_dict): {} for part in parts})


class PreparedModel:
    """A model on its device, in its precision, with its networks fused.

    Parameters
    ----------
    model
        Is changed; see `load_or_copy`.
    device, dtype
        Device of the network, and precision of network and descriptor. Features are
        computed on the CPU, which is faster.

    Attributes
    ----------
    property_name, unit, has_std, has_domain, periodicities, check_elements
        As those of the model.
    featurization
        Makes the graphs; models with equal featurizations can share them.
    """

    def __init__(
        self, model: CrystalModel, *, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._model = model.to(device, dtype).eval().requires_grad_(False)
        self._networks = fuse(model)
        if model.uncertainty is not None and model.uncertainty.relaxation is not None:
            relaxation = model.uncertainty.relaxation
            relaxation.network = fuse(relaxation.network)
        self.featurization = model.featurization.with_precision(dtype)
        self.property_name, self.unit = model.property_name, model.unit
        self.has_std, self.check_elements = model.has_std, model.check_elements
        self.has_domain = model.uncertainty is not None
        self.periodicities = model.periodicities
        self._device, self._dtype = device, dtype

    def batch(self, structures: list[Atoms]) -> CrystalGraph:
        """Make one graph of structures that passed `check_elements`."""
        return self.featurization.batch(structures, self._dtype)

    def predict_graphs(
        self, graph: CrystalGraph, *, bounded: bool = True, domain: bool = True
    ) -> Assessment:
        """Predict property, standard deviation and domain excess, differentiably.

        See `CrystalModel.assess`.
        """
        outputs = self._networks.outputs(graph)
        return self._model.assess(outputs, bounded=bounded, domain=domain)

    def atom_features(self, atoms: Atoms) -> NDArray[np.float64]:
        """Features of the atoms in the last layer of each network, side by side.

        They are those whose mean over the atoms the network turns into the property.

        Returns
        -------
        [n_atoms, n_networks * n_hidden]
        """
        (graph,) = self._model.graphs([atoms])
        graph = graph.to(self._device)
        networks: list[Any] = getattr(self._model, "networks", [self._model])
        with torch.inference_mode():
            parts = [network.layer_outputs(graph)["atoms"] for network in networks]
        return np.asarray(torch.cat(parts, dim=1).double().cpu().numpy())

    def predict(self, batch: CrystalGraph, *, domain: bool = False) -> Prediction:
        """Predict for the structures of a batch.

        The batch may be on any device; the prediction is on the CPU, in double precision.
        `domain` also asks whether each structure is in the domain of the model.
        """
        runs = []
        with torch.inference_mode():
            # The caches of a CPU hold few edges; a GPU waits for more.
            most = MAX_EDGES if self._device.type == "cpu" else len(batch.source) + 1
            sizes = batch.n_edges.tolist()
            for members in chunks_by_size(range(batch.n_graphs), sizes, most):
                graph = batch
                if len(members) < batch.n_graphs:
                    graph = batch.select(torch.tensor(members))
                graph = graph.to(self._device)
                value, std, excess = self.predict_graphs(graph, domain=domain)
                runs.append((value, std, None if excess is None else excess == 0.0))
        columns: list[Any] = [
            None if parts[0] is None else torch.cat(parts).double().cpu()
            for parts in zip(*runs, strict=True)
        ]
        return Prediction(self.property_name, *columns)
