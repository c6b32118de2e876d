"""Import the checkpoints that the authors of EOSnet published."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy._core.multiarray import scalar

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.onehot import OneHot
from ase_orbital.errors import ModelError, OrbitalError, check_path
from ase_orbital.models.eosnet import EOSNet
from ase_orbital.properties import PROPERTIES

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

N_EIGENVALUES = 66
# Settings of all published runs, which are built into EOSNet.
FIXED = {"dmin": 0.5, "step": 0.1, "var": 1.0, "lmax": 0, "n_h": 1}
# Files up to June 2024 do not record how the features were made; the code of that time had
# these defaults, and no option for others. The library for the overlap matrices had another
# exponent, which can be seen from the published predictions: with 3, a third of them are
# reproduced to 1 meV, with 2 none.
UNRECORDED = {"nx": 256, "radius": 8.0, "max_num_nbr": 12, "damping": 3} | FIXED
DAMPING = 2  # of all later runs
TASKS = ("regression", "classification")
LAYERS = {"embedding": "embedding", "conv_to_fc": "readout", "fc_out": "output"}
CONVOLUTION = {"fc_full": "linear", "bn1": "edge_norm", "bn2": "node_norm"}


def import_eosnet(
    checkpoint: str | Path,
    *,
    property: str,  # noqa: A002  # the word that users know
    normalized_edges: bool,
    smoothing: float | None = None,
) -> EOSNet:
    """Read a `model_best.pth.tar` of the EOSnet repository.

    Parameters
    ----------
    checkpoint
        Path of the file. Only tensors and plain values are loaded from it, never code. The
        widths and the depth of the network are those of its weights. Files up to June 2024
        do not record the features. Their graphs are those of all other runs, with 12
        neighbors within 8 Å, and the damping exponent of their overlap matrices is 3.
    property
        Predicted property, one of `properties.PROPERTIES`; the file does not record it.
    normalized_edges
        Whether the distance filter of each edge was divided by its norm in training: True
        for runs up to November 2024, False from December 2024. The file does not record
        this either, and predictions with the wrong choice are noise.
    smoothing
        None for exactly k nearest neighbors, as in training; a length in Å, such as 0.1,
        for smooth weights, with which equivalent descriptions of a crystal have the same
        prediction.

    Raises
    ------
    ModelError
        If the file is missing, is not such a checkpoint, or is for another network.
    """
    if property not in PROPERTIES:
        raise ModelError(
            f"there is no property {property!r}; known: {', '.join(PROPERTIES)}"
        )
    path = check_path("checkpoint", checkpoint, ModelError)
    content = _load(path)
    try:
        return _model_of(path, content, property, normalized_edges, smoothing)
    except OrbitalError:
        raise
    except Exception as error:  # values of other types raise many kinds
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"{path} is no EOSnet checkpoint ({reason})") from error


def _model_of(
    path: Path,
    content: dict[str, Any],
    name: str,
    normalized: bool,
    smoothing: float | None,
) -> EOSNet:
    arguments, state = _check(path, content)
    n_classes = 2 if arguments["task"] == "classification" else None
    if PROPERTIES[name].classes != (n_classes is not None):
        raise ModelError(
            f"{path} was trained for {arguments['task']}, which gives no {name}"
        )
    normalizer = (content.get("normalizer") or {}) if n_classes is None else {}
    mean, scale = float(normalizer.get("mean", 0.0)), float(normalizer.get("std", 1.0))
    if not (math.isfinite(mean) and 0.0 < scale < math.inf):
        raise ModelError(f"{path} is damaged: the scale of its targets is {normalizer}")
    # Widths and depth are those of the weights.
    n_hidden, n_features = state["embedding.weight"].shape
    model = EOSNet(
        Concatenate(
            OneHot(size=n_features - N_EIGENVALUES),
            GOM(
                n_eigenvalues=N_EIGENVALUES,
                normalize=True,
                max_atoms=arguments["nx"],
                damping_exponent=arguments["damping"],
            ),
        ),
        n_hidden=n_hidden,
        n_convolutions=len({name.split(".")[1] for name in state if "convs." in name}),
        n_readout=state["conv_to_fc.weight"].shape[0],
        radius=float(arguments["radius"]),
        n_neighbors=arguments["max_num_nbr"],
        smoothing=smoothing,
        normalize_edges=normalized,
        property_name=name,
        n_classes=n_classes,
        target_mean=mean,
        target_scale=scale,
    )
    _fill(model, state, path)
    return model.eval()


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"there is no checkpoint {path}")
    # Classification runs store their best accuracy as a numpy scalar, whose module has
    # another name in numpy 2.
    allowed: list[Any] = [
        np.dtype,
        np.dtypes.Float64DType,
        np.dtypes.Float32DType,
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
    ]
    try:
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # For other kinds of files the unpickler raises many errors, even KeyError.
        raise ModelError(
            f"{path} cannot be read as a checkpoint of tensors and plain values; "
            "is it a model_best.pth.tar?"
        ) from error
    if not isinstance(content, dict) or not {"state_dict", "args"} <= content.keys():
        raise ModelError(f"{path} has no `state_dict` and `args`: no EOSnet checkpoint")
    return content


def _check(path: Path, content: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    arguments, state = content["args"], content["state_dict"]
    early = "radius" not in arguments
    arguments = (UNRECORDED if early else FIXED | {"damping": DAMPING}) | arguments
    weights = [f"{layer}.weight" for layer in LAYERS]
    lacking = [name for name in weights if name not in state]
    lacking += ["task"] if "task" not in arguments else []
    if lacking:
        raise ModelError(f"{path} is no EOSnet checkpoint: it lacks {', '.join(lacking)}")
    if arguments["task"] not in TASKS:
        raise ModelError(f"{path} was trained for {arguments['task']!r}, not for {TASKS}")
    for name, tensor in state.items():
        if tensor.is_complex() or not tensor.isfinite().all():
            raise ModelError(f"{path} is damaged: {name} has values that are not finite")
    for name, value in FIXED.items():
        if arguments[name] != value:
            raise ModelError(
                f"{path} was trained with {name}={arguments[name]}; "
                f"only {value} can be read"
            )
    return arguments, state


def _fill(model: EOSNet, state: dict[str, Tensor], path: Path) -> None:
    """Copy the weights to the layers of EOSNet; all of them must fit."""
    renamed = {}
    for name, tensor in state.items():
        head, *rest = name.split(".")
        if head == "convs":
            index, part, leaf = rest
            renamed[f"convolutions.{index}.{CONVOLUTION.get(part, part)}.{leaf}"] = tensor
        else:
            renamed[".".join([LAYERS.get(head, head), *rest])] = tensor
    state = model.state_dict()
    own = {name: at for name, at in state.items() if name.startswith("target_")}
    try:
        model.load_state_dict(renamed | own)
    except RuntimeError as error:
        raise ModelError(f"the weights of {path} do not fit EOSNet: {error}") from error
