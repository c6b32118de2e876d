"""Networks against the papers' sizes, and against what a prediction has to be.

A function of the crystal, continuous, the same alone and in a batch, through every kind of
graph, and with every descriptor.
"""

import matgl
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures, OneHot, Predictor
from ase_orbital.errors import ElementError, ModelError, StructureError
from ase_orbital.graphs.converters import from_crystal_graph
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.testing import assert_function_of_the_crystal

ABLATIONS = {
    "one-hot": OneHot(),
    "OFM": OFM(),
    "elemental features": ElementalFeatures(),
    "OFM-feature": Concatenate(OFM(), ElementalFeatures()),
    "GOM": Concatenate(OneHot(), GOM(n_eigenvalues=66, normalize=True)),
}


def predict(model, atoms):
    return float(model.predict_structure(atoms))


# --- The papers' networks


def test_eosnet_has_the_papers_parameters():
    model = EOSNet()
    assert model.num_parameters == 99_841
    assert model.n_features == 179
    assert model.distance_filter.n_features == 76


def test_ocrystalnet_has_the_papers_parameters():
    model = OCrystalNet()
    assert model.num_parameters == 2_365_441
    assert model.n_features == 1494
    assert model.distance_filter.n_features == 51


def test_readout_per_atom_averages_contributions_of_the_atoms(crystals):
    torch.manual_seed(0)
    model = EOSNet(n_hidden=8, radius=4.0, readout_per_atom=True).double().eval()
    graph = CrystalGraph.batch(model.graphs(crystals))
    features = model.layer_outputs(graph)
    merged = model.layer_outputs(model.batch(crystals))
    torch.testing.assert_close(merged["output"], features["output"])
    softplus = torch.nn.functional.softplus
    hidden = softplus(model.readout(softplus(features["atoms"])))
    contributions = model.output(hidden).squeeze(1)
    sums = torch.zeros(graph.n_graphs, dtype=torch.float64)
    sums = sums.index_add(0, graph.graph_index, contributions)
    torch.testing.assert_close(sums / graph.n_atoms, features["output"].squeeze(1))


@pytest.mark.parametrize("rows", ABLATIONS)
def test_any_descriptor_works_in_either_network(network, rows, structures):
    model = network(ABLATIONS[rows], n_hidden=8)
    graphs = model.graphs(list(structures.values()))
    output = model.eval()(CrystalGraph.batch(graphs))
    assert output.shape == (len(structures),)
    assert torch.isfinite(output).all()
    alone = torch.stack([model.predict_structure(atoms) for atoms in structures.values()])
    torch.testing.assert_close(alone, output, rtol=1e-4, atol=1e-5)


# --- A function of the crystal


@pytest.mark.parametrize("name", ["perovskite", "one atom", "slab", "molecule"])
def test_predictions_ignore_how_the_crystal_is_written(model, structures, name):
    def named(atoms):
        return {"value": predict(model, atoms)}

    assert_function_of_the_crystal(named, structures[name], tolerance=1e-7)


def test_single_precision_ignores_how_the_crystal_is_written(network, structures):
    torch.manual_seed(0)
    model = network().eval()

    def named(atoms):
        return {"value": predict(model, atoms)}

    assert_function_of_the_crystal(named, structures["perovskite"], tolerance=1e-5)


def test_exact_neighbors_do_not_make_a_function_of_the_crystal(structures):
    """The trap of the published codes, which the default selection avoids."""
    torch.manual_seed(0)
    model = EOSNet(smoothing=None).double().eval()

    def named(atoms):
        return {"value": predict(model, atoms)}

    with pytest.raises(AssertionError, match="value depends on"):
        assert_function_of_the_crystal(named, structures["perovskite"], tolerance=1e-7)


def steps(model, atoms, way):
    """Largest change between neighbors of forty points, and what is left of it a
    sixty thousand times closer up.

    The last atom moves along `way` (Å). A jump stays; a slope, however steep, does not.
    """
    low, high = 0.0, 1.0
    found = []
    for _ in range(4):
        parts = np.linspace(low, high, 41)
        path = []
        for part in parts:
            moved = atoms.copy()
            moved.positions[-1] += part * np.asarray(way)
            path.append(moved)
        with torch.no_grad():
            changes = model(CrystalGraph.batch(model.graphs(path))).diff().abs().numpy()
        found.append(changes.max())
        low, high = parts[changes.argmax()], parts[changes.argmax() + 1]
    return found[0], found[-1]


