"""Predict and describe in eight threads at once: the same as one after another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ase_orbital import GOM, OFM, Predictor
from ase_orbital.numerics.interpreter import interpreter
from ase_orbital.testing.__main__ import structures

from .outcomes import ANSWERED, WRONG, Try

MODELS = ["eosnet-fermi-energy-mp2018", "ocrystalnet-band-gap-mp2018"]
ELEMENTS = ["O", "Na", "Si", "Cl", "Ti", "Cu"]


def attack(number: int, seed: int):
    """Yield what became of each round."""
    interpreter.disable()  # plain Python and compiled kernels differ by rounding
    predictor = Predictor(MODELS, device="cpu")
    subjects = {
        "predict": lambda atoms: [*predictor.predict(atoms).values()],
        "gom": GOM(n_eigenvalues=33).create,
        "ofm": OFM().create,
    }
    for turn in range(number):
        crystals = list(structures(16, 12, seed + turn, ELEMENTS, (8.0, 60.0)))
        for name, compute in subjects.items():
            expected = [compute(atoms) for atoms in crystals]
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(compute, crystals * 2))
            same = all(map(np.array_equal, found, expected * 2))
            yield Try(f"{turn} {name}", ANSWERED if same else WRONG, "another answer")
