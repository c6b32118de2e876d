"""Imports run one way, from data towards results, and each room keeps to its own tools."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "ase_orbital"
FILES = sorted(ROOT.rglob("*.py"))

# A room imports from itself and from rooms of earlier lines, never from a later line, nor
# from its neighbors in the same line.
ORDER = [
    ["numerics", "errors"],
    ["properties"],
    ["elements"],
    ["structure"],
    ["neighbors"],
    ["voronoi", "overlap"],
    ["descriptors"],
    ["graphs"],
    ["models"],
    ["plotting"],
    ["training"],
    ["zoo"],
    ["predict"],
    ["similarity", "screening", "testing"],
    ["calculators"],
    ["search"],
    ["integrations"],
    ["cli"],
]
LINE = {room: line for line, rooms in enumerate(ORDER) for room in rooms}

GRAPH_FRAMEWORKS = {"dgl", "torch_geometric", "matgl"}
FORBIDDEN = {
    "numerics": {"scipy", "ase", "pymatgen", *GRAPH_FRAMEWORKS},
    "errors": {"numpy", "scipy", "ase", "torch", "pymatgen", *GRAPH_FRAMEWORKS},
    "properties": {"numpy", "scipy", "ase", "torch", "pymatgen", *GRAPH_FRAMEWORKS},
    "elements": {"ase", "torch", "pymatgen", *GRAPH_FRAMEWORKS},
    "structure": {"torch", *GRAPH_FRAMEWORKS},
    "neighbors": {"torch", *GRAPH_FRAMEWORKS},
    "voronoi": {"torch", *GRAPH_FRAMEWORKS},
    "overlap": GRAPH_FRAMEWORKS,
    "descriptors": GRAPH_FRAMEWORKS,
    "graphs": {"matgl"},
    "models": {"ase"},
}

# Named nowhere in the package but under these paths.
ONLY_IN = {
    "dgl": "graphs/dgl.py",
    "torch_geometric": "graphs/pyg.py",
    "lightning": "training/",
    "pytorch_lightning": "training/",
    "matplotlib": "plotting/",
    "ase_ga": "search/",
    "ase._4": "calculators/plugin.py",
    "agox": "integrations/agox.py",  # under the GPL
    "matcalc": "integrations/matcalc.py",
    "torch_sim": "integrations/torchsim.py",
    "ase_orbital.integrations": "integrations/",
    "pytest": "nowhere",
    "hypothesis": "nowhere",
}


def room_of(path: Path) -> str:
    """The folder or file right below the package; empty for the package's own __init__."""
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return {"__init__": "", "__main__": "cli"}.get(first, first)


def imported(source: str) -> set[str]:
    """Every dotted name a file imports, anywhere in it but in type-checking blocks."""
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


def names(dotted: str, package: str) -> bool:
    return dotted == package or dotted.startswith(package + ".")


def broken_rules(room: str, place: str, source: str) -> list[str]:
    """What a file of a room, at a place relative to the package, imports and should not."""
    found = imported(source)
    broken = [name for name in found if name.startswith(".")]
    broken += [
        name for name in found for bad in FORBIDDEN.get(room, ()) if names(name, bad)
    ]
    broken += [
        name
        for name in found
        for package, home in ONLY_IN.items()
        if names(name, package) and not place.startswith(home)
    ]
    for name in found:
        if not names(name, "ase_orbital"):
            continue
        target = name.split(".")[1] if "." in name else ""
        if target == room:
            continue
        # Names of the package itself come from any room: for what is above all rooms only.
        if target not in LINE:
            above = room == "cli"
        else:
            above = room in LINE and LINE[target] < LINE[room]
        if not above:
            broken.append(name)
    return sorted(broken)


def test_every_room_has_its_place():
    rooms = {room_of(path) for path in FILES} - {""}
    assert rooms <= LINE.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path):
    place = path.relative_to(ROOT).as_posix()
    assert broken_rules(room_of(path), place, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("room", "place", "source"),
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
def test_the_rules_notice(room, place, source):
    assert len(broken_rules(room, place, source)) == 1


@pytest.mark.parametrize(
    ("room", "place", "source"),
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
def test_the_rules_let_pass(room, place, source):
    assert broken_rules(room, place, source) == []
