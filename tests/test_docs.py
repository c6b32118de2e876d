"""Code in the documentation runs, links are valid, and the drawing follows the layers."""

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
    """Import `docs/hooks.py`, which adds pages to the site."""
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


def test_pages_show_to_a_clone_what_the_code_says(monkeypatch):
    """If this fails, run `python docs/fill.py`."""
    monkeypatch.syspath_prepend(DOCS)
    fill = importlib.import_module("fill")
    for page in PAGES:
        text = page.read_text("utf-8")
        assert fill.filled(text, page) == text, f"run docs/fill.py for {name(page)}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_a_page_or_picture(page):
    text = re.sub(
        r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for link in LINK.findall(text):
        target = link.partition("#")[0]
        if "://" in link or not target:
            continue
        assert (page.parent / target).is_file(), f"{name(page)} links to {link}"


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
def test_the_data_flow_names_all_packages_in_the_order_of_imports(page):
    """The documented data flow agrees with the rule of `test_layers.py`."""
    text = (ROOT / page).read_text("utf-8")
    layer = {package: index for index, packages in enumerate(ORDER) for package in packages}
    shown = [
        word for word in re.findall(r"[>`](\w+)/?(?:\.py)?[<`]", text) if word in layer
    ]
    assert set(shown) == EXIST & layer.keys()
    order = [layer[package] for package in dict.fromkeys(shown)]
    assert order == sorted(order)


def test_python_blocks_have_no_prompts_or_outputs():
    """What is shown can be pasted."""
    for page in PAGES:
        for _, line, code in blocks(page.read_text("utf-8"), "python"):
            assert ast.parse(code).body, f"{page}, line {line}"


def test_a_tutorial_without_its_potential_is_not_executed(monkeypatch):
    found = hooks()
    monkeypatch.setattr(found, "find_spec", lambda name: None if name == "chgnet" else name)
    source = "import ase\nfrom chgnet.model import CHGNet\nimport sevenn\n"
    assert found.absent_potentials(source) == "chgnet"
    assert found.absent_potentials(source.replace("from chgnet", "# from chgnet")) == ""
