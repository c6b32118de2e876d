"""Property models of matgl itself, such as MEGNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import ElementError, StructureError

if TYPE_CHECKING:
    from ase import Atoms


class MatGLPropertyModel:
    """A model that has matgl's `predict_structure`.

    Parameters
    ----------
    model
        Is moved to the device.
    property_name
        Name of what it predicts, which such a model does not say.
    device
        Where it runs.
    """

    has_std = False

    def __init__(self, model: Any, property_name: str, *, device: torch.device) -> None:
        self.model = model.to(device).eval()
        self.property_name = property_name

    def check_elements(self, atoms: Atoms) -> None:
        """Raise for structures that the model cannot describe.

        Raises
        ------
        StructureError
            If a direction is not periodic: matgl's graphs would treat it as periodic.
        ElementError
            If the model does not know an element.
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

    def predict_many(self, structures: list[Atoms]) -> torch.Tensor:
        """Predict for structures that passed `check_elements`, in the model's unit."""
        from pymatgen.io.ase import AseAtomsAdaptor

        with torch.no_grad():
            values = [
                float(self.model.predict_structure(AseAtomsAdaptor.get_structure(atoms)))
                for atoms in structures
            ]
        return torch.tensor(values, dtype=torch.float64)
