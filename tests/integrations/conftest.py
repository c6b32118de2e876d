"""What these tests share: the page that shows the tools."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "other-tools.md"


@pytest.fixture
def run_section(tmp_path, monkeypatch):
    """Run what a section of the page shows, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text("utf-8")

    def run(title):
        section = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.M | re.S)[1]
        codes = re.findall(r"^```py\n(.*?)^```$", section, re.M | re.S)
        assert codes, f"section {title} shows no Python"
        namespace = {"__name__": "__page__"}
        for code in codes:
            exec(compile(code, PAGE, "exec"), namespace)
        return namespace

    return run
