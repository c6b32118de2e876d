"""How good a structure is, from its learned properties, as ase_ga's populations want it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ase_orbital.errors import ModelError, SettingError
from ase_orbital.predict.predictor import Predictor
from ase_orbital.properties import PREFIX
from ase_orbital.structure import info_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from pymatgen.core import Structure

    from ase_orbital.calculators.objective_terms import Term
    from ase_orbital.predict.predictor import PredictorLike
    from ase_orbital.structure import AtomsLike

RAW_SCORE = "raw_score"  # ase_ga's name in `key_value_pairs`; larger is better


class Score:
    """A weighted sum of wishes and constraints; larger is better.

    Parameters
    ----------
    models
        A Predictor, or what a Predictor takes: names, folders, models.
    terms
        `Maximize`, `Minimize`, `Target`, `AtMost`, `AtLeast`, of the predictor's properties
        (spreads and `in_domain` among them) or of values in `given`.
    given
        Names of values that are handed over with each structure, such as a relaxed energy.

    Examples
    --------
    >>> score = Score(
    ...     ["eosnet-bulk-modulus-mp", "eosnet-formation-energy-mp2018"],
    ...     [Maximize("bulk_modulus"), AtMost("formation_energy_per_atom", 0.0)],
    ... )
    >>> score.annotate(atoms)  # before `DataConnection.add_relaxed_step(atoms)`

    For Pareto fronts each term's part is written too:

    >>> MultiObjectivePopulation(..., abs_data=score.keys)
    """

    def __init__(
        self,
        models: PredictorLike,
        terms: Sequence[Term],
        *,
        given: Sequence[str] = (),
    ) -> None:
        self.predictor = Predictor.of(models)
        self.terms = tuple(terms)
        self.given = tuple(given)
        if not self.terms:
            raise SettingError("a score needs at least one term, such as Maximize(...)")
        known = [*self.predictor.properties, *self.given]
        for term in self.terms:
            if term.name not in known:
                raise SettingError(
                    f"{term.name!r} is not predicted here; the models have "
                    f"{', '.join(self.predictor.properties)} (name in `given` what you "
                    "will hand over yourself)"
                )
        if len(set(self.keys)) < len(self.keys):
            raise SettingError(
                "two terms of one kind are of one property; keep one of them"
            )

    @property
    def keys(self) -> list[str]:
        """Names of the terms' parts in `key_value_pairs`, each to be maximized."""
        return [term.key for term in self.terms]

    def __call__(self, structure: AtomsLike, **given: float) -> float:
        """Score of one structure, which is left as it is.

        Raises
        ------
        StructureError, ElementError
            If it cannot be predicted for.
        """
        return float(self._pairs(self.predictor.predict(structure), given)[RAW_SCORE])

    def annotate(self, atoms: Atoms | Structure, **given: float) -> float:
        """Write score and values into `atoms.info["key_value_pairs"]`, where ase_ga looks.

        `raw_score`; each property as `orbital_<property>`; each term's part under `keys`.
        Of a pymatgen structure into its `properties`, which become `info` of Atoms.

        Returns
        -------
        float
            The score.

        Raises
        ------
        StructureError, ElementError
            If it cannot be predicted for.
        """
        pairs = self._pairs(self.predictor.predict(atoms), given)
        _write(atoms, pairs)
        return pairs[RAW_SCORE]

    def annotate_many(
        self,
        structures: Sequence[Atoms | Structure],
        given: Sequence[Mapping[str, float]] = (),
    ) -> list[float]:
        """`annotate` many, in less time than one by one; `given` has a mapping for each.

        Raises
        ------
        StructureError, ElementError
            As for `annotate`, with a note saying which structure it is.
        """
        rows = self.predictor.predict_many(structures)
        others = given or [{} for _ in rows]
        if len(others) != len(rows):
            raise SettingError(
                f"{len(others)} given values do not fit {len(rows)} structures"
            )
        every = [self._pairs(row, other) for row, other in zip(rows, others, strict=True)]
        for atoms, pairs in zip(structures, every, strict=True):
            _write(atoms, pairs)
        return [pairs[RAW_SCORE] for pairs in every]

    def _pairs(
        self, predicted: Mapping[str, float], given: Mapping[str, Any]
    ) -> dict[str, float]:
        """Everything to be written, from the values of one structure."""
        if set(given) != set(self.given):
            raise SettingError(
                f"this score takes {', '.join(self.given) or 'no values'} with each "
                f"structure, not {', '.join(given) or 'none'}"
            )
        values = {**predicted, **given}
        parts = {term.key: term(values[term.name]) for term in self.terms}
        total = sum(parts.values())
        if not math.isfinite(total):
            raise ModelError(f"the score is {total}, from {values}")
        pairs = {PREFIX + name: float(value) for name, value in values.items()}
        return {**pairs, **parts, RAW_SCORE: total}


def _write(atoms: Atoms | Structure, pairs: Mapping[str, float]) -> None:
    info = info_of(atoms)
    info.setdefault("key_value_pairs", {}).update(pairs)
    info.setdefault("data", {})  # ase_ga asks for it
