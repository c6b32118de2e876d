"""Compilation: what is written on the screen, and arrays that grow."""

import os
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import numba
import numpy as np
import pytest
from numba.core.caching import _CacheLocator

from ase_orbital.numerics import jit
from ase_orbital.numerics.interpreter import LARGEST
from ase_orbital.numerics.jit import extended

FIRST_USE = """
import numba
import numpy as np
from ase_orbital.numerics import jit
jit.QUIET = {quiet}
if {n_atoms}:
    jit.interpreter.begin_job({n_atoms})
from ase_orbital.numerics.exponential import exp_in_place
values = np.zeros(3)
exp_in_place(values)
exp_in_place(values.astype("float32").astype("float64"))
print(values.sum())
"""


def first_use(cache, quiet, n_atoms=0):
    """Use a kernel in a new process; return what it writes to stdout and stderr."""
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_USE.format(quiet=quiet, n_atoms=n_atoms)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout, ran.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def test_a_long_compilation_is_announced_once_on_stderr(cache):
    printed, announced = first_use(cache, quiet=0.0)
    assert printed == "3.0\n"
    assert announced.count("\n") == 1
    assert "compiles its numerical kernels" in announced


def test_kernels_from_the_cache_are_not_announced(cache):
    first_use(cache, quiet=0.0)
    assert first_use(cache, quiet=0.0) == ("3.0\n", "")


def test_a_short_compilation_is_not_announced(tmp_path):
    assert first_use(tmp_path, quiet=1000.0) == ("3.0\n", "")


def test_kernels_of_a_small_job_are_not_compiled(tmp_path):
    assert first_use(tmp_path, quiet=0.0, n_atoms=5) == ("3.0\n", "")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["interpreted"]


def test_kernels_of_a_large_job_are_compiled(tmp_path):
    assert "compiles" in first_use(tmp_path, quiet=0.0, n_atoms=LARGEST + 1)[1]


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_an_extended_array_keeps_its_rows(dtype):
    rows = np.arange(12, dtype=dtype).reshape(3, 4)
    longer = extended(rows, 10)
    assert longer.shape == (10, 4)
    assert longer.dtype == dtype
    np.testing.assert_array_equal(longer[:3], rows)


def refuse(*_, **__):
    raise PermissionError("read-only")


def test_kernels_are_compiled_without_a_cache_where_nothing_can_be_written(
    monkeypatch, caplog
):
    """In an installation that is read-only, for a user without a home."""
    monkeypatch.setattr(_CacheLocator, "ensure_cache_path", refuse)
    jit._warn_without_cache.cache_clear()
    for _ in range(2):
        assert jit.compiled(lambda number: 2 * number)(3) == 6
    assert caplog.text.count("NUMBA_CACHE_DIR") == 1


@pytest.fixture
def caches_beside_files(monkeypatch):
    """Numba keeps compiled kernels beside their files, whatever NUMBA_CACHE_DIR says."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")


@pytest.mark.usefixtures("caches_beside_files")
def test_a_cache_that_cannot_be_written_any_more_is_no_error(tmp_path, caplog):
    """Its folder was removed, or its disk is full."""
    jit._warn_without_cache.cache_clear()
    double = kernel_in(tmp_path)
    shutil.rmtree(tmp_path / "__pycache__")
    (tmp_path / "__pycache__").touch()
    assert (double(3), double(0.5)) == (6, 1.0)
    assert caplog.text.count("NUMBA_CACHE_DIR") == 1


@pytest.mark.usefixtures("caches_beside_files")
def test_a_damaged_cache_is_no_error(tmp_path):
    assert kernel_in(tmp_path)(3) == 6
    files = [*tmp_path.rglob("*.nb?")]
    assert len(files) == 2
    for path in files:
        path.write_bytes(path.read_bytes()[:20])
    assert kernel_in(tmp_path)(3) == 6


def test_a_cache_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").touch()
    assert first_use(tmp_path / "file" / "cache", quiet=1000.0) == ("3.0\n", "")


def kernel_in(folder):
    """Import a kernel from a file of its own, whose cache is beside it."""
    path = folder / "doubled.py"
    path.write_text("def double(number):\n    return 2 * number\n")
    spec = spec_from_file_location("doubled", path)
    module = module_from_spec(spec)
    sys.modules["doubled"] = module
    spec.loader.exec_module(module)
    return jit.compiled(module.double)
