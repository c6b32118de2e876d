"""Files stay short, and are named after what they hold."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for folder in ("ase_orbital", "tests") for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_module_is_named_after_nothing():
    unsaying = {"common", "core", "helpers", "misc", "util", "utils"}
    assert not unsaying & {part for path in FILES for part in path.with_suffix("").parts}
