"""What both networks share: from a structure to a number with a unit, and to disk."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import torch
from matgl.models import MatGLModel

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.descriptors.settings import from_settings, plain, to_settings
from ase_orbital.elements import SYMBOLS, provenance
from ase_orbital.errors import ElementError, ModelError
from ase_orbital.graphs.building import build_batch, build_graphs
from ase_orbital.graphs.converters import Atoms2Graph, as_crystal_graph
from ase_orbital.models.domain import Domain
from ase_orbital.numerics.threads import each_on_one_thread
from ase_orbital.properties import PROPERTIES, unit_of
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms
    from torch import Tensor

    from ase_orbital.graphs.connectivity import Connectivity
    from ase_orbital.graphs.converters import Backend
    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.structure import AtomsLike

Transform = Literal["identity", "log10"]
UNNAMED = "property"  # what a model predicts if nobody said


class CrystalModel(MatGLModel):  # type: ignore[misc]  # matgl is not fully annotated
    """A network on crystal graphs, with all it takes to predict from a structure.

    Parameters
    ----------
    descriptor
        Gives the rows of the atoms: a Descriptor, or its settings.
    connectivity
        Which atoms are joined by edges.
    property_name
        What is predicted; see `keys.PROPERTIES`.
    n_classes
        None for regression; for classification, how many classes there are.
    target_mean, target_scale
        Of the learned quantity over the training set; the network sees standard units.
    transform
        "log10" where the logarithm of the property is learned, "identity" where it is the
        property itself; None for what `keys.PROPERTIES` says.
    elements
        Atomic numbers seen in training; others are refused. None if not known.
    """

    __version__ = 1

    def __init__(
        self,
        *,
        descriptor: Descriptor | dict[str, Any],
        connectivity: Connectivity,
        property_name: str | None,
        n_classes: int | None,
        target_mean: float,
        target_scale: float,
        transform: Transform | None,
        elements: list[int] | None,
    ) -> None:
        super().__init__()
        if not isinstance(descriptor, Descriptor):
            descriptor = from_settings(descriptor)
        if descriptor.n_features is None:
            raise ModelError(
                f"the rows of {descriptor} depend on the structure; "
                "give GOM a number of eigenvalues"
            )
        if n_classes is not None and n_classes < 2:
            raise ModelError(f"n_classes must be at least 2, or None, not {n_classes}")
        known = PROPERTIES.get(property_name or "")
        if known and known.classes != (n_classes == 2):
            kind = "a class: n_classes=2" if known.classes else "a number: n_classes=None"
            raise ModelError(f"{property_name} is learned as {kind}, not {n_classes}")
        self.descriptor = descriptor
        self.connectivity = connectivity
        self.property_name = property_name or UNNAMED
        self.n_classes = n_classes
        self.transform: Transform = transform or (known.transform if known else "identity")
        self.elements = None if elements is None else sorted(map(int, elements))
        self.domain = Domain(descriptor.n_features)
        # Buffers, so that an imported or continued model carries its own.
        self.target_mean: Tensor
        self.target_scale: Tensor
        self.register_buffer("target_mean", torch.tensor(float(target_mean)))
        self.register_buffer("target_scale", torch.tensor(float(target_scale)))

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles go without the features of the last run."""
        return {**self.__dict__, "feature_dict": {}}

    def _remember(self, settings: dict[str, Any]) -> None:
        """Keep constructor arguments as matgl's loader will hand them back: plain."""
        kept = {
            name: plain(value)
            for name, value in settings.items()
            if name not in ("self", "__class__")
        }
        kept["descriptor"] = to_settings(self.descriptor)
        kept["elements"] = self.elements
        self.save_args({}, kept)

    @property
    def unit(self) -> str:
        """Unit of what `predict_structure` returns; empty if the property is not known."""
        return unit_of(self.property_name)

    @property
    def n_features(self) -> int:
        """Length of the rows this model takes."""
        assert self.descriptor.n_features is not None  # checked when made
        return self.descriptor.n_features

    @abstractmethod
    def raw_output(self, graph: CrystalGraph) -> Tensor:
        """Run the network as far as its output layer: [n_graphs, 1 or n_classes]."""

    def forward(self, g: Any, state_attr: Tensor | None = None, **_: Any) -> Tensor:  # noqa: ARG002
        """Run the network.

        Parameters
        ----------
        g
            CrystalGraph, (batched) DGLGraph, or PyG Data or Batch, from this model's
            `graph_converter`.
        state_attr
            Ignored; matgl hands it to every model.

        Returns
        -------
        [n_graphs]
            The learned quantity: the property itself, or its log10 where `transform` says
            so. For classification [n_graphs, n_classes], log-probabilities.
        """
        output = self.unscale(self.raw_output(as_crystal_graph(g)))
        self.feature_dict["final"] = output
        return output

    def unscale(self, output: Tensor) -> Tensor:
        """Turn what `raw_output` returns into what is learned."""
        if self.n_classes is not None:
            return torch.log_softmax(output, dim=1)
        return output.squeeze(1) * self.target_scale + self.target_mean

    def clear_features(self) -> None:
        """Drop the features of the last run: of no use to a prediction, and large."""
        self.feature_dict: dict[str, Tensor] = {}

    def fuse(self) -> None:
        """Prepare to predict faster; weights that change afterwards are not noticed."""

    def to_property(self, output: Tensor) -> Tensor:
        """Turn what `forward` returns into the property, in `unit`: [n_graphs].

        For classification, the probability of class 1.

        Raises
        ------
        ModelError
            If there are more than two classes, of which none is the one.
        """
        if self.n_classes is not None:
            if self.n_classes != 2:
                raise ModelError(
                    f"a model of {self.n_classes} classes has no single probability; call "
                    "the model on a graph for all of them"
                )
            return torch.exp(output[:, 1])
        return 10.0**output if self.transform == "log10" else output

    def predict_target(self, graph: CrystalGraph) -> tuple[Tensor, Tensor | None]:
        """Return what `forward` returns and its standard deviation, [n_graphs] each.

        It is None for a single network.
        """
        return self(graph), None

    def predict_graphs(self, graph: CrystalGraph) -> tuple[Tensor, Tensor | None]:
        """Predict the property of each crystal and its standard deviation, in `unit`."""
        output, std = self.predict_target(graph)
        if std is not None and self.transform == "log10":
            above, below = (
                self.to_property(output + std),
                self.to_property(output - std),
            )
            std = (above - below) / 2.0
        return self.to_property(output), std

    def graphs(self, structures: list[Atoms]) -> list[CrystalGraph]:
        """Make the graphs of structures that passed `to_atoms`, with all their atoms.

        Raises
        ------
        ElementError
            If an element was not seen in training.
        """
        for atoms in structures:
            self.check_elements(atoms)
        return build_graphs(
            structures, self.descriptor, self.connectivity, self.target_mean.dtype
        )

    def batch(self, structures: list[Atoms]) -> CrystalGraph:
        """Make one graph of structures, in which one atom stands for all equivalent ones.

        Raises
        ------
        ElementError
            If an element was not seen in training.
        """
        for atoms in structures:
            self.check_elements(atoms)
        return build_batch(
            structures, self.descriptor, self.connectivity, self.target_mean.dtype
        )

    def check_elements(self, atoms: Atoms) -> None:
        """Raise ElementError for an element that was not seen in training."""
        if self.elements is None:
            return
        numbers = atoms.numbers.tolist()
        unseen = set(numbers).difference(self.elements)
        if unseen:
            atom, number = next(pair for pair in enumerate(numbers) if pair[1] in unseen)
            raise ElementError(
                f"atom {atom} is {SYMBOLS[number]}, which is not among the "
                f"{len(self.elements)} elements this model of {self.property_name} was "
                "trained on; its model card lists them"
            )

    def graph_converter(self, backend: Backend = "pyg") -> Atoms2Graph:
        """Make the converter to the graphs this model takes."""
        return Atoms2Graph(
            self.descriptor,
            **asdict(self.connectivity),
            backend=backend,
            dtype=self.target_mean.dtype,
        )

    def predict_structure(
        self,
        structure: AtomsLike,
        state_attr: Tensor | None = None,  # noqa: ARG002  # matgl's signature
        graph_converter: Atoms2Graph | None = None,
    ) -> Tensor:
        """Predict the property of one structure.

        Parameters
        ----------
        structure
            `ase.Atoms`, a pymatgen `Structure` or `Molecule`, or the path of a file.
        state_attr
            Ignored; part of matgl's signature.
        graph_converter
            In place of this model's own.

        Returns
        -------
        Tensor of no dimension
            In `unit`.

        Raises
        ------
        StructureError, ElementError
            If the structure cannot be described, or has an element the model has not seen.
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
            (value,) = each_on_one_thread(self._predict_graph, [graph])
        finally:
            self.train(training)
        return value

    def _predict_graph(self, graph: CrystalGraph) -> Tensor:
        with torch.no_grad():
            return self.to_property(self(graph.to(self.target_mean.device)))[0]

    def save(
        self,
        path: str | Path = ".",
        metadata: dict[str, Any] | None = None,
        makedirs: bool = True,
    ) -> None:
        """Save in matgl's three files, with the tables' checksums in the metadata.

        Parameters
        ----------
        path
            Folder of the model.
        metadata
            What else `model.json` is to say, in JSON values.
        makedirs
            Make the folder if it is not there.
        """
        tables = {name: origin.sha256 for name, origin in provenance().items()}
        super().save(path, {"tables": tables} | (metadata or {}), makedirs)


def check_features(rows: Tensor, n_features: int) -> None:
    """Raise ModelError unless rows are as long as a network takes them."""
    if rows.shape[1] != n_features:
        raise ModelError(
            f"this model takes rows of {n_features} features, and the graph has "
            f"{rows.shape[1]}; make it with the model's graph_converter()"
        )
