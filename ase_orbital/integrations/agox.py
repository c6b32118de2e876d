"""Descriptors and predictions as modules of AGOX, tested with 3.11.1.

AGOX is under the GNU General Public License, version 3. This file is the only one that
imports it, nothing imports this file, and no installation of this package brings AGOX
along: whoever combines the two, and hands on the combination, does so under that license.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from agox.models.descriptors import DescriptorBaseClass
from agox.postprocessors import PostprocessBaseClass

from ase_orbital.descriptors.gom import GOM
from ase_orbital.errors import ElementError, SettingError, StructureError
from ase_orbital.predict.predictor import Predictor
from ase_orbital.properties import PREFIX

if TYPE_CHECKING:
    from agox.candidates import Candidate
    from agox.environments import Environment
    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.predict.predictor import PredictorLike

EVALUATED = "evaluated_candidates"  # AGOX's name for what its evaluators give
AFTER_EVALUATION = 5.5  # AGOX's evaluators have order 5, its databases 6
REASON = PREFIX + "reason"


class OrbitalDescriptor(DescriptorBaseClass):  # type: ignore[misc]  # AGOX is not typed
    """A descriptor of this package, for AGOX's models and samplers: a row for each atom.

    Parameters
    ----------
    descriptor
        Such as `GOM(n_eigenvalues=64)` or `OFM()`. AGOX stacks the rows of different
        structures, so their length must be fixed.
    environment
        AGOX's; None is enough here, because no row depends on which species there are.
    surname, use_cache
        As for AGOX's descriptors; candidates keep their features unless `use_cache=False`.

    Raises
    ------
    SettingError
        If rows of the descriptor have no fixed length.

    Examples
    --------
    >>> descriptor = OrbitalDescriptor(GOM(n_eigenvalues=64), environment)
    >>> KMeansSampler(descriptor=descriptor, database=database)

    Notes
    -----
    Gradients of GOM are exact; those of other descriptors are AGOX's central differences,
    6 * n_atoms descriptions each, and meaningless where rows have kinks or jumps.
    """

    name = "OrbitalDescriptor"
    descriptor_type = "local"

    def __init__(
        self,
        descriptor: Descriptor,
        environment: Environment | None = None,
        *,
        surname: str = "",
        use_cache: bool = True,
    ) -> None:
        if descriptor.n_features is None:
            raise SettingError(
                f"the rows of {descriptor} are as long as the structure asks for, and AGOX "
                "stacks them: give a length, such as GOM(n_eigenvalues=64)"
            )
        super().__init__(environment, surname=surname, use_cache=use_cache)
        self.descriptor = descriptor

    def create_features(self, atoms: Atoms) -> NDArray[np.floating[Any]]:
        """Describe one structure, [n_atoms, n_features].

        Raises
        ------
        StructureError, ElementError
            If the descriptor cannot describe it.
        """
        return self.descriptor.create(atoms)

    def create_feature_gradient(self, atoms: Atoms) -> NDArray[np.floating[Any]]:
        """Derivatives by positions, [n_atoms, n_atoms, 3, n_features], 1/Å.

        Row atom, moved atom, direction, feature.
        """
        if not isinstance(self.descriptor, GOM):
            return np.asarray(self.central_difference_gradient(atoms))
        return self.descriptor.derivatives(atoms).transpose(0, 2, 3, 1)

    def get_number_of_centers(self, atoms: Atoms) -> int:
        """One center an atom."""
        return len(atoms)


class PredictPostprocess(PostprocessBaseClass):  # type: ignore[misc]  # AGOX is not typed
    """Writes predicted properties onto candidates, and so into AGOX's database.

    Each property is meta information of the candidate, `orbital_<property>`. What cannot be
    predicted for is nan, with `orbital_reason`, and the search goes on.

    Parameters
    ----------
    models
        A Predictor, or what a Predictor takes: names, folders, models.
    gets, sets, order, surname, settings
        As for AGOX's postprocessors. Those change candidates before evaluation; this one
        comes between evaluation and database, by default, because predictions are for the
        relaxed candidate.

    Examples
    --------
    >>> predict = PredictPostprocess("eosnet-bulk-modulus-mp")
    >>> AGOX(generator, evaluator, predict, database).run(N_iterations=50)
    >>> database.get_all_candidates()[0].get_meta_information("orbital_bulk_modulus")
    """

    name = "PredictPostprocess"

    def __init__(
        self,
        models: PredictorLike,
        *,
        gets: dict[str, str] | None = None,
        sets: dict[str, str] | None = None,
        order: float = AFTER_EVALUATION,
        surname: str = "",
        **settings: Any,
    ) -> None:
        super().__init__(
            gets={"get_key": EVALUATED} if gets is None else gets,
            sets={"set_key": EVALUATED} if sets is None else sets,
            order=order,
            surname=surname,
            **settings,
        )
        self.predictor = Predictor.of(models)

    def postprocess(self, candidate: Candidate) -> Candidate:
        """Annotate one candidate, and give it back.

        Raises
        ------
        ElementError
            If a model has not seen an element: it would say so of every candidate.
        """
        try:
            return annotated(candidate, self.predictor.predict(candidate))
        except ElementError:
            raise
        except StructureError as error:
            missing = dict.fromkeys(self.predictor.properties, nan)
            return annotated(candidate, missing, str(error))

    def process_list(self, list_of_candidates: list[Candidate | None]) -> list[Candidate]:
        """Annotate many, in less time than one by one."""
        candidates = [one for one in list_of_candidates if one is not None]
        try:
            rows = self.predictor.predict_many(candidates)
        except StructureError:
            return [self.postprocess(candidate) for candidate in candidates]
        return [annotated(*pair) for pair in zip(candidates, rows, strict=True)]


def annotated(candidate: Candidate, row: dict[str, float], reason: str = "") -> Candidate:
    """Write values, and why they are missing if they are, in place of earlier ones."""
    for name, value in row.items():
        candidate.add_meta_information(PREFIX + name, value)
    candidate.pop_meta_information(REASON)
    if reason:
        candidate.add_meta_information(REASON, reason)
    return candidate
