"""Property models of matgl itself, such as MEGNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import ElementError, StructureError
from ase_orbital.models.committee import Prediction
from ase_orbital.numerics.torch_state import default_float32
from ase_orbital.properties import minimum_of

if TYPE_CHECKING:
    from ase import Atoms


class MatGLPropertyModel:
    """A model with matgl's `predict_structure`, which does not name its property itself."""

    has_std = False
    unit = ""  # known only by the name of the property
    periodicities: ClassVar = [3]

    def __init__(self, model: Any, property_name: str, *, device: torch.device) -> None:
        self.model = model.to(device).eval()
        self.property_name = property_name

    def check_elements(self, atoms: Atoms) -> None:
        """Raise ElementError for an unknown element, StructureError without periodicity.

        The graphs of matgl would treat all directions as periodic.
        """
        if not atoms.pbc.all():
            raise StructureError(
                f"the model of {self.property_name} is one of matgl's own, which know "
                "crystals only; set pbc=True and a cell with vacuum, or use another model"
            )
        inner = getattr(self.model, "model", self.model)  # inside a TransformedTargetModel
        known = getattr(inner, "element_types", None) or SYMBOLS
        for index, symbol in enumerate(atoms.symbols):
            if symbol not in known:
                raise ElementError(
                    f"atom {index} is {symbol}, which is not among the {len(known)} "
                    f"elements this model of {self.property_name} knows"
                )

    def predict(self, structures: list[Atoms]) -> Prediction:
        """Predict for structures that passed `check_elements`, in the model's unit.

        The `minimum` of the property is kept, as for the models of this package.
        """
        from pymatgen.io.ase import AseAtomsAdaptor

        crystals = map(AseAtomsAdaptor.get_structure, structures)
        # The graphs of matgl have the default precision.
        with torch.no_grad(), default_float32():
            values = [float(self.model.predict_structure(crystal)) for crystal in crystals]
        value = torch.tensor(values, dtype=torch.float64)
        return Prediction(
            self.property_name, value.clamp(min=minimum_of(self.property_name))
        )
