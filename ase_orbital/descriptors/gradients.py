"""Gradients through descriptors, by way of the vectors between atoms.

What depends on positions and cell only through the vectors x_j + S·cell - x_i, from atoms
to their neighbors, has forces and stress from one derivative: that by these vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.descriptors.elemental import ElementalFeatures
from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.onehot import OneHot
from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.neighbors.pairs import Pairs


def refuse_without_gradient(descriptor: Descriptor) -> None:
    """Raise SettingError for a descriptor that has no derivative by the positions."""
    if isinstance(descriptor, Concatenate):
        for part in descriptor.parts:
            refuse_without_gradient(part)
    elif not isinstance(descriptor, GOM | OneHot | ElementalFeatures):
        raise SettingError(
            f"{type(descriptor).__name__} has no derivatives by the positions; GOM, OneHot "
            "and ElementalFeatures have, and what is concatenated of them"
        )


def differentiable_features(
    descriptor: Descriptor, around: Surroundings, vectors: Tensor
) -> Tensor:
    """Rows of all atoms as a function of the vectors to their neighbors, for autograd.

    Parameters
    ----------
    descriptor
        GOM, OneHot, ElementalFeatures, or a Concatenate of these.
    around
        A structure surveyed without symmetry, up to the descriptor's reach at least.
    vectors : [n_pairs, 3]
        Those of `around.pairs`, Å.

    Returns
    -------
    [n_atoms, n_features]
        In the precision of the vectors.

    Raises
    ------
    SettingError
        If the descriptor has no derivatives.
    """
    refuse_without_gradient(descriptor)
    if isinstance(descriptor, Concatenate):
        parts = [
            differentiable_features(part, around, vectors) for part in descriptor.parts
        ]
        return torch.cat(parts, dim=1)
    if isinstance(descriptor, GOM):
        return descriptor.differentiable_features(around, vectors)
    (rows,) = descriptor.features([around])  # which depend on the elements alone
    return vectors.new_tensor(rows)


def forces_and_virial(
    pairs: Pairs, slopes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Forces and strain derivative of an energy from its derivative by the vectors.

    Parameters
    ----------
    pairs
        Of the structure.
    slopes : [n_pairs, 3]
        Derivative of the energy by `pairs.vector`, eV/Å.

    Returns
    -------
    forces : [n_atoms, 3]
        eV/Å.
    virial : [3, 3]
        Derivative by a strain of all vectors, v + v·strain; symmetric, since energies do
        not depend on rotations. eV. The stress is this over the volume.
    """
    n_atoms = len(pairs.first) - 1
    forces = np.empty((n_atoms, 3))
    for axis in range(3):
        forces[:, axis] = np.bincount(pairs.center, slopes[:, axis], n_atoms)
        forces[:, axis] -= np.bincount(pairs.neighbor, slopes[:, axis], n_atoms)
    virial = pairs.vector.T @ slopes
    return forces, (virial + virial.T) / 2.0
