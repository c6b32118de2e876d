"""Files of structures; what is inside is checked in test_structure.py."""

import gzip

import pytest
from ase.build import bulk
from ase.io import write

from ase_orbital.errors import StructureError
from ase_orbital.readers import read_frames


@pytest.mark.parametrize("name", ["crystal.xyz", "crystal.extxyz"])
def test_an_absurd_number_of_atoms_does_not_hang(tmp_path, name):
    path = tmp_path / name
    path.write_text("99999999999\n\nCu 0 0 0\n")
    with pytest.raises(StructureError, match="99999999999 atoms"):
        read_frames(path)


@pytest.mark.parametrize("name", ["crystal.extxyz", "crystal.extxyz.gz", "crystal.txt"])
def test_an_absurd_number_of_columns_takes_no_memory(tmp_path, name):
    path = tmp_path / name
    text = b'1\nProperties=species:S:1:pos:R:99999999999 pbc="T T T"\nCu 0 0 0\n'
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    with pytest.raises(StructureError, match="99999999999 columns"):
        read_frames(path, form="extxyz" if name.endswith("txt") else None)


def test_frames_are_read_by_ases_index(tmp_path):
    path = tmp_path / "two.extxyz"
    write(path, [bulk("Cu"), bulk("Al")])
    assert [str(atoms.symbols) for atoms in read_frames(path)] == ["Cu", "Al"]
    assert [str(atoms.symbols) for atoms in read_frames(path, "-1:")] == ["Al"]


def test_a_file_without_structures_is_refused(tmp_path):
    with pytest.raises(StructureError, match="there is no file"):
        read_frames(tmp_path / "absent.cif")
    with pytest.raises(StructureError, match="is a folder"):
        read_frames(tmp_path)
