"""Several networks that learned one property, as one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from ase_orbital.errors import ModelError
from ase_orbital.graphs.converters import as_crystal_graph
from ase_orbital.models.crystal_model import CrystalModel, check_rows
from ase_orbital.models.eosnet import EOSNet
from ase_orbital.models.fused import FrozenEOSNet
from ase_orbital.models.ocrystalnet import OCrystalNet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

NETWORKS: dict[str, type[CrystalModel]] = {"EOSNet": EOSNet, "OCrystalNet": OCrystalNet}


class Ensemble(CrystalModel):
    """Mean of networks that differ in their seeds, with a calibrated spread.

    Parameters
    ----------
    members
        Networks of one property, descriptor and connectivity; or their settings, with the
        name of the class under "network".
    spread_scale, spread_floor
        The spread is `spread_scale * sqrt(s^2 + spread_floor^2)`, s being the standard
        deviation of what the members learned.

    Raises
    ------
    ModelError
        If there are fewer than two members, or they do not predict one thing alike.
    """

    def __init__(
        self,
        members: Sequence[CrystalModel | dict[str, Any]],
        *,
        spread_scale: float = 1.0,
        spread_floor: float = 0.0,
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
                "spread_scale": float(spread_scale),
                "spread_floor": float(spread_floor),
            },
        )
        self.members = nn.ModuleList(networks)
        self._frozen: list[FrozenEOSNet] = []  # in a list: no part of the saved state
        self.spread_scale = float(spread_scale)
        self.spread_floor = float(spread_floor)

    @property
    def _networks(self) -> list[CrystalModel]:
        """The members, as what they are."""
        return [cast("CrystalModel", member) for member in self.members]

    def outputs(self, graph: CrystalGraph) -> Tensor:
        """What each member makes of the graphs: [n_members, n_graphs(, n_classes)]."""
        for frozen in self._frozen:
            check_rows(graph.rows, self.n_features)
            pairs = zip(self._networks, frozen(graph), strict=True)
            return torch.stack([network.finish(encoded) for network, encoded in pairs])
        return torch.stack([network(graph) for network in self._networks])

    def forget(self) -> None:
        """See `CrystalModel.forget`; those of the members too."""
        super().forget()
        for network in self._networks:
            network.forget()

    def freeze(self) -> None:
        """See `CrystalModel.freeze`."""
        networks = [member for member in self._networks if isinstance(member, EOSNet)]
        if len(networks) == len(self.members):
            self._frozen = [FrozenEOSNet(networks)]

    def combine(self, outputs: Tensor) -> Tensor:
        """Mean over the members; of probabilities, for classes."""
        if self.n_classes is None:
            return outputs.mean(0)
        return torch.logsumexp(outputs, 0) - float(torch.tensor(len(outputs)).log())

    def spread(self, outputs: Tensor) -> Tensor:
        """Calibrated spread of what is learned, [n_graphs]; for classes, of class 1."""
        if self.n_classes is not None:
            outputs = torch.exp(outputs[..., 1])
        return self.spread_scale * torch.sqrt(outputs.var(0) + self.spread_floor**2)

    def encode(self, graph: CrystalGraph) -> Tensor:
        """Not used: an ensemble has no output layer of its own."""
        raise NotImplementedError

    def forward(self, g: Any, state_attr: Tensor | None = None, **_: Any) -> Tensor:  # noqa: ARG002
        """Run all members; see `CrystalModel.forward`."""
        return self.combine(self.outputs(as_crystal_graph(g)))

    def learned(self, graph: CrystalGraph) -> tuple[Tensor, Tensor | None]:
        """See `CrystalModel.learned`; all members run once."""
        outputs = self.outputs(graph)
        return self.combine(outputs), self.spread(outputs)


def _made(settings: dict[str, Any]) -> CrystalModel:
    values = dict(settings)
    name = values.pop("network", None)
    if name not in NETWORKS:
        raise ModelError(f"there is no network {name!r}; known: {', '.join(NETWORKS)}")
    return NETWORKS[name](**values)
