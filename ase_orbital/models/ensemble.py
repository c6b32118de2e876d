"""Several networks that predict one property, as one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from ase_orbital.errors import ModelError
from ase_orbital.graphs.converters import as_crystal_graph
from ase_orbital.models.crystal_model import CrystalModel
from ase_orbital.models.eosnet import EOSNet
from ase_orbital.models.network import Network
from ase_orbital.models.ocrystalnet import OCrystalNet
from ase_orbital.models.outputs import NetworkOutputs
from ase_orbital.models.uncertainty import Calibration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

NETWORKS: dict[str, type[Network]] = {"EOSNet": EOSNet, "OCrystalNet": OCrystalNet}
SHARED = (
    "property_name",
    "n_classes",
    "transform",
    "unit",
    "featurization",
    "elements",
    "periodicities",
)


class Ensemble(CrystalModel):
    """Mean of networks that differ in their seeds, with a calibrated standard deviation.

    Parameters
    ----------
    members
        Networks of one property, descriptor and connectivity; or their settings, with the
        name of the class under "network".
    std_scale, std_floor
        Calibration of the standard deviation; see `models.uncertainty.Calibration`.

    Raises
    ------
    ModelError
        If there are fewer than two members, or they differ in property or graphs.
    """

    def __init__(
        self,
        members: Sequence[Network | dict[str, Any]],
        *,
        std_scale: float = 1.0,
        std_floor: float = 0.0,
    ) -> None:
        networks = [_network(member) for member in members]
        if len(networks) < 2:
            raise ModelError(f"an ensemble needs at least 2 members, not {len(networks)}")
        first = networks[0]
        for shared in SHARED:
            values = [getattr(network, shared) for network in networks]
            if any(value != values[0] for value in values):
                raise ModelError(f"members of an ensemble differ in {shared}: {values}")
        super().__init__(
            first.descriptor,
            first.connectivity,
            **first.target_settings,
            calibration=Calibration(float(std_scale), float(std_floor)),
        )
        self.members = nn.ModuleList(networks)

    @property
    def networks(self) -> list[Network]:
        """The members, typed."""
        return [cast("Network", member) for member in self.members]

    @property
    def settings(self) -> dict[str, Any]:
        """See `CrystalModel.settings`."""
        assert self.calibration is not None  # set in the constructor
        return {
            "members": [
                {"network": type(at).__name__, **at.settings} for at in self.networks
            ],
            "std_scale": self.calibration.scale,
            "std_floor": self.calibration.floor,
        }

    def outputs(self, graph: CrystalGraph) -> NetworkOutputs:
        """See `CrystalModel.outputs`."""
        runs = [network.outputs(graph) for network in self.networks]
        target = torch.cat([run.target for run in runs])
        return NetworkOutputs(target, runs[0].stages, graph)

    def forward(self, g: Any, state_attr: Tensor | None = None, **_: Any) -> Tensor:  # noqa: ARG002
        """Run all members; see `CrystalModel.forward`."""
        graph = as_crystal_graph(g)
        target, _std = self.predict_target(graph)
        self.feature_dict = {"final": target}
        return target


def _network(member: Network | dict[str, Any]) -> Network:
    if isinstance(member, Network):
        return member
    values = dict(member)
    name = values.pop("network", None)
    if name not in NETWORKS:
        raise ModelError(f"there is no network {name!r}; known: {', '.join(NETWORKS)}")
    return NETWORKS[name](**values)


MODELS: dict[str, type[CrystalModel]] = {**NETWORKS, "Ensemble": Ensemble}
