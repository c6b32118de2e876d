"""Options that several commands share."""

from argparse import ArgumentParser
from math import inf

import pytest

from ase_orbital import GOM, OFM
from ase_orbital.cli.options import add_comparison, archive_for
from ase_orbital.errors import SettingError


def archive(*words):
    parser = ArgumentParser()
    add_comparison(parser)
    return archive_for(parser.parse_args(words))


@pytest.mark.parametrize(
    ("words", "descriptor", "tolerance"),
    [
        ([], GOM(), 0.0075),
        (["--cutoff", "4", "--orbitals", "sp"], GOM(cutoff=4.0, orbitals="sp"), 0.0075),
        (["-d", "ofm"], OFM(), 0.03),
        (["-d", "ofm", "-t", "0.1"], OFM(), 0.1),
    ],
)
def test_options_choose_descriptor_and_tolerance(words, descriptor, tolerance):
    found = archive(*words)
    assert found.descriptor == descriptor
    assert found.tolerance == tolerance
    assert found.megabytes == inf


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-d", "ofm", "--cutoff", "4"], "--cutoff is a setting of gom, and not of ofm"),
        (["--distance-exponent", "2"], "--distance-exponent is a setting of ofm"),
    ],
)
def test_options_of_another_descriptor_are_refused(words, message):
    with pytest.raises(SettingError, match=message):
        archive(*words)
