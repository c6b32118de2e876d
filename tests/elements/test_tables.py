"""The tables agree with their checksums and sources; a damaged table raises an error."""

import subprocess
import sys
import zlib
from hashlib import sha256
from importlib.metadata import distributions
from shutil import copytree

import pytest

from ase_orbital.elements import jarvis_features, provenance
from ase_orbital.elements import tables as element_tables
from ase_orbital.errors import OrbitalError

from . import rebuild_tables
from .rebuild_tables import main, radii_table

SOURCES = [found.version for found in distributions(name="jarvis-tools")]

needs_source = pytest.mark.skipif(
    provenance()["jarvis_features.npz"].version not in SOURCES
    or "ng" in zlib.ZLIB_RUNTIME_VERSION,
    reason="needs the release in tables.json of jarvis-tools, and zlib for the same bytes",
)


@pytest.mark.parametrize("name", provenance())
def test_checksum_is_that_of_the_file(name):
    content = (element_tables.TABLES / name).read_bytes()
    assert provenance()[name].sha256 == sha256(content).hexdigest()


def test_features_carry_their_origin():
    origin = provenance()["jarvis_features.npz"]
    assert jarvis_features().source == "jarvis-tools 2026.6.12"
    assert jarvis_features().checksum == origin.sha256


def test_caller_cannot_change_the_origins():
    provenance().clear()
    assert len(provenance()) == 3


def test_damaged_table_is_named(tmp_path, monkeypatch):
    tables = copytree(element_tables.TABLES, tmp_path / "tables")
    with (tables / "covalent_radii.csv").open("a") as file:
        file.write("113,Nh,1.0\n")
    monkeypatch.setattr(element_tables, "TABLES", tables)
    with pytest.raises(OrbitalError, match=r"covalent_radii\.csv is damaged.*reinstall"):
        element_tables.read_table("covalent_radii.csv")


@needs_source
def test_rebuilding_changes_no_byte():
    assert main(["--check"]) == 0


@needs_source
def test_check_reports_a_difference_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(rebuild_tables, "TABLES", tmp_path)
    radii = (element_tables.TABLES / "covalent_radii.csv").read_bytes()
    (tmp_path / "covalent_radii.csv").write_bytes(radii)
    assert main(["--check"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["covalent_radii.csv"]
    assert main([]) == main(["--check"]) == 0


def test_radii_are_found_by_symbol():
    source = """
        if      ( z == 1  )  rcov = 0.37;   /* "H"   */
        else if ( z == 56 )  rcov = 1.68;   /* "Tb"  */
    """
    assert radii_table(source).decode().splitlines()[1:] == ["1,H,0.37", "65,Tb,1.68"]


def test_reading_a_table_needs_no_large_package():
    code = (
        "import sys, ase_orbital.elements as e; e.jarvis_features();"
        "print({'torch', 'matgl', 'pymatgen', 'jarvis'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert run.stdout.strip() == b"set()"
