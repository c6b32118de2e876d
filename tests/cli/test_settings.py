"""Every training setting is an option of the command line, with the same type."""

from argparse import ArgumentParser

import pytest

from ase_orbital.cli.settings import add_settings, given
from ase_orbital.training import TrainingSettings


@pytest.fixture
def parser():
    parser = ArgumentParser()
    add_settings(parser)
    return parser


def test_every_setting_is_an_option_that_may_be_left_out(parser):
    arguments = parser.parse_args([])
    assert vars(arguments).keys() == TrainingSettings.model_fields.keys()
    assert given(arguments) == {}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--property-name", "band_gap"], {"property_name": "band_gap"}),
        (["--column", "gap"], {"column": "gap"}),
        (["--at-most", "0.125"], {"at_most": 0.125}),
        (["--sizes", "60", "8", "8"], {"sizes": [60.0, 8.0, 8.0]}),
        (["--milestones", "0.5"], {"milestones": [0.5]}),
        (["--network", "OCrystalNet"], {"network": "OCrystalNet"}),
        (["--network-settings", '{"n_hidden": 8}'], {"network_settings": {"n_hidden": 8}}),
        (["--epochs", "7", "--seed", "9"], {"epochs": 7, "seed": 9}),
        (["--patience", "4", "--most-atoms", "20"], {"patience": 4, "most_atoms": 20}),
        (["--learning-rate", "5e-1"], {"learning_rate": 0.5}),
        (["--warm-up", "0"], {"warm_up": 0.0}),
        (["--compile", "--no-progress"], {"compile": True, "progress": False}),
    ],
)
def test_options_have_the_type_of_their_setting(parser, words, expected):
    found = given(parser.parse_args(words))
    assert found == expected
    assert TrainingSettings(**{"property_name": "metal_probability"} | found)


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_network_settings_must_be_a_json_object(parser, text, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(["--network-settings", text])
    assert "JSON" in capsys.readouterr().err


def test_the_help_has_meanings_and_defaults(parser):
    text = " ".join(parser.format_help().split())
    assert "Highest learning rate [0.002]" in text
    assert "Arguments of the network --start-from" in text
