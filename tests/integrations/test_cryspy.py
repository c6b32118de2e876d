"""CrySPY itself, where it is installed: its random structures in an archive."""

import pytest

pytest.importorskip("cryspy")
pytestmark = pytest.mark.filterwarnings("ignore")  # CrySPY's and PyXtal's own


def test_what_the_page_shows_runs(run_section):
    shown = run_section("CrySPY")
    assert len(shown["structures"]) == 4
    assert {entry.fingerprint.formula for entry in shown["archive"]} == {"TiO2"}
    assert next(iter(shown["archive"])).label == "ID 0"
    assert shown["table"]["formation_energy_per_atom"].notna().all()
