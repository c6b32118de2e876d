"""Property models of matgl's own, such as MEGNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pymatgen.core import Molecule
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import ElementError, ModelError

if TYPE_CHECKING:
    from ase import Atoms


class ForeignModel:
    """Anything with matgl's `predict_structure`.

    Parameters
    ----------
    model
        The model, on its device and in evaluation mode.
    property_name
        What it predicts; the model does not say.
    """

    def __init__(self, model: Any, property_name: str) -> None:
        if not hasattr(model, "predict_structure"):
            raise ModelError(
                f"a {type(model).__name__} is not a property model; give a name of "
                "list_models(), a model folder, or a model with predict_structure"
            )
        self.model = model
        self.property_name = property_name

    def check_elements(self, atoms: Atoms) -> None:
        """Raise ElementError for an element the model has no embedding of."""
        inner = getattr(self.model, "model", self.model)  # inside a TransformedTargetModel
        known = getattr(inner, "element_types", None)
        if known is None:
            return
        for index in np.flatnonzero(~np.isin(atoms.get_chemical_symbols(), known)):
            raise ElementError(
                f"atom {index} is {SYMBOLS[atoms.numbers[index]]}, which is not among the "
                f"{len(known)} elements this model of {self.property_name} knows"
            )

    def predict(self, atoms: Atoms) -> float:
        """Predict for one structure, in whatever unit the model has."""
        if not atoms.pbc.any():
            structure: Any = Molecule(atoms.get_chemical_symbols(), atoms.positions)
        else:
            structure = AseAtomsAdaptor.get_structure(atoms)
        with torch.no_grad():
            return float(self.model.predict_structure(structure))
