"""Crystals are read from every kind of source, and unusable ones are rejected singly."""

import gzip

import numpy as np
import pandas
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.db import connect
from ase.io import write
from numpy.testing import assert_allclose
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital.errors import DataError
from ase_orbital.structure import digest
from ase_orbital.training import TrainingSettings
from ase_orbital.training.dataset import read_dataset, target_value

GAP = TrainingSettings(property_name="band_gap", column="gap")
NAMES = ["LiF", "NaCl", "KBr"]
GAPS = [9.2, 5.1, 4.4]


def make():
    crystals = [bulk(name, "rocksalt", a=4.0 + i) for i, name in enumerate(NAMES)]
    for atoms, name, gap in zip(crystals, NAMES, GAPS, strict=True):
        atoms.info.update(id=name, gap=gap)
    return crystals


def assert_are_the_three(crystals, ids=tuple(NAMES), tolerance=0.0):
    assert crystals.ids == list(ids)
    assert crystals.targets.tolist() == GAPS
    assert crystals.rejected == []
    for found, atoms in zip(crystals.structures, make(), strict=True):
        assert found.numbers.tolist() == atoms.numbers.tolist()
        lengths = atoms.get_all_distances(mic=True)
        assert_allclose(found.get_all_distances(mic=True), lengths, atol=1e-6)
        if not tolerance:
            assert_allclose(found.positions, atoms.positions, atol=1e-7)


@pytest.mark.parametrize("name", ["data.extxyz", "data.xyz", "data.traj"])
def test_targets_are_read_from_info(tmp_path, name):
    write(tmp_path / name, make())
    assert_are_the_three(read_dataset(tmp_path / name, GAP))


def test_identifiers_that_look_like_truth_values_are_kept(tmp_path):
    """ASE reads `id=F` as False."""
    names = ["F", "T", "K"]
    crystals = make()
    for atoms, name in zip(crystals, names, strict=True):
        atoms.info.update(id=name, group=name)
    write(tmp_path / "data.extxyz", crystals)
    found = read_dataset(tmp_path / "data.extxyz", GAP)
    assert found.ids == found.groups == names


def test_a_gzipped_file_is_read(tmp_path):
    write(tmp_path / "data.extxyz", make())
    packed = tmp_path / "data.extxyz.gz"
    packed.write_bytes(gzip.compress((tmp_path / "data.extxyz").read_bytes()))
    assert_are_the_three(read_dataset(str(packed), GAP))


@pytest.mark.parametrize("name", ["data.db", "data.json"])
def test_targets_are_read_from_key_value_pairs(tmp_path, name):
    with connect(tmp_path / name) as database:
        for atoms, gap in zip(make(), GAPS, strict=True):
            database.write(atoms, gap=gap)
    assert_are_the_three(read_dataset(tmp_path / name, GAP), ids="123")


def test_a_database_may_have_its_own_identifiers(tmp_path):
    with connect(tmp_path / "data.db") as database:
        for atoms, name, gap in zip(make(), NAMES, GAPS, strict=True):
            database.write(atoms, name=name, data={"gap": gap})
    settings = TrainingSettings(property_name="band_gap", column="gap", id="name")
    assert_are_the_three(read_dataset(tmp_path / "data.db", settings))


@pytest.mark.parametrize("suffix", ["cif", "vasp"])
def test_a_table_finds_the_files_of_its_crystals(tmp_path, suffix):
    for name, atoms in zip(NAMES, make(), strict=True):
        write(tmp_path / f"{name}.{suffix}", atoms)
    rows = [f"{gap},{name},note" for name, gap in zip(NAMES, GAPS, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["gap,id,remark", *rows, ""]))
    assert_are_the_three(read_dataset(tmp_path / "data.csv", GAP), tolerance=1e-6)


def test_a_table_may_name_the_files_themselves(tmp_path):
    for name, atoms in zip(NAMES, make(), strict=True):
        write(tmp_path / f"{name}.cif", atoms)
    rows = [f"{name}.cif,{gap}" for name, gap in zip(NAMES, GAPS, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["id,gap", *rows]))
    ids = [f"{name}.cif" for name in NAMES]
    assert_are_the_three(read_dataset(tmp_path / "data.csv", GAP), ids, tolerance=1e-6)


