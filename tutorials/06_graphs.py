# %% [markdown]
# # Crystal graphs for your own network
#
# This tutorial converts `Atoms` to graphs for PyTorch Geometric (PyG) or DGL, explains
# their node and edge data, and trains a small network on them. You need the extra `plot`.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small crystals run fastest on one thread
os.environ.setdefault("DGLBACKEND", "pytorch")

import numpy as np
import torch
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from torch_geometric.nn import MessagePassing, global_mean_pool

from ase_orbital import GOM, Concatenate, OneHot, load_model
from ase_orbital.graphs import Atoms2Graph, CrystalGraph

try:
    import dgl
except ImportError:
    dgl = None
    print(
        "DGL is not installed; its last working release needs Python 3.11 "
        "(pip install dgl==1.1.3). The cells that use it are skipped."
    )

torch.manual_seed(0)
rng = np.random.default_rng(0)
perovskite = read("SrTiO3.cif")

# %% [markdown]
# ## Build
#
# A converter consists of a descriptor, which computes the features of the nodes, and a rule
# for edges. `get_graph` returns the same as matgl's converters: graph, lattice and a state
# that is not used. `Structure2Graph` is the same class under matgl's name for converters of
# pymatgen structures; both accept `Atoms`, pymatgen structures and files.

# %%
converter = Atoms2Graph(
    Concatenate(OneHot(), GOM(n_eigenvalues=32)), radius=8.0, n_neighbors=12, backend="pyg"
)
graph, lattice, _ = converter.get_graph(perovskite)
graph

# %% [markdown]
# Nodes have features `x`, the atomic number minus one as `node_type`, and `frac_coords`.
# Edges point from a neighbor to the center, which receives the message. Each periodic image
# of a neighbor has its own edge with `distance` (Å), `pbc_offset` (the image) and `weight`.
# The edge vectors follow from these:

# %%
source, target = graph.edge_index
image = graph.frac_coords[source] + graph.pbc_offset
vector = (image - graph.frac_coords[target]) @ lattice[0]
difference = (vector.norm(dim=1) - graph.distance).abs().max()
print(f"lengths of edge vectors and distances differ by at most {difference:.0e} Å")

# %% [markdown]
# ## Soft nearest neighbors
#
# The oxygen of SrTiO3 has two Ti, and then twelve atoms at the same distance. Which ten of
# these belong to the twelve nearest is not defined: rounding decides, or the order in the
# file. Here all twelve are neighbors with a weight of ten twelfths. If distances differ,
# the weight decreases from 1 to 0 over `smoothing`, 0.1 Å by default. With `smoothing=None`
# a converter keeps exactly the k nearest neighbors, as the published codes do.

# %%
from ase_orbital.plotting import neighbor_weights

oxygen = 2
nearest = Atoms2Graph(converter.descriptor, smoothing=None)
rattled = perovskite * (2, 2, 2)
rattled.rattle(0.03, rng=rng)
neighbor_weights(
    {
        "soft nearest": graph,
        "exactly the 12 nearest": nearest.get_graph(perovskite)[0],
        "soft nearest, atoms rattled": converter.get_graph(rattled)[0],
    },
    oxygen,
    title="an oxygen in SrTiO3",
)

# %% [markdown]
# To see the effect on a prediction, a shipped model predicts for one crystal that is
# written in 40 ways: reordered, translated and repeated.

# %%
import matplotlib.pyplot as plt

model = load_model("eosnet-heat-of-formation-perovskites")
as_nearest = Atoms2Graph(model.descriptor, smoothing=None)
predicted = {"soft nearest": [], "exactly the 12 nearest": []}
for _ in range(40):
    written = perovskite * rng.choice([(1, 1, 1), (2, 1, 1), (1, 1, 2), (2, 2, 1)])
    written = written[rng.permutation(len(written))]
    written.translate(rng.random(3))
    written.wrap()
    for name, chosen in zip(predicted, (model.graph_converter(), as_nearest), strict=True):
        value = model.predict_structure(written, graph_converter=chosen)
        predicted[name].append(1000.0 * float(value))
for name, values in predicted.items():
    print(f"{name}: from {min(values):.3f} to {max(values):.3f} meV/atom")

figure, axes = plt.subplots(figsize=(5.6, 2.0), layout="constrained")
for row, (values, color) in enumerate(
    zip(predicted.values(), ("#0072B2", "#D55E00"), strict=True)
):
    axes.plot(values, row + rng.uniform(-0.15, 0.15, len(values)), "o", color=color, ms=4)
axes.set_yticks([0, 1], list(predicted))
axes.set_ylim(1.5, -0.5)
axes.locator_params(axis="x", nbins=6)
axes.set_xlabel("heat of formation of SrTiO3 (meV/atom)")
plt.close(figure)
figure

# %% [markdown]
# ## Batch
#
# Use the tools of PyG or DGL to batch graphs. A batch has the same predictions as its
# members, because nothing is padded and crystals do not interact. `CrystalGraph` (the
# package's own graph of plain tensors), PyG graphs and DGL graphs give equal predictions.

