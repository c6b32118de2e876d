"""Structures are named, and a failing disk is told from a damaged file."""

import errno
import gzip
import warnings

import pytest
from ase.build import bulk

from ase_orbital.errors import DataError
from ase_orbital.screening.frames import Frame, check_present, content_or_stop, read_part


def test_a_structure_has_its_own_name_or_that_of_its_file():
    atoms = bulk("Cu")
    assert Frame.of(atoms, "a.xyz", 3).id == "a.xyz@3"
    assert Frame.of(atoms, "a.xyz", 3, 17).id == "17"
    atoms.info["id"] = "mp-30"
    assert Frame.of(atoms, "a.xyz", 3).id == "mp-30"
    assert Frame.failed("a.xyz", 3, "it\nis bad") == (
        "a.xyz@3",
        "a.xyz",
        3,
        None,
        "it is bad",
    )


def test_a_partially_occupied_site_is_no_structure():
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    atoms.info["occupancy"] = {"0": {"Na": 0.5, "K": 0.5}, "1": {"Cl": 1.0}}
    found = Frame.of(atoms, "a.cif", 0)
    assert found.atoms is None
    assert found.error.startswith("site 0 is partially occupied (Na 0.5, K 0.5)")


def test_a_file_that_is_closed_to_others_does_not_stop_the_run(tmp_path):
    (tmp_path / "a.cif").touch()
    closed = PermissionError(errno.EACCES, "Permission denied")
    assert "Permission denied" in content_or_stop(tmp_path / "a.cif", closed)


def test_a_vanished_input_stops_the_run(tmp_path):
    with pytest.raises(DataError, match="has vanished; bring it back and repeat"):
        check_present(tmp_path / "gone.cif")


def test_warnings_of_readers_are_not_shown():
    class Part:
        def frames(self):
            warnings.warn("strange setting of the space group", stacklevel=1)
            yield Frame.failed("a.cif", 0, "it is empty")

    assert [frame.error for frame in read_part(Part())] == ["it is empty"]


def test_a_failing_disk_stops_the_run_and_a_damaged_file_does_not(tmp_path):
    (tmp_path / "a.gz").touch()
    assert "BadGzipFile" in content_or_stop(tmp_path / "a.gz", gzip.BadGzipFile("no gzip"))
    broken = ValueError("cannot be read")
    broken.__cause__ = OSError(errno.EIO, "Input/output error")
    with pytest.raises(DataError, match="Input/output error"):
        content_or_stop(tmp_path / "a.gz", broken)
