"""Each edge of the graph is drawn once, with its distance and weight."""

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital import OneHot
from ase_orbital.errors import GraphError, SettingError
from ase_orbital.graphs import Atoms2Graph
from ase_orbital.plotting import neighbor_weights

from ..structures import PEROVSKITE

OXYGEN = 2


def points(axes):
    """Distance and weight of each point, without stems and guides."""
    lines = [
        line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())
    ]
    return sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in lines)


def test_shells_of_an_oxygen_have_their_numbers_and_weights(tmp_path):
    graph = Atoms2Graph(OneHot()).get_graph(PEROVSKITE)[0]
    figure = neighbor_weights({"smooth": graph}, OXYGEN)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["8 O", "2 Ti", "4 Sr"]
    np.testing.assert_allclose(
        [weight for _, weight in points(axes)], [1.0, 10 / 12, 10 / 12], atol=1e-3
    )
    near, *far = (distance for distance, _ in points(axes))
    assert near == pytest.approx(3.905 / 2, abs=1e-3)
    # The two species of a shell stand on either side of it.
    assert np.mean(far) == pytest.approx(3.905 / 2**0.5, abs=1e-3)
    assert axes.get_title(loc="left") == "smooth"
    figure.savefig(tmp_path / "neighbors.png")


def test_each_graph_has_a_panel_and_each_species_a_color():
    exact = Atoms2Graph(OneHot(), smoothing=None)
    graphs = {
        "smooth": Atoms2Graph(OneHot()).get_graph(PEROVSKITE)[0],
        "nearest": exact.crystal_graph(PEROVSKITE),
        "copper": exact.get_graph(bulk("Cu"))[0],
    }
    figure = neighbor_weights(graphs, title="neighbors")
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(graphs)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["O", "Cu"]
    assert [weight for _, weight in points(figure.axes[2])] == [1.0]


def test_an_atom_without_neighbors_can_be_drawn(tmp_path):
    atoms = bulk("Cu", a=20.0)
    graph = Atoms2Graph(OneHot()).get_graph(atoms)[0]
    neighbor_weights({"lone": graph}).savefig(tmp_path / "lone.png")


def test_missing_atoms_and_other_objects_are_refused():
    graph = Atoms2Graph(OneHot()).get_graph(PEROVSKITE)[0]
    with pytest.raises(SettingError, match="graph 'mine' has 5 atoms and no atom 5"):
        neighbor_weights({"mine": graph}, 5)
    with pytest.raises(SettingError, match="no graph"):
        neighbor_weights({})
    with pytest.raises(GraphError, match="is not a graph"):
        neighbor_weights({"mine": PEROVSKITE})
