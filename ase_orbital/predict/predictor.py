"""Predict properties of structures by name, with units and standard deviations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import torch
from tqdm import tqdm

from ase_orbital.errors import ModelError, OrbitalError, SettingError, attempt
from ase_orbital.models.committee import combine, property_names
from ase_orbital.models.crystal_model import UNNAMED, CrystalModel
from ase_orbital.numerics.threads import chunks_by_size, each_on_one_thread
from ase_orbital.numerics.torch_state import check_device, own_torch_state
from ase_orbital.predict.contradictions import warn_of_contradictions
from ase_orbital.predict.matgl_model import MatGLPropertyModel
from ase_orbital.predict.periodicity import warn_of_periodicity
from ase_orbital.predict.prepared_model import PreparedModel, load_or_copy
from ase_orbital.properties import IN_DOMAIN, STD, unit_of
from ase_orbital.structure import each_named, to_atoms

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray
    from pandas import DataFrame

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.featurization import Featurization
    from ase_orbital.predict.prepared_model import ModelLike
    from ase_orbital.structure import AtomsLike

ModelsLike: TypeAlias = "ModelLike | Sequence[ModelLike] | Mapping[str, ModelLike]"
PredictorLike: TypeAlias = "Predictor | ModelsLike"

ERROR: Final = "error"  # name of the reason why a record has no values
MAX_ATOMS = 1024  # atoms of the structures whose graphs are made together
LARGE = 64  # atoms from which one structure is enough work for several threads


class Predictor:
    """Predict properties of crystals with trained models.

    Parameters
    ----------
    models
        A name of `list_models()`, a model folder, a loaded model, or several of these in a
        list. Property models of matgl, such as MEGNet, are accepted as well; a dictionary
        {property: model} names what they predict. Several models of one property are
        combined: the prediction is their mean, and `<property>_std` their standard
        deviation.
    device
        Such as "cpu" or "cuda:1". None for a GPU if there is one, else the CPU.
    dtype
        Precision of descriptors and networks: torch.float32 or torch.float64, or their
        names. None for float32.
    domain
        Also predict `in_domain`: 1.0 if the crystal is in the domain of all models, see
        `models.uncertainty.Uncertainty`, else 0.0. It is 0.0 for slabs, wires and
        molecules, unless the models were trained on such structures.

    Notes
    -----
    A prediction is a function of the crystal: it does not depend on the choice of the cell,
    the order of the atoms, or the other structures in a list. Threads can share a
    predictor. It can be pickled; a predictor made from names or folders pickles only these.

    A structure that is periodic in fewer directions than those of the training set, such as
    a slab or a molecule, is predicted with a `predict.PeriodicityWarning`. If the predicted
    band gap and metal probability contradict each other, a `predict.ContradictionWarning`
    says so.
    """

    @own_torch_state()
    def __init__(
        self,
        models: ModelsLike,
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
        self._settings: dict[str, Any] = {}
        if all(isinstance(model, str | Path) for _, model in named):
            self._settings = {"models": models, "device": device, "dtype": dtype}
            self._settings["domain"] = domain
        self.device = _device(device)
        self.dtype = _dtype(dtype)
        self._models = [self._prepare(name, model) for name, model in named]
        self.names = [_name_of(model) for _, model in named]
        self.domain = bool(domain)  # also one of numpy
        self.properties = property_names(self._models)
        if self.domain:
            self.properties.append(IN_DOMAIN)
        self._check_names()
        if domain:
            self._check_domains()

    @classmethod
    def of(cls, models: PredictorLike, **options: Any) -> Predictor:
        """Return a Predictor as it is, or make one from models.

        Options that are None or False are left out; others with a Predictor raise a
        ModelError, except for `domain=True` if it predicts the domain.
        """
        given = {name: value for name, value in options.items() if value}
        if not isinstance(models, Predictor):
            return cls(models, **given)
        if models.domain:
            given.pop("domain", None)
        if given:
            raise ModelError(
                f"a Predictor has its own {', '.join(given)}; give these to the Predictor"
            )
        return models

    def _prepare(
        self, name: str | None, model: ModelLike
    ) -> PreparedModel | MatGLPropertyModel:
        own = load_or_copy(model)
        if not isinstance(own, CrystalModel):
            return MatGLPropertyModel(own, name or _name_of(model), device=self.device)
        if name is not None and name != own.property_name:
            raise ModelError(f"the model given for {name} predicts {own.property_name}")
        return PreparedModel(own, device=self.device, dtype=self.dtype)

    def _check_names(self) -> None:
        """Refuse to average models that may predict different properties."""
        names = [model.property_name for model in self._models]
        for model, name in zip(self._models, names, strict=True):
            unnamed = isinstance(model, MatGLPropertyModel) or name == UNNAMED
            if unnamed and names.count(name) > 1:
                raise ModelError(
                    f"several models predict {name!r}, which names no property; give them "
                    "as {property: model}, or with property_name"
                )

    def _check_domains(self) -> None:
        for model, name in zip(self._models, self.names, strict=True):
            if isinstance(model, MatGLPropertyModel) or not model.has_domain:
                raise ModelError(
                    f"the model {name} has no domain: it was not trained by this package, "
                    "or with fewer than 5 validation crystals; leave out domain=True"
                )

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the names of models if there are any, else the models."""
        return self._settings or self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_models" in state:
            self.__dict__.update(state)
        else:
            self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"Predictor({self.names}, device={str(self.device)!r})"

    @property
    def units(self) -> dict[str, str]:
        """Unit of each of `properties`; empty if it is not known."""
        own = {model.property_name: model.unit for model in self._models}
        own |= {name + STD: unit for name, unit in own.items()}
        return {name: own.get(name) or unit_of(name) for name in self.properties}

    @own_torch_state()
    def predict(self, structure: AtomsLike) -> dict[str, float]:
        """Predict the value of each of `properties` for one structure, in `units`.

        Parameters
        ----------
        structure
            `ase.Atoms`, a pymatgen `Structure` or `Molecule`, or the path of a file.

        Raises
        ------
        StructureError, ElementError
            If the structure is invalid, or has an element that was not in a training set.
        ModelError
            If a model predicts no finite number.
        """
        atoms = self.validate(structure)
        strange = warn_of_periodicity([atoms], self._periodicities)
        if len(atoms) >= LARGE:
            records = self._predict([atoms])
        else:
            (records,) = each_on_one_thread(self._predict, [[atoms]])
        self._outside(records, strange)
        warn_of_contradictions([atoms], records)
        return records[0]

    @own_torch_state()
    def predict_many(
        self,
        structures: Iterable[AtomsLike],
        *,
        progress: bool = False,
        errors: Literal["raise", "record"] = "raise",
    ) -> list[dict[str, Any]]:
        """Predict for many structures, in input order; see `predict`.

        All structures are checked before the first is computed.

        Parameters
        ----------
        structures
            As for `predict`.
        progress
            Whether to show a progress bar.
        errors
            "raise" to stop at the first structure that cannot be predicted. "record" to
            continue: its values are nan, and the name "error", which all records then have,
            says why. It is empty for the others.

        Raises
        ------
        StructureError, ElementError, ModelError
            As for `predict`, with a note that says which structure it is.
        SettingError
            If `errors` is neither "raise" nor "record".
        """
        if errors not in ("raise", "record"):
            raise SettingError(f"errors must be 'raise' or 'record', not {errors!r}")
        check = self.validate if errors == "raise" else partial(attempt, self.validate)
        checked = list(each_named(check, structures))
        valid = [atoms for atoms in checked if not isinstance(atoms, OrbitalError)]
        chunks = list(chunks_by_size(valid, [len(atoms) for atoms in valid], MAX_ATOMS))
        strange = warn_of_periodicity(valid, self._periodicities)
        predicted: list[Any] = []  # records and, unless they are raised, errors
        with tqdm(total=len(valid), disable=not progress, unit="structures") as bar:
            for chunk in each_on_one_thread(self._predict_or_errors, chunks):
                for record in chunk:
                    if errors == "raise" and isinstance(record, OrbitalError):
                        record.add_note(f"this is structure {len(predicted)} of the list")
                        raise record
                    predicted.append(record)
                bar.update(len(chunk))
        self._outside(predicted, strange)
        warn_of_contradictions(valid, predicted)
        if errors == "raise":
            return predicted
        rest = iter(predicted)
        found = (at if isinstance(at, OrbitalError) else next(rest) for at in checked)
        return list(map(self._recorded, found))

    def frame(
        self, structures: Iterable[AtomsLike], *, progress: bool = False
    ) -> DataFrame:
        """Predict for many structures, in a pandas DataFrame.

        Parameters
        ----------
        structures
            As for `predict_many`. The index of a pandas Series is kept.
        progress
            Whether to show a progress bar.

        Returns
        -------
        pandas.DataFrame
            One row per structure, with a column for each of `properties`; and "error",
            which says why values are nan, or is empty. `attrs["units"]` has the units.
        """
        import pandas

        records = self.predict_many(structures, progress=progress, errors="record")
        index = structures.index if isinstance(structures, pandas.Series) else None
        table = pandas.DataFrame(records, index, [*self.properties, ERROR])
        table.attrs["units"] = self.units
        return table

    def atom_features(self, structure: AtomsLike) -> dict[str, NDArray[np.float64]]:
        """Compute the features of the atoms in the last layer of each model.

        They describe an atom and its neighbors in the way that is best for the property,
        and serve for maps, distances and models of your own. The shipped networks average
        them over the atoms before their last layers, which are not linear: a property has
        no contributions of atoms that add up to it.

        Returns
        -------
        dict of [n_atoms, n_features]
            By model, under its entry in `names`. The networks of an ensemble are side by
            side. Without unit.

        Raises
        ------
        ModelError
            If a model is one of matgl's own.
        StructureError, ElementError
            As for `predict`.
        """
        atoms = self.validate(structure)
        found = {}
        for name, model in zip(self.names, self._models, strict=True):
            if isinstance(model, MatGLPropertyModel):
                raise ModelError(
                    f"{name} is one of matgl's own models; ask it for features"
                )
            found[name] = model.atom_features(atoms)
        return found

    def validate(self, structure: AtomsLike) -> Atoms:
        """Raise the errors of `predict`, without predicting; return the structure."""
        atoms = to_atoms(structure)
        for model in self._models:
            model.check_elements(atoms)
        return atoms

    def _predict(self, structures: list[Atoms]) -> list[dict[str, float]]:
        """Predict with every model; those with equal featurizations share graphs."""
        graphs: dict[Featurization, CrystalGraph] = {}
        predictions = []
        for model in self._models:
            if isinstance(model, MatGLPropertyModel):
                predictions.append(model.predict(structures))
                continue
            if model.featurization not in graphs:
                graphs[model.featurization] = model.batch(structures)
            graph = graphs[model.featurization]
            predictions.append(model.predict(graph, domain=self.domain))
        table = combine(predictions)
        columns = (column.tolist() for column in table.values())
        records = [dict(zip(table, row, strict=True)) for row in zip(*columns, strict=True)]
        for record in records:
            for name, value in record.items():
                if not math.isfinite(value):
                    raise ModelError(f"the model predicts {value} for {name}")
        return records

    def _predict_or_errors(
        self, structures: list[Atoms]
    ) -> list[dict[str, float] | OrbitalError]:
        """Predict, with an error in place of the record where that is impossible."""
        found = attempt(self._predict, structures)
        if not isinstance(found, OrbitalError):
            return list(found)
        if len(structures) == 1:
            return [found]
        return [self._predict_or_errors([atoms])[0] for atoms in structures]

    @property
    def _periodicities(self) -> list[list[int] | None]:
        return [model.periodicities for model in self._models]

    def _outside(self, records: list[Any], strange: list[int]) -> None:
        """Set `in_domain` to 0 for structures that are unlike crystals."""
        for index in strange:
            if self.domain and not isinstance(records[index], OrbitalError):
                records[index][IN_DOMAIN] = 0.0

    def _recorded(self, record: dict[str, Any] | OrbitalError) -> dict[str, Any]:
        """Add the reason of a failure, which is empty for a prediction."""
        if isinstance(record, OrbitalError):
            return dict.fromkeys(self.properties, math.nan) | {ERROR: str(record)}
        return record | {ERROR: ""}


def _device(device: torch.device | str | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return check_device(device, ModelError)


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
