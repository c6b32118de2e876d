"""The interface of all models: from a structure to a property with a unit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import nn

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import ElementError, ModelError
from ase_orbital.graphs.converters import Atoms2Graph, build_graphs
from ase_orbital.models.committee import mean_and_variance, mean_log_probability
from ase_orbital.models.featurization import Featurization
from ase_orbital.models.saving import save_model
from ase_orbital.models.sizes import check_size
from ase_orbital.numerics.threads import each_on_one_thread
from ase_orbital.numerics.torch_state import own_torch_state
from ase_orbital.properties import PROPERTIES, minimum_of, unit_of
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms
    from torch import Tensor

    from ase_orbital.graphs.connectivity import Connectivity
    from ase_orbital.graphs.converters import Backend
    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.outputs import NetworkOutputs
    from ase_orbital.models.uncertainty import Calibration, Uncertainty
    from ase_orbital.structure import AtomsLike

Transform = Literal["identity", "log10"]
CRYSTAL = 3  # directions in which a crystal is periodic
UNNAMED = "property"  # name of the predicted property if none was given


class Assessment(NamedTuple):
    """Predictions for a batch, [n_graphs] each.

    Attributes
    ----------
    value
        The prediction; log-probabilities, [n_graphs, n_classes], for the target of a
        classifier.
    std
        Its standard deviation; None if the model has none.
    domain_excess
        How far the crystal is outside the domain, 0 inside; None without a domain.
    """

    value: Tensor
    std: Tensor | None
    domain_excess: Tensor | None


class CrystalModel(nn.Module, ABC):
    """A model that predicts one property of crystals: a network or an ensemble.

    Parameters
    ----------
    descriptor
        Computes the features of the atoms: a Descriptor, or its settings.
    connectivity
        Selects the edges of the graph.
    property_name
        Name of the predicted property; see `properties.PROPERTIES`.
    n_classes
        Number of classes for classification; None for regression.
    target_mean, target_scale
        Mean and standard deviation of the target over the training set. The output of the
        network is scaled by them.
    transform
        "log10" if the target is the logarithm of the property, "identity" if it is the
        property itself; None for the entry in `properties.PROPERTIES`.
    unit
        Unit of the property; None for the entry in `properties.PROPERTIES`, or if it is not
        known.
    elements
        Atomic numbers in the training set; structures with other elements are refused.
        None to accept all elements.
    periodicities
        Numbers of directions in which the structures of the training set are periodic, as
        `neighbors.periodicity` counts them. None for crystals, [3], if `elements` are
        given, and for unknown otherwise.
    calibration
        Scales the standard deviation between the members of an ensemble without
        `uncertainty`; None for a single network.

    Attributes
    ----------
    unit
        Unit of the predicted property; empty if it is not known.
    uncertainty
        Standard deviation and domain; None before `training.calibration` fitted them.

    Raises
    ------
    ModelError
        If settings contradict each other, a size is out of its bounds in `models.sizes`,
        or the number of features is not fixed.
    """

    __version__ = 1  # of the saved settings, for matgl's loader

    def __init__(
        self,
        descriptor: Descriptor | dict[str, Any],
        connectivity: Connectivity,
        *,
        property_name: str | None = None,
        n_classes: int | None = None,
        target_mean: float = 0.0,
        target_scale: float = 1.0,
        transform: Transform | None = None,
        unit: str | None = None,
        elements: list[int] | None = None,
        periodicities: list[int] | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        super().__init__()
        if n_classes is not None:
            check_size("n_classes", n_classes, least=2)
        known = PROPERTIES.get(property_name or "")
        if known and known.classes != (n_classes == 2):
            wanted = "n_classes=2" if known.classes else "n_classes=None"
            raise ModelError(f"{property_name} needs {wanted}, not {n_classes}")
        if not isinstance(descriptor, Descriptor):
            descriptor = Descriptor.from_settings(descriptor)
        self.descriptor, self.connectivity = descriptor, connectivity
        self.featurization = Featurization(descriptor, connectivity)
        if descriptor.n_features is None:
            raise ModelError(
                f"the number of features of {descriptor} depends on the structure; "
                "give GOM a number of eigenvalues"
            )
        self.n_features = int(descriptor.n_features)
        check_size("n_features", self.n_features)
        self.property_name = property_name or UNNAMED
        self.n_classes = n_classes
        self.transform: Transform = transform or (known.transform if known else "identity")
        if known and unit not in (None, known.unit):
            raise ModelError(f"the unit of {property_name} is {known.unit}, not {unit}")
        self.unit = unit or unit_of(self.property_name)
        self.elements = None if elements is None else sorted(map(int, elements))
        self.periodicities = periodicities
        if periodicities is None and elements is not None:
            self.periodicities = [CRYSTAL]
        self.calibration = calibration
        self.uncertainty: Uncertainty | None = None
        # Buffers, so that they are saved with the weights.
        self.target_mean: Tensor
        self.target_scale: Tensor
        self.register_buffer("target_mean", torch.tensor(float(target_mean)))
        self.register_buffer("target_scale", torch.tensor(float(target_scale)))
        self.feature_dict: dict[str, Tensor] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the features of the last run out of copies and pickles."""
        return {**self.__dict__, "feature_dict": {}}

    @property
    def num_parameters(self) -> int:
        """Number of weights, under matgl's name."""
        return sum(
            weights.numel()
            for name, weights in self.named_parameters()
            if not name.startswith("uncertainty.")
        )

    @property
    def has_std(self) -> bool:
        """Whether the model predicts a standard deviation."""
        if self.calibration is not None:
            return True
        return self.uncertainty is not None and self.n_classes is None

    @property
    def target_settings(self) -> dict[str, Any]:
        """Constructor arguments that describe the target and the training set."""
        return {
            "property_name": self.property_name,
            "n_classes": self.n_classes,
            "target_mean": float(self.target_mean),
            "target_scale": float(self.target_scale),
            "transform": self.transform,
            "elements": self.elements,
            "periodicities": self.periodicities,
            **({} if self.unit == unit_of(self.property_name) else {"unit": self.unit}),
        }

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Constructor arguments that make an equal model, in JSON values."""

    @abstractmethod
    def forward(self, g: Any, state_attr: Tensor | None = None, **_: Any) -> Tensor:
        """Run the model, and keep the features of every layer in `feature_dict`.

        Parameters
        ----------
        g
            CrystalGraph, (batched) DGLGraph, or PyG Data or Batch from `graph_converter`.
        state_attr
            Ignored; matgl passes it to every model.

        Returns
        -------
        [n_graphs]
            The target: the property, or its log10 if that is the `transform`. For
            classification [n_graphs, n_classes], log-probabilities.
        """

    @abstractmethod
    def outputs(self, graph: CrystalGraph) -> NetworkOutputs:
        """Run all networks; `feature_dict` is not changed."""

    def predict_target(self, graph: CrystalGraph) -> tuple[Tensor, Tensor | None]:
        """Predict the target, as `forward` does, and its standard deviation, [n_graphs].

        For classification, the latter is that of the probability of class 1. It is None if
        the model has no standard deviation.
        """
        return self.assess_target(self.outputs(graph))[:2]

    def assess_target(self, outputs: NetworkOutputs, *, domain: bool = True) -> Assessment:
        """Combine the `outputs` of the networks to the target.

        Without `domain`, the domain excess is left out.
        """
        targets = outputs.target
        if self.n_classes is None:
            target = targets.mean(0)
        else:
            if self.uncertainty is not None:
                targets = self.uncertainty.scaled(targets)
            target = mean_log_probability(targets)
        if self.uncertainty is not None:
            signals = self.uncertainty.signals(outputs, domain=domain)
            std = self.uncertainty.std(signals, target)
            excess = self.uncertainty.excess(signals, std) if domain else None
            return Assessment(target, std, excess)
        if self.calibration is None:
            return Assessment(target, None, None)
        values = targets if self.n_classes is None else torch.exp(targets[..., 1])
        _, variance = mean_and_variance(values)
        return Assessment(target, self.calibration.std(variance), None)

    def assess(
        self, outputs: NetworkOutputs, *, bounded: bool = True, domain: bool = True
    ) -> Assessment:
        """Combine the `outputs` of the networks to the property, in `unit`.

        `bounded` is explained in `to_property`, and `domain` in `assess_target`.
        """
        target, std, excess = self.assess_target(outputs, domain=domain)
        if std is not None and self.transform == "log10":
            std = (self.to_property(target + std) - self.to_property(target - std)) / 2.0
        return Assessment(self.to_property(target, bounded=bounded), std, excess)

    def to_property(self, target: Tensor, *, bounded: bool = True) -> Tensor:
        """Convert a target to the property, in `unit`: [n_graphs].

        Values below the `minimum` of the property, such as negative band gaps, are set to
        it, unless `bounded` is False. For two classes this is the probability of class 1;
        more raise a ModelError.
        """
        if self.n_classes is None:
            value = 10.0**target if self.transform == "log10" else target
            return value.clamp(min=minimum_of(self.property_name)) if bounded else value
        if self.n_classes != 2:
            raise ModelError(
                f"a model of {self.n_classes} classes has no single probability; call "
                "the model on a graph for all of them"
            )
        return torch.exp(target[:, 1])

    def graphs(self, structures: list[Atoms]) -> list[CrystalGraph]:
        """Make the graphs of structures that passed `to_atoms`, with all their atoms.

        Raises ElementError if an element was not in the training set.
        """
        for atoms in structures:
            self.check_elements(atoms)
        dtype = self.target_mean.dtype
        return build_graphs(structures, self.descriptor, self.connectivity, dtype)

    def batch(self, structures: list[Atoms]) -> CrystalGraph:
        """Make one graph, with one node for equivalent atoms; else like `graphs`."""
        for atoms in structures:
            self.check_elements(atoms)
        return self.featurization.batch(structures, self.target_mean.dtype)

    def check_elements(self, atoms: Atoms) -> None:
        """Raise ElementError for an element that was not in the training set."""
        numbers = atoms.numbers.tolist()
        if self.elements is None or set(numbers).issubset(self.elements):
            return
        atom, number = next(at for at in enumerate(numbers) if at[1] not in self.elements)
        raise ElementError(
            f"atom {atom} is {SYMBOLS[number]}, which is not among the "
            f"{len(self.elements)} elements this model of {self.property_name} was "
            "trained on; its model card lists them"
        )

    def graph_converter(self, backend: Backend = "pyg") -> Atoms2Graph:
        """Make the converter from structures to the PyG or DGL graphs of this model."""
        dtype, edges = self.target_mean.dtype, asdict(self.connectivity)
        return Atoms2Graph(self.descriptor, **edges, backend=backend, dtype=dtype)

    @own_torch_state()
    def predict_structure(
        self,
        structure: AtomsLike,
        state_attr: Tensor | None = None,  # noqa: ARG002  # matgl's signature
        graph_converter: Atoms2Graph | None = None,
    ) -> Tensor:
        """Predict the property of one structure, in `unit`; a Tensor without dimensions.

        Parameters
        ----------
        structure
            `ase.Atoms`, a pymatgen `Structure` or `Molecule`, or the path of a file.
        state_attr
            Ignored; part of matgl's signature.
        graph_converter
            Replaces the converter of this model.

        Raises
        ------
        StructureError, ElementError
            If the structure is invalid, or has an element that was not in the training set.
        """
        atoms = to_atoms(structure)
        if graph_converter is None:
            (graph,) = self.graphs([atoms])
        else:
            self.check_elements(atoms)
            graph = graph_converter.crystal_graph(atoms)
        training = self.training
        self.eval()
        try:
            # The decorator sets the grad mode in the thread that runs the function.
            predict = torch.no_grad()(lambda graph: self.to_property(self(graph))[0])
            (value,) = each_on_one_thread(predict, [graph.to(self.target_mean.device)])
        finally:
            self.train(training)
        return value

    def save(
        self,
        path: str | Path = ".",
        metadata: dict[str, Any] | None = None,
        makedirs: bool = True,
    ) -> None:
        """Save the model in a folder that `load_model` and `matgl.load_model` open.

        `metadata` are additional entries of `model.json`, in JSON values.
        """
        save_model(self, path, metadata, makedirs=makedirs)
