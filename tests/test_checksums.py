"""Model folders keep the checksums of their files, and of `model.json` itself."""

import json

import pytest

from ase_orbital.checksums import read_files, read_json, renew_checksums, with_checksums
from ase_orbital.errors import ModelError

CONTENT = {"@class": "EOSNet", "kwargs": {"n_hidden": 4, "radius": 5.5}}
FILES = {"state.pt": b"weights", "model.pt": b"settings"}


@pytest.fixture
def folder(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    text = json.dumps(with_checksums(CONTENT, FILES), indent=1)
    (tmp_path / "model.json").write_text(text)
    return tmp_path


def test_what_was_written_is_read(folder):
    content = read_json(folder)
    assert content["kwargs"] == CONTENT["kwargs"]
    assert read_files(folder, content) == FILES


@pytest.mark.parametrize("name", ["state.pt", "model.pt", "model.json"])
def test_no_flipped_bit_passes(folder, name):
    """Unless it leaves the content as it was, as a changed space between entries does."""
    path = folder / name
    whole = path.read_bytes()
    before = read_json(folder)
    refused = 0
    places = range(0, 8 * len(whole), 1 + len(whole) // 25)
    for place in places:
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        path.write_bytes(data)
        try:
            content = read_json(folder)
            if "sha256" in content:
                read_files(folder, content)
                assert content == before
        except ModelError:
            refused += 1
    assert refused > 0.8 * len(places)


@pytest.mark.parametrize("name", FILES)
def test_a_lost_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} cannot be read"):
        read_files(folder, read_json(folder))


def test_a_change_on_purpose_is_recorded(folder):
    (folder / "state.pt").write_bytes(b"better weights")
    (folder / "domain.npz").write_bytes(b"a new file")
    (folder / "README.md").write_text("a card, which people may change")
    (folder / "test-ids.json").write_text("[]")
    with pytest.raises(ModelError, match=r"state\.pt differs .*renew_checksums"):
        read_files(folder, read_json(folder))
    renew_checksums(folder)
    content = read_json(folder)
    assert sorted(content["sha256"]) == ["domain.npz", "model.json", "model.pt", "state.pt"]
    assert read_files(folder, content)["state.pt"] == b"better weights"
    assert content["kwargs"] == CONTENT["kwargs"]


@pytest.mark.parametrize("name", ["../secret", "/dev/zero", ".."])
def test_files_outside_of_the_folder_are_not_read(folder, name):
    text = json.dumps(with_checksums(CONTENT, {name: b""}))
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelError, match="outside of its folder"):
        read_json(folder)


@pytest.mark.parametrize("text", ["[]", "{", "3", "[" * 100_000, '{"sha256": 3}', "{}"])
def test_a_damaged_description_is_a_model_error(folder, text):
    (folder / "model.json").write_text(text)
    if text == "{}":  # matgl writes no checksums
        assert read_json(folder) == {}
        return
    with pytest.raises(ModelError, match=r"model\.json is damaged"):
        read_json(folder)
