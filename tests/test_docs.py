"""What the pages of the site say to copy can be copied, and their links lead somewhere."""

import ast
import importlib.util
import re

import pytest

from .code_blocks import ROOT, blocks, run_blocks
from .test_layers import ORDER

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
EXIST = {path.stem for path in (ROOT / "ase_orbital").iterdir()}
LINK = re.compile(r"\]\(([^)\s]+)\)")


def hooks():
    """Load the module that adds pages to the site."""
    found = importlib.util.spec_from_file_location("hooks", DOCS / "hooks.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def name(path):
    return path.relative_to(DOCS).as_posix()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page.read_text("utf-8"), "python", "bash")],
    ids=name,
)
def test_blocks_run_in_the_order_they_are_read(page, tmp_path, monkeypatch):
    run_blocks(page, tmp_path, monkeypatch, "python", "bash")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_a_page_or_picture(page):
    elsewhere = {(DOCS / uri).resolve() for uri in hooks().elsewhere()}
    text = re.sub(
        r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for link in LINK.findall(text):
        target = link.partition("#")[0]
        if "://" in link or not target:
            continue
        path = (page.parent / target).resolve()
        assert path.is_file() or path in elsewhere, f"{name(page)} links to {link}"


def test_every_page_is_in_the_navigation():
    listed = (ROOT / ".mkdocs.yml").read_text("utf-8")
    joined = {
        uri for uri in hooks().elsewhere() if uri.startswith(("tutorials/", "models/"))
    }
    for page in {*map(name, PAGES), *hooks().elsewhere()} - joined:
        assert f"- {page}\n" in listed, f"{page} is not in .mkdocs.yml"


@pytest.mark.parametrize(
    "page", ["docs/development/architecture.md", "docs/pictures/data.svg"]
)
def test_the_way_of_the_data_names_the_folders_in_the_order_of_imports(page):
    """The drawn way against the rule that `test_layers.py` holds the code to."""
    text = (ROOT / page).read_text("utf-8")
    rooms = [room for rooms in ORDER for room in rooms]
    shown = [
        word for word in re.findall(r"[>`](\w+)/?(?:\.py)?[<`]", text) if word in rooms
    ]
    line = {room: index for index, rooms in enumerate(ORDER) for room in rooms}
    assert set(shown) == {room for room in rooms if room in EXIST}
    order = [line[room] for room in dict.fromkeys(shown)]
    assert order == sorted(order)


def test_python_in_pages_is_python_alone():
    """No prompts, no outputs between: what is shown can be pasted."""
    for page in PAGES:
        for _, line, code in blocks(page.read_text("utf-8"), "python"):
            assert ast.parse(code).body, f"{page}, line {line}"
