"""Several networks that learned one property, as one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from ase_orbital.errors import ModelError
from ase_orbital.graphs.converters import as_crystal_graph
from ase_orbital.models.crystal_model import CrystalModel, check_features
from ase_orbital.models.eosnet import EOSNet
from ase_orbital.models.fused import FusedEOSNet
from ase_orbital.models.ocrystalnet import OCrystalNet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

NETWORKS: dict[str, type[CrystalModel]] = {"EOSNet": EOSNet, "OCrystalNet": OCrystalNet}


class Ensemble(CrystalModel):
    """Mean of networks that differ in their seeds, with a calibrated standard deviation.

    Parameters
    ----------
    members
        Networks of one property, descriptor and connectivity; or their settings, with the
        name of the class under "network".
    std_scale, std_floor
        The standard deviation is `std_scale * sqrt(s^2 + std_floor^2)`, with s that
        of the members.

    Raises
    ------
    ModelError
        If there are fewer than two members, or they do not predict one thing alike.
    """

    def __init__(
        self,
        members: Sequence[CrystalModel | dict[str, Any]],
        *,
        std_scale: float = 1.0,
        std_floor: float = 0.0,
    ) -> None:
        networks = [
            member if isinstance(member, CrystalModel) else _made(member)
            for member in members
        ]
        if len(networks) < 2:
            raise ModelError(f"an ensemble needs at least 2 members, not {len(networks)}")
        first = networks[0]
        for shared in ("property_name", "n_classes", "transform", "descriptor",
                       "connectivity", "elements"):  # fmt: skip
            values = [getattr(network, shared) for network in networks]
            if any(value != values[0] for value in values):
                raise ModelError(f"members of an ensemble differ in {shared}: {values}")
        super().__init__(
            descriptor=first.descriptor,
            connectivity=first.connectivity,
            property_name=first.property_name,
            n_classes=first.n_classes,
            target_mean=float(first.target_mean),
            target_scale=float(first.target_scale),
            transform=first.transform,
            elements=first.elements,
        )
        self.save_args(
            {},
            {
                "members": [
                    {"network": type(network).__name__, **network._init_args}
                    for network in networks
                ],
                "std_scale": float(std_scale),
                "std_floor": float(std_floor),
            },
        )
        self.members = nn.ModuleList(networks)
        self._fused: list[FusedEOSNet] = []  # in a list: no part of the saved state
        self.std_scale = float(std_scale)
        self.std_floor = float(std_floor)

    @property
    def _networks(self) -> list[CrystalModel]:
        """The members, as what they are."""
        return [cast("CrystalModel", member) for member in self.members]

    def outputs(self, graph: CrystalGraph) -> Tensor:
        """What each member makes of the graphs: [n_members, n_graphs(, n_classes)]."""
        for fused in self._fused:
            check_features(graph.features, self.n_features)
            pairs = zip(self._networks, fused(graph), strict=True)
            return torch.stack([network.unscale(encoded) for network, encoded in pairs])
        return torch.stack([network(graph) for network in self._networks])

    def clear_features(self) -> None:
        """See `CrystalModel.clear_features`; those of the members too."""
        super().clear_features()
        for network in self._networks:
            network.clear_features()

    def fuse(self) -> None:
        """See `CrystalModel.fuse`."""
        networks = [member for member in self._networks if isinstance(member, EOSNet)]
        if len(networks) == len(self.members):
            self._fused = [FusedEOSNet(networks)]

    def combine(self, outputs: Tensor) -> Tensor:
        """Mean over the members; of probabilities, for classes."""
        if self.n_classes is None:
            return outputs.mean(0)
        return torch.logsumexp(outputs, 0) - float(torch.tensor(len(outputs)).log())

    def std(self, outputs: Tensor) -> Tensor:
        """Calibrated standard deviation [n_graphs]; for classes, that of class 1."""
        if self.n_classes is not None:
            outputs = torch.exp(outputs[..., 1])
        return self.std_scale * torch.sqrt(outputs.var(0) + self.std_floor**2)

    def raw_output(self, graph: CrystalGraph) -> Tensor:
        """Not used: an ensemble has no output layer of its own."""
        raise NotImplementedError

    def forward(self, g: Any, state_attr: Tensor | None = None, **_: Any) -> Tensor:  # noqa: ARG002
        """Run all members; see `CrystalModel.forward`."""
        return self.combine(self.outputs(as_crystal_graph(g)))

    def predict_target(self, graph: CrystalGraph) -> tuple[Tensor, Tensor | None]:
        """See `CrystalModel.predict_target`; all members run once."""
        outputs = self.outputs(graph)
        return self.combine(outputs), self.std(outputs)


def _made(settings: dict[str, Any]) -> CrystalModel:
    values = dict(settings)
    name = values.pop("network", None)
    if name not in NETWORKS:
        raise ModelError(f"there is no network {name!r}; known: {', '.join(NETWORKS)}")
    return NETWORKS[name](**values)
