"""Loading a folder runs nothing that the folder contains or names."""

import copy
import json
import sys
from contextlib import suppress

import matgl
import pytest
import torch
from ase.build import bulk
from ase.io import write
from matgl.models import M3GNet, MEGNet, TensorNet, TransformedTargetModel
from pymatgen.io.ase import AseAtomsAdaptor
from torch import nn

from ase_orbital import GOM, Concatenate, OneHot, Predictor, load_model
from ase_orbital.checksums import with_checksums
from ase_orbital.cli.main import main
from ase_orbital.errors import ModelError, OrbitalError
from ase_orbital.models import Ensemble, EOSNet, loading
from ase_orbital.training import TrainingSettings
from ase_orbital.training.transfer import start_from
from ase_orbital.zoo import register_model, renew_checksums

MODULE = "named_by_a_folder"
COPPER = bulk("Cu")


def eosnet():
    features = Concatenate(OneHot(size=40), GOM(n_eigenvalues=3))
    return EOSNet(features, n_hidden=2, property_name="band_gap", elements=[29])


MAKERS = {
    "EOSNet": eosnet,
    "Ensemble": lambda: Ensemble([eosnet(), eosnet()]),
    "MEGNet": lambda: MEGNet(element_types=("Cu", "Au"), nblocks=1),
}


