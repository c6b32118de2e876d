"""Names and folders of models, whole and damaged."""

import json
import sys

import pytest
import torch
from ase.build import bulk
from matgl.models import MEGNet
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital import list_models, load_model
from ase_orbital.errors import ModelError
from ase_orbital.models import EOSNet
from ase_orbital.zoo import model_folder, read_card, renew_checksums


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    EOSNet(property_name="band_gap").save(
        tmp_path / "gap", metadata={"metrics": {"mae_test": 0.5}}
    )
    return tmp_path / "gap"


def change_json(folder, **entries):
    content = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(content | entries))
    renew_checksums(folder)


def test_a_folder_loads_ready_to_predict(folder):
    model = load_model(folder)
    assert not model.training
    assert model.predict_structure(bulk("Cu")).shape == ()


def test_the_card_reads_without_the_model(folder):
    card = read_card(folder)
    assert card.network == "EOSNet"
    assert card.metrics == {"mae_test": 0.5}
    assert card.settings["property_name"] == "band_gap"


def test_an_unknown_name_suggests_the_nearest():
    name = list_models()[0]
    with pytest.raises(ModelError, match=f"did you mean.*{name}"):
        load_model(name + "x")


@pytest.mark.parametrize("lost", ["model.json", "model.pt", "state.pt"])
def test_a_lost_file_is_named(folder, lost):
    (folder / lost).unlink()
    with pytest.raises(ModelError, match=f"lacks {lost}"):
        load_model(folder)


@pytest.mark.parametrize("damaged", ["model.json", "state.pt"])
def test_a_damaged_file_names_the_folder(folder, damaged):
    content = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"gap.* is damaged"):
        load_model(folder)


def test_tables_of_another_version_are_refused(folder):
    change_json(folder, metadata={"tables": {"covalent_radii.csv": "0" * 64}})
    with pytest.raises(ModelError, match="another version of the table covalent_radii"):
        load_model(folder)


def test_a_module_that_a_folder_names_is_not_imported(folder, tmp_path, monkeypatch):
    (tmp_path / "named_by_a_folder.py").write_text("EOSNet = None\n")
    monkeypatch.syspath_prepend(tmp_path)
    change_json(folder, **{"@module": "named_by_a_folder"})
    with pytest.raises(ModelError, match="of named_by_a_folder, which is not known"):
        load_model(folder)
    change_json(folder, **{"@module": "ase_orbital.models.absent"})
    load_model(folder)  # the class comes from a table
    assert "named_by_a_folder" not in sys.modules


def test_an_unknown_class_is_named(folder):
    change_json(folder, **{"@class": "Popen"})
    with pytest.raises(ModelError, match="of the class Popen"):
        load_model(folder)


def test_weights_of_another_size_are_refused(folder):
    settings = json.loads((folder / "model.json").read_text())["kwargs"]
    change_json(folder, kwargs=settings | {"n_hidden": 65})
    with pytest.raises(ModelError, match="size mismatch"):
        load_model(folder)


def test_loading_leaves_the_random_numbers_alone(folder):
    torch.manual_seed(3)
    load_model(folder)
    found = torch.rand(3)
    torch.manual_seed(3)
    assert torch.equal(found, torch.rand(3))


def test_models_of_matgl_load_through_matgl(tmp_path):
    torch.manual_seed(0)
    megnet = MEGNet().eval()
    megnet.save(tmp_path / "megnet")
    loaded = load_model(tmp_path / "megnet")
    structure = AseAtomsAdaptor.get_structure(bulk("Cu"))
    assert type(loaded) is MEGNet
    assert loaded.predict_structure(structure) == megnet.predict_structure(structure)


def test_the_folder_of_a_run_names_that_of_its_model(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").touch()
    with pytest.raises(ModelError, match=r"folder of a run; its model is in .*model$"):
        model_folder(tmp_path)