def test_a_folder_of_cgcnn_is_read(tmp_path):
    """https://github.com/txie-93/cgcnn: id_prop.csv has no header, and CIFs beside it."""
    for name, atoms in zip(NAMES, make(), strict=True):
        write(tmp_path / f"{name}.cif", atoms)
    rows = [f"{name},{gap}" for name, gap in zip(NAMES, GAPS, strict=True)]
    (tmp_path / "id_prop.csv").write_text("\n".join(rows))
    (tmp_path / "atom_init.json").write_text("{}")
    assert_are_the_three(read_dataset(tmp_path, GAP), tolerance=1e-6)


def test_two_lists_are_read():
    assert_are_the_three(read_dataset((make(), GAPS), GAP))


def test_two_lists_of_pymatgen_structures_are_numbered():
    structures = [AseAtomsAdaptor.get_structure(atoms) for atoms in make()]
    assert_are_the_three(read_dataset((structures, np.array(GAPS)), GAP), ids="012")


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="3 structures and 2 targets"):
        read_dataset((make(), GAPS[:2]), GAP)


SINGULAR = Atoms("Cu", cell=[[3.0, 0, 0], [0, 3.0, 0], [3.0, 3.0, 0]], pbc=True)
OTHER = {
    "absent": (None, "it has no gap"),
    "nan": (np.nan, "its gap is nan"),
    "infinite": (np.inf, "its gap is inf"),
    "text": ("large", "its gap, 'large', is not a number"),
    "empty": ("", "is not a number"),
    "list": ([1.0, 2.0], "is not a number"),
}


@pytest.mark.parametrize("name", OTHER)
def test_a_bad_target_is_rejected_with_its_reason(name):
    value, reason = OTHER[name]
    crystals = read_dataset((make(), [GAPS[0], value, GAPS[2]]), GAP)
    assert crystals.ids == ["LiF", "KBr"]
    assert crystals.targets.tolist() == [GAPS[0], GAPS[2]]
    ((rejected, why),) = crystals.rejected
    assert rejected == "NaCl"
    assert reason in why


def test_a_crystal_without_the_column_is_rejected(tmp_path):
    crystals = make()
    del crystals[1].info["gap"]
    write(tmp_path / "data.extxyz", crystals)
    found = read_dataset(tmp_path / "data.extxyz", GAP)
    assert found.ids == ["LiF", "KBr"]
    assert found.rejected == [("NaCl", "it has no gap")]


def test_a_broken_structure_is_rejected_with_its_reason():
    first, _, third = make()
    SINGULAR.info["id"] = "flat"
    crystals = read_dataset(([first, SINGULAR, third], GAPS), GAP)
    assert crystals.ids == ["LiF", "KBr"]
    assert crystals.rejected[0].id == "flat"
    assert "singular" in crystals.rejected[0].reason


def test_the_second_of_one_identifier_is_rejected():
    crystals = make()
    crystals[2].info["id"] = "LiF"
    found = read_dataset((crystals, GAPS), GAP)
    assert found.ids == ["LiF", "NaCl"]
    assert digest(found.structures[0]) == digest(crystals[0])
    assert found.rejected == [("LiF", "another crystal has the same identifier")]


def test_a_missing_and_a_damaged_file_are_rejected(tmp_path):
    write(tmp_path / "LiF.cif", make()[0])
    (tmp_path / "NaCl.cif").write_text("nothing")
    (tmp_path / "data.csv").write_text("id,gap\nLiF,9.2\nNaCl,5.1\nKBr,4.4\n")
    crystals = read_dataset(tmp_path / "data.csv", GAP)
    assert crystals.ids == ["LiF"]
    assert [name for name, _ in crystals.rejected] == ["NaCl", "KBr"]
    assert "cannot be read" in crystals.rejected[0].reason
    assert "no file" in crystals.rejected[1].reason


def test_a_short_line_of_a_table_is_rejected(tmp_path):
    write(tmp_path / "LiF.cif", make()[0])
    (tmp_path / "data.csv").write_text("gap,id\n9.2,LiF\n5.1\n")
    crystals = read_dataset(tmp_path / "data.csv", GAP)
    assert crystals.ids == ["LiF"]
    assert len(crystals.rejected) == 1


