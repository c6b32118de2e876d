"""Names and folders of models, whole and damaged."""

import json

import pytest
import torch
from ase.build import bulk

from ase_orbital import list_models, load_model
from ase_orbital.errors import ModelError
from ase_orbital.models import EOSNet
from ase_orbital.zoo import read_card


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    EOSNet(property_name="band_gap").save(
        tmp_path / "gap", metadata={"metrics": {"mae_test": 0.5}}
    )
    return tmp_path / "gap"


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


@pytest.mark.parametrize("damaged", ["model.json", "model.pt", "state.pt"])
def test_a_damaged_file_names_the_folder(folder, damaged):
    content = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"gap.* is damaged"):
        load_model(folder)


def test_tables_of_another_version_are_refused(folder):
    content = json.loads((folder / "model.json").read_text())
    content["metadata"]["tables"]["covalent_radii.csv"] = "0" * 64
    (folder / "model.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="another version of the table covalent_radii"):
        load_model(folder)


def test_code_in_a_folder_is_not_run(folder, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path / "ran").touch, ()

    torch.save({"n_hidden": Bomb()}, folder / "model.pt")
    with pytest.raises(ModelError, match="damaged"):
        load_model(folder)
    assert not (tmp_path / "ran").exists()
