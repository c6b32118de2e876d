"""Predictions, evaluations and training runs as files, without a model behind them."""

import json
from shutil import which

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from ase_orbital.files import write_csv
from ase_orbital.training.evaluation import Evaluation

SYMBOLS = ["Li", "Na", "K", "Rb", "Cs"]
N_CRYSTALS = 60


@pytest.fixture(scope="session")
def predictions(tmp_path_factory):
    """A table as from `ase-orbital predict`: 15 salts with predictions and 3 failures."""
    folder = tmp_path_factory.mktemp("predicted")
    crystals = [
        bulk(cation + anion, "rocksalt", a=5.0 + index)
        for cation in SYMBOLS
        for index, anion in enumerate(("F", "Cl", "Br"))
    ]
    write(folder / "salts.extxyz", crystals)
    names = ["structure", "id", "formula", "n_atoms", "band_gap", "band_gap_std",
             "bulk_modulus", "in_domain", "error"]  # fmt: skip
    rows = [
        [f"salts.extxyz@{i}", f"salt-{i}", str(atoms.symbols), 2, 0.1 * i, 0.05, 90.0 - i,
         float(i < 12), ""]
        for i, atoms in enumerate(crystals)
    ]  # fmt: skip
    for i, error in enumerate(
        ("atom 3 (O) is at [0, 0, 7], too far", "atom 1 (Fe) is at [9, 0, 0], too far",
         "there is no file x.cif")
    ):  # fmt: skip
        rows.append([f"bad{i}.cif", f"bad-{i}", None, None, None, None, None, None, error])
    write_csv(folder / "predicted.csv", [names, *rows])
    return folder / "predicted.csv"


def evaluation(seed, *, classes=False):
    """Return 60 made-up predictions, with cells of three sizes."""
    random = np.random.default_rng(seed)
    known = random.normal(size=N_CRYSTALS)
    std = random.uniform(0.1, 0.3, N_CRYSTALS)
    predicted = known + std * random.normal(size=N_CRYSTALS)
    if classes:
        known, predicted = (known > 0).astype(float), 1.0 / (1.0 + np.exp(-3.0 * predicted))
    formulas = [SYMBOLS[i % 5] + ("F", "2O", "2O6")[i % 3] for i in range(N_CRYSTALS)]
    return Evaluation(
        [f"c{i}" for i in range(N_CRYSTALS)], formulas, known, predicted, std,
        np.arange(N_CRYSTALS) % 10 > 0, classes,
    )  # fmt: skip


@pytest.fixture(params=[False, True], ids=["numbers", "classes"])
def evaluated(tmp_path, request):
    """A folder as from `ase-orbital evaluate` with two models."""
    models = {"runs/first": "first", "second": "second"}
    for seed, name in enumerate(models.values()):
        (tmp_path / name).mkdir()
        found = evaluation(seed, classes=request.param)
        found.save(tmp_path / name / "predictions.csv")
    record = {"property": "mine", "unit": "" if request.param else "eV",
              "classes": request.param, "data": "data.csv", "models": models}  # fmt: skip
    (tmp_path / "evaluation.json").write_text(json.dumps(record))
    return tmp_path


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; the tests are skipped where it or selenium is absent."""
    selenium = pytest.importorskip("selenium.webdriver")
    chromium, driver = which("chromium") or which("google-chrome"), which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs chromium and chromedriver")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for word in ("headless=new", "no-sandbox", "enable-unsafe-swiftshader",
                 "disable-dev-shm-usage", "window-size=1280,900"):  # fmt: skip
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = selenium.ChromeService(driver)
    window = selenium.Chrome(options, service)
    yield window
    window.quit()
