"""Importing the package is cheap, silent, and leaves everything as it was."""

import ast
import os
import subprocess
import sys

import pytest
from ase import Atoms

NOTHING_HEAVY = """
import sys
import ase_orbital

ase_orbital.__version__, dir(ase_orbital)
heavy = {"torch", "ase", "matgl", "dgl", "torch_geometric", "pymatgen", "numba", "numpy"}
print(sorted(heavy & sys.modules.keys()))
"""

# Parts that want an extra which is not installed are passed over.
EVERY_PART = """
import importlib, os, pkgutil, random, sys, warnings
import numpy as np
import torch

OTHERS = {
    "TORCHINDUCTOR_CACHE_DIR",  # set by torch_geometric when it is imported,
    "PYTORCH_NVML_BASED_CUDA_CHECK",  # by lightning,
    "KMP_DUPLICATE_LIB_OK",  # and by dgl
}

def state():
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "matmul precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "threads between": torch.get_num_interop_threads(),
        "torch's seed": torch.get_rng_state().tolist(),
        "numpy's seed": str(np.random.get_state()),
        "Python's seed": random.getstate(),
        "numpy's errors": np.geterr(),
        "numpy's printing": np.get_printoptions(),
        "environment": {name: os.environ[name] for name in {*os.environ} - OTHERS},
        "folder": os.getcwd(),
    }

warnings.simplefilter("error")
# Of torch_geometric, while it is imported.
warnings.filterwarnings("ignore", message=".torch.jit.script. is deprecated")
torch.manual_seed(1), np.random.seed(1), random.seed(1)
before = state()
import ase_orbital
for part in pkgutil.walk_packages(ase_orbital.__path__, "ase_orbital."):
    try:
        importlib.import_module(part.name)
    except ModuleNotFoundError as error:
        if error.name.startswith("ase_orbital"):
            raise
    except ase_orbital.errors.GraphError:  # there is no DGL for them
        if sys.version_info < (3, 12):
            raise
after = state()
changed = [name for name in before if before[name] != after[name]]
assert not changed, changed
"""


def run(source, home):
    """What a fresh interpreter prints, with an empty home folder."""
    finished = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return finished.stdout


def test_the_package_alone_loads_nothing_heavy(tmp_path):
    assert run(NOTHING_HEAVY, tmp_path) == "[]\n"


def test_no_part_prints_or_changes_global_state(tmp_path):
    assert run(EVERY_PART, tmp_path) == ""
    # Importing matgl makes the first, and brings in matplotlib, which makes the others.
    others = {".cache/matgl", ".cache/matplotlib", ".config/matplotlib"}
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*")}
    assert {path.as_posix() for path in made if len(path.parts) == 2} <= others
    assert {path.parts[0] for path in made} <= {".cache", ".config"}


# Loaded by `command`, and named in `watched`: what a prediction does not need.
LOADED = """
import sys
{command}
watched = {watched}
print(sorted(name for name in watched if name in sys.modules), file=sys.stderr)
"""
COMMAND = """
from ase_orbital.cli.main import main
try:
    main({words})
except SystemExit as ended:
    assert ended.code == 0
"""
PREDICT = """
from ase_orbital import Predictor
Predictor({model!r}, device="cpu").predict({file!r})
"""
SLOW = {
    "dgl",
    "lightning",
    "matgl",
    "matplotlib",
    "pandas",
    "plotly",
    "pydantic",
    "pymatgen",
    "pytorch_lightning",
    "sympy",
    "torch._dynamo",
    "torch_geometric",
    "torchmetrics",
}
MODELS = ["eosnet-heat-of-formation-perovskites", "ocrystalnet-energy-perovskites"]


def loaded(command, watched):
    """Modules of a set that a fresh interpreter has loaded after some code."""
    source = LOADED.format(command=command, watched=watched)
    finished = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return ast.literal_eval(finished.stderr.splitlines()[-1])


@pytest.fixture
def crystal(tmp_path):
    perovskite = Atoms(
        "SrTiO3",
        scaled_positions=[
            (0, 0, 0),
            (0.5, 0.5, 0.5),
            (0, 0.5, 0.5),
            (0.5, 0, 0.5),
            (0.5, 0.5, 0),
        ],
        cell=[3.905] * 3,
        pbc=True,
    )
    perovskite.write(tmp_path / "SrTiO3.cif")
    return str(tmp_path / "SrTiO3.cif")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["models"]], ids=str)
def test_commands_without_a_model_do_not_import_torch(words):
    assert loaded(COMMAND.format(words=words), {"torch", *SLOW}) == []


@pytest.mark.parametrize("model", MODELS)
def test_the_command_value_imports_only_what_a_prediction_needs(model, crystal):
    words = ["value", crystal, "--model", model, "--device", "cpu"]
    assert loaded(COMMAND.format(words=words), {"torch", *SLOW}) == ["torch"]


@pytest.mark.parametrize("model", MODELS)
def test_a_predictor_imports_only_what_a_prediction_needs(model, crystal):
    source = PREDICT.format(model=model, file=crystal)
    assert loaded(source, {"torch", *SLOW}) == ["torch"]


def test_names_of_models_need_no_network():
    code = (
        "import sys, ase_orbital\n"
        "from ase_orbital.zoo import read_card\n"
        "[read_card(name) for name in ase_orbital.list_models()]\n"
        "assert not {'torch', 'matgl'} & set(sys.modules)\n"
        "assert ase_orbital.zoo.import_eosnet.__module__ == 'ase_orbital.zoo.published'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
