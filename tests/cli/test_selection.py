"""Rows that are asked for, in the order that is asked for."""

import math
from argparse import ArgumentParser

import pytest

from ase_orbital.cli.selection import add_selection, select
from ase_orbital.errors import SettingError

RECORDS = [
    {"structure": "a", "formula": "Cu", "gap": 0.0, "error": ""},
    {"structure": "b", "formula": "NaCl", "gap": 5.0, "error": ""},
    {"structure": "c", "formula": None, "gap": math.nan, "error": "no file"},
    {"structure": "d", "formula": "Si", "gap": 0.5, "error": ""},
]


def chosen(*words, records=RECORDS):
    parser = ArgumentParser()
    add_selection(parser)
    return "".join(one["structure"] for one in select(records, parser.parse_args(words)))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "abcd"),
        (["--where", "gap > 0.2"], "bd"),
        (["--where", "gap < 1 and formula == 'Si'"], "d"),
        (["--where", "error != ''"], "c"),
        (["--sort", "gap"], "adbc"),
        (["--sort", "gap-"], "bdac"),
        (["--sort", "formula"], "abdc"),
        (["--top", "2"], "ab"),
        (["--top", "9"], "abcd"),
        (["--where", "gap < 1", "--sort", "gap-", "--top", "1"], "d"),
    ],
)
def test_rows_are_selected_then_sorted_then_cut(words, expected):
    assert chosen(*words) == expected


def test_no_rows_stay_none():
    assert chosen("--where", "gap > 9", "--sort", "gap") == ""
    assert chosen("--where", "gap > 9", records=[]) == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--where", "hardness > 1"], "'hardness' is not defined; the columns are struc"),
        (["--where", "gap >"], "cannot be used"),
        (["--where", "gap"], "it is no comparison"),
        (["--where", "1 < 2"], "it is no comparison"),
        (["--sort", "hardness"], "there is no column 'hardness'; the columns are struc"),
        (["--top", "0"], "--top must be at least 1"),
    ],
)
def test_what_cannot_be_selected_is_explained(words, message):
    with pytest.raises(SettingError, match=message):
        chosen(*words)