@pytest.mark.parametrize("target", [0.0, -3.0])
def test_a_target_without_logarithm_is_rejected(target):
    settings = TrainingSettings(property_name="bulk_modulus")
    crystals = read_dataset((make(), [100.0, target, 10.0]), settings)
    assert crystals.targets.tolist() == [2.0, 1.0]
    assert crystals.rejected[0].id == "NaCl"
    assert "no logarithm" in crystals.rejected[0].reason


def test_a_class_is_0_or_1():
    settings = TrainingSettings(property_name="metal_probability", column="metal")
    crystals = read_dataset((make(), [1, 0.5, False]), settings)
    assert crystals.targets.tolist() == [1.0, 0.0]
    assert crystals.rejected[0].id == "NaCl"
    assert "a class is 0 or 1; give at_most" in crystals.rejected[0].reason


def test_a_threshold_includes_its_value():
    settings = TrainingSettings(
        property_name="metal_probability", column="gap", at_most=5.1
    )
    assert read_dataset((make(), GAPS), settings).targets.tolist() == [0.0, 1.0, 1.0]


def test_a_target_may_be_text():
    assert target_value(" 2.5e0 ", GAP) == 2.5


@pytest.mark.parametrize(
    ("values", "marked"),
    [
        ([True, False, False], {"LiF"}),
        (["yes", "no", "T"], {"LiF", "KBr"}),
        ([1, 0, 1.0], {"LiF", "KBr"}),
    ],
)
def test_a_column_marks_the_test_set(values, marked):
    crystals = make()
    for atoms, value in zip(crystals, values, strict=True):
        atoms.info["held_out"] = value
    settings = TrainingSettings(property_name="gap", test_column="held_out")
    assert read_dataset((crystals, GAPS), settings).test_ids == marked


def test_a_crystal_without_its_mark_is_rejected():
    crystals = make()
    for atoms in crystals[:2]:
        atoms.info["held_out"] = True
    settings = TrainingSettings(property_name="gap", test_column="held_out")
    found = read_dataset((crystals, GAPS), settings)
    assert found.rejected == [("KBr", "it has no held_out")]