@pytest.mark.parametrize("way", [[0.5, 0.35, 0.2], [0.0, 0.3, 0.0]], ids=["askew", "along"])
def test_predictions_are_continuous_while_neighbors_exchange_ranks(
    network, structures, way
):
    torch.manual_seed(0)
    model = network(n_hidden=16).double().eval()
    first, last = steps(model, structures["perovskite"], way)
    assert last < 1e-3 * first


def test_exact_neighbors_make_predictions_jump(network, structures):
    torch.manual_seed(0)
    model = network(OneHot(), n_hidden=16, smoothing=None).double().eval()
    first, last = steps(model, structures["perovskite"], [0.5, 0.35, 0.2])
    assert last > 0.1 * first


@pytest.mark.parametrize("start", [2.0, 4.6, 7.0])
def test_predictions_are_continuous_while_an_atom_leaves(network, start):
    """Beyond 5 Å OCrystalNet's neighbors end, beyond 6 Å GOM's, beyond 8 Å EOSNet's."""
    torch.manual_seed(0)
    model = network(n_hidden=16).double().eval()
    dimer = Atoms("OC", [[0, 0, 0], [0, 0, start]])
    first, last = steps(model, dimer, [0, 0, 1.5])
    assert last < 1e-3 * first


# --- Batches and kinds of graphs


def test_batch_equals_its_members(model, structures):
    graphs = model.graphs(list(structures.values()))
    together = model(CrystalGraph.batch(graphs))
    alone = torch.cat([model(graph) for graph in graphs])
    torch.testing.assert_close(together, alone, rtol=1e-10, atol=1e-12)


