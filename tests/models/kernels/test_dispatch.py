"""Slices of a range, one for each of torch's threads."""

import pytest

from ase_orbital.models.kernels.dispatch import each_slice


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    ("length", "least", "expected"),
    [
        (10, 9, [(0, 10)]), (10, 6, [(0, 10)]), (10, 5, [(0, 5), (5, 10)]),
        (11, 1, [(0, 5), (5, 11)]), (1, 1, [(0, 1)]), (0, 4, [(0, 0)]),
        (3, 0, [(0, 1), (1, 3)]),
    ],
)  # fmt: skip
def test_a_range_is_cut_into_slices_worth_a_thread(length, least, expected):
    found = []
    each_slice(lambda part: found.append((part.start, part.stop)), length, least)
    assert sorted(found) == expected
