"""Tolerances are fractions, and the defaults tell crystals apart."""

import pytest
from ase.build import bulk

from ase_orbital.errors import SettingError
from ase_orbital.search import Archive
from ase_orbital.similarity.tolerance import (
    GOM_TOLERANCE,
    OFM_TOLERANCE,
    checked_tolerance,
)


@pytest.mark.parametrize("tolerance", [GOM_TOLERANCE, OFM_TOLERANCE, 1e-9, 1.999])
def test_a_fraction_below_two_is_accepted_unchanged(tolerance):
    assert checked_tolerance(tolerance) == tolerance


@pytest.mark.parametrize("tolerance", [0.0, -0.1, 2.0, float("nan"), float("inf")])
def test_other_tolerances_are_refused(tolerance):
    with pytest.raises(SettingError, match="tolerance must be a fraction above 0"):
        checked_tolerance(tolerance)


def test_the_default_merges_strains_below_its_size_only():
    """Cells longer by 0.3 % make the default tolerance of GOM."""
    archive = Archive()
    archive.add(bulk("Cu", a=3.6))
    assert not archive.add(bulk("Cu", a=3.6 * 1.001)).new
    assert archive.add(bulk("Cu", a=3.6 * 1.006)).new