def test_nothing_usable_is_an_error_with_the_first_reason(caplog):
    many = make() * 5
    with pytest.raises(DataError, match=r"none of the 15 .* LiF: its gap is nan"):
        read_dataset((many, [np.nan] * 15), GAP)
    assert "... and 5 more are left out" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.extxyz", None, "no file"),
        ("absent.csv", None, "cannot be read"),
        ("absent.db", None, "no file"),
        ("bad.db", b"this is no database", "cannot be read"),
        ("bad.json", b"{}", "cannot be read"),
        ("bad.csv", b"id,gap\n\xff\xfe,1\n", "cannot be read"),
        ("other.csv", b"name,value\na,1\n", "no columns 'id' and 'gap', only name, value"),
        ("empty.csv", b"", "no columns"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_dataset(tmp_path / name, GAP)
    assert name in str(caught.value)


def test_a_folder_without_a_table_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no id_prop\.csv"):
        read_dataset(tmp_path, GAP)


def test_crystals_without_features_join_the_rejected():
    crystals = read_dataset((make(), GAPS), GAP).without({"NaCl": "it has no features"})
    assert crystals.ids == ["LiF", "KBr"]
    assert crystals.targets.tolist() == [9.2, 4.4]
    assert crystals.rejected == [("NaCl", "it has no features")]
    assert crystals.indices(["KBr", "nobody", "LiF"]) == [1, 0]


def test_an_energy_in_a_calculator_is_found(tmp_path):
    crystals = make()
    for atoms, gap in zip(crystals, GAPS, strict=True):
        atoms.info["energy"] = gap
    write(tmp_path / "data.extxyz", crystals)
    found = read_dataset(tmp_path / "data.extxyz", TrainingSettings(property_name="energy"))
    assert found.targets.tolist() == GAPS


def test_groups_weights_and_relaxation_energies_are_read():
    crystals = make()
    crystals[1].info |= {"group": "LiF", "weight": 0.5, "relaxation_energy_per_atom": 0.1}
    found = read_dataset((crystals, GAPS), GAP)
    assert found.groups == ["LiF", "LiF", "KBr"]
    assert found.weights.tolist() == [1.0, 0.5, 1.0]
    assert_allclose(found.relaxation, [np.nan, 0.1, np.nan])
    kept = found.select(["NaCl"])
    assert (kept.groups, kept.weights.tolist()) == (["LiF"], [0.5])


@pytest.mark.parametrize("weight", [-1.0, np.nan, "heavy"])
def test_a_crystal_with_an_impossible_weight_is_rejected(weight):
    crystals = make()
    crystals[1].info["weight"] = weight
    found = read_dataset((crystals, GAPS), GAP)
    assert [name for name, _ in found.rejected] == ["NaCl"]
    assert "weight" in found.rejected[0].reason


@pytest.mark.parametrize("name", ["data.db", "data.json"])
def test_a_database_has_results_and_constraints_of_its_own(tmp_path, name):
    crystals = make()
    crystals[1].set_constraint(FixAtoms([0]))
    with connect(tmp_path / name) as database:
        for atoms, gap in zip(crystals, GAPS, strict=True):
            atoms.calc = SinglePointCalculator(atoms, energy=gap)
            database.write(atoms, data={"gap": np.array([gap])})
    energy = read_dataset(tmp_path / name, TrainingSettings(property_name="energy"))
    assert energy.targets.tolist() == GAPS
    assert read_dataset(tmp_path / name, GAP).targets.tolist() == GAPS


def test_a_row_with_an_unknown_constraint_is_read(tmp_path):
    path = tmp_path / "data.json"
    crystals = make()
    crystals[1].set_constraint(FixAtoms([0]))
    with connect(path) as database:
        for atoms, gap in zip(crystals, GAPS, strict=True):
            database.write(atoms, gap=gap)
    path.write_text(path.read_text().replace("FixAtoms", "FixNothing"))
    assert len(read_dataset(path, GAP).ids) == 3


def test_identifiers_of_a_table_may_be_paths(tmp_path):
    (tmp_path / "cifs").mkdir()
    crystals = make()
    write(tmp_path / "cifs" / "LiF.cif", crystals[0])
    write(tmp_path / "POSCAR-1.vasp", crystals[1])
    write(tmp_path / "far.cif", crystals[2])
    ids = ["cifs/LiF.cif", "./POSCAR-1.vasp", str(tmp_path / "far.cif")]
    lines = [f"{name},{gap}\n" for name, gap in zip(ids, GAPS, strict=True)]
    (tmp_path / "data.csv").write_text("id,gap\n" + "".join(lines))
    assert_are_the_three(read_dataset(tmp_path / "data.csv", GAP), ids, tolerance=1e-6)


def test_a_pair_may_be_a_list():
    assert_are_the_three(read_dataset([make(), GAPS], GAP))


@pytest.mark.parametrize("kind", [dict, pandas.DataFrame])
def test_columns_are_read(kind):
    table = kind({"structure": make(), "gap": GAPS})
    assert_are_the_three(read_dataset(table, GAP))
    named = kind({"atoms": make(), "gap": GAPS, "id": ["a", "b", "c"]})
    assert_are_the_three(read_dataset(named, GAP), ["a", "b", "c"])


def test_the_index_of_a_table_names_its_crystals():
    crystals = make()
    for atoms in crystals:
        atoms.info.clear()
    table = pandas.DataFrame({"atoms": crystals, "gap": GAPS}, index=["x", "y", "z"])
    assert read_dataset(table, GAP).ids == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"gap": GAPS}, "no column 'structure' or 'atoms', only gap"),
        ({"atoms": make(), "gap": GAPS[:2]}, "different lengths"),
        (3, "a int is no data set"),
        ([make(), GAPS, GAPS], "a list is no data set"),
    ],
)
def test_a_source_of_another_kind_is_explained(source, words):
    with pytest.raises(DataError, match=words):
        read_dataset(source, GAP)


@pytest.mark.parametrize("target", [1e39, -1e39, np.inf, np.nan])
def test_a_target_must_be_finite_in_single_precision(target):
    with pytest.raises(DataError, match="not finite in single precision"):
        target_value(target, GAP)


def test_one_identifier_for_all_is_an_error():
    crystals = make()
    for atoms in crystals:
        atoms.info["id"] = "same"
    with pytest.raises(DataError, match="all 3 crystals have the identifier 'same'"):
        read_dataset((crystals, GAPS), GAP)
