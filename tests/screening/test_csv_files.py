"""CSV files with CIFs, or with the names of files."""

import csv

import pytest
from ase.io import write

from ase_orbital.errors import DataError
from ase_orbital.screening.csv_files import table_rows


def frames_of(path, size=2):
    return [frame for part in table_rows(path, size) for frame in part.frames()]


@pytest.fixture
def folder(frames, tmp_path):
    for number, atoms in enumerate(frames[:5]):
        write(tmp_path / f"salt-{number}.cif", atoms)
    return tmp_path


def write_rows(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_texts_of_cifs_are_read_in_parts(folder, frames):
    texts = [(folder / f"salt-{number}.cif").read_text() for number in range(5)]
    texts[3] = "no CIF"
    rows = [["material_id", "cif"], *([f"s{n}", text] for n, text in enumerate(texts))]
    path = write_rows(folder / "a.csv", rows)
    assert [len(part.ids) for part in table_rows(path, 2)] == [2, 2, 1]
    found = frames_of(path)
    assert [frame.id for frame in found] == ["s0", "s1", "s2", "s3", "s4"]
    assert found[3].error.startswith("the CIF cannot be read")
    assert found[4].atoms.symbols.formula == frames[4].symbols.formula
    assert found[4].number == 4


@pytest.mark.parametrize("column", ["file", "id"])
def test_files_lie_beside_the_table(folder, frames, column):
    suffix = ".cif" if column == "file" else ""
    rows = [[column], *([f"salt-{number}{suffix}"] for number in (4, 9, 1))]
    found = frames_of(write_rows(folder / "a.csv", rows))
    assert [frame.atoms is None for frame in found] == [False, True, False]
    assert "there is no file" in found[1].error
    assert found[2].atoms.symbols.formula == frames[1].symbols.formula


def test_the_table_of_cgcnn_has_no_header(folder):
    path = write_rows(folder / "id_prop.csv", [["salt-0", "1.5"], ["salt-1", "2.5"]])
    found = frames_of(path)
    assert [frame.id for frame in found] == ["salt-0", "salt-1"]
    assert all(frame.atoms is not None for frame in found)


def test_a_table_without_structures_is_refused(tmp_path):
    path = write_rows(tmp_path / "a.csv", [["energy"], [1.0]])
    with pytest.raises(DataError, match=r"has no column cif, .*, only energy"):
        frames_of(path)
