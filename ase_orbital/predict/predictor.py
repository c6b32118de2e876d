"""Structures in, named numbers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import torch
from tqdm import tqdm

from ase_orbital.descriptors.settings import computing
from ase_orbital.errors import ModelError
from ase_orbital.models.crystal_model import UNNAMED, CrystalModel
from ase_orbital.models.ensemble import Ensemble
from ase_orbital.numerics.threads import chunks_by_size, each_on_one_thread
from ase_orbital.predict.matgl_model import MatGLPropertyModel
from ase_orbital.properties import IN_DOMAIN, STD, unit_of
from ase_orbital.structure import each_named, to_atoms
from ase_orbital.zoo.folders import load_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase import Atoms
    from torch import nn

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.structure import AtomsLike

ModelLike: TypeAlias = "str | Path | nn.Module"

# A chunk is featurised together; a batch goes through a network together.
MAX_ATOMS = 1024
MAX_EDGES = 2048  # what keeps the layers of a network in the cache
LARGE = 64  # atoms from which one structure is work enough for several threads


class Predictor:
    """Predicts learned properties of crystals.

    Parameters
    ----------
    models
        A name of `list_models()`, a model folder, a loaded model, or several of these in a
        list. Property models of matgl's own, such as MEGNet, count too; a dictionary
        {property: model} names what they predict. Several models of one property form a
        committee: the prediction is their mean, and `<property>_std` their standard
        deviation.
    device
        Such as "cpu" or "cuda:1". None for a GPU if there is one, else the CPU.
    dtype
        torch.float32 or torch.float64, or their names, of descriptors and networks. None
        for float32.
    domain
        Say with each prediction whether the crystal lies in the domain of all models, as
        `in_domain`: 1.0 if its descriptor is in the range of their training sets, else 0.0.

    Notes
    -----
    Predictions depend on the crystal alone: not on how it is written down, nor on what else
    is in the list. A predictor may be shared by threads, and sent to other processes; made
    from names or folders, it travels as those.
    """

    def __init__(
        self,
        models: ModelLike | Sequence[ModelLike] | Mapping[str, ModelLike],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | str | None = None,
        domain: bool = False,
    ) -> None:
        if isinstance(models, Mapping):
            named: list[tuple[str | None, ModelLike]] = list(models.items())
        elif isinstance(models, Sequence) and not isinstance(models, str):
            named = [(None, model) for model in models]
        else:
            named = [(None, models)]
        if not named:
            raise ModelError("give at least one model")
        by_name = all(isinstance(model, str | Path) for _, model in named)
        self._settings: dict[str, Any] = (
            {"models": models, "device": device, "dtype": dtype, "domain": domain}
            if by_name
            else {}
        )
        self.device = _device(device)
        self.dtype = _dtype(dtype)
        self._models = [self._prepare(name, model) for name, model in named]
        self.names = [_name_of(model) for _, model in named]
        self.domain = domain
        self.properties = self._properties()
        self._refuse_unnamed_committee()
        if domain:
            self._refuse_without_domain()

    def _prepare(
        self, name: str | None, model: ModelLike
    ) -> CrystalModel | MatGLPropertyModel:
        """Make a copy of our own, on our device, for evaluation only."""
        loaded = load_model(model) if isinstance(model, str | Path) else model
        if not hasattr(loaded, "predict_structure"):
            raise ModelError(
                f"a {type(loaded).__name__} is not a property model; give a name of "
                "list_models(), a model folder, or a model with predict_structure"
            )
        # matgl's models keep features of their last run, which hang on its autograd graph.
        features: dict[int, Any] = {
            id(part.feature_dict): {}
            for part in loaded.modules()
            if hasattr(part, "feature_dict")
        }
        copy = deepcopy(loaded, features).to(self.device).eval()
        if not isinstance(copy, CrystalModel):
            return MatGLPropertyModel(copy, name or _name_of(model))
        if name is not None and name != copy.property_name:
            raise ModelError(f"the model given for {name} predicts {copy.property_name}")
        copy.to(self.dtype)
        copy.descriptor = computing(
            copy.descriptor, str(self.dtype).removeprefix("torch."), str(self.device)
        )
        copy.fuse()
        return copy

    def _refuse_unnamed_committee(self) -> None:
        """Refuse to average what was never said to be one property."""
        names = [model.property_name for model in self._models]
        for model, name in zip(self._models, names, strict=True):
            undeclared = isinstance(model, MatGLPropertyModel) or name == UNNAMED
            if undeclared and names.count(name) > 1:
                raise ModelError(
                    f"several models predict {name!r}, which names no property; give them "
                    "as {property: model}, or with property_name"
                )

    def _refuse_without_domain(self) -> None:
        for model, name in zip(self._models, self.names, strict=True):
            if isinstance(model, MatGLPropertyModel) or not model.domain.known:
                raise ModelError(
                    f"the model {name} does not know its domain: it was not made by this "
                    "package's training; leave out domain=True"
                )

    def __getstate__(self) -> dict[str, Any]:
        """Travel as names if made from names, else with the models."""
        return self._settings or self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_models" in state:
            self.__dict__.update(state)
        else:
            self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"Predictor({self.names}, device={str(self.device)!r})"

    def _properties(self) -> list[str]:
        """Names of what is predicted, spreads of ensembles and committees included."""
        names = [model.property_name for model in self._models]
        std = {name for name in names if names.count(name) > 1}
        std |= {
            model.property_name for model in self._models if isinstance(model, Ensemble)
        }
        out = []
        for name in dict.fromkeys(names):
            out += [name, name + STD] if name in std else [name]
        return [*out, IN_DOMAIN] if self.domain else out

    @property
    def units(self) -> dict[str, str]:
        """Unit of each of `properties`; empty where it is not known."""
        return {name: unit_of(name) for name in self.properties}

    def predict(self, structure: AtomsLike) -> dict[str, float]:
        """Predict for one structure.

        Parameters
        ----------
        structure
            `ase.Atoms`, a pymatgen `Structure` or `Molecule`, or the path of a file.

        Returns
        -------
        dict
            Value of each of `properties`, in `units`.

        Raises
        ------
        StructureError, ElementError
            If the structure cannot be described, or has an element a model has not seen.
        """
        atoms = self.validate(structure)
        if len(atoms) >= LARGE:
            return self._predict([atoms])[0]
        ((row,),) = each_on_one_thread(self._predict, [[atoms]])
        return row

    def predict_many(
        self, structures: Iterable[AtomsLike], *, progress: bool = False
    ) -> list[dict[str, float]]:
        """Predict for many structures, all checked before the first is computed.

        Parameters
        ----------
        structures
            Anything `predict` takes.
        progress
            Show a bar.

        Returns
        -------
        list of dict
            In input order.

        Raises
        ------
        StructureError, ElementError
            As for `predict`, with a note saying which structure it is.
        """
        accepted = list(each_named(self.validate, structures))
        chunks = list(
            chunks_by_size(accepted, [len(atoms) for atoms in accepted], MAX_ATOMS)
        )
        results: list[dict[str, float]] = []
        with tqdm(total=len(accepted), disable=not progress, unit="structures") as bar:
            for rows in each_on_one_thread(self._predict, chunks):
                results += rows
                bar.update(len(rows))
        return results

    def validate(self, structure: AtomsLike) -> Atoms:
        """Check that all models can predict for a structure, without predicting.

        Raises
        ------
        StructureError, ElementError
            As for `predict`.
        """
        atoms = to_atoms(structure)
        for model in self._models:
            model.check_elements(atoms)
        return atoms

    def _predict(self, structures: list[Atoms]) -> list[dict[str, float]]:
        """Predict with every model; those that take equal graphs share them."""
        graphs: dict[Any, CrystalGraph] = {}
        answers: dict[str, list[_Answer]] = {}
        for model in self._models:
            if isinstance(model, MatGLPropertyModel):
                values = np.array([model.predict(atoms) for atoms in structures])
                answer = _Answer(values, np.zeros_like(values), np.ones_like(values))
            else:
                key = (model.descriptor, model.connectivity)
                if key not in graphs:
                    graphs[key] = model.batch(structures)
                answer = self._run(model, graphs[key])
            answers.setdefault(model.property_name, []).append(answer)
        table = {}
        for name, members in answers.items():
            values = np.array([member.value for member in members])
            table[name] = values.mean(axis=0)
            if name + STD in self.properties:
                squares = np.square([member.std for member in members]).mean(axis=0)
                if len(members) > 1:
                    squares = squares + values.var(axis=0, ddof=1)
                table[name + STD] = np.sqrt(squares)
        if self.domain:
            inside = [member.inside for members in answers.values() for member in members]
            table[IN_DOMAIN] = np.min(inside, axis=0)
        return [
            {name: float(values[index]) for name, values in table.items()}
            for index in range(len(structures))
        ]

    def _run(self, model: CrystalModel, whole: CrystalGraph) -> _Answer:
        parts: list[list[torch.Tensor]] = []
        with torch.inference_mode():
            for members in chunks_by_size(
                range(whole.n_graphs), whole.n_edges.tolist(), MAX_EDGES
            ):
                graph = whole
                if len(members) < whole.n_graphs:
                    graph = whole.select(torch.tensor(members))
                graph = graph.to(self.device)
                value, std = model.predict_graphs(graph)
                inside = model.domain(graph) if self.domain else torch.ones_like(value)
                parts.append(
                    [value, torch.zeros_like(value) if std is None else std, inside]
                )
        model.clear_features()
        return _Answer(
            *(
                torch.cat(column).double().cpu().numpy()
                for column in zip(*parts, strict=True)
            )
        )


class _Answer(NamedTuple):
    """What one model says of each structure: [n_structures] each."""

    value: np.ndarray[Any, np.dtype[np.float64]]
    std: np.ndarray[Any, np.dtype[np.float64]]
    inside: np.ndarray[Any, np.dtype[np.float64]]


def _device(device: torch.device | str | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"there is no device {str(device)!r} here; use 'cpu', or leave it out"
        ) from error
    return torch.device(device)


def _dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    known = {"float32": torch.float32, "float64": torch.float64}
    name = str(dtype or "float32").removeprefix("torch.")
    if name not in known:
        raise ModelError(f"dtype must be torch.float32 or torch.float64, not {dtype!r}")
    return known[name]


def _name_of(model: ModelLike) -> str:
    if isinstance(model, str | Path):
        return Path(model).name
    return str(getattr(model, "property_name", type(model).__name__.lower()))
