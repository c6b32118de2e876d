"""Scores of structures from predicted properties, for populations of ase_ga."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ase_orbital.calculators.objective_terms import AtLeast, checked_terms
from ase_orbital.errors import ModelError, SettingError
from ase_orbital.predict.predictor import Predictor
from ase_orbital.properties import IN_DOMAIN, key_of
from ase_orbital.search.hull import HULL_UNITS
from ase_orbital.structure import info_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from pymatgen.core import Structure

    from ase_orbital.calculators.objective_terms import Term
    from ase_orbital.predict.predictor import PredictorLike
    from ase_orbital.search.hull import Hull
    from ase_orbital.structure import AtomsLike

RAW_SCORE = "raw_score"  # name in ase_ga's `key_value_pairs`; larger is better


class Score:
    """Sum of objective terms; larger is better.

    Parameters
    ----------
    models
        A Predictor, or anything it accepts: names, folders or models.
    terms
        `Maximize`, `Minimize`, `Target`, `AtMost` and `AtLeast` of the predictor's
        properties, including `<property>_std` and `in_domain`, or of values in `given`.
    inside_domain
        Keep the search in the domain of the models: structures outside have a score that is
        lower by 200, because of the term `AtLeast("in_domain", 1.0)`. Give this term
        yourself for another penalty.
    given
        Names of values that are passed with each structure, such as a measured one.
    hull
        A `Hull`, whose `energy_above_hull` and `calculated_formation_energy_per_atom` are
        written and can be terms.

    Examples
    --------
    >>> score = Score(
    ...     ["eosnet-bulk-modulus-mp", "eosnet-formation-energy-mp2018"],
    ...     [Maximize("bulk_modulus"), AtMost("formation_energy_per_atom", 0.0)],
    ... )
    >>> score.annotate(atoms)  # before `DataConnection.add_relaxed_step(atoms)`

    The score of each term is written as well, for Pareto fronts:

    >>> MultiObjectivePopulation(..., abs_data=score.keys)

    Notes
    -----
    Methods raise StructureError or ElementError if a structure cannot be predicted. Where
    there are many structures, a note names it.
    """

    def __init__(
        self,
        models: PredictorLike,
        terms: Sequence[Term],
        *,
        inside_domain: bool = False,
        given: Sequence[str] = (),
        hull: Hull | None = None,
    ) -> None:
        self.predictor = Predictor.of(models, domain=inside_domain)
        if isinstance(given, str):
            raise SettingError(f"given must be a list of names, such as [{given!r}]")
        self.given, self.hull = tuple(given), hull
        others = (*self.given, *(HULL_UNITS if hull else ()))
        inside = [AtLeast(IN_DOMAIN, 1.0)] if inside_domain else []
        if both := set(others).intersection(self.predictor.properties):
            raise SettingError(f"{min(both)!r} is predicted; give it under another name")
        if len({*others}) < len(others):
            twice = next(name for name in others if others.count(name) > 1)
            if twice in HULL_UNITS:
                raise SettingError(
                    "the hull gives its energies itself; take them from `given`"
                )
            raise SettingError(f"{twice!r} is given twice")
        self.terms = checked_terms(terms, self.predictor.properties, others, inside)
        if len(set(self.keys)) < len(self.keys):
            raise SettingError(
                "there are two terms of the same kind and property; keep one of them"
            )

    def __repr__(self) -> str:
        return f"Score({self.predictor.names}, {list(self.terms)})"

    @property
    def keys(self) -> list[str]:
        """Names of the terms' scores in `key_value_pairs`; larger is better."""
        return [term.key for term in self.terms]

    def __call__(self, structure: AtomsLike, **given: float) -> float:
        """Score of one structure, which is not changed."""
        predicted = self.predictor.predict(structure)
        return float(self._pairs(structure, predicted, given)[RAW_SCORE])

    def annotate(self, atoms: Atoms | Structure, **given: float) -> float:
        """Write score and properties into `atoms.info["key_value_pairs"]`, as ase_ga does.

        They are `raw_score`, each property as `orbital_<property>`, and each term's score
        under its `keys`. For a pymatgen structure, they are written into `properties`,
        which become `info` of Atoms. Returns the score.
        """
        pairs = self._pairs(atoms, self.predictor.predict(atoms), given)
        _write(atoms, pairs)
        return pairs[RAW_SCORE]

    def annotate_many(
        self,
        structures: Sequence[Atoms | Structure],
        given: Sequence[Mapping[str, float]] = (),
    ) -> list[float]:
        """Annotate many structures in one batch; `given` has a mapping for each."""
        predictions = self.predictor.predict_many(structures)
        others = given or [{} for _ in predictions]
        if len(others) != len(predictions):
            raise SettingError(
                f"{len(others)} given values do not fit {len(predictions)} structures"
            )
        every = [
            self._pairs(*values)
            for values in zip(structures, predictions, others, strict=True)
        ]
        for atoms, pairs in zip(structures, every, strict=True):
            _write(atoms, pairs)
        return [pairs[RAW_SCORE] for pairs in every]

    def _pairs(
        self, structure: AtomsLike, predicted: Mapping[str, float], given: Mapping[str, Any]
    ) -> dict[str, float]:
        """Key-value pairs for one structure."""
        if set(given) != set(self.given):
            raise SettingError(
                f"this score needs {', '.join(self.given) or 'no values'} with each "
                f"structure, not {', '.join(given) or 'none'}"
            )
        above = {} if self.hull is None else self.hull.energies(structure)
        values = {**predicted, **given, **above}
        parts = {term.key: term(values[term.name]) for term in self.terms}
        total = sum(parts.values())
        if not math.isfinite(total):
            raise ModelError(f"the score is {total}, from {values}")
        pairs = {key_of(name): float(value) for name, value in values.items()}
        return {**pairs, **parts, RAW_SCORE: total}


def _write(atoms: Atoms | Structure, pairs: Mapping[str, float]) -> None:
    info = info_of(atoms)
    info.setdefault("key_value_pairs", {}).update(pairs)
    info.setdefault("data", {})  # required by ase_ga
