"""Parts of the networks: what they leave out or merge changes no number."""

from dataclasses import replace

import pytest
import torch

from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.models.layers import DistanceFilter, without_empty_columns

# In double precision, so that rounding is far below any difference that matters.
CLOSE = {"rtol": 1e-8, "atol": 1e-10}


@pytest.fixture(params=[EOSNet, OCrystalNet], ids=lambda kind: kind.__name__)
def network(request):
    torch.manual_seed(0)
    return request.param(n_hidden=32).double().eval()


@pytest.mark.parametrize(
    "distances",
    [
        DistanceFilter(start=0.5, stop=8.0, step=0.1, width=1.0),
        DistanceFilter(start=0.0, stop=5.0, step=0.1, width=0.5),
    ],
    ids=["EOSNet", "OCrystalNet"],
)
def test_the_basis_spans_what_the_filter_gives(distances):
    values = distances(torch.linspace(0.3, 8.0, 3001)[:, None].squeeze())
    basis = distances.basis
    torch.testing.assert_close(basis.T @ basis, torch.eye(basis.shape[1]))
    # The basis and two products are rounded, in numbers as large as the norm of the values.
    tolerance = 8.0 * torch.finfo(values.dtype).eps * float(values.norm(dim=1).max())
    torch.testing.assert_close(values @ basis @ basis.T, values, rtol=0, atol=tolerance)
    assert basis.shape[1] < distances.n_features / 1.5


def gradients(apply, layer, rows):
    """What a loss tells the layer's weights, and the rows if they ask."""
    layer.zero_grad()
    apply(layer, rows).square().sum().backward()
    return layer.weight.grad.clone(), rows.grad


@pytest.mark.parametrize("empty", [[], [0, 3, 4], range(7)], ids=["none", "some", "all"])
@pytest.mark.parametrize("asked", [False, True], ids=["", "gradient of rows"])
def test_leaving_out_empty_columns_changes_nothing(empty, asked):
    torch.manual_seed(0)
    layer = torch.nn.Linear(7, 5, bias=False)
    values = torch.randn(4, 7)
    values[:, list(empty)] = 0.0
    rows, again = (values.clone().requires_grad_(asked) for _ in range(2))
    torch.testing.assert_close(without_empty_columns(layer, rows), layer(rows))
    torch.testing.assert_close(
        gradients(without_empty_columns, layer, rows),
        gradients(torch.nn.Linear.__call__, layer, again),
    )


def test_not_a_number_is_no_empty_column():
    layer = torch.nn.Linear(2, 1, bias=False)
    assert without_empty_columns(layer, torch.tensor([[0.0, torch.nan]])).isnan().all()


def test_ocrystalnet_trains_as_it_predicts(crystals):
    torch.manual_seed(0)
    network = OCrystalNet(n_hidden=32).double()
    graph = network.batch(crystals)
    with torch.no_grad():
        torch.testing.assert_close(network.train()(graph), network.eval()(graph), **CLOSE)


def test_spinel_has_three_kinds_of_atoms(network, crystals):
    merged = network.batch([crystals[0]])
    copies = dict(zip(merged.numbers.tolist(), merged.atom_copies.tolist(), strict=True))
    assert copies == {8: 8, 12: 2, 13: 4}
    assert merged.sizes.tolist() == [14]


def test_merging_keeps_weights_of_every_atom(network, crystals):
    (graph,) = network.graphs([crystals[0]])
    merged = network.batch([crystals[0]])
    first = [graph.numbers.tolist().index(number) for number in merged.numbers.tolist()]
    whole = graph.weight.new_zeros(14).index_add(0, graph.target, graph.weight)
    kinds = graph.weight.new_zeros(3).index_add(0, merged.target, merged.total_weight)
    torch.testing.assert_close(kinds, whole[first], **CLOSE)


def test_merging_changes_no_prediction(network, crystals, shake_norms):
    shake_norms(network)
    graph = CrystalGraph.batch(network.graphs(crystals))
    merged = network.batch(crystals)
    assert len(merged.numbers) < len(graph.numbers)
    with torch.no_grad():
        torch.testing.assert_close(network(merged), network(graph), **CLOSE)


def test_merging_finds_deeper_messages_too(crystals):
    torch.manual_seed(0)
    network = OCrystalNet(n_hidden=16, n_layers=4).double().eval()
    graph = CrystalGraph.batch(network.graphs(crystals))
    with torch.no_grad():
        expected, merged = network(graph), network(network.batch(crystals))
    torch.testing.assert_close(merged, expected, **CLOSE)


def test_a_step_of_training_is_the_same_on_merged_atoms(crystals):
    """Batch statistics count copies; with occupations, edges count by weight."""
    torch.manual_seed(0)
    network = EOSNet(n_hidden=16).double().train()
    graph = CrystalGraph.batch(network.graphs(crystals))
    gradients = []
    for graphs in (graph, network.batch(crystals)):
        network.zero_grad()
        network(graphs).square().sum().backward()
        gradients.append({n: p.grad.clone() for n, p in network.named_parameters()})
    for name, whole in gradients[0].items():
        merged, size = gradients[1][name], whole.abs().max() + 1e-3
        if name.endswith("linear.bias"):  # before a norm, which takes it off again
            both = torch.stack([merged, whole])
            torch.testing.assert_close(both, torch.zeros_like(both), **CLOSE)
        else:
            torch.testing.assert_close(merged / size, whole / size, **CLOSE)


def test_what_is_merged_can_be_batched_and_taken_apart(network, crystals):
    parts = [network.batch([atoms]) for atoms in crystals]
    batch = CrystalGraph.batch(parts)
    with torch.no_grad():
        alone = torch.cat([network(part) for part in parts])
        torch.testing.assert_close(network(batch), alone, **CLOSE)
        some = batch.select(torch.tensor([3, 0]))
        torch.testing.assert_close(network(some), alone[[3, 0]], **CLOSE)


def test_rows_can_be_varied_at_once(crystals):
    """By vmap, as one does who asks what the rows of an atom are worth."""
    torch.manual_seed(0)
    network = EOSNet(n_hidden=16).double().eval()
    graph = network.batch(crystals)
    varied = graph.features * torch.tensor([0.5, 1.0, 2.0])[:, None, None]

    def output(rows):
        return network(replace(graph, features=rows))

    with torch.no_grad():
        one_by_one = torch.stack([output(rows) for rows in varied])
        torch.testing.assert_close(torch.vmap(output)(varied), one_by_one, **CLOSE)
