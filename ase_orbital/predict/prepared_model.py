"""A model of this package, prepared for prediction."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, overload

import torch
from torch import nn

from ase_orbital.errors import ModelError
from ase_orbital.models.fused import fuse
from ase_orbital.numerics.threads import chunks_by_size
from ase_orbital.zoo.folders import load_model

if TYPE_CHECKING:
    from ase import Atoms
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.models.domain import Domain
    from ase_orbital.models.featurization import Featurization

ModelLike: TypeAlias = str | Path | nn.Module

MAX_EDGES = 2048  # edges in one run of a network, so that its layers stay in the cache


class Answer(NamedTuple):
    """Predictions of one model, [n_structures] each.

    Attributes
    ----------
    value, std
        Property and its standard deviation, None if the model predicts none.
    in_domain
        Whether the structure is in the domain of the model; None if not asked for.
    """

    value: Tensor
    std: Tensor | None = None
    in_domain: Tensor | None = None


def load_or_copy(model: ModelLike) -> Any:
    """Load a model by name or path, or copy a loaded one.

    Raises
    ------
    ModelError
        If it is not a property model.
    """
    if isinstance(model, str | Path):
        return load_model(model)
    if not (isinstance(model, nn.Module) and hasattr(model, "predict_structure")):
        raise ModelError(
            f"a {type(model).__name__} is not a property model; give a name of "
            "list_models(), a model folder, or a model with predict_structure"
        )
    # The features of its last run belong to an autograd graph, and cannot be copied.
    features: dict[int, Any] = {
        id(part.feature_dict): {}
        for part in model.modules()
        if hasattr(part, "feature_dict")
    }
    return deepcopy(model, features)


class PreparedModel:
    """A model on its device, in its precision, with its networks fused.

    Parameters
    ----------
    model
        Is changed; see `load_or_copy`.
    device, dtype
        Device of the network, and precision of network and descriptor. Features are
        computed on the CPU, which is faster.
    """

    def __init__(
        self, model: CrystalModel, *, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.model = model.to(device, dtype).eval().requires_grad_(False)
        self.model.featurization = model.featurization.with_precision(dtype)
        self.networks = fuse(self.model)
        self.device = device

    @property
    def property_name(self) -> str:
        """Name of the predicted property."""
        return self.model.property_name

    @property
    def has_std(self) -> bool:
        """Whether the model predicts a standard deviation."""
        return self.model.has_std

    @property
    def domain(self) -> Domain:
        """Elements and descriptor range of the training set."""
        return self.model.domain

    @property
    def featurization(self) -> Featurization:
        """How the model makes graphs; models for which it is equal can share them."""
        return self.model.featurization

    def check_elements(self, atoms: Atoms) -> None:
        """Raise ElementError for an element that was not in the training set."""
        self.model.check_elements(atoms)

    def batch(self, structures: list[Atoms]) -> CrystalGraph:
        """Make one graph of structures that passed `check_elements`."""
        return self.featurization.batch(structures, self.model.target_mean.dtype)

    def predict_graphs(self, graph: CrystalGraph) -> tuple[Tensor, Tensor | None]:
        """See `CrystalModel.predict_graphs`; differentiable with respect to the graph."""
        return self.model.value_and_std(self.networks.outputs(graph))

    def answer(self, batch: CrystalGraph, *, domain: bool = False) -> Answer:
        """Predict for the structures of a batch.

        Parameters
        ----------
        batch
            Graph of the structures, on any device.
        domain
            Also compare each structure with the domain.

        Returns
        -------
        Answer
            In double precision, on the CPU.
        """
        runs: list[tuple[Tensor, Tensor | None, Tensor | None]] = []
        with torch.inference_mode():
            # The caches of a CPU hold few edges; a GPU waits for more.
            most = MAX_EDGES if self.device.type == "cpu" else len(batch.source) + 1
            sizes = batch.n_edges.tolist()
            for members in chunks_by_size(range(batch.n_graphs), sizes, most):
                graph = batch
                if len(members) < batch.n_graphs:
                    graph = batch.select(torch.tensor(members))
                graph = graph.to(self.device)
                inside = self.domain(graph) if domain else None
                runs.append((*self.predict_graphs(graph), inside))
        values, stds, inside = zip(*runs, strict=True)
        return Answer(_join(values), _join(stds), _join(inside))


@overload
def _join(parts: tuple[Tensor, ...]) -> Tensor: ...
@overload
def _join(parts: tuple[Tensor | None, ...]) -> Tensor | None: ...
def _join(parts: tuple[Tensor | None, ...]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.cat(known).double().cpu() if known else None
