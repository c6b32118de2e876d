"""PyXtal itself, where it is installed: its crystals in an archive and a predictor."""

import pytest

pytest.importorskip("pyxtal")
pytestmark = pytest.mark.filterwarnings("ignore")  # PyXtal's own


def test_what_the_page_shows_runs(run_section):
    shown = run_section("PyXtal")
    assert {entry.fingerprint.formula for entry in shown["archive"]} == {"TiO2"}
    assert shown["table"]["formation_energy_per_atom"].notna().all()
