"""Imports run one way, from structures to results, and each package has its own tools."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "ase_orbital"
FILES = sorted(ROOT.rglob("*.py"))

# The layers, from the bottom to the top. A package imports from itself and from packages
# of lower layers, and never from a higher layer or from another package of its own layer.
ORDER = [
    ["errors"],
    ["numerics", "files"],
    ["properties", "checksums", "databases", "statistics"],
    ["elements"],
    ["occupancy"],
    ["readers", "writers"],
    ["structure"],
    ["neighbors"],
    ["voronoi", "overlap"],
    ["descriptors"],
    ["graphs"],
    ["models"],
    ["plotting", "zoo"],
    ["training"],
    ["predict"],
    ["similarity", "testing"],
    ["screening"],
    ["calculators"],
    ["search", "report"],
    ["integrations"],
    ["cli"],
]
LAYER = {package: layer for layer, packages in enumerate(ORDER) for package in packages}

GRAPH_FRAMEWORKS = {"dgl", "torch_geometric", "matgl"}
FORBIDDEN = {
    "numerics": {"scipy", "ase", "pymatgen", *GRAPH_FRAMEWORKS},
    "files": {"numpy", "scipy", "ase", "torch", "pymatgen", *GRAPH_FRAMEWORKS},
    "errors": {"numpy", "scipy", "ase", "torch", "pymatgen", *GRAPH_FRAMEWORKS},
    "statistics": {"ase", "torch", "pymatgen", *GRAPH_FRAMEWORKS},
    "properties": {"numpy", "scipy", "ase", "torch", "pymatgen", *GRAPH_FRAMEWORKS},
    "elements": {"ase", "torch", "pymatgen", *GRAPH_FRAMEWORKS},
    "occupancy": {"torch", *GRAPH_FRAMEWORKS},
    "readers": {"torch", *GRAPH_FRAMEWORKS},
    "writers": {"torch", *GRAPH_FRAMEWORKS},
    "structure": {"torch", *GRAPH_FRAMEWORKS},
    "neighbors": {"torch", *GRAPH_FRAMEWORKS},
    "voronoi": {"torch", *GRAPH_FRAMEWORKS},
    "overlap": GRAPH_FRAMEWORKS,
    "descriptors": GRAPH_FRAMEWORKS,
    "graphs": {"matgl"},
    "models": {"ase"},
}

# Libraries and packages that may be imported only under these paths.
ONLY_IN = {
    "dgl": "graphs/dgl.py",
    "torch_geometric": "graphs/pyg.py",
    "lightning": "training/",
    "pytorch_lightning": "training/",
    "matplotlib": "plotting/",
    "ase_ga": "search/",
    "ase._4": "calculators/plugin.py",
    "ase.db": "databases.py",
    "agox": "integrations/agox.py",  # under the GPL
    "parsl": "screening/parsl_engine.py",
    "matcalc": "integrations/matcalc.py",
    "torch_sim": "integrations/torchsim.py",
    "ase_orbital.integrations": "integrations/",
    "pytest": "nowhere",
    "hypothesis": "testing/strategies.py",
}


def package_of(path: Path) -> str:
    """Folder or module right below `ase_orbital`; empty for its own `__init__`."""
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return {"__init__": "", "__main__": "cli"}.get(first, first)


def imported(source: str) -> set[str]:
    """Every dotted name that a file imports outside of type-checking blocks."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def is_inside(dotted: str, package: str) -> bool:
    return dotted == package or dotted.startswith(package + ".")


def forbidden_imports(package: str, place: str, source: str) -> list[str]:
    """Names that a file of a package imports against the rules.

    `place` is the path of the file relative to `ase_orbital`.
    """
    found = imported(source)
    broken = [name for name in found if name.startswith(".")]
    broken += [
        name for name in found for bad in FORBIDDEN.get(package, ()) if is_inside(name, bad)
    ]
    broken += [
        name
        for name in found
        for library, home in ONLY_IN.items()
        if is_inside(name, library) and not place.startswith(home)
    ]
    for name in found:
        if not is_inside(name, "ase_orbital"):
            continue
        target = name.split(".")[1] if "." in name else ""
        if target == package:
            continue
        # `ase_orbital` itself exports names of all layers, so only the top may import them.
        if target not in LAYER:
            allowed = package == "cli"
        else:
            allowed = package in LAYER and LAYER[target] < LAYER[package]
        if not allowed:
            broken.append(name)
    return sorted(broken)


def test_every_package_has_a_layer():
    assert {package_of(path) for path in FILES} - {""} <= LAYER.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path):
    place, source = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    assert forbidden_imports(package_of(path), place, source) == []


@pytest.mark.parametrize(
    ("package", "place", "source"),
    [
        (
            "graphs",
            "graphs/building.py",
            "from ase_orbital.models.crystal_model import CrystalModel",
        ),
        (
            "graphs",
            "graphs/building.py",
            "from ase_orbital.models import crystal_model",
        ),
        ("graphs", "graphs/building.py", "import ase_orbital.models"),
        ("graphs", "graphs/building.py", "from ase_orbital import models"),
        ("graphs", "graphs/building.py", "def late():\n    import ase_orbital.zoo"),
        ("predict", "predict/predictor.py", "from ase_orbital import GOM"),
        (
            "similarity",
            "similarity/archive.py",
            "from ase_orbital.search import Recorder",
        ),
        ("elements", "elements/valence.py", "from ase.data import covalent_radii"),
        ("neighbors", "neighbors/pairs.py", "from torch import nn"),
        ("graphs", "graphs/converters.py", "import dgl"),
        ("zoo", "zoo/folders.py", "from lightning.pytorch import Trainer"),
        ("zoo", "zoo/folders.py", "from ..models import EOSNet"),
        ("search", "search/niches.py", "import agox.databases"),
        ("integrations", "integrations/matcalc.py", "import agox"),
        ("cli", "cli/value.py", "import ase_orbital.integrations"),
        ("", "__init__.py", "from ase_orbital.descriptors.gom import GOM"),
    ],
)
def test_forbidden_imports_are_found(package, place, source):
    assert len(forbidden_imports(package, place, source)) == 1


@pytest.mark.parametrize(
    ("package", "place", "source"),
    [
        ("graphs", "graphs/converters.py", "from ase_orbital.graphs.dgl import to_dgl"),
        ("graphs", "graphs/dgl.py", "import dgl"),
        (
            "neighbors",
            "neighbors/pairs.py",
            "if TYPE_CHECKING:\n    from torch import Tensor",
        ),
        ("elements", "elements/valence.py", "import dataclasses, aseptic"),
        ("cli", "cli/main.py", "from ase_orbital import __version__"),
    ],
)
def test_allowed_imports_pass(package, place, source):
    assert forbidden_imports(package, place, source) == []
