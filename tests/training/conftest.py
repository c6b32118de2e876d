"""Crystals that are quickly described, and a property of theirs that is quickly learned."""

import itertools

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital import OneHot
from ase_orbital.descriptors.settings import to_settings

# Ionic radii, Å: Shannon, Acta Cryst. A 32, 751 (1976), doi:10.1107/S0567739476001551.
CATIONS = {"Li": 0.76, "Na": 1.02, "K": 1.38, "Rb": 1.52, "Cs": 1.67}
ANIONS = {"F": 1.33, "Cl": 1.81, "Br": 1.96, "I": 2.20}


@pytest.fixture(scope="session")
def salts():
    """60 rocksalts, 3 sizes of each of 20 compounds, and their lattice constants."""
    crystals, constants = [], []
    for cation, anion, scale in itertools.product(CATIONS, ANIONS, (0.97, 1.0, 1.03)):
        constant = 2.0 * scale * (CATIONS[cation] + ANIONS[anion])
        atoms = bulk(cation + anion, "rocksalt", a=constant)
        atoms.info["id"] = f"{cation}{anion}-{scale:.2f}"
        crystals.append(atoms)
        constants.append(constant)
    return crystals, np.array(constants)


@pytest.fixture(scope="session")
def quick():
    """Settings of runs that take a second."""
    return {
        "network_settings": {"descriptor": to_settings(OneHot()), "n_hidden": 16},
        "epochs": 3,
        "batch_size": 8,
        "learning_rate": 1e-2,
        "accelerator": "cpu",
        "progress": False,
    }
