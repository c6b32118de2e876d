"""Draw the pictures of the documentation: `python docs/pictures.py`."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.io import read
from ase.optimize import BFGS
from ase.spacegroup import crystal
from matplotlib import rc_context
from matplotlib.figure import Figure
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.spatial import cKDTree

from ase_orbital import OneHot
from ase_orbital.graphs import Connectivity, build_graphs
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.neighbors.soft_nearest import neighbor_weight, soft_cutoffs
from ase_orbital.search import Recorder
from ase_orbital.voronoi.faces import voronoi_faces

if TYPE_CHECKING:
    from ase import Atoms

HERE = Path(__file__).parent
CRYSTAL = HERE.parent / "tutorials/SrTiO3.cif"
COLORS = {"O": "#D55E00", "Ti": "#0072B2", "Sr": "#009E73"}
# The data and the packages it passes, from top to bottom, in the order of imports.
FLOW = (
    ("Atoms, pymatgen structure, file", ()),
    ("", (("structure", "to_atoms: conversion and checks"),)),
    ("checked Atoms", (("neighbors", "pairs, equivalent atoms, soft nearest neighbors"),)),
    (
        "NeighborBatch",
        (
            ("voronoi", "faces, solid angles"),
            ("overlap", "Gaussian overlap matrices"),
        ),
    ),
    ("", (("descriptors", "OFM, GOM, elemental, one-hot"),)),
    ("features of inequivalent atoms", (("graphs", "connectivity, PyG, DGL"),)),
    ("CrystalGraph", (("models", "EOSNet, OCrystalNet, uncertainty, domain"),)),
    (
        "network, targets",
        (("plotting", "figures"), ("zoo", "models by name")),
    ),
    ("", (("training", "fitting, metrics, cards"),)),
    ("model folder", (("predict", "Predictor"),)),
    (
        "prediction, std, domain",
        (("similarity", "fingerprints, archive"), ("testing", "conformance")),
    ),
    (
        "",
        (
            ("screening", "shards of results"),
            ("calculators", "for ASE"),
            ("search", "recorders, scores"),
            ("report", "HTML pages"),
            ("integrations", "other tools"),
        ),
    ),
    ("", (("cli", "commands"),)),
)
SHARED = (
    ("errors", "exceptions"),
    ("files", "atomic writes"),
    ("numerics", "compiled kernels"),
    ("properties", "names, units"),
    ("checksums", "of models"),
    ("databases", "locks"),
    ("statistics", "of errors"),
    ("elements", "tables"),
    ("occupancy", "of the sites of CIFs"),
    ("readers", "of files"),
    ("writers", "extended XYZ"),
)


def main() -> None:
    """Write every picture to the folder `pictures` beside this file."""
    folder = HERE / "pictures"
    folder.mkdir(exist_ok=True)
    (folder / "data.svg").write_text(draw_data_flow(), encoding="utf-8")
    atoms = read(CRYSTAL)
    # Text stays text, and two runs give equal files.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "", "font.size": 9}):
        for name, figure in {
            "soft-nearest": draw_soft_nearest(atoms),
            "strain": draw_strain(atoms),
            "voronoi": draw_voronoi(atoms),
            "relaxation": draw_relaxation(),
        }.items():
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


def draw_relaxation() -> Figure:
    """Draw the records of a rattled Cu3Au cell that relaxes with EMT."""
    alloy = crystal(
        ["Au", "Cu"], [(0, 0, 0), (0, 0.5, 0.5)], spacegroup=221,
        cellpar=[4.1] * 3 + [90] * 3,
    )  # fmt: skip
    alloy.rattle(0.2, seed=1)
    alloy.calc = EMT()
    recorder = Recorder(["eosnet-bulk-modulus-mp", "eosnet-formation-energy-mp2018"])
    with BFGS(FrechetCellFilter(alloy), logfile=None) as optimizer:
        recorder.watch(optimizer)
        optimizer.run(fmax=0.02)
    return recorder.plot()


def draw_soft_nearest(atoms: Atoms) -> Figure:
    """Draw the weights of neighbors against distance, for each species of SrTiO3."""
    smoothing, pairs = 0.1, neighbor_batch([atoms], 8.0)
    cutoffs = soft_cutoffs(pairs, k=12, smoothing=smoothing, cutoff=8.0)
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, symbol in zip(panels, ("Sr", "Ti", "O"), strict=True):
        center = atoms.symbols.indices()[symbol][0]
        own = slice(pairs.first_pair[center], pairs.first_pair[center + 1])
        distance, neighbor = pairs.distance[own], pairs.neighbor[own]
        grid = np.linspace(1.6, 3.8, 600)
        curve = [neighbor_weight(cutoffs[center], d, smoothing) for d in grid]
        axes.plot(grid, curve, color="0.6", linewidth=1.0)
        near = np.flatnonzero(distance < 3.8)
        shells: dict[float, Counter[str]] = {}
        for pair in near:
            shell = shells.setdefault(round(distance[pair], 2), Counter())
            shell[atoms.symbols[neighbor[pair]]] += 1
        for d, shell in shells.items():
            exact = distance[np.argmin(np.abs(distance - d))]
            f = neighbor_weight(cutoffs[center], exact, smoothing)
            kinds = zip(shell.items(), ("left", "right"), (5, -9), strict=False)
            for (species, count), half, height in kinds:
                fill = half if len(shell) > 1 else "full"
                axes.plot(d, f, "o", color=COLORS[species], fillstyle=fill, markersize=7,
                          markerfacecoloralt="none", markeredgewidth=0)  # fmt: skip
                axes.annotate(
                    f"{count} {species}", (d, f), (7, height),
                    textcoords="offset points", color=COLORS[species],
                )  # fmt: skip
        axes.set_title(f"around {symbol}", fontsize=9)
        axes.set(xlim=(1.6, 3.9), ylim=(-0.05, 1.15), xlabel="distance (Å)")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("neighbor weight")
    return figure


def draw_strain(atoms: Atoms) -> Figure:
    """Draw the share of Sr among the neighbors of an oxygen while SrTiO3 is strained."""
    ratios = np.linspace(0.94, 1.06, 121)
    crystals = []
    for ratio in ratios:
        stretched = atoms.copy()
        stretched.set_cell(atoms.cell.array * [[1], [1], [ratio]], scale_atoms=True)
        crystals.append(stretched)
    oxygen = int(np.argmin(distances_from_axis(atoms)))
    figure = Figure(figsize=(6.4, 2.8), layout="constrained")
    axes = figure.subplots()
    for smoothing, label, style in (
        (None, "the 12 nearest", {"color": "#D55E00", "linestyle": "--"}),
        (0.1, "12 soft nearest, smoothing 0.1 Å", {"color": "#0072B2"}),
    ):
        connectivity = Connectivity(radius=8.0, n_neighbors=12, smoothing=smoothing)
        weights = []
        for graph in build_graphs(crystals, OneHot(), connectivity):
            of_sr = (graph.target == oxygen) & (graph.numbers[graph.source] == 38)
            weights.append(float(graph.weight[of_sr].sum()))
        axes.plot(ratios, weights, label=label, **style)
    axes.set(
        xlabel="c / a of stretched SrTiO$_3$",
        ylabel="Sr among 12 neighbors\nof the apical O",
    )
    axes.set_yticks([2, 3, 4])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def distances_from_axis(atoms: Atoms) -> np.ndarray:
    """Distance of each oxygen from the c axis through Ti, fractional; 9 for others."""
    titanium = atoms.symbols.indices()["Ti"][0]
    scaled = atoms.get_scaled_positions()
    offset = (scaled - scaled[titanium])[:, :2]
    offset -= offset.round()
    distance = np.linalg.norm(offset, axis=1)
    return np.where(atoms.numbers == 8, distance, 9.0)


def draw_voronoi(atoms: Atoms) -> Figure:
    """Draw slices through the Voronoi cells of Ti and Sr in SrTiO3."""
    figure = Figure(figsize=(6.4, 3.3), layout="constrained")
    faces = voronoi_faces(atoms)
    for axes, symbol in zip(figure.subplots(1, 2), ("Ti", "Sr"), strict=True):
        center = int(atoms.symbols.indices()[symbol][0])
        moved = atoms.copy()
        moved.positions -= moved.positions[center]
        extent = 3.2
        line = np.linspace(-extent, extent, 801)
        images = moved.repeat((5, 5, 5))
        images.positions -= 2.0 * atoms.cell.array.sum(axis=0)
        near = np.linalg.norm(images.positions, axis=1) < 9.0
        points, kinds = images.positions[near], images.symbols[near]
        x, y = np.meshgrid(line, line)
        # A Voronoi cell is the set of points with the same nearest atom.
        nearest = cKDTree(points).query(np.stack([x, y, np.zeros_like(x)], axis=-1))[1]
        edge = maximum_filter(nearest, size=5) > minimum_filter(nearest, size=5)
        central = int(np.argmin(np.linalg.norm(points, axis=1)))
        shade = np.where(nearest == central, 0.82, 1.0)
        shade[edge] = 0.35
        axes.imshow(
            shade, cmap="gray", vmin=0, vmax=1, origin="lower",
            extent=(-extent, extent, -extent, extent), interpolation="antialiased",
        )  # fmt: skip
        inside = np.flatnonzero(
            (np.abs(points[:, 2]) < 0.1) & (np.abs(points).max(1) < extent)
        )
        for index in inside:
            x, y, _ = points[index]
            axes.plot(x, y, "o", color=COLORS[kinds[index]], markersize=9)
            axes.annotate(
                kinds[index], (x, y), (7, 4), textcoords="offset points",
                color=COLORS[kinds[index]],
            )  # fmt: skip
        angles = faces.solid_angle[faces.center == center]
        axes.set_title(
            f"{symbol}: {len(angles)} faces of {angles[0] / np.pi:.3f} π sr", fontsize=9
        )
        axes.set(xlabel="x (Å)", ylabel="y (Å)")
    return figure


def draw_data_flow() -> str:
    """Draw the data flow through the packages, as SVG."""
    height, width, left = 44, 760, 20
    # First in the text, as in the order of imports.
    parts = [_text("data", 675, 44, "used by all of them")]
    for index, (package, contents) in enumerate(SHARED):
        parts.append(_box(610, 56 + index * (height + 10), 130, height, package, contents))
    parts.append(_text("data", 300, 26, FLOW[0][0]))
    y = 32
    for data, packages in FLOW[1:]:
        gap = 26 if data else 18
        parts.append(_arrow(300, y, y + gap - 2, data))
        y += gap
        span = (560 - 12 * (len(packages) - 1)) / len(packages)
        for index, (package, contents) in enumerate(packages):
            x = left + index * (span + 12)
            parts.append(_box(x, y, span, height, package, contents))
        y += height + 2
    style = (
        "text{font-family:sans-serif;fill:#222;text-anchor:middle}"
        ".package{font-size:14px;font-weight:bold}.contents{font-size:12px}"
        ".data{font-size:12px;font-style:italic}.beside{text-anchor:start}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y + 12}" '
        f'width="{width}" height="{y + 12}">\n<style>{style}</style>\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _box(
    x: float, y: float, width: float, height: float, package: str, contents: str
) -> str:
    middle = x + width / 2
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" '
        'fill="#e8f1f8" stroke="#0072B2"/>'
        + _text("package", middle, y + 18, package)
        + _text("contents", middle, y + 35, contents)
    )


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _arrow(x: float, start: float, end: float, label: str) -> str:
    return (
        f'<path d="M{x:g} {start:g}V{end - 5:g}" stroke="#222"/>'
        f'<path d="M{x - 4:g} {end - 6:g}h8l-4 6z" fill="#222"/>'
        + _text("data beside", x + 12, (start + end) / 2 + 4, label)
    )


if __name__ == "__main__":
    main()
