"""Structures in, named numbers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
from tqdm import tqdm

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.descriptors.gom import GOM
from ase_orbital.errors import ModelError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.keys import unit_of
from ase_orbital.models.base import UNNAMED, CrystalModel
from ase_orbital.predict.foreign import ForeignModel
from ase_orbital.structure import each_named, to_atoms
from ase_orbital.threads import each_on_one_thread
from ase_orbital.zoo.folders import load_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ase import Atoms
    from torch import nn

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.structure import AtomsLike

ModelLike: TypeAlias = "str | Path | nn.Module"
SPREAD = "_spread"

# A chunk is featurised together; a batch goes through a network together.
MAX_ATOMS = 1024
MAX_EDGES = 8192


class Predictor:
    """Predicts learned properties of crystals.

    Parameters
    ----------
    models
        A name of `list_models()`, a model folder, a loaded model, or several of these in a
        list. Property models of matgl's own, such as MEGNet, count too; a dictionary
        {property: model} names what they predict. Several models of one property form a
        committee: the prediction is their mean, and `<property>_spread` their standard
        deviation.
    device
        Such as "cpu" or "cuda:1". None for a GPU if there is one, else the CPU.
    dtype
        torch.float32 or torch.float64, or their names, of descriptors and networks. None
        for float32.

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
            {"models": models, "device": device, "dtype": dtype} if by_name else {}
        )
        self.device = _device(device)
        self.dtype = _dtype(dtype)
        self._models = [self._prepare(name, model) for name, model in named]
        self.names = [_name_of(model) for _, model in named]
        self._refuse_unnamed_committee()

    def _prepare(self, name: str | None, model: ModelLike) -> CrystalModel | ForeignModel:
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
            return ForeignModel(copy, name or _name_of(model))
        if name is not None and name != copy.property_name:
            raise ModelError(f"the model given for {name} predicts {copy.property_name}")
        copy.to(self.dtype)
        copy.descriptor = _computing(copy.descriptor, self.dtype, self.device)
        return copy

    def _refuse_unnamed_committee(self) -> None:
        """Refuse to average what was never said to be one property."""
        names = [model.property_name for model in self._models]
        for model, name in zip(self._models, names, strict=True):
            undeclared = isinstance(model, ForeignModel) or name == UNNAMED
            if undeclared and names.count(name) > 1:
                raise ModelError(
                    f"several models predict {name!r}, which names no property; give them "
                    "as {property: model}, or with property_name"
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

    @property
    def properties(self) -> list[str]:
        """Names of what is predicted, a committee's spread included."""
        names = [model.property_name for model in self._models]
        out = []
        for name in dict.fromkeys(names):
            out.append(name)
            if names.count(name) > 1:
                out.append(name + SPREAD)
        return out

    @property
    def units(self) -> dict[str, str]:
        """Unit of each of `properties`; empty where it is not known."""
        return {name: unit_of(name.removesuffix(SPREAD)) for name in self.properties}

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
        ((row,),) = each_on_one_thread(self._predict, [[self.accept(structure)]])
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
        accepted = list(each_named(self.accept, structures))
        chunks = list(_filled(accepted, [len(atoms) for atoms in accepted], MAX_ATOMS))
        results: list[dict[str, float]] = []
        with tqdm(total=len(accepted), disable=not progress, unit="structures") as bar:
            for rows in each_on_one_thread(self._predict, chunks):
                results += rows
                bar.update(len(rows))
        return results

    def accept(self, structure: AtomsLike) -> Atoms:
        """Check that all models can predict for a structure, without predicting.

        Raises
        ------
        StructureError, ElementError
            As for `predict`.
        """
        atoms = to_atoms(structure)
        for model in self._models:
            model.check(atoms)
        return atoms

    def _predict(self, structures: list[Atoms]) -> list[dict[str, float]]:
        """Predict with every model; those that take equal graphs share them."""
        graphs: dict[Any, list[CrystalGraph]] = {}
        columns: dict[str, list[np.ndarray[Any, np.dtype[np.float64]]]] = {}
        for model in self._models:
            if isinstance(model, ForeignModel):
                values = np.array([model.predict(atoms) for atoms in structures])
            else:
                key = (model.descriptor, model.connectivity)
                if key not in graphs:
                    graphs[key] = model.graphs(structures)
                values = self._run(model, graphs[key])
            columns.setdefault(model.property_name, []).append(values)
        table = {}
        for name, members in columns.items():
            table[name] = np.mean(members, axis=0)
            if len(members) > 1:
                table[name + SPREAD] = np.std(members, axis=0, ddof=1)
        return [
            {name: float(values[index]) for name, values in table.items()}
            for index in range(len(structures))
        ]

    def _run(
        self, model: CrystalModel, graphs: list[CrystalGraph]
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        parts = []
        sizes = [len(graph.source) for graph in graphs]
        with torch.inference_mode():
            for batch in _filled(graphs, sizes, MAX_EDGES):
                output = model(CrystalGraph.batch(batch).to(self.device))
                parts.append(model.to_property(output).double().cpu())
        model.feature_dict = {}  # of no use here, and as large as the batch
        return np.asarray(torch.cat(parts).numpy())


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


def _computing(
    descriptor: Descriptor, dtype: torch.dtype, device: torch.device
) -> Descriptor:
    """Let a descriptor compute in a predictor's precision and place."""
    if isinstance(descriptor, Concatenate):
        return Concatenate(*(_computing(part, dtype, device) for part in descriptor.parts))
    if isinstance(descriptor, GOM):
        name: Literal["float32", "float64"]
        name = "float64" if dtype == torch.float64 else "float32"
        return replace(descriptor, dtype=name, device=str(device))
    return descriptor


def _filled(items: list[Any], sizes: list[int], most: int) -> Iterator[list[Any]]:
    """Cut a list into runs whose sizes add up to at most `most`, or that are one item."""
    run: list[Any] = []
    total = 0
    for item, size in zip(items, sizes, strict=True):
        if run and total + size > most:
            yield run
            run, total = [], 0
        run.append(item)
        total += size
    if run:
        yield run
