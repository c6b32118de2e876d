"""Starts from the weights of another model."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn import functional

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.errors import ModelError, SettingError
from ase_orbital.models import Ensemble
from ase_orbital.models.network import Network
from ase_orbital.training.preparation import make_network
from ase_orbital.zoo.folders import load_model

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.models.relaxation import RelaxationEnergy
    from ase_orbital.training.settings import TrainingSettings

READOUT = ("readout.", "output.")


def with_network_of_start(settings: TrainingSettings) -> TrainingSettings:
    """Return settings with the network of the starting model, where they do not give it.

    Raises
    ------
    ModelError
        If there is no such model, or it is none of this package's networks.
    SettingError
        If the settings ask for another network, descriptor or width, or for more frozen
        layers than there are.
    """
    if settings.start_from is None:
        return settings
    start = _starting_network(settings.start_from, 0)
    name, where = type(start).__name__, f"start_from, {settings.start_from}"
    if "network" in settings.model_fields_set and settings.network != name:
        raise SettingError(
            f"network is {settings.network}, and {where}, is an {name}; leave network out, "
            "or start from another model"
        )
    defaults = inspect.signature(type(start)).parameters
    taken = {
        key: value
        for key, value in start.hyperparameters.items()
        if value != defaults[key].default
    }
    if start.descriptor != type(start)().descriptor:  # type: ignore[call-arg]
        taken["descriptor"] = start.descriptor.to_settings()
    network = {"network": name, "network_settings": taken | settings.network_settings}
    settings = settings.model_copy(update=network)
    own = make_network(settings)
    if differing := _differences(own, start):
        raise SettingError(
            f"network_settings contradict {where}: {'; '.join(differing)}; leave them out, "
            "or start from another model"
        )
    n_layers = len(_layers(own))
    if settings.frozen_layers > n_layers:
        raise SettingError(
            f"frozen_layers is {settings.frozen_layers}, and {name} has {n_layers} layers "
            "before its read-out"
        )
    return settings


def start_from(model: Network, settings: TrainingSettings, index: int) -> None:
    """Load the weights of the starting model, which may predict another property.

    The uncertainty is not taken, because it belongs to a training set, but for the
    `relaxation_of_start`; nor is the target's
    scale of another property, the output layer if the number of classes differs, and the
    read-out if it is to be new. What the other model lacks keeps its first weights. The
    descriptor may have more parts than that of the other model, which follow its own: the
    weights of these features begin at zero.

    From an ensemble, the member of this index is taken, modulo the number of its members.
    Networks that start from different members make different errors.

    Raises
    ------
    ModelError
        If there is no such model, or its network, descriptor or widths differ.
    """
    assert settings.start_from is not None
    other = _starting_network(settings.start_from, index)
    if differing := _differences(model, other):
        raise ModelError(
            f"the weights in {settings.start_from} do not fit: {'; '.join(differing)}"
        )
    kept: tuple[str, ...] = ("uncertainty.",)
    if other.property_name != model.property_name:
        kept += ("target_",)
    if settings.new_readout:
        kept += READOUT
    elif other.n_classes != model.n_classes:
        kept += ("output.",)
    own = model.state_dict()
    weights = {
        name: value
        for name, value in _weights_for(model, other).items()
        if name in own and not name.startswith(kept)
    }
    model.load_state_dict(own | weights)


def relaxation_of_start(
    model: CrystalModel, settings: TrainingSettings
) -> RelaxationEnergy | None:
    """Return the relaxation energy of the starting model, which depends on no property.

    None if there is no such model, if it has none, if its graphs are others, or if the
    model knows elements that it does not know.
    """
    if settings.start_from is None:
        return None
    start = load_model(settings.start_from)
    if start.uncertainty is None or start.featurization != model.featurization:
        return None
    if not set(model.elements or ()).issubset(start.elements or model.elements or ()):
        return None
    relaxation: RelaxationEnergy | None = start.uncertainty.relaxation
    return relaxation


def parameter_groups(model: Network, settings: TrainingSettings) -> list[dict[str, Any]]:
    """Group weights by their share of the learning rate, for an optimizer.

    The share is 1 for the read-out, 0 for frozen layers, and `trunk_rate` for the other
    layers before the read-out. Without a starting model there is one group.
    """
    if settings.start_from is None:
        return [{"params": [*model.parameters()], "share": 1.0}]
    shares: dict[nn.Parameter, float] = {}
    for index, layer in enumerate(_layers(model)):
        share = 0.0 if index < settings.frozen_layers else settings.trunk_rate
        shares |= dict.fromkeys(layer.parameters(), share)
    groups: dict[float, list[nn.Parameter]] = {1.0: []}
    for weights in model.parameters():
        groups.setdefault(shares.get(weights, 1.0), []).append(weights)
    return [{"params": params, "share": share} for share, params in groups.items()]


def _starting_network(name_or_path: str, index: int) -> Network:
    model = load_model(name_or_path)
    if isinstance(model, Ensemble):
        return model.networks[index % len(model.networks)]
    if not isinstance(model, Network):
        raise ModelError(
            f"{name_or_path} is a {type(model).__name__}; start from an EOSNet or an "
            "OCrystalNet"
        )
    return model


def _layers(model: Network) -> list[nn.Module]:
    """List the layers with weights before the read-out, from the first on."""
    layers: list[nn.Module] = []
    for name, part in model.named_children():
        if name == READOUT[0].rstrip("."):
            break
        layers += [*part] if isinstance(part, nn.ModuleList) else [part]
    return [layer for layer in layers if any(True for _ in layer.parameters())]


def _differences(own: Network, other: Network) -> list[str]:
    """Say in which constructor arguments two networks differ, if weights do not fit."""
    if type(own) is not type(other):
        return [f"the network is {type(own).__name__}, and {type(other).__name__} there"]
    if _added_features(own, other) is None:
        return [f"the descriptor is {own.descriptor}, and {other.descriptor} there"]
    sizes = [
        {name: at.shape for name, at in weights.items() if not name.startswith("output.")}
        for weights in (own.state_dict(), _weights_for(own, other))
    ]
    common = sizes[0].keys() & sizes[1].keys()
    if all(sizes[0][name] == sizes[1][name] for name in common):
        return []
    return [
        f"{name} is {value}, and {other.hyperparameters[name]} there"
        for name, value in own.hyperparameters.items()
        if value != other.hyperparameters[name]
    ]


def _weights_for(own: Network, other: Network) -> dict[str, Tensor]:
    """Return the weights of another network, with zeros for features that it lacks."""
    weights: dict[str, Tensor] = other.state_dict()
    layer, added = own.input_layer, _added_features(own, other)
    if added and layer is not None:
        for name, values in own.named_parameters():
            if values is layer.weight:
                weights[name] = functional.pad(weights[name], (0, added))
    return weights


def _added_features(own: Network, other: Network) -> int | None:
    """Count the features after those of another network; None if they are others."""
    parts, start = _parts(own.descriptor), _parts(other.descriptor)
    if parts[: len(start)] != start:
        return None
    return own.n_features - other.n_features


def _parts(descriptor: Descriptor) -> tuple[Descriptor, ...]:
    return descriptor.parts if isinstance(descriptor, Concatenate) else (descriptor,)
