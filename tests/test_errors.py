"""Exceptions can be caught by their base, as ValueErrors, and in other processes."""

import inspect
import pickle

import numpy as np
import pytest

from ase_orbital import errors
from ase_orbital.errors import (
    ConvergenceError,
    ElementError,
    ModelError,
    OrbitalError,
    ProcessError,
    SettingError,
    StructureError,
    attempt,
    check_whole,
)

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, BaseException)
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_exception_has_the_common_base(kind):
    assert issubclass(kind, OrbitalError)
    # Users can cause all others.
    if kind not in (OrbitalError, ProcessError, ConvergenceError):
        assert issubclass(kind, ValueError)


def test_an_unknown_element_is_an_unsupported_structure():
    assert issubclass(ElementError, StructureError)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_worker_process_can_send_it_with_its_notes(kind):
    error = kind("atom 3 is Og")
    error.add_note("this is structure 5 of the list")
    received = pickle.loads(pickle.dumps(error))
    assert type(received) is kind
    assert str(received) == "atom 3 is Og"
    assert received.__notes__ == error.__notes__


def test_an_attempt_returns_the_errors_of_this_package_only():
    def fail(error):
        raise error

    error = StructureError("atom 3 is Og")
    assert attempt(len, "four") == 4
    assert attempt(fail, error) is error
    with pytest.raises(KeyError):
        attempt(fail, KeyError("another"))


@pytest.mark.parametrize("value", [1, 3, np.int64(2)])
def test_whole_numbers_within_bounds_pass(value):
    check_whole("size", value, 1, 3)
    check_whole("size", 10**6 * value, 1)


@pytest.mark.parametrize("value", [0, 4, 2.0, "2", None, True, float("nan")])
def test_other_values_are_refused_by_name(value):
    with pytest.raises(SettingError, match=rf"^size .* from 1 to 3, not {value!r}$"):
        check_whole("size", value, 1, 3)
    with pytest.raises(ModelError, match=r"from 5, not 4"):
        check_whole("size", 4, 5, error=ModelError)
