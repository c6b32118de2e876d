"""A run gives one table, whatever interrupts it, and wherever it runs."""

import os
import random
import signal
import time

import pandas as pd
import pytest
from ase.io import write

from ase_orbital.errors import DataError, ModelError, SettingError
from ase_orbital.models import OCrystalNet
from ase_orbital.screening import Results, read_results, screen
from ase_orbital.screening.sources import Inputs

FEW = {"workers": 1, "shard_size": 6, "device": "cpu"}


@pytest.fixture(scope="module")
def undisturbed(xyz, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "out"
    screen(xyz, model, folder, **FEW)
    return folder


def assert_equal(folder, other):
    """Equal tables, with equal structures."""
    for one, two in zip(contents(folder), contents(other), strict=True):
        assert one == two


def contents(folder):
    return [path.read_bytes() for path in sorted((folder / "shards").glob("*.parquet"))]


def killed(seconds, *arguments):
    """Run in another process, and kill it after some time; whether it was still running."""
    child = os.fork()
    if child == 0:
        try:
            screen(*arguments, **FEW)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_twenty_kills_change_nothing(xyz, model, undisturbed, tmp_path):
    start = time.monotonic()
    screen(xyz, model, tmp_path / "timed", **FEW)
    eighth = (time.monotonic() - start) / 8.0
    chance = random.Random(1)
    output, n_killed = tmp_path / "out", 0
    for _ in range(20):
        n_killed += killed(chance.uniform(0.0, eighth), xyz, model, output)
    screen(xyz, model, output, **FEW)
    assert n_killed > 5
    assert_equal(output, undisturbed)
    assert Results(output).complete
    assert [path for path in output.rglob(".*") if path.is_file()] == []


def test_processes_give_the_same_table(xyz, model, undisturbed, tmp_path):
    screen(xyz, model, tmp_path / "out", **{**FEW, "workers": 2})
    assert_equal(tmp_path / "out", undisturbed)


def test_shares_of_a_job_array_complete_each_other(xyz, model, undisturbed, tmp_path):
    for index in (2, 0, 1):
        results = screen(xyz, model, tmp_path / "out", **FEW, shard=(index, 3))
        assert results.complete == (index == 1)
    assert_equal(tmp_path / "out", undisturbed)


def test_only_what_is_missing_or_damaged_is_computed(xyz, model, undisturbed, tmp_path):
    output = tmp_path / "out"
    screen(xyz, model, output, **FEW)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.parquet")}
    damaged = output / "shards/00000003.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    screen(xyz, model, output, **FEW)
    after = {path: path.stat().st_mtime_ns for path in output.rglob("*.parquet")}
    assert {path for path in before if before[path] != after[path]} == {damaged}
    assert_equal(output, undisturbed)


def test_structures_of_a_program_are_screened(frames, model, undisturbed, tmp_path):
    results = screen(iter(frames), model, tmp_path / "out", **FEW)
    found, expected = results.frame(), read_results(undisturbed)
    names = ["id", "frame", "formula", "n_atoms", "error"]
    expected.loc[(1, 1), "id"] = "7"  # the only one without a name
    pd.testing.assert_frame_equal(found[names], expected[names])
    # The file has eight digits of the positions.
    assert found.band_gap.to_numpy() == pytest.approx(
        expected.band_gap.to_numpy(), abs=1e-4, nan_ok=True
    )


def test_results_can_be_screened_again(model, undisturbed, tmp_path):
    found = screen(undisturbed, model, tmp_path / "out", **FEW).frame()
    expected = read_results(undisturbed)
    assert found.id.tolist() == expected.id.tolist()
    assert found.digest.tolist() == expected.digest.tolist()
    pd.testing.assert_series_equal(found.band_gap, expected.band_gap, check_index=False)


def test_an_input_that_vanishes_stops_the_run(frames, model, tmp_path, monkeypatch):
    path = tmp_path / "a.extxyz"
    write(path, frames * 8)
    parts = Inputs.parts

    def vanishing(self, size):
        for number, part in enumerate(parts(self, size)):
            if number == 3:
                path.unlink()
            yield part

    monkeypatch.setattr(Inputs, "parts", vanishing)
    with pytest.raises(DataError, match=r"a\.extxyz has vanished; bring it back"):
        screen(path, model, tmp_path / "out", workers=1, shard_size=100)
    assert Results(tmp_path / "out").marks.keys() == {0, 1, 2}
    assert Results(tmp_path / "out").n_shards is None


def test_a_disk_without_room_stops_the_run_and_leaves_nothing(xyz, model, tmp_path):
    resource = pytest.importorskip("resource")
    output = tmp_path / "out"
    screen(xyz, model, tmp_path / "whole", **FEW)
    size = (tmp_path / "whole/shards/00000000.parquet").stat().st_size
    child = os.fork()
    if child == 0:  # a limit of the system stands for the size of the disk
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size - 100, size - 100))
            screen(xyz, model, output, **FEW)
        except DataError as error:
            code = 0 if "make room and repeat the command" in str(error) else 2
        finally:
            os._exit(code)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0
    assert [path for path in (output / "shards").rglob("*") if path.is_file()] == []
    screen(xyz, model, output, **FEW)
    assert_equal(output, tmp_path / "whole")


def test_another_run_does_not_mix_with_the_first(xyz, model, undisturbed):
    with pytest.raises(DataError, match="its shard_size are 6, not 7"):
        screen(xyz, model, undisturbed, **{**FEW, "shard_size": 7})


def test_wrong_settings_are_errors(xyz, model, tmp_path):
    with pytest.raises(SettingError, match=r"shard must be .* from 0 to 2, not 3"):
        screen(xyz, model, tmp_path / "out", shard=(3, 3))
    with pytest.raises(SettingError, match=r"shard_size must be .* from 1, not 0"):
        screen(xyz, model, tmp_path / "out", shard_size=0)
    with pytest.raises(ModelError, match="give the name or the folder of a model"):
        screen(xyz, OCrystalNet(n_hidden=4), tmp_path / "out")
    with pytest.raises(ModelError, match="no model or folder"):
        screen(xyz, "absent", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_structures_do_not_continue_a_run(frames, model, tmp_path):
    def run(structures):
        return screen(structures, model, tmp_path / "out", workers=1, shard_size=3)

    run(frames[8:14])
    with pytest.raises(DataError, match="other structures than those from number 3"):
        run([*frames[8:11], *frames[14:17]])
    with pytest.raises(DataError, match="other structures"):
        run(frames[8:13])
    with pytest.raises(DataError, match="more structures than these inputs"):
        run(frames[8:11])
    assert len(run(iter(frames[8:14])).frame()) == 6


def test_files_that_have_changed_do_not_continue_a_run(frames, model, tmp_path):
    path = tmp_path / "a.extxyz"
    write(path, frames[:3])
    screen(path, model, tmp_path / "out", workers=1)
    written = path.stat().st_mtime
    os.utime(path, (written, written + 10.0))
    with pytest.raises(DataError, match="have changed since"):
        screen(path, model, tmp_path / "out", workers=1)
    os.utime(path, (written, written))
    assert screen(path, model, tmp_path / "out", workers=1).complete


def test_numbers_that_are_not_whole_are_errors(xyz, model, tmp_path):
    for wrong in ({"shard": (0.5, 2)}, {"shard_size": 2.5}, {"workers": "2"}):
        with pytest.raises(SettingError, match="must be a whole number"):
            screen(xyz, model, tmp_path / "out", **wrong)
    with pytest.raises(SettingError, match="inputs must be files or structures, not 3"):
        screen(3, model, tmp_path / "out")
