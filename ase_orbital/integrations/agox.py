"""Descriptors and predictions as modules of AGOX, tested with AGOX 3.11.1.

AGOX has the GNU General Public License, version 3. This is the only file that imports it,
no other file imports this one, and this package does not install AGOX. A combination of the
two can only be distributed under that license.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from agox.models.descriptors import DescriptorBaseClass
from agox.postprocessors import PostprocessBaseClass

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

EVALUATED = "evaluated_candidates"  # AGOX's name for the results of its evaluators
AFTER_EVALUATION = 5.5  # AGOX's evaluators have order 5, its databases 6
REASON = PREFIX + "reason"


class OrbitalDescriptor(DescriptorBaseClass):  # type: ignore[misc]  # AGOX is not typed
    """Descriptor of this package for AGOX's models and samplers.

    Parameters
    ----------
    descriptor
        Such as `GOM(n_eigenvalues=64)` or `OFM()`. AGOX stacks the features of different
        structures, so their number must be fixed.
    environment
        Environment of AGOX; may be None, because no feature depends on its species.
    surname, use_cache
        As for AGOX's descriptors; candidates store their features unless `use_cache=False`.

    Raises
    ------
    SettingError
        If the number of features is not fixed.

    Examples
    --------
    >>> descriptor = OrbitalDescriptor(GOM(n_eigenvalues=64), environment)
    >>> KMeansSampler(descriptor=descriptor, database=database)

    Notes
    -----
    Gradients of GOM are exact. Those of other descriptors are AGOX's central differences,
    which need 6 * n_atoms evaluations and have no meaning where features are not smooth.
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
                f"AGOX stacks the features of structures, and their number depends on the "
                f"structure in {descriptor}: give it, as in GOM(n_eigenvalues=64)"
            )
        super().__init__(environment, surname=surname, use_cache=use_cache)
        self.descriptor = descriptor

    def create_features(self, atoms: Atoms) -> NDArray[np.floating[Any]]:
        """Describe one structure as `Descriptor.create` does, [n_atoms, n_features]."""
        return self.descriptor.create(atoms)

    def create_feature_gradient(self, atoms: Atoms) -> NDArray[np.floating[Any]]:
        """Derivatives of the features by the positions, 1/Å.

        Returns
        -------
        [n_atoms, n_atoms, 3, n_features]
            By described atom, moved atom, direction and feature.
        """
        if not self.descriptor.differentiable:
            return np.asarray(self.central_difference_gradient(atoms))
        return self.descriptor.derivatives(atoms).transpose(0, 2, 3, 1)

    def get_number_of_centers(self, atoms: Atoms) -> int:
        """Number of atoms; each is a center."""
        return len(atoms)


class PredictPostprocess(PostprocessBaseClass):  # type: ignore[misc]  # AGOX is not typed
    """Adds predicted properties to candidates, and so to AGOX's database.

    Each property is stored in the meta information of the candidate as
    `orbital_<property>`. If a candidate cannot be predicted, its properties are nan,
    `orbital_reason` says why, and the search continues.

    Parameters
    ----------
    models
        A Predictor, or anything it accepts: names, folders or models.
    gets, sets, order, surname, settings
        As for AGOX's postprocessors. By default this one runs between evaluation and
        database, and not before evaluation, because it predicts for relaxed candidates.

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
        """Annotate one candidate, and return it.

        Raises
        ------
        ElementError
            If a model does not know an element, which concerns all candidates.
        """
        try:
            return annotated(candidate, self.predictor.predict(candidate))
        except ElementError:
            raise
        except StructureError as error:
            missing = dict.fromkeys(self.predictor.properties, nan)
            return annotated(candidate, missing, str(error))

    def process_list(self, list_of_candidates: list[Candidate | None]) -> list[Candidate]:
        """Annotate many candidates in one batch."""
        candidates = [one for one in list_of_candidates if one is not None]
        try:
            predictions = self.predictor.predict_many(candidates)
        except StructureError:
            return [self.postprocess(candidate) for candidate in candidates]
        return [annotated(*pair) for pair in zip(candidates, predictions, strict=True)]


def annotated(
    candidate: Candidate, values: dict[str, float], reason: str = ""
) -> Candidate:
    """Replace the values of a candidate, and the reason if they are missing."""
    for name, value in values.items():
        candidate.add_meta_information(PREFIX + name, value)
    candidate.pop_meta_information(REASON)
    if reason:
        candidate.add_meta_information(REASON, reason)
    return candidate
