"""Predict in forked and spawned pools of processes, with torch's threads in the parent."""

from __future__ import annotations

import multiprocessing

import numpy as np
import torch
from ase.build import bulk

from ase_orbital import Predictor

from .outcomes import ANSWERED, WRONG, Try

MODEL = "eosnet-fermi-energy-mp2018"
METHODS = ("fork", "spawn")  # the latter takes seconds, and is tried once
PATIENCE = 120.0  # s


def attack(number: int, seed: int):
    """Yield what became of each pool."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        predictor = Predictor(MODEL, device="cpu")
        for turn in range(number):
            size = 1 + (seed + turn) % 3
            crystals = [
                bulk("NaCl", "rocksalt", a=5.5 + 0.1 * step, cubic=True)
                * (size, size, size)
                for step in range(4)
            ]
            for atoms in crystals:
                atoms.rattle(0.05, seed=turn)
            expected = [predictor.predict(atoms)["fermi_energy"] for atoms in crystals]
            for method in METHODS if turn == 0 else METHODS[:1]:
                what = f"{turn} {method}, {len(crystals[0])} atoms"
                yield pooled(predictor, crystals, expected, method, what)
    finally:
        torch.set_num_threads(before)


def pooled(predictor, crystals, expected, method, what) -> Try:
    with multiprocessing.get_context(method).Pool(2) as pool:
        try:
            found = pool.map_async(predictor.predict, crystals).get(PATIENCE)
        except multiprocessing.TimeoutError:
            return Try(what, WRONG, "it hangs")
    error = np.abs(np.array([at["fermi_energy"] for at in found]) - expected).max()
    return Try(what, ANSWERED if error < 1e-4 else WRONG, f"it differs by {error:.1e} eV")
