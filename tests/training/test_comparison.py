"""Models are compared on the same crystals, and each gets its own folder."""

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital import ElementalFeatures, OneHot
from ase_orbital.errors import DataError, ModelError, SettingError
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.training import compare

METALS = [11, 12, 13, 29]
CRYSTALS = [bulk("Cu"), bulk("Al"), bulk("Mg"), bulk("Na")]
VALUES = [1.0, 2.0, 3.0, 4.0]


def make(network=EOSNet, **changes):
    changes = {"property_name": "band_gap", "elements": METALS} | changes
    return network(OneHot(), n_hidden=4, **changes).eval()


@pytest.fixture
def source():
    crystals = [atoms.copy() for atoms in CRYSTALS]
    for atoms in crystals:
        atoms.info.update(id=str(atoms.symbols), fresh=atoms.symbols[0] != "Cu")
    return crystals, VALUES


def test_each_model_predicts_the_same_crystals(source):
    models = {"first": make(), "second": make(OCrystalNet)}
    found = compare(models, source)
    assert list(found) == ["first", "second"]
    for name, evaluation in found.items():
        alone = [float(models[name].predict_structure(atoms)) for atoms in CRYSTALS]
        np.testing.assert_allclose(evaluation.predicted, alone, rtol=1e-5, atol=1e-6)
        assert evaluation.known.tolist() == VALUES
        assert evaluation.ids == ["Cu", "Al", "Mg2", "Na"]
        assert evaluation.formulas == evaluation.ids  # with all of the equivalent atoms


def test_crystals_unknown_to_one_model_are_left_out_of_all(source):
    found = compare({"all": make(), "few": make(elements=[11, 12, 13])}, source)
    assert all(e.ids == ["Al", "Mg2", "Na"] for e in found.values())


def test_a_column_selects_the_crystals(source):
    found = compare({"all": make()}, source, where="fresh")
    assert found["all"].ids == ["Al", "Mg2", "Na"]
    assert found["all"].known.tolist() == VALUES[1:]


def test_logarithms_are_compared_where_they_are_learned(source):
    crystals, values = source
    found = compare(
        {"one": make(property_name="bulk_modulus")}, (crystals, np.power(10.0, values))
    )
    np.testing.assert_allclose(found["one"].known, values)


def test_a_threshold_makes_classes(source):
    model = make(property_name="metal_probability", n_classes=2)
    found = compare({"one": model}, source, column="gap", at_most=2.0)
    assert found["one"].known.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_models_with_the_same_last_name_get_different_folders(source, tmp_path):
    models = {"runs/first/model": make(), "runs/second/model": make(), "third": make()}
    compare(models, source, folder=tmp_path, cache=tmp_path / "cache")
    written = {path.parent for path in tmp_path.rglob("predictions.csv")}
    assert written == {tmp_path / name for name in ("first-model", "second-model", "third")}
    assert (tmp_path / "comparison.png").is_file()
    assert (tmp_path / "third" / "parity.png").is_file()


def test_one_model_gets_no_figure_of_a_comparison(source, tmp_path):
    compare({"runs/first/model": make()}, source, folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model", "evaluation.json"}


@pytest.mark.parametrize(
    "other",
    [
        {"property_name": "fermi_energy"},
        {"property_name": "metal_probability", "n_classes": 2},
        {"transform": "log10"},
    ],
)
def test_models_with_different_targets_are_refused(source, other):
    with pytest.raises(ModelError, match="cannot be compared"):
        compare({"one": make(), "two": make(**other)}, source)


def test_classes_need_a_threshold_and_numbers_do_not(source):
    with pytest.raises(SettingError, match="give at_most: models of mine"):
        compare({"one": make(property_name="mine", n_classes=2)}, source)
    with pytest.raises(SettingError, match="leave out at_most: models of mine"):
        compare({"one": make(property_name="mine")}, source, at_most=1.0)


def test_no_usable_crystal_is_an_error(source):
    with pytest.raises(DataError, match=r"no crystal is left .* all 4 are left out"):
        compare({"one": make(elements=[8])}, source)


def test_a_crystal_without_features_for_one_model_is_left_out_of_all(source, caplog):
    """Rf has a covalent radius and a one-hot entry, but no elemental features."""
    crystals, values = source
    models = {
        "one-hot": make(elements=None),
        "elemental": EOSNet(
            ElementalFeatures(), n_hidden=4, property_name="band_gap"
        ).eval(),
    }
    atoms = bulk("Cu")
    atoms.numbers[:] = 104
    atoms.info.update(id="lacking")
    found = compare(models, ([*crystals, atoms], [*values, 5.0]))
    assert all("lacking" not in evaluation.ids for evaluation in found.values())
    assert "have no features" in caplog.text


def test_a_set_that_is_not_known_is_an_error(source):
    with pytest.raises(DataError, match="not known which crystals are in the test set"):
        compare({"one": make()}, source, only="test")


@pytest.mark.parametrize("models", [{}, "eosnet-band-gap-mp2018", [EOSNet()]])
def test_models_have_names(models, source):
    with pytest.raises(SettingError, match="dictionary of names and loaded models"):
        compare(models, source)
