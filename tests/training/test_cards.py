"""Model cards contain what a reader needs to know."""

import pytest

from ase_orbital import OneHot
from ase_orbital.models import Ensemble, EOSNet
from ase_orbital.training import TrainingSettings
from ase_orbital.training.cards import target_unit, write_card

TRAINING = {"seconds": 180, "device": "1 x H100", "date": "2026-01-31"}


def make(**changes):
    return EOSNet(OneHot(), n_hidden=4, elements=[8, 12], **changes)


def card_of(folder, model, *, metrics=None, texts=None, **changes):
    settings = TrainingSettings(property_name=model.property_name, **changes)
    training = TRAINING | {"settings": settings.to_dict()}
    metadata = {"training": training, "metrics": metrics or {}, "card": texts or {}}
    write_card(folder, model, metadata)
    return (folder / "README.md").read_text()


def test_metrics_are_a_table_with_the_test_set_first(tmp_path):
    metrics = {"n_train": 1200, "mae_train": 0.05, "n_test": 100, "mae_test": 0.0625}
    metrics["r2_test"] = 0.875
    card = card_of(tmp_path, make(property_name="band_gap"), metrics=metrics)
    table = [line for line in card.splitlines() if line.startswith("|")]
    assert table == [
        "| | test set, 100 crystals | training set, 1,200 crystals |",
        "|---|---|---|",
        "| mean absolute error, eV | **0.0625** | 0.0500 |",
        "| R² | 0.8750 |  |",
    ]


def test_the_property_is_named_with_its_unit(tmp_path):
    card = card_of(tmp_path, make(property_name="band_gap"))
    assert "Predicts `band_gap` in eV" in card
    assert card.startswith("# EOSNet for band_gap\n")


def test_the_bound_of_a_property_is_named(tmp_path):
    card = card_of(tmp_path, make(property_name="band_gap"))
    assert "Predictions below 0 are set to 0." in " ".join(card.split())
    assert "set to" not in card_of(tmp_path, make(property_name="bulk_modulus"))


def test_missing_texts_are_marked_as_not_given(tmp_path):
    card = card_of(tmp_path, make(property_name="mine"))
    assert card.count(": Not given.") == 3  # data, command, license
    assert "10.1021/acs.jpclett.4c03179" in card


def test_texts_of_the_author_are_included(tmp_path):
    texts = {"name": "gaps", "data": "ours", "license": "MIT", "citation": "Us, 2026"}
    card = card_of(tmp_path, make(property_name="mine"), texts=texts)
    assert card.startswith("# gaps\n")
    assert "- **Data**: ours" in card
    assert "- **Please cite**: Us, 2026" in card


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"split": "runs/mine/split.json"}, "**Split**: Given by a file of identifiers. S"),
        (
            {"split": "megnet"},
            "**Split**: Random, as large as that of MEGNet, with sizes 60000, 4619, 4620",
        ),
        (
            {"patience": 500, "epochs": 500},
            "500 epochs, of which the one with the lowest validation loss is kept",
        ),
        ({"test_column": "held_out"}, "the test set is marked by `held_out`"),
        ({"most_atoms": 50}, "more than 50 atoms are left out of the training set"),
        ({"patience": 9, "epochs": 70}, "at most 70 epochs"),
        ({"averaging": 0.0}, "200 epochs. The learning rate rises"),
        ({}, "along a cosine. Trained in 3 minutes on 1 x H100, 2026-01-31."),
        ({"schedule": "constant"}, "15% of the steps, then stays constant."),
        ({"schedule": "milestones"}, "then drops to a tenth at 3 milestones."),
        ({"schedule": "exponential"}, "then falls to 1e-06 exponentially."),
        ({"start_from": "runs/gaps"}, "**Training**: Starts from `gaps`. Mean"),
        ({"averaging": 0.5}, "weights averaged with decay 0.5"),
        ({"loss": "mse"}, "Squared error, Adam"),
        ({"loss": "huber"}, "Huber loss, Adam"),
        ({"network_settings": {"n_hidden": 8}}, "EOSNet with n_hidden 8"),
    ],
)
def test_relevant_settings_are_mentioned(tmp_path, changes, words):
    card = card_of(tmp_path, make(property_name="mine"), **changes)
    assert words in " ".join(card.split())


def test_known_elements_are_listed(tmp_path):
    assert "The model knows 2 elements:\nO Mg\n" in card_of(tmp_path, make())


def test_lines_have_at_most_92_characters(tmp_path):
    texts = {"data": "word " * 100, "limits": "word " * 100}
    card = card_of(tmp_path, make(property_name="band_gap"), texts=texts)
    assert max(map(len, card.splitlines())) <= 92


def test_the_unit_is_that_of_the_target():
    assert target_unit(make(property_name="band_gap")) == "eV"
    assert target_unit(make(property_name="bulk_modulus")) == "log10(GPa)"
    assert target_unit(make(property_name="metal_probability", n_classes=2)) == ""


def test_an_ensemble_has_the_number_of_its_networks(tmp_path):
    members = [make(property_name="band_gap") for _ in range(3)]
    card = " ".join(card_of(tmp_path, Ensemble(members)).split())
    assert "Ensemble of 3 networks with consecutive seeds" in card
    assert "it returns their mean." in card


def test_the_standard_deviation_of_classes_is_not_called_calibrated(tmp_path):
    members = [make(property_name="metal_probability", n_classes=2) for _ in range(2)]
    card = " ".join(card_of(tmp_path, Ensemble(members)).split())
    assert "disagreement as standard deviation, which is not calibrated" in card
