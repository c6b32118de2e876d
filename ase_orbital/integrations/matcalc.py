"""Property calculator for matcalc, tested with matcalc 0.7.0."""

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
    """Predicts properties in a chain of matcalc's calculations.

    Parameters
    ----------
    models
        A Predictor, or anything it accepts: names, folders or models.

    Examples
    --------
    >>> steps = [RelaxCalc(EMT()), LearnedPropertyCalc("eosnet-bulk-modulus-mp")]
    >>> result = ChainedCalc(steps).calc(structure)
    >>> result["orbital_bulk_modulus"], result["_units"]["orbital_bulk_modulus"]
    (137.9, 'GPa')

    Notes
    -----
    No potential is needed, and nothing is relaxed: properties are predicted for the given
    structure, which after a `RelaxCalc` is the relaxed one.
    """

    def __init__(self, models: PredictorLike) -> None:
        self.predictor = Predictor.of(models)

    def __repr__(self) -> str:
        return f"LearnedPropertyCalc({self.predictor.names})"

    def calc(self, structure: Structure | Atoms | dict[str, Any]) -> dict[str, Any]:
        """Predict for a structure, or for the result of the previous calculation.

        Parameters
        ----------
        structure
            A pymatgen `Structure`, `ase.Atoms`, or a dictionary with one of them under
            `final_structure` or `structure`.

        Returns
        -------
        dict
            The input, `final_structure` with the type of the input, and each property as
            `orbital_<property>` with its unit in `_units`. The prefix distinguishes a
            predicted `formation_energy_per_atom` from that of a potential.

        Raises
        ------
        StructureError, ElementError
            If the structure cannot be predicted; with `allow_errors=True`, `calc_many`
            gives None instead.
        """
        result: dict[str, Any] = super().calc(structure)
        values = self.predictor.predict(result["final_structure"])
        units = {PREFIX + name: unit for name, unit in self.predictor.units.items()}
        return {
            **result,
            **{PREFIX + name: value for name, value in values.items()},
            "_units": self._merge_units(result, units),
        }
