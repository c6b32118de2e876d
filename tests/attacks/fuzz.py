"""Strange structures in memory: finite numbers, or an error of this package."""

from __future__ import annotations

import numpy as np

from ase_orbital import GOM, OFM, Predictor
from ase_orbital.errors import OrbitalError
from ase_orbital.testing.__main__ import structures

from .outcomes import ANSWERED, REFUSED, WRONG, Try

MODEL = "eosnet-fermi-energy-mp2018"
STRANGE = (np.nan, np.inf, 1e300, 1e-300, 0.0, -1.0, 1e6)


def attack(number: int, seed: int):
    """Yield what became of random structures, of which half are damaged."""
    predictor = Predictor(MODEL, device="cpu")
    subjects = {
        "predict": lambda atoms: [*predictor.predict(atoms).values()],
        "gom": GOM(n_eigenvalues=33).create,
        "ofm": OFM().create,
    }
    for index, atoms in enumerate(structures(number, 20, seed, None, (1.0, 2000.0))):
        rng, formula = np.random.default_rng([seed, index]), str(atoms.symbols)
        if rng.random() < 0.5:
            damage(atoms, rng)
        for name, compute in subjects.items():
            what = f"{index} {name} {formula}"
            try:
                finite = np.isfinite(compute(atoms)).all()
            except OrbitalError:
                yield Try(what, REFUSED)
            except Exception as error:
                yield Try(what, WRONG, repr(error))
            else:
                yield Try(
                    what, ANSWERED if finite else WRONG, "numbers that are not finite"
                )


def damage(atoms, rng):
    """Change one thing to something strange."""
    value = STRANGE[int(rng.integers(len(STRANGE)))]
    one, axis = int(rng.integers(len(atoms))), int(rng.integers(3))
    how = int(rng.integers(7))
    if how == 0:
        atoms.positions[one, axis] = value
    elif how == 1:
        atoms.cell[axis, int(rng.integers(3))] = value
    elif how == 2:
        atoms.cell[axis] = atoms.cell[(axis + 1) % 3] * (1.0 + 1e-12 * rng.integers(2))
    elif how == 3:
        atoms.numbers[one] = (0, 119, -1, 103, 98)[int(rng.integers(5))]
    elif how == 4:
        atoms.positions[one] = atoms.positions[-1] + rng.normal(size=3) * 0.1
    elif how == 5:
        atoms.positions *= 10.0 ** rng.uniform(-3, 3)
    else:
        atoms.info["occupancy"] = {"0": {"Cu": (None, "A", 0.5, [1])[int(rng.integers(4))]}}