# %%
crystals = [perovskite, perovskite * (2, 1, 1), rattled]
makers = {name: model.graph_converter(name) for name in ("pyg", "dgl" if dgl else "pyg")}
with torch.no_grad():
    own = [makers["pyg"].crystal_graph(crystal) for crystal in crystals]
    values = {
        "CrystalGraph": model(CrystalGraph.batch(own)),
        "its members": torch.cat([model(member) for member in own]),
        "PyG": model(Batch.from_data_list(makers["pyg"].get_graphs(crystals))),
    }
    if dgl:
        values["DGL"] = model(dgl.batch(makers["dgl"].get_graphs(crystals)))
for name, value in values.items():
    print(f"{name:13}", *(f"{number:.6f}" for number in value.tolist()), "eV/atom")

# %% [markdown]
# ## Your own network
#
# A message passing layer takes a few lines in PyG. Remember to multiply each message by the
# weight of its edge, so that the network uses the soft nearest neighbors.


# %%
class Small(MessagePassing):
    """One message passing layer, and a mean over the energies of the atoms."""

    def __init__(self, n_features, n_hidden=32):
        super().__init__(aggr="add")
        self.register_buffer("centers", torch.linspace(1.5, 6.0, 24))  # Å
        self.embedding = torch.nn.Linear(n_features, n_hidden)
        self.messages = torch.nn.Sequential(
            torch.nn.Linear(2 * n_hidden + len(self.centers), n_hidden),
            torch.nn.SiLU(),
            torch.nn.Linear(n_hidden, n_hidden),
        )
        self.energy = torch.nn.Sequential(torch.nn.SiLU(), torch.nn.Linear(n_hidden, 1))

    def forward(self, graph):
        atoms = self.embedding(graph.x)
        atoms = atoms + self.propagate(
            graph.edge_index, x=atoms, distance=graph.distance, weight=graph.weight
        )
        return global_mean_pool(self.energy(atoms), graph.batch).squeeze(1)

    def message(self, x_i, x_j, distance, weight):
        shape = torch.exp(-(((distance[:, None] - self.centers) / 0.3) ** 2))
        return weight[:, None] * self.messages(torch.cat([x_i, x_j, shape], dim=1))


# %% [markdown]
# The network learns the energies of copper-gold alloys that EMT, a potential from ASE,
# computes. `get_graphs` converts many crystals, about twice as fast as one after another.

# %%
alloys, energies = [], []
for _ in range(600):
    alloy = bulk("Cu", cubic=bool(rng.random() < 0.5)) * (2, 1, 1)
    alloy.numbers[rng.random(len(alloy)) < rng.random()] = 79
    share = float(np.mean(alloy.numbers == 79))
    length = (3.6 + 0.45 * share) * rng.uniform(0.97, 1.05)  # Å
    alloy.set_cell(alloy.cell * length / 3.61, scale_atoms=True)
    alloy.rattle(0.05, rng=rng)
    alloy.calc = EMT()
    alloys.append(alloy)
    energies.append(alloy.get_potential_energy() / len(alloy))
graphs = converter.get_graphs(alloys)
for graph, energy in zip(graphs, energies, strict=True):
    graph.y = torch.tensor([energy], dtype=torch.float32)
train, test = graphs[:500], graphs[500:]

# %%
network = Small(converter.descriptor.n_features)
epochs = 60
optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for _ in range(epochs):
    for batch in DataLoader(train, batch_size=50, shuffle=True):
        optimizer.zero_grad()
        torch.nn.functional.l1_loss(network(batch), batch.y).backward()
        optimizer.step()
    schedule.step()

# %%
from ase_orbital.plotting import parity

batch = Batch.from_data_list(test)
with torch.no_grad():
    predicted = network(batch)
    alone = torch.cat([network(graph) for graph in test])
print(f"a batch and its members differ by {(predicted - alone).abs().max():.0e} eV/atom")
parity(batch.y, predicted, label="EMT energy", unit="eV/atom")

# %% [markdown]
# ## The same network in DGL
#
# DGL calls the ends of edges `src` and `dst`, and stores the same fields in `ndata` and
# `edata`. With the same weights it gives the same energies. DGL is no longer developed;
# this section is for those who have DGL code.


# %%
def with_dgl(network, graph):
    with graph.local_scope():
        graph.ndata["atoms"] = network.embedding(graph.ndata["x"])

        def message(edges):
            fields = edges.data["distance"], edges.data["weight"]
            ends = edges.dst["atoms"], edges.src["atoms"]
            return {"message": network.message(*ends, *fields)}

        graph.update_all(message, dgl.function.sum("message", "sum"))
        atoms = graph.ndata["atoms"] + graph.ndata["sum"]
        graph.ndata["energy"] = network.energy(atoms)
        return dgl.mean_nodes(graph, "energy").squeeze(1)


if dgl:
    to_dgl = Atoms2Graph(converter.descriptor, backend="dgl")
    with torch.no_grad():
        values = with_dgl(network, dgl.batch(to_dgl.get_graphs(alloys[500:])))
    print(f"PyG and DGL differ by {(values - predicted).abs().max():.0e} eV/atom")
else:
    print("skipped, because DGL is not installed")
