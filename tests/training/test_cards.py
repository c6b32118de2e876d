"""Model cards: what a reader must find on the page."""

import pytest

from ase_orbital import OneHot
from ase_orbital.models import Ensemble, EOSNet
from ase_orbital.training import TrainingSettings
from ase_orbital.training.cards import learned_unit, write_card

TRAINING = {"seconds": 180, "device": "1 x H100", "date": "2026-01-31"}


def make(**changes):
    return EOSNet(OneHot(), n_hidden=4, elements=[8, 12], **changes)


def card_of(folder, model, *, metrics=None, texts=None, **changes):
    settings = TrainingSettings(property_name=model.property_name, **changes)
    training = TRAINING | {"settings": settings.to_dict()}
    metadata = {"training": training, "metrics": metrics or {}, "card": texts or {}}
    write_card(folder, model, metadata)
    return (folder / "README.md").read_text()


def test_figures_are_a_table_with_the_test_set_first_and_in_bold(tmp_path):
    figures = {"n_train": 1200, "mae_train": 0.05, "n_test": 100, "mae_test": 0.0625,
               "r2_test": 0.875}  # fmt: skip
    card = card_of(tmp_path, make(property_name="band_gap"), metrics=figures)
    table = [line for line in card.splitlines() if line.startswith("|")]
    assert table == [
        "| | test set, 100 crystals | training set, 1,200 crystals |",
        "|---|---|---|",
        "| mean absolute error, eV | **0.0625** | 0.0500 |",
        "| R² | 0.8750 |  |",
    ]


def test_what_it_predicts_and_in_what_unit(tmp_path):
    card = card_of(tmp_path, make(property_name="band_gap"))
    assert "Predicts `band_gap` in eV" in card
    assert card.startswith("# EOSNet for band_gap\n")


def test_what_nobody_said_is_not_made_up(tmp_path):
    card = card_of(tmp_path, make(property_name="mine"))
    assert card.count(": not said") == 3  # data, command, license
    assert "10.1021/acs.jpclett.4c03179" in card


def test_texts_of_the_author(tmp_path):
    texts = {"name": "gaps", "data": "ours", "license": "MIT", "citation": "Us, 2026"}
    card = card_of(tmp_path, make(property_name="mine"), texts=texts)
    assert card.startswith("# gaps\n")
    assert "- **Data**: ours" in card
    assert "- **Please cite**: Us, 2026" in card


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"split": "runs/mine/split.json"}, "**Split**: given by a file"),
        ({"test_column": "held_out"}, "what `held_out` marks"),
        ({"most_atoms": 50}, "more than 50 atoms are not trained on"),
        ({"patience": 9, "epochs": 70}, "at most 70 epochs"),
        ({"averaging": 0.0}, "then cosine. 3 minutes on 1 x H100; 2026-01-31"),
        ({"averaging": 0.5}, "weights averaged with 0.5"),
        ({"loss": "mse"}, "squared error, Adam"),
        ({"loss": "huber"}, "Huber loss, Adam"),
        ({"network_settings": {"n_hidden": 8}}, "EOSNet with n_hidden 8"),
    ],
)
def test_settings_that_matter_are_said(tmp_path, changes, words):
    card = card_of(tmp_path, make(property_name="mine"), **changes)
    assert words in " ".join(card.split())


def test_elements_are_listed(tmp_path):
    assert "The 2 elements it knows:\nO Mg\n" in card_of(tmp_path, make())


def test_lines_fit_the_page(tmp_path):
    texts = {"data": "word " * 100, "limits": "word " * 100}
    card = card_of(tmp_path, make(property_name="band_gap"), texts=texts)
    assert max(map(len, card.splitlines())) <= 92


def test_units_of_what_is_learned():
    assert learned_unit(make(property_name="band_gap")) == "eV"
    assert learned_unit(make(property_name="bulk_modulus")) == "log10(GPa)"
    assert learned_unit(make(property_name="metal_probability", n_classes=2)) == ""


def test_an_ensemble_says_how_many(tmp_path):
    members = [make(property_name="band_gap") for _ in range(3)]
    card = " ".join(card_of(tmp_path, Ensemble(members)).split())
    assert "3 networks of seeds one apart" in card
