"""Rows have what predict_many predicts, and errors where it fails."""

import numpy as np
import pytest

from ase_orbital import GOM, Predictor
from ase_orbital.errors import ModelError, SettingError
from ase_orbital.predict import predictor as module
from ase_orbital.screening.frames import Frame
from ase_orbital.screening.rows import Columns, RowMaker
from ase_orbital.screening.structure_tables import structures_of
from ase_orbital.structure import digest


@pytest.fixture
def some(frames):
    """Frames, of which 7 and 20 fail in a model, and 60 could not be read."""
    read = [Frame.of(atoms, "a.xyz", number) for number, atoms in enumerate(frames)]
    return [*read, Frame.failed("a.xyz", 60, "it is empty")]


def test_rows_are_predictions(some, frames, model):
    table = RowMaker(Columns((model,), "cpu")).table(some)
    rows = table.to_pylist()
    expected = Predictor(model, device="cpu").predict_many(frames, errors="record")
    for row, record in zip(rows, expected, strict=False):
        assert row["error"] == record["error"]
        if not row["error"]:
            assert row["band_gap"] == record["band_gap"]
    failed = [number for number, row in enumerate(rows) if row["error"]]
    assert failed == [7, 20, 60]
    assert rows[7]["band_gap"] is None
    assert "atom 1 is U" in rows[7]["error"]
    assert rows[60]["error"] == "it is empty"
    assert rows[60]["formula"] is rows[60]["digest"] is rows[60]["species"] is None
    assert [rows[1]["source"], rows[1]["frame"]] == ["a.xyz", 1]
    assert [rows[1]["formula"], rows[1]["n_atoms"]] == ["LiF", 2]
    assert rows[1]["digest"] == digest(frames[1])


def test_structures_are_stored_unless_they_are_left_out(some, frames, model, same_atoms):
    table = RowMaker(Columns((model,), "cpu")).table(some)
    same_atoms(structures_of(table)[:60], frames)
    maker = RowMaker(Columns((model,), "cpu", structures=False))
    assert maker.table(some).column_names[-1] == "digest"


def test_descriptors_are_columns(some, frames, model):
    table = RowMaker(Columns((model,), "cpu", descriptors=("gom",))).table(some)
    column = table.column("gom").to_pylist()
    assert column[7] is None
    expected = GOM(n_eigenvalues=66).create(frames[3], pool="mean")
    np.testing.assert_allclose(column[3], expected, atol=1e-5)
    alone = RowMaker(Columns((), descriptors=("gom",))).table(some)
    assert "band_gap" not in alone.column_names
    assert alone.column("gom").to_pylist()[3] == column[3]


def test_an_unexpected_error_is_that_of_one_row(some, model, monkeypatch):
    maker = RowMaker(Columns((model,), "cpu"))
    expected = maker.table(some).to_pylist()
    check = module.to_atoms

    def failing(atoms):
        if "Cs" in atoms.symbols:
            raise ZeroDivisionError("no cesium")
        return check(atoms)

    monkeypatch.setattr(module, "to_atoms", failing)
    for row, before in zip(maker.table(some).to_pylist(), expected, strict=True):
        if "Cs" in (before["species"] or ()):
            assert row["error"] == "ZeroDivisionError: no cesium"
        else:
            assert row["error"] == before["error"]
            assert row["band_gap"] == pytest.approx(before["band_gap"], abs=1e-5)


def test_a_lack_of_memory_is_no_fault_of_a_structure(some, model, monkeypatch):
    def failing(_):
        raise MemoryError

    maker = RowMaker(Columns((model,), "cpu"))
    monkeypatch.setattr(module, "to_atoms", failing)
    with pytest.raises(MemoryError):
        maker.table(some)


def test_in_domain_is_true_or_false(some):
    name = "eosnet-heat-of-formation-perovskites"
    table = RowMaker(Columns((name,), "cpu", domain=True)).table(some[:3])
    assert set(table.column("in_domain").to_pylist()) <= {True, False}
    assert list(RowMaker(Columns((name,), "cpu", domain=True)).units) == [
        "heat_of_formation",
        "heat_of_formation_std",
        "in_domain",
    ]


def test_wrong_settings_are_errors(model):
    with pytest.raises(SettingError, match="no descriptor 'soap'; choose from gom"):
        RowMaker(Columns((model,), descriptors=("soap",)))
    with pytest.raises(ModelError, match="at least one model"):
        RowMaker(Columns(()))