@pytest.fixture(params=MAKERS)
def folder(request, tmp_path):
    torch.manual_seed(0)
    MAKERS[request.param]().eval().save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """Return what says whether code was run: on import, or by a call."""
    (tmp_path / f"{MODULE}.py").write_text(
        "from pathlib import Path\n"
        f"marker = Path({str(tmp_path / 'ran')!r})\n"
        "marker.touch()\n"
        "def run(*_, **__): marker.touch()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return lambda: (tmp_path / "ran").exists() or MODULE in sys.modules


def start(folder):
    start_from(eosnet(), TrainingSettings(start_from=str(folder)), 0)


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return self.path.touch, ()


TRICKS = {
    "class": {"@class": "run", "@module": MODULE, "init_args": {"command": "true"}},
    "system": {"@class": "system", "@module": "os", "init_args": {"command": "exit 3"}},
    "list": [{"@class": "run", "@module": MODULE, "init_args": {}}],
    "descriptor": {"name": f"{MODULE}:run", "command": "true"},
    "lazy module": {"name": "ase_orbital.zoo:import_eosnet"},
    "parts": {"name": "Concatenate", "parts": [{"name": f"{MODULE}:run"}]},
    "name": MODULE,
}


def places(value, path=()):
    """Yield the path of every value in nested dictionaries and lists.

    Of lists like `elements` and `members` only the first entry has an inside.
    """
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield (*path, key)
        if isinstance(inner, dict | list) and key not in ("tables", "sha256", 1):
            yield from places(inner, (*path, key))


def replaced(content, path, value):
    changed = copy.deepcopy(content)
    *above, last = path
    inner = changed
    for key in above:
        inner = inner[key]
    inner[last] = value
    return changed


def save_json(folder, content):
    """Write `model.json` with checksums that fit."""
    if "sha256" in content:
        files = {name: (folder / name).read_bytes() for name in ("model.pt", "state.pt")}
        content = with_checksums(content, files)
    (folder / "model.json").write_text(json.dumps(content))


def try_loaders(folder, *others):
    """Load in several ways; each may refuse, by an error of this package or of matgl."""
    for load in (load_model, *others):
        with suppress(OrbitalError):
            load(folder)
    if others:
        with suppress(RuntimeError, ValueError):
            matgl.load_model(folder)


@pytest.mark.parametrize(
    ("folder", "trick"),
    [*(("EOSNet", trick) for trick in TRICKS), ("Ensemble", "parts"), ("MEGNet", "class")],
    indirect=["folder"],
)
def test_nothing_in_the_settings_is_run(folder, trap, trick):
    content = json.loads((folder / "model.json").read_text())
    content["kwargs"]["one_more"] = None
    for place in places(content):
        if "members" in content["kwargs"] and len(place) < 4:
            continue  # as for a single network
        save_json(folder, replaced(content, place, TRICKS[trick]))
        # matgl imports the module that a folder names, and follows its own folders.
        safe = place[-1] in ("descriptor", "one_more") and "sha256" in content
        try_loaders(folder, *[Predictor, start] * safe)
        assert not trap(), place


@pytest.mark.parametrize("name", ["state.pt", "model.pt", "model.json"])
@pytest.mark.parametrize("nested", [False, True])
def test_no_pickle_is_run(folder, trap, tmp_path, name, nested):
    ours = "ase_orbital" in (folder / "model.json").read_text()
    bomb = Bomb(tmp_path / "ran")
    torch.save({"weight": [{"deep": bomb}]} if nested else bomb, folder / name)
    if name != "model.json":
        save_json(folder, json.loads((folder / "model.json").read_text()))
    try_loaders(folder, *[Predictor, start] * ours)
    assert not trap()


def test_the_command_line_reports_a_folder_that_names_code(tmp_path, trap, capsys):
    eosnet().save(tmp_path / "model")
    write(tmp_path / "copper.cif", COPPER)
    content = json.loads((tmp_path / "model" / "model.json").read_text())
    content["kwargs"]["descriptor"] = TRICKS["class"]
    save_json(tmp_path / "model", content)
    words = ["predict", str(tmp_path / "copper.cif"), "-m", str(tmp_path / "model")]
    assert main(words) == 1
    assert "@class, @module in its settings" in capsys.readouterr().err
    assert not trap()


@pytest.mark.parametrize("name", ["state.pt", "model.pt", "model.json"])
def test_a_flipped_bit_is_found_before_anything_is_made_of_it(tmp_path, name):
    eosnet().save(tmp_path)
    whole = (tmp_path / name).read_bytes()
    for place in range(0, len(whole), len(whole) // 24):
        (tmp_path / name).write_bytes(
            whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        )
        for load in (load_model, matgl.load_model):
            with pytest.raises((ModelError, RuntimeError, ValueError)) as caught:
                load(tmp_path)
            assert isinstance(caught.value.__cause__ or caught.value, Exception)


def test_matgl_gives_the_reason_why_a_folder_is_refused(tmp_path):
    eosnet().save(tmp_path)
    data = (tmp_path / "model.pt").read_bytes()
    (tmp_path / "model.pt").write_bytes(data[:-1])
    with pytest.raises((ValueError, RuntimeError)) as caught:
        matgl.load_model(tmp_path)
    assert "model.pt differs from its checksum" in str(caught.value.__cause__)


@pytest.mark.parametrize("made", ["EOSNet", "MEGNet"])
@pytest.mark.parametrize("change", ["missing", "extra"])
def test_missing_and_extra_tensors_are_refused(tmp_path, made, change):
    MAKERS[made]().save(tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    if change == "extra":
        state["another"] = torch.zeros(3)
    else:
        state.pop([name for name in state if "norm" in name or "weight" in name][-1])
    torch.save(state, tmp_path / "state.pt")
    if made == "EOSNet":
        renew_checksums(tmp_path)
    with pytest.raises(ModelError, match="another" if change == "extra" else "Missing key"):
        load_model(tmp_path)


def test_running_statistics_cannot_be_missing(tmp_path):
    eosnet().save(tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    lost = next(name for name in state if name.endswith("running_mean"))
    del state[lost]
    torch.save(state, tmp_path / "state.pt")
    renew_checksums(tmp_path)
    for load in (load_model, matgl.load_model):
        with pytest.raises((ModelError, ValueError, RuntimeError)) as caught:
            load(tmp_path)
        assert lost in str(caught.value.__cause__ or caught.value)


def test_a_folder_without_checksums_is_refused(tmp_path):
    eosnet().save(tmp_path)
    content = json.loads((tmp_path / "model.json").read_text())
    del content["sha256"]
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="has no checksums"):
        load_model(tmp_path)
    renew_checksums(tmp_path)
    load_model(tmp_path)


def test_a_size_that_no_memory_holds_is_named(tmp_path):
    eosnet().save(tmp_path)
    content = json.loads((tmp_path / "model.json").read_text())
    content["kwargs"]["n_hidden"] = 10**9
    save_json(tmp_path, content)
    with pytest.raises(ModelError, match=r"is damaged: n_hidden must be .* to 10,000, not"):
        load_model(tmp_path)


@pytest.mark.parametrize("version", [99, "2", None, 1.5])
def test_a_later_version_is_refused(tmp_path, version):
    eosnet().save(tmp_path)
    content = json.loads((tmp_path / "model.json").read_text())
    content["@model_version"] = version
    save_json(tmp_path, content)
    with pytest.raises(ModelError, match=f"has version {version}"):
        load_model(tmp_path)


@pytest.mark.parametrize("kind", [MEGNet, M3GNet, TensorNet])
def test_property_models_of_matgl_load_from_json(tmp_path, kind):
    torch.manual_seed(0)
    intensive = {} if kind is MEGNet else {"is_intensive": True}
    model = kind(element_types=("Cu", "Au"), nblocks=1, **intensive).eval()
    model.save(tmp_path)
    (tmp_path / "model.pt").write_bytes(b"")  # only matgl reads it
    structure = AseAtomsAdaptor.get_structure(COPPER)
    loaded = load_model(tmp_path)
    assert type(loaded) is kind
    assert torch.equal(
        loaded.predict_structure(structure), model.predict_structure(structure)
    )


def test_other_models_of_matgl_are_named(tmp_path):
    TransformedTargetModel(MEGNet(nblocks=1), None).save(tmp_path)
    with pytest.raises(
        ModelError, match=r"TransformedTargetModel; .*MEGNet.*matgl\.load_model"
    ):
        load_model(tmp_path)


class Own(EOSNet):
    """A network of a user."""


def test_own_classes_load_after_they_are_registered(tmp_path, monkeypatch):
    Own(OneHot(), n_hidden=2).save(tmp_path)
    with pytest.raises(ModelError, match=r"class Own of .*register_model first"):
        load_model(tmp_path)
    monkeypatch.setattr(loading, "REGISTERED", {})
    assert register_model(Own) is Own
    assert type(load_model(tmp_path)) is Own


def test_only_property_models_are_registered():
    with pytest.raises(
        ModelError, match="Linear is no torch module with predict_structure"
    ):
        register_model(nn.Linear)