def test_company_and_order_in_a_batch_make_no_difference(model, structures):
    graphs = model.graphs(list(structures.values()))
    one_way = model(CrystalGraph.batch(graphs))
    other = model(CrystalGraph.batch(graphs[::-1] + graphs))
    torch.testing.assert_close(
        other[: len(graphs)].flip(0), one_way, rtol=1e-10, atol=1e-12
    )
    torch.testing.assert_close(other[len(graphs) :], one_way, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", ["pyg", "dgl"])
def test_outputs_are_equal_for_every_kind_of_graph(model, structures, backend):
    if backend == "dgl":
        pytest.importorskip("dgl")
    graphs = model.graphs(list(structures.values()))
    batch = CrystalGraph.batch(graphs)
    assert torch.equal(model(from_crystal_graph(batch, backend)), model(batch))
    for graph in graphs:
        assert torch.equal(model(from_crystal_graph(graph, backend)), model(graph))


@pytest.mark.parametrize("backend", ["pyg", "dgl"])
def test_converter_of_the_model_gives_what_the_model_predicts(model, structures, backend):
    if backend == "dgl":
        pytest.importorskip("dgl")
    graph, *_ = model.graph_converter(backend).get_graph(structures["slab"])
    expected = model.predict_structure(structures["slab"])
    torch.testing.assert_close(model(graph)[0], expected)


def test_pymatgen_structures_are_taken_too(model, structures):
    structure = AseAtomsAdaptor.get_structure(structures["perovskite"])
    assert abs(predict(model, structure) - predict(model, structures["perovskite"])) < 1e-9


# --- Contracts of matgl's models


def test_prediction_is_a_number_and_leaves_the_mode_alone(model, structures):
    model.train()
    value = model.predict_structure(structures["perovskite"])
    assert value.shape == ()
    assert not value.requires_grad
    assert model.training
    assert float(model.eval().predict_structure(structures["perovskite"])) == float(value)


def test_features_of_every_stage_are_kept(model, structures):
    graph = CrystalGraph.batch(model.graphs(list(structures.values())))
    output = model(graph)
    features = model.feature_dict
    assert {"edge_attr", "embedding", "gc_1", "readout", "final"} <= features.keys()
    assert features["embedding"].shape[0] == features["gc_1"].shape[0] == len(graph.numbers)
    assert features["edge_attr"].shape[1] == model.distance_filter.n_features
    assert features["readout"].shape[0] == graph.n_graphs
    assert torch.equal(features["final"], output)


def test_gradients_reach_every_parameter(model, structures):
    graphs = model.graphs(list(structures.values()))
    model(CrystalGraph.batch(graphs)).square().sum().backward()
    cold = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert cold == []


def test_gradients_are_those_of_finite_differences(network, structures):
    """In a crystal many edges are alike, and share the maximum of their messages."""
    torch.manual_seed(0)
    model = network(OneHot(), n_hidden=6).double().eval()
    (graph,) = model.graphs([structures["perovskite"]])

    def output(*parameters):
        named = dict(zip(dict(model.named_parameters()), parameters, strict=True))
        return torch.func.functional_call(model, named, graph)

    values = tuple(p.detach().clone().requires_grad_() for p in model.parameters())
    assert torch.autograd.gradcheck(output, values, fast_mode=True)


def test_log10_of_a_modulus_is_returned_in_gigapascal(network):
    model = network(OneHot(), n_hidden=4, property_name="bulk_modulus", target_mean=2.0)
    model.double()  # a rounding of the logarithm is several of the modulus
    atoms = bulk("Cu")
    learned = model.eval()(model.graphs([atoms])[0])
    assert model.unit == "GPa"
    assert model.transform == "log10"
    torch.testing.assert_close(model.predict_structure(atoms), 10.0 ** learned[0])


def test_a_band_gap_is_never_negative_though_its_target_is(network, tmp_path):
    model = network(OneHot(), n_hidden=4, property_name="band_gap", target_mean=-5.0)
    model.save(tmp_path)
    (graph,) = model.eval().requires_grad_(False).graphs([bulk("Cu")])
    assert float(model(graph)) < 0.0
    assert float(model.to_property(model(graph), bounded=False)) < 0.0
    for same in (model, matgl.load_model(tmp_path)):
        assert float(same.predict_structure(bulk("Cu"))) == 0.0
    assert Predictor(model).predict(bulk("Cu")) == {"band_gap": 0.0}
    unbounded = network(OneHot(), n_hidden=4, property_name="mine", target_mean=-5.0)
    assert float(unbounded.predict_structure(bulk("Cu"))) < 0.0


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes_come_as_log_probabilities(network, structures, n_classes):
    model = network(OneHot(), n_hidden=4, n_classes=n_classes).eval()
    output = model(CrystalGraph.batch(model.graphs(list(structures.values()))))
    assert output.shape == (len(structures), n_classes)
    torch.testing.assert_close(output.exp().sum(dim=1), torch.ones(len(structures)))


def test_predicted_class_is_a_probability(network, structures):
    model = network(OneHot(), n_hidden=4, n_classes=2, property_name="metal_probability")
    atoms = structures["perovskite"]
    value = model.predict_structure(atoms)
    (graph,) = model.graphs([atoms])
    torch.testing.assert_close(value, model.eval()(graph)[0, 1].exp())
    assert 0.0 < float(value) < 1.0
    assert model.unit == "1"


# --- Errors


def test_unseen_element_is_named_with_its_atom(network, structures):
    model = network(OneHot(), n_hidden=4, elements=[8, 22, 56])
    atoms = structures["perovskite"]
    first = int(np.flatnonzero(atoms.symbols == "Sr")[0])
    with pytest.raises(ElementError, match=rf"atom {first} is Sr, .* 3 elements"):
        model.predict_structure(atoms)
    with pytest.raises(ElementError, match=rf"atom {first} is Sr"):
        model.predict_structure(atoms, graph_converter=model.graph_converter())


def test_broken_structure_is_refused(network):
    with pytest.raises(StructureError, match="no atoms"):
        network(OneHot(), n_hidden=4).predict_structure(Atoms())


def test_rows_of_another_length_are_refused(network):
    graph, *_ = network(OneHot(size=90), n_hidden=4).graph_converter().get_graph(bulk("Cu"))
    with pytest.raises(
        ModelError, match="takes 113 features for each atom, and the graph has 90"
    ):
        network(OneHot(), n_hidden=4)(graph)


def test_rows_of_no_fixed_length_are_refused(network):
    with pytest.raises(ModelError, match="number of eigenvalues"):
        network(GOM())


@pytest.mark.parametrize("n_classes", [0, 1, -2])
def test_less_than_two_classes_are_refused(network, n_classes):
    with pytest.raises(ModelError, match="n_classes"):
        network(OneHot(), n_classes=n_classes)


@pytest.mark.parametrize("value", [0, -4, 2.5, "6"])
def test_a_number_of_something_is_a_whole_number(value):
    with pytest.raises(ModelError, match="n_hidden must be a whole number from 1"):
        EOSNet(n_hidden=value)
    with pytest.raises(ModelError, match="n_layers must be"):
        OCrystalNet(n_layers=value)
