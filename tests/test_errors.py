"""Exceptions can be caught by their base, as ValueErrors, and in other processes."""

import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest

from ase_orbital import GOM, errors, load_model
from ase_orbital.errors import (
    ConvergenceError,
    ElementError,
    ModelError,
    OrbitalError,
    ProcessError,
    SettingError,
    StructureError,
    attempt,
    check_path,
    check_whole,
)
from ase_orbital.report import write_report
from ase_orbital.screening import convert
from ase_orbital.search import Archive, Niches
from ase_orbital.search.records import Output
from ase_orbital.structure import read_frames
from ase_orbital.training import (
    TrainingSettings,
    ablate,
    compare,
    cross_validate,
    learning_curve,
    train,
)
from ase_orbital.zoo.published import import_eosnet

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


def test_paths_and_texts_are_paths():
    assert (
        check_path("folder", "runs") == check_path("folder", Path("runs")) == Path("runs")
    )


SETTINGS = TrainingSettings()
TAKE_A_PATH = {
    "train": lambda path: train([], path),
    "cache": lambda path: train([], "run", cache=path),
    "ablate": lambda path: ablate([], path, SETTINGS),
    "cross_validate": lambda path: cross_validate([], path, SETTINGS, 2),
    "learning_curve": lambda path: learning_curve([], path, SETTINGS, sizes=[10], n_test=5),
    "compare": lambda path: compare({"gap": None}, [], folder=path),
    "TrainingSettings.read_file": TrainingSettings.read_file,
    "read_frames": read_frames,
    "load_model": load_model,
    "import_eosnet": lambda path: import_eosnet(
        path, property="band_gap", normalized_edges=True
    ),
    "Recorder": Output,
    "Archive.save": lambda path: Archive(GOM(n_eigenvalues=8)).save(path),
    "Archive.load": Archive.load,
    "convert": lambda path: convert([], path),
    "write_report": write_report,
}


@pytest.mark.parametrize("value", [3, "", ["a", "b"]])
@pytest.mark.parametrize("name", TAKE_A_PATH)
def test_what_is_no_path_is_refused_by_name(name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OrbitalError, match=r"must be a path, not") as caught:
        TAKE_A_PATH[name](value)
    assert repr(value) in str(caught.value)
    assert not [*tmp_path.iterdir()]


def test_devices_and_archives_of_wrong_kinds_are_refused():
    with pytest.raises(SettingError, match=r"no device 'abacus' here; use 'cpu'"):
        GOM(device="abacus")
    with pytest.raises(
        SettingError, match=r"Niches needs an Archive of founders, not None"
    ):
        Niches(None)
