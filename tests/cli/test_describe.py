"""ase-orbital describe against the descriptors."""

from contextlib import suppress

import numpy as np
from ase import Atoms
from ase.io import write

from ase_orbital import GOM, OFM, OrientationalOrder
from ase_orbital.cli.main import main


def test_describe_writes_what_create_gives(crystals, capsys):
    path = crystals / "rows.npz"
    files = [str(crystals / "salt.cif"), str(crystals / "metals.extxyz")]
    assert main(["describe", *files, "--cutoff", "5", "-o", str(path)]) == 0
    assert capsys.readouterr().out == f"3 structures: {path}\n"
    with np.load(path) as arrays:
        assert len(arrays.files) == 3
        np.testing.assert_allclose(
            arrays[files[0]], GOM(cutoff=5.0).create(crystals / "salt.cif"), atol=1e-12
        )


def test_describe_takes_orientational_order(crystals):
    path = crystals / "rows.npz"
    file = str(crystals / "salt.cif")
    assert main(["describe", file, "-d", "orientation", "-o", str(path)]) == 0
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays[file], OrientationalOrder().create(file))


def test_describe_reports_an_invalid_structure_and_goes_on(crystals, capsys):
    write(crystals / "alien.extxyz", Atoms("Og", cell=[4, 4, 4], pbc=True))
    files = [str(crystals / name) for name in ("alien.extxyz", "salt.cif")]
    assert main(["describe", *files]) == 1
    out, err = capsys.readouterr()
    assert "alien.extxyz: atom 0 (Og" in err
    assert "NaCl" in out


def test_describe_prints_the_shape_of_the_features(crystals, capsys):
    assert main(["describe", str(crystals / "salt.cif"), "-d", "OFM"]) == 0
    header, _, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["structure", "formula", "n_atoms", "n_features", "largest"]
    features = OFM().create(crystals / "salt.cif")
    assert line.split()[1:4] == ["NaCl", "2", str(features.shape[1])]
    assert float(line.split()[4]) == round(features.max(), 4)


def test_bad_structures_alone_leave_the_file_as_it_was(tmp_path, capsys):
    (tmp_path / "bad.cif").write_text("no crystal")
    path = tmp_path / "rows.npz"
    path.write_text("good features")
    assert main(["describe", str(tmp_path / "bad.cif"), "-o", str(path)]) == 1
    assert path.read_text() == "good features"
    assert "rows.npz is not written" in capsys.readouterr().err


def test_a_full_disk_leaves_the_file_as_it_was(crystals, monkeypatch):
    path = crystals / "rows.npz"
    path.write_text("good features")

    def fill(file, **_):
        file.write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr("ase_orbital.cli.describe.np.savez_compressed", fill)
    before = sorted(crystals.iterdir())
    with suppress(OSError):  # the command line may report it instead
        main(["describe", str(crystals / "salt.cif"), "-o", str(path)])
    assert path.read_text() == "good features"
    assert sorted(crystals.iterdir()) == before
