"""Inputs of all kinds are cut into parts, always in the same way."""

import bz2
import gzip
import os
import pickle
import tracemalloc

import pytest
from ase.build import bulk
from ase.io import write
from pymatgen.core import Lattice, Structure

from ase_orbital.databases import connect
from ase_orbital.errors import DataError
from ase_orbital.screening import sources
from ase_orbital.screening.sources import Inputs, is_structures


def frames_of(given, size=1000, form=None):
    # Parts go to other processes.
    parts = [pickle.loads(pickle.dumps(part)) for part in Inputs(given, form).parts(size)]
    return [frame for part in parts for frame in part.frames()]


@pytest.fixture
def folder(frames, xyz, tmp_path):
    """A folder with structures in many formats."""
    (tmp_path / "deep").mkdir()
    for number, atoms in enumerate(frames[:4]):
        write(tmp_path / f"salt-{number}.cif", atoms)
    write(tmp_path / "deep/POSCAR", frames[4], format="vasp")
    write(tmp_path / "deep/path.traj", frames[5:7])
    (tmp_path / "salts.extxyz.gz").write_bytes(gzip.compress(xyz.read_bytes()))
    with connect(tmp_path / "salts.db") as database:
        database.write(frames[0])
    (tmp_path / "README.rst").write_text("crystals")
    (tmp_path / ".hidden.cif").write_text("no")
    (tmp_path / "broken.cif").write_text("no CIF")
    return tmp_path


def test_a_folder_is_read_with_all_that_is_in_it(folder):
    found = frames_of(folder)
    assert len(found) == 4 + 1 + 2 + 60 + 1 + 1
    (failed,) = [frame for frame in found if frame.atoms is None]
    assert failed.id == f"{folder}/broken.cif@0"
    assert failed.error
    assert "salt-3.cif" in [frame.id for frame in found]


def test_results_among_the_inputs_are_none_of_them(folder):
    before = Inputs(folder).description
    (folder / "out/shards").mkdir(parents=True)
    (folder / "out/run.json").write_text("{}")
    (folder / "out/shards/00000000.parquet").write_text("no")
    (folder / "around").symlink_to(folder)
    assert Inputs(folder).description == before


def test_parts_do_not_depend_on_the_run(folder, monkeypatch):
    first = list(Inputs(folder).parts(20))
    assert list(Inputs(folder).parts(20)) == first
    assert {len(list(part.frames())) for part in first} <= set(range(1, 21))
    total = sum(part.weight for part in first)
    assert total == pytest.approx(Inputs(folder).weight, rel=0.01)
    monkeypatch.setattr(sources, "BYTES", 100)
    assert len(list(Inputs(folder).parts(1000))) > len(first) / 2


def test_the_description_tells_inputs_apart(folder, xyz):
    before = Inputs([folder, xyz]).description
    assert Inputs([folder, xyz]).description == before
    (folder / "salt-3.cif").rename(folder / "salt-9.cif")
    assert Inputs([folder, xyz]).description != before
    assert before[0]["files"] == 9


def test_the_description_has_the_time_of_each_file(folder):
    before = Inputs(folder).description
    for name, time in (("salt-1.cif", 1000.0), ("salt-2.cif", 2000.0)):
        os.utime(folder / name, (time, time))
    changed = Inputs(folder).description
    assert changed != before
    assert changed[0]["modified"] == before[0]["modified"]  # of another file


def test_the_description_has_the_files_that_a_table_names(folder):
    table = folder / "table.csv"
    table.write_text("id,file\nfirst,salt-1.cif\nsecond,absent.cif\n")
    before = Inputs(table).description
    assert Inputs(table).description == before
    os.utime(folder / "salt-1.cif", (1000.0, 1000.0))
    assert Inputs(table).description != before
    assert Inputs(table).description[0]["files"] == 1


def test_many_inputs_have_one_description(folder):
    paths = [folder / f"salt-{number}.cif" for number in range(4)] * 6
    (description,) = Inputs(paths).description
    assert description["path"] == f"{folder}/salt-0.cif and 23 more"
    assert description["files"] == 24
    assert Inputs(paths[::-1]).description != [description]


