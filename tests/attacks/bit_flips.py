"""Flip single bits of stored files: they are refused, or give the same answer."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from ase.build import bulk

from ase_orbital import Predictor
from ase_orbital.errors import OrbitalError
from ase_orbital.similarity.archive import Archive
from ase_orbital.training.fitting import _readable
from ase_orbital.zoo import model_folder

from .outcomes import ANSWERED, REFUSED, WRONG, Try

MODEL = "eosnet-fermi-energy-mp2018"
SALT = bulk("NaCl", "rocksalt", a=5.64)
WEIGHTS = torch.linspace(0.0, 1.0, 5000)


def predicted(path: Path):
    return Predictor(path.parent, device="cpu").predict(SALT)


def distances(path: Path):
    return [match.difference for match in Archive.load(path).nearest(SALT)]


def checkpoint(path: Path):
    found = _readable(path)  # sets a damaged one aside
    if found is None:
        raise OrbitalError("it is damaged")
    return torch.load(found, weights_only=True)["weights"].tolist()


def attack(number: int, seed: int):
    """Yield what became of each flipped bit."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "model"
        shutil.copytree(model_folder(MODEL), folder)
        archive = Archive()
        archive.add_many([SALT, bulk("Cu"), bulk("Al")])
        archive.save(Path(name) / "archive.npz")
        torch.save({"weights": WEIGHTS}, Path(name) / "last.ckpt")
        readers = {
            path: predicted
            for path in sorted(folder.iterdir())
            if path.suffix in (".pt", ".json")
        }
        readers = {at: use for at, use in readers.items() if at.name != "test-ids.json"}
        readers[Path(name) / "archive.npz"] = distances
        readers[Path(name) / "last.ckpt"] = checkpoint
        for index in range(number):
            rng = np.random.default_rng([seed, index])
            path = list(readers)[index % len(readers)]
            yield flipped(path, readers[path], rng, index)


def flipped(path, use, rng, index) -> Try:
    good, expected = path.read_bytes(), use(path)
    place, bit = int(rng.integers(len(good))), int(rng.integers(8))
    path.write_bytes(good[:place] + bytes([good[place] ^ (1 << bit)]) + good[place + 1 :])
    what = f"{index} bit {bit} of byte {place} of {path.name}"
    try:
        same = use(path) == expected
    except OrbitalError:
        return Try(what, REFUSED)
    except Exception as error:
        return Try(what, WRONG, repr(error))
    finally:
        path.write_bytes(good)
    return Try(what, ANSWERED if same else WRONG, "another answer")
