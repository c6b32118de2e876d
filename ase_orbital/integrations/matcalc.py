"""Predictions as a property calculator of matcalc, tested with 0.7.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matcalc import PropCalc

from ase_orbital.predict.predictor import Predictor
from ase_orbital.properties import PREFIX

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

    from ase_orbital.predict.predictor import PredictorLike


class LearnedPropertyCalc(PropCalc):  # type: ignore[misc]  # matcalc need not be installed
    """Learned properties in a chain of matcalc's calculations.

    Parameters
    ----------
    models
        A Predictor, or what a Predictor takes: names, folders, models.

    Examples
    --------
    >>> steps = [RelaxCalc(EMT()), LearnedPropertyCalc("eosnet-bulk-modulus-mp")]
    >>> result = ChainedCalc(steps).calc(structure)
    >>> result["orbital_bulk_modulus"], result["_units"]["orbital_bulk_modulus"]
    (137.9, 'GPa')

    Notes
    -----
    It needs no potential, and relaxes nothing: predictions are for the structure it gets,
    which behind a `RelaxCalc` is the relaxed one.
    """

    def __init__(self, models: PredictorLike) -> None:
        self.predictor = Predictor.of(models)

    def __repr__(self) -> str:
        return f"LearnedPropertyCalc({self.predictor.names})"

    def calc(self, structure: Structure | Atoms | dict[str, Any]) -> dict[str, Any]:
        """Predict for a structure, or for what the step before has come to.

        Parameters
        ----------
        structure
            A pymatgen `Structure`, `ase.Atoms`, or a dictionary with either of them as
            `final_structure` or `structure`.

        Returns
        -------
        dict
            What came in, `final_structure` as the kind it came in, and each property as
            `orbital_<property>`, with its unit in `_units`. The prefix keeps a learned
            `formation_energy_per_atom` apart from the potential's.

        Raises
        ------
        StructureError, ElementError
            If it cannot be predicted for; `calc_many(..., allow_errors=True)` gives None.
        """
        result: dict[str, Any] = super().calc(structure)
        values = self.predictor.predict(result["final_structure"])
        units = {PREFIX + name: unit for name, unit in self.predictor.units.items()}
        return {
            **result,
            **{PREFIX + name: value for name, value in values.items()},
            "_units": self._merge_units(result, units),
        }
