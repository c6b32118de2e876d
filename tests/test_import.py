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

# What the package promises is measured after the packages that it imports are loaded, some
# of which print, seed generators and make folders. Parts that want an extra which is not
# installed are passed over.
EVERY_PART = """
import ast, importlib, os, pkgutil, random, sys, warnings
from contextlib import suppress
from pathlib import Path
import numpy as np
import torch

PACKAGE = {package!r}
OTHERS = {{"KMP_DUPLICATE_LIB_OK"}}  # set by dgl when it is imported

def state():
    return {{
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
        "environment": {{name: os.environ[name] for name in {{*os.environ}} - OTHERS}},
        "folder": os.getcwd(),
        "files at home": sorted(map(str, Path.home().rglob("*"))),
    }}

def silence():
    sys.stdout.flush(), sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1), os.dup2(nowhere, 2)

def other_packages(root):
    for path in sorted(root.rglob("*.py")):
        # Not those for type checkers, nor those within `try` or `with`, which hold off
        # what the import would do.
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.module != "__future__":
                if node.module.partition(".")[0] != PACKAGE:
                    yield ast.unparse(node)
            elif isinstance(node, ast.Import):
                yield ast.unparse(node)

root = Path(importlib.util.find_spec(PACKAGE).submodule_search_locations[0])
output, errors = os.dup(1), os.dup(2)
silence()
for statement in dict.fromkeys(other_packages(root)):
    with suppress(ImportError):
        exec(statement, {{}})
sys.stdout.flush(), sys.stderr.flush()
os.dup2(output, 1), os.dup2(errors, 2)

torch.manual_seed(1), np.random.seed(1), random.seed(1)
before = state()
warnings.simplefilter("error")
package = importlib.import_module(PACKAGE)
for part in pkgutil.walk_packages(package.__path__, PACKAGE + "."):
    try:
        importlib.import_module(part.name)
    except ModuleNotFoundError as error:
        if error.name.startswith(PACKAGE):
            raise
    except ValueError as error:  # there is no DGL for newer versions
        if type(error).__name__ != "GraphError" or sys.version_info < (3, 12):
            raise
after = state()
changed = [name for name in before if before[name] != after[name]]
assert not changed, changed
silence()  # what other packages print at the end
"""


def run(source, home, *folders):
    """What a fresh interpreter prints, with an empty home folder."""
    path = os.pathsep.join(filter(None, [*map(str, folders), os.environ.get("PYTHONPATH")]))
    finished = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, "HOME": str(home), "PYTHONPATH": path},
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
    assert run(EVERY_PART.format(package="ase_orbital"), tmp_path) == ""


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("", ""),
        ("print('hello')", "hello"),
        ("import sys\nsys.stderr.write('hello')", "hello"),
        ("import warnings\nwarnings.warn('hello')", "hello"),
        ("import random\nrandom.seed(0)", "Python's seed"),
        ("import numpy\nnumpy.random.seed(0)", "numpy's seed"),
        ("import torch\ntorch.manual_seed(0)", "torch's seed"),
        ("import os\nos.environ['A_SETTING'] = '1'", "environment"),
        ("from pathlib import Path\n(Path.home() / 'made').mkdir()", "files at home"),
    ],
)
def test_what_other_packages_do_is_told_from_what_a_part_does(tmp_path, lines, found):
    """The check passes over a loud package, and finds what a part of ours does."""
    (tmp_path / "ours").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "ours" / "__init__.py").touch()
    (tmp_path / "ours" / "part.py").write_text(f"import loud\n{lines}\n")
    loud = "import random\nrandom.seed(0)\nprint('loud')\n"
    (tmp_path / "loud.py").write_text(loud)
    outcome = ""
    try:
        outcome = run(EVERY_PART.format(package="ours"), tmp_path / "home", tmp_path)
    except AssertionError as error:
        outcome = str(error)
    assert found in outcome
    assert bool(found) == bool(outcome)
    assert "loud" not in outcome.replace(str(tmp_path), "").replace("import loud", "")


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
