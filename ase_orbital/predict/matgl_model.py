"""Property models of matgl's own, such as MEGNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import ElementError, StructureError

if TYPE_CHECKING:
    from ase import Atoms


class MatGLPropertyModel:
    """Anything with matgl's `predict_structure`.

    Parameters
    ----------
    model
        The model, on its device and in evaluation mode.
    property_name
        What it predicts; the model does not say.
    """

    def __init__(self, model: Any, property_name: str) -> None:
        self.model = model
        self.property_name = property_name

    def check_elements(self, atoms: Atoms) -> None:
        """Raise for what the model cannot take.

        Raises
        ------
        StructureError
            If a direction is not periodic: matgl's graphs would take it for periodic.
        ElementError
            If the model has no embedding of an element.
        """
        if not atoms.pbc.all():
            raise StructureError(
                f"the model of {self.property_name} is one of matgl's own, which know "
                "crystals only; set pbc=True and a cell with vacuum, or use another model"
            )
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
        structure = AseAtomsAdaptor.get_structure(atoms)
        with torch.no_grad():
            return float(self.model.predict_structure(structure))
