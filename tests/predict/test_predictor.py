"""Predictor against its models one at a time, and against what its docstring promises."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from matgl.models import MEGNet
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital.errors import ElementError, ModelError, SettingError, StructureError
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.predict import Predictor, prepared_model
from ase_orbital.predict import predictor as module
from ase_orbital.testing import assert_function_of_the_crystal

STRUCTURES = [
    bulk("NaCl", "rocksalt", a=5.64),
    bulk("Cu"),
    fcc111("Cu", (1, 1, 3), vacuum=8.0),
    molecule("H2O"),
    Atoms("Ar"),
]


@pytest.fixture(scope="module")
def gap():
    torch.manual_seed(0)
    return EOSNet(property_name="band_gap", target_mean=1.0, target_scale=2.0)


@pytest.fixture(scope="module")
def modulus():
    torch.manual_seed(1)
    return OCrystalNet(n_hidden=32, property_name="bulk_modulus", target_mean=1.5)


@pytest.fixture(scope="module")
def predictor(gap, modulus):
    return Predictor([gap, modulus], device="cpu")


def test_prediction_is_that_of_the_model(predictor, gap, modulus):
    predicted = predictor.predict(STRUCTURES[0])
    assert predicted == pytest.approx(
        {
            "band_gap": float(gap.predict_structure(STRUCTURES[0])),
            "bulk_modulus": float(modulus.predict_structure(STRUCTURES[0])),
        },
        rel=1e-5,
    )


def test_values_are_plain_floats_with_units(predictor):
    predicted = predictor.predict(STRUCTURES[0])
    assert list(predicted) == predictor.properties
    assert all(type(value) is float for value in predicted.values())
    assert predictor.units == {"band_gap": "eV", "bulk_modulus": "GPa"}


def test_moduli_are_learned_as_logarithms(modulus):
    (graph,) = modulus.eval().graphs([STRUCTURES[1]])
    with torch.no_grad():
        learned = float(modulus(graph))
    found = Predictor(modulus, device="cpu").predict(STRUCTURES[1])["bulk_modulus"]
    assert found == pytest.approx(10**learned, rel=1e-4)


def test_many_equal_each_one_in_input_order(predictor):
    together = predictor.predict_many(STRUCTURES)
    for atoms, row in zip(STRUCTURES, together, strict=True):
        assert row == pytest.approx(predictor.predict(atoms), rel=1e-5, abs=1e-6)


def test_batches_are_cut_without_changing_anything(predictor, monkeypatch):
    expected = predictor.predict_many(STRUCTURES * 3)
    monkeypatch.setattr(module, "MAX_ATOMS", 4)
    monkeypatch.setattr(prepared_model, "MAX_EDGES", 30)
    found = predictor.predict_many(STRUCTURES * 3)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("given", [3, None, "SrTiO3.cif", STRUCTURES[0]])
def test_many_structures_are_a_list(given, predictor):
    with pytest.raises(StructureError, match="list"):
        predictor.predict_many(given)


def test_no_structures_give_no_rows(predictor):
    assert predictor.predict_many([]) == []


def test_a_list_of_one_stays_a_list(predictor):
    assert predictor.predict_many(STRUCTURES[:1]) == [predictor.predict(STRUCTURES[0])]


def test_progress_goes_to_stderr_only_when_asked(predictor, capsys):
    predictor.predict_many(STRUCTURES)
    assert capsys.readouterr() == ("", "")
    predictor.predict_many(STRUCTURES, progress=True)
    assert "5/5" in capsys.readouterr().err


@pytest.mark.parametrize("atoms", STRUCTURES[:4], ids=lambda atoms: str(atoms.symbols))
def test_prediction_is_a_function_of_the_crystal(predictor, atoms):
    assert_function_of_the_crystal(predictor.predict, atoms, tolerance=2e-4)


def test_double_precision_is_a_function_of_the_crystal_to_ten_digits(gap):
    precise = Predictor(gap, device="cpu", dtype=torch.float64)
    assert_function_of_the_crystal(precise.predict, STRUCTURES[0], tolerance=1e-9)


def test_pymatgen_and_files_are_taken(predictor, tmp_path):
    structure = AseAtomsAdaptor.get_structure(STRUCTURES[0])
    STRUCTURES[0].write(tmp_path / "nacl.cif")
    expected = predictor.predict(STRUCTURES[0])
    for other in (structure, tmp_path / "nacl.cif", str(tmp_path / "nacl.cif")):
        assert predictor.predict(other) == pytest.approx(expected, rel=1e-4)


def test_two_models_of_one_property_are_a_committee(gap):
    torch.manual_seed(5)
    second = EOSNet(property_name="band_gap")
    committee = Predictor([gap, second], device="cpu")
    values = [float(m.predict_structure(STRUCTURES[0])) for m in (gap, second)]
    assert committee.predict(STRUCTURES[0]) == pytest.approx(
        {"band_gap": np.mean(values), "band_gap_std": np.std(values, ddof=1)}, rel=1e-4
    )
    assert committee.units["band_gap_std"] == "eV"


def test_models_given_are_left_as_they_are(gap):
    gap.train()
    Predictor(gap, dtype=torch.float64).predict(STRUCTURES[1])
    assert gap.training
    assert gap.embedding.weight.dtype == torch.float32


def test_predictor_of_loaded_models_travels_with_them(predictor):
    copy = pickle.loads(pickle.dumps(predictor))
    assert copy.predict(STRUCTURES[0]) == predictor.predict(STRUCTURES[0])


def test_predictor_of_named_models_travels_with_them():
    torch.manual_seed(0)
    named = Predictor({"gap": MEGNet()}, device="cpu")
    copy = pickle.loads(pickle.dumps(named))
    assert copy.predict(STRUCTURES[0]) == named.predict(STRUCTURES[0])


def test_predictor_of_names_travels_as_names(gap, tmp_path):
    gap.save(tmp_path / "gap")
    named = Predictor(tmp_path / "gap", device="cpu")
    assert len(pickle.dumps(named)) < 1000
    assert pickle.loads(pickle.dumps(named)).predict(STRUCTURES[0]) == named.predict(
        STRUCTURES[0]
    )


def test_threads_share_a_predictor(predictor):
    expected = predictor.predict_many(STRUCTURES)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(predictor.predict, STRUCTURES * 8))
    for one, other in zip(found, expected * 8, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)


def test_matgl_models_count_too(gap):
    torch.manual_seed(0)
    megnet = MEGNet()
    both = Predictor({"formation_energy_per_atom": megnet, "band_gap": gap}, device="cpu")
    structure = AseAtomsAdaptor.get_structure(STRUCTURES[0])
    predicted = both.predict(STRUCTURES[0])
    assert predicted["formation_energy_per_atom"] == pytest.approx(
        float(megnet.eval().predict_structure(structure)), rel=1e-5
    )
    assert both.units["formation_energy_per_atom"] == "eV/atom"
    assert Predictor(megnet).properties == ["megnet"]


def test_bad_structures_are_named_before_anything_is_computed(predictor, monkeypatch):
    def fail(*_: object) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(Predictor, "_predict", fail)
    broken = STRUCTURES[0].copy()
    broken.positions[1, 2] = np.nan
    with pytest.raises(StructureError, match=r"atom 1 \(Cl\)") as caught:
        predictor.predict_many([*STRUCTURES, broken])
    assert caught.value.__notes__ == ["this is structure 5 of the list"]


def without_cell():
    atoms = STRUCTURES[0].copy()
    atoms.cell[0] = 0.0
    return atoms


def test_failures_are_recorded_among_the_others_if_asked(predictor):
    given = [STRUCTURES[0], without_cell(), "absent.cif", STRUCTURES[1], None]
    records = predictor.predict_many(given, errors="record")
    assert [list(record) for record in records] == [[*predictor.properties, "error"]] * 5
    for index in (0, 3):
        assert records[index].pop("error") == ""
        assert records[index] == pytest.approx(predictor.predict(given[index]), rel=1e-5)
    reasons = ["cell vector 0 is zero", "there is no file absent.cif", "a NoneType is not"]
    for index, reason in zip((1, 2, 4), reasons, strict=True):
        assert reason in records[index].pop("error")
        assert np.isnan(list(records[index].values())).all()
    with pytest.raises(SettingError, match="errors must be"):
        predictor.predict_many(given, errors="ignore")


def test_only_the_structures_that_fail_while_computing_are_failures(gap, monkeypatch):
    predictor = Predictor(gap, device="cpu")
    predict = predictor._predict

    def fail_for_argon(structures):
        if any("Ar" in atoms.symbols for atoms in structures):
            raise StructureError("argon fails")
        return predict(structures)

    monkeypatch.setattr(predictor, "_predict", fail_for_argon)
    records = predictor.predict_many(STRUCTURES, errors="record")
    assert [record["error"] for record in records] == [""] * 4 + ["argon fails"]
    with pytest.raises(StructureError, match="argon fails") as caught:
        predictor.predict_many(STRUCTURES)
    assert caught.value.__notes__ == ["this is structure 4 of the list"]


def test_a_prediction_that_is_no_finite_number_is_a_failure():
    broken = EOSNet(property_name="band_gap")
    with torch.no_grad():
        broken.output.bias.fill_(torch.nan)
    predictor = Predictor(broken, device="cpu")
    with pytest.raises(ModelError, match="the model predicts nan for band_gap"):
        predictor.predict(STRUCTURES[0])
    (record,) = predictor.predict_many(STRUCTURES[:1], errors="record")
    assert record["error"] == "the model predicts nan for band_gap"


def test_a_frame_has_a_row_per_structure(predictor):
    given = [STRUCTURES[0], without_cell()]
    frame = predictor.frame(given)
    assert list(frame.columns) == [*predictor.properties, "error"]
    assert frame.band_gap[0] == predictor.predict(given[0])["band_gap"]
    assert frame.isna().sum().to_dict() == {"band_gap": 1, "bulk_modulus": 1, "error": 0}
    assert frame.attrs["units"] == predictor.units
    named = predictor.frame(pandas.Series(given, index=["salt", "flat"]))
    assert "is zero" in named.error["flat"]
    assert list(predictor.frame([]).columns) == list(frame.columns)


def test_features_of_atoms_are_those_the_network_averages(gap, modulus):
    predictor = Predictor({"band_gap": gap, "bulk_modulus": modulus}, device="cpu")
    atoms = bulk("NaCl", "rocksalt", a=5.64) * (2, 1, 1)
    features = predictor.atom_features(atoms)
    assert list(features) == predictor.names == ["band_gap", "bulk_modulus"]
    for name, model in (("band_gap", gap), ("bulk_modulus", modulus)):
        (graph,) = model.eval().graphs([atoms])
        with torch.no_grad():
            expected = model.layer_outputs(graph)["atoms"]
        np.testing.assert_allclose(features[name], expected, rtol=1e-5, atol=1e-6)
        sodium = features[name][atoms.symbols == "Na"]
        np.testing.assert_allclose(sodium, sodium[:1].repeat(2, 0), rtol=1e-4, atol=1e-5)
    ensemble = Predictor("eosnet-bulk-modulus-mp", device="cpu")
    assert ensemble.atom_features(bulk("Cu"))["eosnet-bulk-modulus-mp"].shape[0] == 1
    with pytest.raises(ModelError, match="one of matgl's own"):
        Predictor(MEGNet()).atom_features(atoms)


def test_unseen_elements_are_named():
    model = EOSNet(property_name="band_gap", elements=[11, 17])
    with pytest.raises(ElementError, match="atom 0 is Cu"):
        Predictor(model).predict(bulk("Cu"))


def test_coincident_atoms_are_named(predictor):
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    atoms.positions[1] = atoms.positions[0] + 0.001
    with pytest.raises(StructureError, match=r"atoms 0 \(Na\) and 1 \(Cl\)"):
        predictor.predict(atoms)


def test_a_predictor_is_made_of_whatever_makes_one(predictor, gap, tmp_path):
    assert Predictor.of(predictor) is predictor
    gap.save(tmp_path / "gap")
    for models in (gap, [gap], {"band_gap": gap}, tmp_path / "gap", str(tmp_path / "gap")):
        made = Predictor.of(models, device="cpu", dtype="float64")
        assert made.properties == ["band_gap"]
        assert made.dtype == torch.float64
    assert Predictor.of(predictor, device=None) is predictor
    with pytest.raises(ModelError, match="a Predictor has its own device"):
        Predictor.of(predictor, device="cpu")
    with pytest.raises(ModelError, match="a Predictor has its own domain"):
        Predictor.of(predictor, domain=True)
    inside = Predictor("eosnet-bulk-modulus-mp", domain=np.True_)
    assert Predictor.of(inside, domain=True) is Predictor.of(inside) is inside


def test_misuse_is_explained(gap):
    with pytest.raises(ModelError, match="at least one model"):
        Predictor([])
    with pytest.raises(ModelError, match="no model or folder 'nonsense'"):
        Predictor("nonsense")
    with pytest.raises(ModelError, match="a Linear is not a property model"):
        Predictor(torch.nn.Linear(1, 1))
    with pytest.raises(ModelError, match="a NoneType is not a property model"):
        Predictor(None)
    with pytest.raises(ModelError, match="no device 'nowhere'"):
        Predictor(gap, device="nowhere")
    with pytest.raises(ModelError, match=r"dtype must be torch.float32 or"):
        Predictor(gap, dtype="half")
    with pytest.raises(ModelError, match="several models predict 'megnet'"):
        Predictor([MEGNet(), MEGNet()])
    with pytest.raises(StructureError, match="this takes a list"):
        Predictor(gap).predict_many("crystal.cif")
    with pytest.raises(ModelError, match="given for bulk_modulus predicts band_gap"):
        Predictor({"bulk_modulus": gap})


@pytest.mark.parametrize("atoms", STRUCTURES[2:4], ids=lambda atoms: str(atoms.symbols))
def test_matgl_models_refuse_what_they_would_take_for_periodic(atoms):
    with pytest.raises(StructureError, match="one of matgl's own"):
        Predictor(MEGNet()).predict(atoms)
