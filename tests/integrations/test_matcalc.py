"""matcalc itself, where it is installed: predictions in its chains."""

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital import Predictor
from ase_orbital.errors import ElementError
from ase_orbital.properties import PREFIX

pytest.importorskip("matcalc")
pytestmark = pytest.mark.filterwarnings("ignore")  # matcalc's own

BULK_MODULUS = "eosnet-bulk-modulus-mp"


@pytest.fixture(scope="module")
def predictor():
    return Predictor(BULK_MODULUS, device="cpu")


@pytest.fixture(scope="module")
def learned(predictor):
    from ase_orbital.integrations.matcalc import LearnedPropertyCalc

    return LearnedPropertyCalc(predictor)


@pytest.fixture
def atoms():
    return bulk("Cu", a=3.7)


@pytest.mark.parametrize("kind", ["atoms", "structure", "dict", "final"])
def test_each_kind_comes_back_as_it_came_with_values_and_units(
    atoms, predictor, learned, kind
):
    given = atoms if kind == "atoms" else AseAtomsAdaptor.get_structure(atoms)
    wrapped = {
        "dict": {"structure": given, "mine": 1},
        "final": {"structure": None, "final_structure": given},
    }.get(kind, given)
    result = learned.calc(wrapped)
    assert result["final_structure"] is given
    expected = predictor.predict(atoms)
    for name, value in expected.items():
        assert result[PREFIX + name] == pytest.approx(value, rel=1e-5)
        assert result["_units"][PREFIX + name] == "GPa"
    if kind == "dict":
        assert result["mine"] == 1
        assert set(wrapped) == {"structure", "mine"}  # not written into


def test_behind_a_relaxation_it_is_of_the_relaxed_structure(atoms, predictor, learned):
    from matcalc import ChainedCalc, RelaxCalc

    relax = RelaxCalc(EMT(), fmax=0.01, relax_cell=True)
    result = ChainedCalc([relax, learned]).calc(AseAtomsAdaptor.get_structure(atoms))
    relaxed = result["final_structure"]
    assert relaxed.volume < 0.97 * atoms.get_volume()
    expected = predictor.predict(relaxed)["bulk_modulus"]
    assert result["orbital_bulk_modulus"] == pytest.approx(expected, rel=1e-5)
    assert abs(expected - predictor.predict(atoms)["bulk_modulus"]) > 1.0  # GPa
    # The step before keeps its values and units, and so does one behind.
    assert result["_units"]["energy"] == "eV"
    assert result["_units"]["orbital_bulk_modulus"] == "GPa"
    again = ChainedCalc([learned, relax]).calc(atoms)
    assert again["_units"]["orbital_bulk_modulus"] == "GPa"
    assert "energy" in again


def test_a_learned_value_does_not_replace_the_potentials(atoms, learned):
    from matcalc import ChainedCalc, EOSCalc

    steps = [EOSCalc(EMT(), relax_structure=True, n_points=5), learned]
    result = ChainedCalc(steps).calc(atoms)
    assert result["bulk_modulus_bm"] == pytest.approx(134, abs=15)  # EMT's copper
    assert result["orbital_bulk_modulus"] > 0.0


def test_many_in_order_and_none_for_what_fails(learned, predictor):
    crystals = [bulk("Cu"), bulk("Po", "sc", a=3.3), bulk("Al")]
    crystals[1].numbers[:] = 118
    first, second, third = learned.calc_many(crystals, allow_errors=True)
    assert second is None
    rows = predictor.predict_many([crystals[0], crystals[2]])
    for result, row in zip((first, third), rows, strict=True):
        assert result["orbital_bulk_modulus"] == pytest.approx(row["bulk_modulus"])
    with pytest.raises(ElementError, match="Og"):
        list(learned.calc_many(crystals))


def test_it_goes_to_other_processes(predictor, learned):
    crystals = [bulk("Cu"), bulk("Al")]
    results = list(learned.calc_many(crystals, n_jobs=2))
    rows = predictor.predict_many(crystals)
    for result, row in zip(results, rows, strict=True):
        assert result["orbital_bulk_modulus"] == pytest.approx(row["bulk_modulus"])


def test_it_says_what_it_is(learned):
    assert repr(learned) == f"LearnedPropertyCalc(['{BULK_MODULUS}'])"


def test_what_the_page_shows_runs(run_section):
    assert run_section("matcalc")["result"]["orbital_bulk_modulus"] > 50.0  # GPa
