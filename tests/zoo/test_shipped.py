"""Every shipped model against its card, against matgl, and on the same crystal anew."""

import gzip
import io
import re
from pathlib import Path

import matgl
import numpy as np
import pytest
from ase.io import read

from ase_orbital import Predictor, list_models
from ase_orbital.testing import assert_function_of_the_crystal
from ase_orbital.zoo import model_folder, read_card

ROOT = Path(__file__).parents[2]
MODELS = list_models()


@pytest.fixture(scope="module")
def perovskites(shared):
    """Crystals of the published test split, which no model was trained on."""
    with gzip.open(shared / "data" / "perovskites.extxyz.gz", "rt") as file:
        frames = read(io.StringIO(file.read()), index=":", format="extxyz")
    return [atoms for atoms in frames if atoms.info["published_test"]]


def test_both_systems_are_shipped():
    assert {read_card(name).network for name in MODELS} == {"EOSNet", "OCrystalNet"}


@pytest.mark.parametrize("name", MODELS)
def test_matgl_opens_it_and_predicts_the_same(name):
    model = matgl.load_model(model_folder(name)).eval()
    crystal = ROOT / "tutorials" / "SrTiO3.cif"
    assert float(model.predict_structure(crystal)) == pytest.approx(
        Predictor(name, device="cpu").predict(crystal)[model.property_name], abs=1e-5
    )


@pytest.mark.parametrize("name", MODELS)
def test_the_same_crystal_gives_the_same_answer(name):
    """To 1e-5 of the property's spread over the training set."""
    atoms = read(ROOT / "tutorials" / "SrTiO3.cif")
    atoms.rattle(0.02, seed=0)
    tolerance = 1e-5 * read_card(name).settings["target_scale"]
    predict = Predictor(name, device="cpu").predict
    assert_function_of_the_crystal(predict, atoms, tolerance=tolerance)
    assert_function_of_the_crystal(
        predict, read(ROOT / "tutorials" / "SrTiO3.cif"), tolerance=tolerance
    )


@pytest.mark.parametrize("name", MODELS)
def test_the_cards_figure_is_measured_again(name, perovskites):
    card = read_card(name)
    known = [atoms.info["heat_of_formation"] for atoms in perovskites]
    rows = Predictor(name, device="cpu").predict_many(perovskites)
    error = np.mean(np.abs([row["heat_of_formation"] for row in rows] - np.array(known)))
    assert len(perovskites) == card.figures["n_test"]
    assert error == pytest.approx(card.figures["mae_test"], abs=2e-5)
    assert error < 0.035


@pytest.mark.parametrize("name", MODELS)
def test_the_readme_and_the_card_say_what_was_measured(name):
    figures = read_card(name).figures
    card = (model_folder(name) / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(
        rf"^\| `{name}` .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    for figure in ("mae_test", "mae_test_of_published_eosnet"):
        assert f"{figures[figure]:.4f}" in card
        assert f"{figures[figure]:.4f}" in row
