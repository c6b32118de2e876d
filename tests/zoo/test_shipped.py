"""Every shipped model against its card, against matgl, and on the same crystal anew."""

import json
import re
import sys
from functools import cache
from pathlib import Path

import matgl
import numpy as np
import pytest
from ase.io import read

from ase_orbital import Predictor, list_models
from ase_orbital.models.uncertainty import HALF_WIDTH
from ase_orbital.numerics.digits import four_digits
from ase_orbital.properties import METAL_PROBABILITY, STD
from ase_orbital.structure import read_frames
from ase_orbital.testing import assert_function_of_the_crystal
from ase_orbital.training import TrainingSettings
from ase_orbital.zoo import model_folder, read_card

ROOT = Path(__file__).parents[2]
MODELS = list_models()
SAMPLE = 300  # crystals of a test set that are predicted anew


@pytest.fixture(scope="module")
def recipes():
    sys.path.insert(0, str(ROOT / "pretrained"))
    try:
        from recipes import RECIPES
    finally:
        sys.path.pop(0)
    return RECIPES


def test_both_systems_are_shipped():
    networks = {read_card(name).network.rpartition(" ")[2] for name in MODELS}
    assert networks == {"EOSNet", "OCrystalNet"}


def test_every_model_has_its_recipe(recipes):
    assert set(MODELS) <= set(recipes)


@pytest.mark.parametrize("name", MODELS)
def test_matgl_opens_it_and_predicts_the_same(name):
    model = matgl.load_model(model_folder(name)).eval()
    crystal = ROOT / "tutorials" / "SrTiO3.cif"
    predicted = Predictor(name, device="cpu").predict(crystal)[model.property_name]
    # A probability near 0 has the rounding of its logit.
    rounding = 1e-6 if model.property_name == METAL_PROBABILITY else None
    same = pytest.approx(predicted, rel=1e-5, abs=rounding)
    assert float(model.predict_structure(crystal)) == same


@pytest.mark.parametrize("name", MODELS)
def test_the_same_crystal_gives_the_same_answer(name):
    """To 1e-5 of the property's spread over the training set."""
    atoms = read(ROOT / "tutorials" / "SrTiO3.cif")
    moved = atoms.copy()
    moved.rattle(0.02, seed=0)
    settings = read_card(name).settings
    predictor = Predictor(name, device="cpu")
    scale = settings["target_scale"]
    if settings["transform"] == "log10":  # of the modulus itself
        scale *= np.log(10.0) * predictor.predict(atoms)[settings["property_name"]]
    for crystal in (moved, atoms):
        assert_function_of_the_crystal(predictor.predict, crystal, tolerance=1e-5 * scale)


# The data sets have a few monolayers.
MONOLAYERS = pytest.mark.filterwarnings("ignore::ase_orbital.predict.PeriodicityWarning")


def known_and_predicted(name, recipe, shared):
    """Of crystals of the test set; in what is learned, as the card's figures."""
    structures = recipe.read(shared / "data")
    target = TrainingSettings(**recipe.settings).target
    targets = [atoms.info[target] for atoms in structures]
    column = recipe.settings.get("test_column")
    if column:
        test = [index for index, atoms in enumerate(structures) if atoms.info[column]]
    else:
        ids = json.loads((model_folder(name) / "test-ids.json").read_text())
        place = {str(atoms.info["id"]): index for index, atoms in enumerate(structures)}
        test = [place[crystal] for crystal in ids]
    assert len(test) == read_card(name).metrics["n_test"]
    chosen = np.random.default_rng(0).permutation(test)[:SAMPLE]
    rows = Predictor(name, device="cpu").predict_many([structures[i] for i in chosen])
    values = np.array([targets[i] for i in chosen], dtype=float)
    predicted = read_card(name).settings["property_name"]
    if "at_most" in recipe.settings:
        values = (values <= recipe.settings["at_most"]).astype(float)
    spread = [row.get(predicted + STD, np.nan) for row in rows]
    out = np.array([[row[predicted] for row in rows], spread])
    if read_card(name).settings["transform"] == "log10":
        out[1] /= out[0] * np.log(10.0)
        out[0], values = np.log10(out[0]), np.log10(values)
    return values, *out


@pytest.mark.slow
@MONOLAYERS
@pytest.mark.parametrize("name", MODELS)
def test_the_cards_figures_are_measured_again(name, recipes, shared):
    """On a sample, to four times its standard error by the card's own RMSE."""
    figures = read_card(name).metrics
    known, predicted, spread = known_and_predicted(name, recipes[name], shared)
    if "accuracy_test" in figures:
        right = (predicted >= 0.5) == (known == 1.0)
        assert right.mean() == pytest.approx(figures["accuracy_test"], abs=0.05)
        return
    error = np.abs(predicted - known)
    tolerance = 4.0 * figures["rmse_test"] / np.sqrt(len(error))
    assert error.mean() == pytest.approx(figures["mae_test"], abs=tolerance)
    if np.isfinite(spread).all():
        covered = np.mean(error <= HALF_WIDTH * spread)
        assert covered == pytest.approx(figures["coverage_90_test"], abs=0.06)


@cache  # four models share a file
def published_test(path):
    return [at.info for at in read_frames(path) if at.info["published_test"]]


@pytest.mark.parametrize("name", MODELS)
def test_the_published_predictions_have_the_error_the_card_says(name, recipes, shared):
    recipe = recipes[name]
    if recipe.published_column is None:
        pytest.skip("the authors published no predictions for these crystals")
    (file,) = recipe.data.files
    test = published_test(shared / "data" / f"{file}.extxyz.gz")
    target = recipe.settings["property_name"]
    error = np.mean([abs(info[recipe.published_column] - info[target]) for info in test])
    card = (model_folder(name) / "README.md").read_text(encoding="utf-8")
    assert f"{error:.4f}" in card
    assert read_card(name).metrics["mae_test"] < error


@pytest.mark.parametrize("name", MODELS)
def test_the_readme_and_the_card_say_what_was_measured(name):
    figures = read_card(name).metrics
    card = (model_folder(name) / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(
        rf"^\| `{name}` .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    measure = "accuracy_test" if "accuracy_test" in figures else "mae_test"
    figure = rf"\b{re.escape(four_digits(figures[measure]))}\b"
    assert re.search(figure, card)
    assert re.search(figure, row)
