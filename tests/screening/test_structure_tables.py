"""Structures survive a Parquet file, and tables of other programs can be read."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ase import Atoms
from ase.build import bulk

from ase_orbital.errors import DataError, OrbitalError
from ase_orbital.screening.structure_tables import (
    row_blocks,
    structure_columns,
    structures_of,
)

SALT = bulk("NaCl", "rocksalt", a=5.64)
SLAB = Atoms("C", cell=[2.5, 2.5, 0], pbc=[True, True, False])
OPTIMADE = {
    "immutable_id": ["agm-1", "agm-2"],
    "species_at_sites": [["Na", "Cl"], ["Cu"]],
    "cartesian_site_positions": [SALT.positions.tolist(), [[0.0, 0.0, 0.0]]],
    "lattice_vectors": [SALT.cell.array.tolist(), bulk("Cu").cell.array.tolist()],
    "dimension_types": [[1, 1, 1], [1, 1, 0]],
}


def write(path, structures, **options):
    columns = structure_columns(structures)
    columns["id"] = pa.array([f"s{n}" for n in range(len(structures))])
    pq.write_table(pa.table(columns), path, **options)
    return path


def frames_of(path, size=1000):
    return [frame for rows in row_blocks(path, size) for frame in rows.frames()]


def test_structures_survive_exactly(frames, tmp_path, same_atoms):
    path = write(tmp_path / "a.parquet", [*frames, SLAB])
    found = frames_of(path)
    same_atoms([frame.atoms for frame in found], [*frames, SLAB])
    for frame, atoms in zip(found, [*frames, SLAB], strict=True):
        assert frame.atoms.positions.tobytes() == atoms.positions.tobytes()
    assert [found[5].id, found[5].number] == ["s5", 5]


def test_missing_structures_are_failed_rows(tmp_path, same_atoms):
    found = frames_of(write(tmp_path / "a.parquet", [SALT, None, SLAB]))
    assert found[1].error == "its species is empty"
    same_atoms([found[0].atoms, found[2].atoms], [SALT, SLAB])


def test_disorder_according_to_optimade_is_a_failed_row(tmp_path):
    columns = {**OPTIMADE, "structure_features": [["disorder", "implicit_atoms"], []]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    first, second = frames_of(tmp_path / "a.parquet")
    assert first.error == "it has partially occupied sites; make an ordered structure first"
    assert second.atoms is not None


@pytest.mark.parametrize("as_numbers", [False, True])
def test_columns_of_optimade_are_known(tmp_path, same_atoms, as_numbers):
    columns = dict(OPTIMADE)
    if as_numbers:
        columns["numbers"] = [[11, 17], [29]]
        del columns["species_at_sites"]
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = frames_of(tmp_path / "a.parquet")
    copper = bulk("Cu")
    copper.pbc = [True, True, False]
    same_atoms([frame.atoms for frame in found], [SALT, copper])
    assert [frame.id for frame in found] == ["agm-1", "agm-2"]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("species_at_sites", ["Na", "Xx"], "'Xx' is no element"),
        ("species_at_sites", ["Na"], "1 species and 2 positions"),
        ("cartesian_site_positions", [[0.0, 0.0], [1.0, 1.0]], "no structure"),
        ("cartesian_site_positions", None, "cartesian_site_positions is empty"),
        ("lattice_vectors", [[1.0, 0.0, 0.0]], "no structure"),
        ("dimension_types", [1], "no structure"),
    ],
)
def test_a_bad_row_fails_alone(column, value, reason):
    columns = {**OPTIMADE, column: [value, OPTIMADE[column][1]]}
    bad, good = structures_of(pa.table(columns))
    assert reason in bad
    assert isinstance(good, Atoms)


def test_numbers_of_no_element_are_refused():
    columns = {**OPTIMADE, "species_at_sites": [[11, 500], [29]]}
    assert structures_of(pa.table(columns))[0] == "500 is no element"


def test_a_missing_position_is_not_a_number():
    columns = {**OPTIMADE}
    columns["cartesian_site_positions"] = [[[0.0, 0.0, None], [1.0, 1.0, 1.0]], [[0.0] * 3]]
    first, _ = structures_of(pa.table(columns))
    assert np.isnan(first.positions[0, 2])


@pytest.mark.parametrize("group", [3, 10, 100])
def test_any_size_of_row_groups_gives_the_same_rows(frames, tmp_path, group, same_atoms):
    path = write(tmp_path / "a.parquet", frames, row_group_size=group)
    parts = list(row_blocks(path, 10))
    assert max(len(list(part.frames())) for part in parts) <= 20
    found = [frame for part in parts for frame in part.frames()]
    assert [frame.number for frame in found] == list(range(60))
    same_atoms([frame.atoms for frame in found], frames)


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", [SALT])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OrbitalError, match=r"pip install 'ase-orbital\[screen\]'"):
        frames_of(path)


def test_other_tables_and_files_are_refused(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="this one has x"):
        frames_of(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("no")
    with pytest.raises(DataError, match=r"b\.parquet is no Parquet file, or damaged"):
        frames_of(tmp_path / "b.parquet")
