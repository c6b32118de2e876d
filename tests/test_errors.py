"""Exceptions can be caught by their base, as ValueErrors, and in other processes."""

import inspect
import pickle

import pytest

from ase_orbital import errors
from ase_orbital.errors import (
    ConvergenceError,
    ElementError,
    OrbitalError,
    ProcessError,
    StructureError,
    attempt,
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
