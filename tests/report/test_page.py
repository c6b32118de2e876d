"""A page is one file with all it needs."""

import base64
import gzip
import json
import re

import pytest

from ase_orbital.report.page import Page


@pytest.fixture
def text(tmp_path):
    page = Page(
        "a < b", "one & two", [(3, "crystals")], [{"type": "heading", "title": "x"}]
    )
    page.save(tmp_path / "page.html")
    return (tmp_path / "page.html").read_text("utf-8")


def test_nothing_is_loaded_from_elsewhere(text):
    outside = re.sub(r'<script type="text/plain".*?</script>', "", text, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href)=|https?:|@import|url\(", outside)
    assert "<title>a &lt; b</title>" in text
    assert "$" not in re.sub(r"\$\{|<script>.*</script>", "", text, flags=re.DOTALL)


def test_content_and_library_are_packed(text):
    def unpacked(name):
        packed = re.search(f'id="{name}">(.*?)</script>', text)[1]
        return gzip.decompress(base64.b64decode(packed)).decode()

    content = json.loads(unpacked("content"))
    assert content["title"] == "a < b"
    assert content["facts"] == [[3, "crystals"]]
    assert "Plotly" in unpacked("plotly")
    assert len(text) < 2.5e6


def test_numbers_that_json_lacks_are_refused(tmp_path):
    page = Page("", "", [(float("nan"), "x")], [])
    with pytest.raises(ValueError, match="JSON"):
        page.save(tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
