"""Files are short and named after their content, and their tests are found by name."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for folder in ("ase_orbital", "tests") for path in (ROOT / folder).rglob("*.py")
)

SOURCES = sorted(
    path.relative_to(ROOT / "ase_orbital")
    for path in (ROOT / "ase_orbital").rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py")
)
# Parts of something that is tested as a whole, and where that is.
TESTED_IN = {
    "descriptors/naming.py": "descriptors/test_base.py",
    "graphs/dgl.py": "graphs/test_converters.py",
    "graphs/pyg.py": "graphs/test_converters.py",
    "models/crystal_model.py": "models/test_networks.py",
    "models/eosnet.py": "models/test_formulas.py",
    "models/featurization.py": "models/test_networks.py",
    "models/network.py": "models/test_networks.py",
    "models/ocrystalnet.py": "models/test_formulas.py",
    "overlap/differentiable.py": "overlap/test_matrices.py",
    "predict/matgl_model.py": "predict/test_predictor.py",
    "predict/prepared_model.py": "predict/test_predictor.py",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_module_is_named_after_nothing():
    unsaying = {"common", "core", "helpers", "misc", "util", "utils"}
    assert not unsaying & {part for path in FILES for part in path.with_suffix("").parts}


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_every_source_file_has_a_test_file_of_its_name(source):
    own = source.with_name(f"test_{source.name}")
    found = TESTED_IN.get(source.as_posix(), own.as_posix())
    assert (ROOT / "tests" / found).is_file()
    if source.as_posix() in TESTED_IN:
        assert not (ROOT / "tests" / own).is_file(), f"take {source} from TESTED_IN"


def test_only_source_files_are_tested_elsewhere():
    assert TESTED_IN.keys() <= {source.as_posix() for source in SOURCES}
