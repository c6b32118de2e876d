"""Every training setting is an option of the command line."""

from argparse import ArgumentParser

import pytest

from ase_orbital.cli.settings import add_settings, given
from ase_orbital.training import TrainingSettings


@pytest.fixture
def parser():
    parser = ArgumentParser()
    add_settings(parser)
    return parser


def test_every_setting_has_an_option_with_its_description(parser):
    text = " ".join(parser.format_help().split())
    for name in TrainingSettings.model_fields:
        assert f"--{name.replace('_', '-')}" in text


def test_only_given_options_are_settings(parser):
    assert given(parser.parse_args([])) == {}
    words = ["--epochs", "3", "--no-progress", "--network-settings", '{"n_hidden": 8}']
    values = given(parser.parse_args(words))
    assert values == {"epochs": 3, "progress": False, "network_settings": {"n_hidden": 8}}


@pytest.mark.parametrize("text", ["{", "[1]", "8"])
def test_network_settings_must_be_a_json_object(parser, text, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(["--network-settings", text])
    assert "JSON" in capsys.readouterr().err