def test_structures_of_a_program_are_taken_one_after_the_other(frames):
    salt = Structure(Lattice.cubic(5.0), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = frames_of(iter([*frames[:5], salt, "absent.cif", 17]), 3)
    assert [frame.number for frame in found] == list(range(8))
    assert found[5].atoms.symbols.formula.format("reduce") == "NaCl"
    assert "there is no file absent.cif" in found[6].error
    assert "a int is not a structure" in found[7].error


def test_absent_and_empty_inputs_are_errors(tmp_path):
    with pytest.raises(DataError, match="there is no file or folder"):
        Inputs(tmp_path / "absent")
    with pytest.raises(DataError, match="holds no file with a name that ASE knows"):
        Inputs(tmp_path)
    with pytest.raises(DataError, match="there is no input"):
        Inputs([])


def test_a_format_is_that_of_all_files(tmp_path):
    for name in ("relaxed.out", "notes", "CONTCAR.1"):
        write(tmp_path / name, bulk("Cu"), format="vasp")
    assert [frame.id for frame in frames_of(tmp_path, form="vasp")] == [
        "CONTCAR.1", "notes", "relaxed.out",
    ]  # fmt: skip
    (description,) = Inputs(tmp_path, "vasp").description
    (other,) = Inputs(tmp_path, "cif").description
    assert description != other
    failed = frames_of(tmp_path / "notes", form="cif")
    assert [bool(frame.error) for frame in failed] == [True]


@pytest.mark.parametrize("name", ["relaxed.out", "relaxed.out.gz", "notes"])
def test_extended_xyz_of_any_name_is_read_in_blocks(xyz, tmp_path, name, same_atoms):
    pack = gzip.compress if name.endswith(".gz") else bytes
    (tmp_path / name).write_bytes(pack(xyz.read_bytes()))
    parts = list(Inputs(tmp_path / name, "extxyz").parts(7))
    assert [len(list(part.frames())) for part in parts] == [7] * 8 + [4]
    found = frames_of(tmp_path / name, 7, "extxyz")
    same_atoms([frame.atoms for frame in found], [frame.atoms for frame in frames_of(xyz)])


@pytest.mark.parametrize(("form", "name"), [("xyz", "a.xyz"), ("extxyz", "a.xyz.bz2")])
def test_what_only_ase_reads_is_read_as_a_whole(xyz, tmp_path, form, name):
    if form == "xyz":  # without properties in the comments
        write(tmp_path / name, [bulk("Cu")] * 3, format="xyz")
    else:
        (tmp_path / name).write_bytes(bz2.compress(xyz.read_bytes()))
    (part,) = Inputs(tmp_path / name, form).parts(2)
    assert len(list(part.frames())) == (3 if form == "xyz" else 60)


def test_little_of_a_large_file_is_read_before_the_first_frames(xyz, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(xyz.read_bytes() * 100)
    tracemalloc.start()
    try:
        part = next(iter(Inputs(path, "extxyz").parts(10)))
        assert len(list(part.frames())) == 10
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 2


def test_a_vanished_file_stops_the_run(tmp_path):
    write(tmp_path / "a.cif", bulk("Cu"))
    (part,) = Inputs(tmp_path).parts(10)
    (tmp_path / "a.cif").unlink()
    with pytest.raises(DataError, match=r"a\.cif has vanished"):
        list(part.frames())


@pytest.mark.parametrize(
    ("name", "known"),
    [("a.cif", True), ("POSCAR", True), ("a.xyz.zst", True), ("a.parquet", True),
     ("a.aselmdb", True), ("README.rst", False), ("a.png", False),
     ("script.py", False), ("notes", False), ("a.csv", True)],
)  # fmt: skip
def test_structures_are_known_by_their_names(name, known):
    assert is_structures(name) == known


DAMAGED = {
    "notes.csv": (b"a,b\n1,2\n", "has no column"),
    "empty.csv": (b"", "cannot be read"),
    "a.parquet": (b"PAR1 and nothing else", "no Parquet file"),
    "a.db": (b"no database", "cannot be read"),
    "a.aselmdb": (b"no database", "cannot be opened"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_cannot_be_read_does_not_end_a_run_over_many(frames, tmp_path, name):
    content, reason = DAMAGED[name]
    write(tmp_path / "first.cif", frames[0])
    write(tmp_path / "last.cif", frames[1])
    (tmp_path / name).write_bytes(content)
    found = frames_of(tmp_path)
    assert len([frame for frame in found if frame.atoms is not None]) == 2
    (failed,) = [frame for frame in found if frame.atoms is None]
    assert reason in failed.error
    with pytest.raises(DataError, match=reason):  # there is nothing else
        frames_of(tmp_path / name)


def test_links_to_nowhere_are_no_inputs(frames, tmp_path):
    write(tmp_path / "a.cif", frames[0])
    (tmp_path / "b.cif").symlink_to("nowhere")
    (tmp_path / "c.cif").symlink_to(tmp_path)
    assert [frame.id for frame in frames_of(tmp_path)] == ["a.cif"]


def test_names_that_are_no_text_are_spelled_out(frames, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xe9.cif"
    try:
        write(os.fsdecode(path), frames[0])
    except (OSError, UnicodeError):
        pytest.skip("the file system has names in Unicode only")
    (found,) = frames_of(tmp_path)
    assert found.atoms is not None
    assert found.id == r"\udce9.cif"
    assert found.source.isascii()
