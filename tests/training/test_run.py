"""A training run learns the lattice constants of rocksalts, from data to model card."""

import csv
import json

import matgl
import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import GOM, Predictor
from ase_orbital.errors import DataError, ModelError, SettingError
from ase_orbital.numerics.digits import four_digits
from ase_orbital.training import TrainingSettings, train
from ase_orbital.training.preparation import prepare
from ase_orbital.training.run import _checked_settings_of_run, evaluate_sets
from ase_orbital.training.splits import Split


@pytest.fixture(scope="module")
def settings(quick):
    network = {"descriptor": GOM(n_eigenvalues=16).to_settings(), "n_hidden": 16}
    return quick | {"network_settings": network, "epochs": 25, "members": 2,
                    "sizes": [0.6, 0.2, 0.2]}  # fmt: skip


@pytest.fixture(scope="module")
def run(salts, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "lattice"
    return train(salts, folder, card={"data": "made up", "limits": "salts."}, **settings)


def crystal(salts, name):
    return next(atoms for atoms in salts[0] if atoms.info["id"] == name)


def predictions(folder):
    with (folder / "predictions.csv").open(newline="") as file:
        return {row.pop("id"): {name: float(row[name]) for name in row if name != "formula"}
                for row in csv.DictReader(file)}  # fmt: skip


def test_the_model_learns(run, salts):
    """On unseen crystals, the error is well below that of predicting the mean."""
    deviation = np.abs(salts[1] - salts[1].mean()).mean()
    assert run.metrics["mae_test"] < 0.3 * deviation
    assert run.metrics["r2_test"] > 0.8
    assert (run.metrics["n_train"], run.metrics["n_test"]) == (36, 12)


def test_the_folder_has_the_files_of_the_docstring(run):
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*")}
    assert names >= {
        "settings.json", "split.json", "rejected.csv", "features", "predictions.csv",
        "model/model.json", "model/model.pt", "model/state.pt", "model/README.md",
        "parity.png", "error-by-element.png", "error-by-size.png",
        "member-0/last.ckpt", "member-0/history.csv", "member-0/history.png",
        "member-1/last.ckpt", "member-1/history.csv", "member-1/history.png",
    }  # fmt: skip
    assert not [name for name in names if name.endswith(".part")]


def test_predictions_are_those_of_the_model_folder(run, salts):
    rows = predictions(run.folder)
    assert list(rows) == run.evaluations["test"].ids
    predictor = Predictor(run.folder / "model", device="cpu", domain=True)
    for name, row in rows.items():
        found = predictor.predict(crystal(salts, name))
        assert found["property"] == pytest.approx(row["predicted"], abs=1e-4)
        assert found["property_std"] == pytest.approx(row["std"], rel=1e-2)
        assert found["in_domain"] == row["in_domain"]
        known = salts[1][salts[0].index(crystal(salts, name))]
        assert row["known"] == pytest.approx(known, rel=1e-6)


def test_matgl_opens_the_model(run, salts):
    model = matgl.load_model(run.folder / "model").eval()
    name, row = next(iter(predictions(run.folder).items()))
    found = model.predict_structure(crystal(salts, name))
    assert float(found) == pytest.approx(row["predicted"], abs=1e-4)


def test_the_standard_deviation_covers_90_percent_of_the_validation_set(run):
    n_crystals = run.metrics["n_validation"]
    covered = run.metrics["coverage_90_validation"]
    assert covered == pytest.approx(0.9, abs=1.0 / n_crystals)


def test_the_card_has_the_metrics(run):
    card = (run.folder / "model" / "README.md").read_text()
    content = json.loads((run.folder / "model" / "model.json").read_text())
    metrics = content["metadata"]["metrics"]  # rounded once already
    assert f"| **{metrics['mae_test']:.4f}** |" in card
    assert f"{metrics['r2_validation']:.4f}" in card
    assert "test set, 12 crystals" in card
    assert "- **Data**: made up" in card
    assert "2 networks with consecutive seeds" in card


def test_the_metadata_have_settings_and_metrics(run, settings):
    content = json.loads((run.folder / "model" / "model.json").read_text())["metadata"]
    made_with = TrainingSettings(**content["training"]["settings"])
    assert made_with == TrainingSettings(**settings)
    assert content["metrics"]["mae_test"] == pytest.approx(run.metrics["mae_test"], 1e-4)
    assert content["tables"]


def test_crystals_like_those_trained_on_are_in_the_domain(run, salts):
    predictor = Predictor(run.folder / "model", device="cpu", domain=True)
    assert run.evaluations["train"].in_domain.mean() > 0.9
    middle = crystal(salts, "KCl-1.00")
    assert predictor.predict(middle)["in_domain"] == 1.0
    squeezed = middle.copy()
    squeezed.set_cell(0.6 * middle.cell.array, scale_atoms=True)
    assert predictor.predict(squeezed)["in_domain"] == 0.0


def test_other_settings_in_the_folder_are_refused_by_name(run, salts, settings):
    changes = {"epochs": 99, "seed": 4, "progress": True}
    with pytest.raises(SettingError, match="a run with other values of epochs, seed; give"):
        train(salts, run.folder, **settings | changes)


def test_members_can_be_added_to_a_run(salts, quick, tmp_path):
    values = quick | {"epochs": 2, "seed": 5}
    train(salts, tmp_path / "more", **values)
    first = (tmp_path / "more" / "member-0" / "history.csv").read_text()
    more = train(salts, tmp_path / "more", **values | {"members": 2})
    assert (tmp_path / "more" / "member-0" / "history.csv").read_text() == first
    at_once = train(salts, tmp_path / "at-once", **values | {"members": 2})
    assert np.array_equal(
        more.evaluations["test"].predicted, at_once.evaluations["test"].predicted
    )
    with pytest.raises(SettingError, match="other values of members"):
        train(salts, tmp_path / "more", **values)


def test_settings_come_as_an_object_with_changes_on_top(salts, quick, tmp_path):
    base = TrainingSettings(**quick)
    train(salts, str(tmp_path / "run"), base, epochs=1, cache=str(tmp_path / "cache"))
    written = TrainingSettings.from_file(tmp_path / "run" / "settings.json")
    assert written.differences(base) == ["epochs"]
    assert list((tmp_path / "cache").rglob("*.npz"))
    assert not (tmp_path / "run" / "features").exists()


def test_unusable_data_leave_the_folder_free(salts, quick, tmp_path):
    with pytest.raises(DataError, match="none of the 60 crystals"):
        train((salts[0], [None] * 60), tmp_path, **quick)
    run = train(salts, tmp_path, **quick | {"epochs": 1, "seed": 3})
    assert run.metrics["n_test"] == 6


def test_classes_have_a_probability_and_a_curve(salts, quick, tmp_path):
    settings = quick | {"property_name": "metal_probability", "column": "constant",
                        "at_most": 6.0, "epochs": 12, "members": 2}  # fmt: skip
    run = train(salts, tmp_path, **settings)
    assert run.metrics["roc_auc_train"] > 0.95
    assert run.metrics["balanced_accuracy_train"] > 0.8
    assert (tmp_path / "roc.png").is_file()
    predictor = Predictor(tmp_path / "model", device="cpu")
    assert predictor.properties == ["metal_probability", "metal_probability_std"]
    small, large = (
        predictor.predict(crystal(salts, name))["metal_probability"]
        for name in ("LiF-1.00", "CsI-1.00")
    )
    assert 0.0 <= large < 0.5 < small <= 1.0
    known = {row["known"] for row in predictions(tmp_path).values()}
    assert known <= {0.0, 1.0}


def test_logarithms_are_learned_and_the_property_predicted(salts, quick, tmp_path):
    own = {"property_name": "hardness", "unit": "GPa", "transform": "log10"}
    run = train((salts[0], 10.0 ** salts[1]), tmp_path, **quick | own)
    assert run.model.unit == "GPa"
    name, row = next(iter(predictions(tmp_path).items()))
    predictor = Predictor(tmp_path / "model", device="cpu")
    found = predictor.predict(crystal(salts, name))
    assert np.log10(found["hardness"]) == pytest.approx(row["predicted"], abs=1e-4)
    assert found["hardness"] == pytest.approx(row["predicted_property"], rel=1e-3)
    assert row["known_property"] == pytest.approx(10.0 ** row["known"])
    assert set(predictor.units.values()) == {"GPa"}
    card = (tmp_path / "model/README.md").read_text()
    assert "mean absolute error, log10(GPa)" in card
    error = four_digits(float(f"{run.metrics['mae_property_test']:.6g}"))
    assert f"mean absolute error of the property, GPa | {error} " in card


def test_without_validation_and_test_set_there_is_still_a_model(salts, quick, tmp_path):
    run = train(salts, tmp_path, **quick | {"sizes": [60, 0, 0], "epochs": 1})
    assert list(run.evaluations) == ["train"]
    assert len(predictions(tmp_path)) == 60


def test_few_crystals_have_an_ensemble(salts, quick, tmp_path):
    settings = {name: value for name, value in quick.items() if name != "members"}
    settings["epochs"] = 1
    run = train(salts, tmp_path, **settings)
    assert len(run.model.members) == 3
    (tmp_path / "member-2" / "last.ckpt").unlink()
    assert len(train(salts, tmp_path, **settings).model.members) == 3


def test_one_member_has_a_standard_deviation_too(salts, quick, tmp_path):
    run = train(salts, tmp_path, **quick | {"epochs": 1})
    assert (run.evaluations["test"].std > 0.0).all()
    predictor = Predictor(tmp_path / "model", device="cpu")
    assert predictor.properties == ["property", "property_std"]


def test_other_data_in_the_folder_are_refused_with_the_difference(salts, quick, tmp_path):
    crystals, constants = salts
    train(salts, tmp_path, **quick | {"epochs": 1})
    predicted = (tmp_path / "predictions.csv").read_text()
    changed = crystals[1:], 10.0 * constants[1:]
    with pytest.raises(DataError, match=r"59 changed .*, 1 absent \(such as LiF-0\.97\)"):
        train(changed, tmp_path, **quick | {"epochs": 1})
    more = [*crystals, bulk("Cu")], np.append(constants, 3.6)
    with pytest.raises(DataError, match="1 added"):
        train(more, tmp_path, **quick | {"epochs": 1})
    assert (tmp_path / "predictions.csv").read_text() == predicted
    run = train(more, tmp_path, **quick | {"epochs": 1}, other_data=True)
    assert run.metrics["n_train"] == 48


def test_a_run_without_checkpoint_takes_other_settings_and_data(salts, quick, tmp_path):
    crystals, constants = salts
    with pytest.raises(SettingError, match="patience needs a validation set"):
        train(salts, tmp_path, **quick | {"patience": 3, "sizes": (1, 0, 0)})
    run = train((crystals[:40], constants[:40]), tmp_path, **quick | {"epochs": 1})
    assert run.metrics["n_test"] == 4


def test_a_split_of_other_crystals_is_an_error(salts, quick, tmp_path):
    Split(["a"], ["b"], ["c"]).save(tmp_path / "other.json")
    with pytest.raises(DataError, match="the split has none of the 60 crystals"):
        train(salts, tmp_path / "run", **quick | {"split": str(tmp_path / "other.json")})


def test_weights_of_nan_are_no_result(salts, quick, tmp_path):
    run = train(salts, tmp_path, **quick | {"epochs": 1})
    with torch.no_grad():
        run.model.output.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="no finite number for"):
        evaluate_sets(run.model, prepare(salts, TrainingSettings(**quick), tmp_path))


@pytest.mark.parametrize("start", [{}, {"start_from": "a", "trunk_rate": 1.0}])
def test_an_older_run_goes_on(tmp_path, start):
    """It has no settings on how to start, and then kept the read-out and the rate."""
    now = TrainingSettings(**start, members=1)
    values = now.to_dict()
    del values["trunk_rate"], values["new_readout"]
    (tmp_path / "settings.json").write_text(json.dumps(values))
    (tmp_path / "member-0").mkdir()
    (tmp_path / "member-0" / "last.ckpt").touch()
    assert _checked_settings_of_run(tmp_path, now) == now
