# %% [markdown]
# # Crystals as graphs, for networks of your own
#
# From `Atoms` to graphs of PyTorch Geometric (PyG) or DGL, and what their nodes and edges
# carry; then a network of one's own on them. Needs the extra `plot`.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # crystals as small as these want no more
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
        "DGL is not there: its last release that works is for Python 3.11 "
        "(pip install dgl==1.1.3). The cells about it are skipped, the rest is the same."
    )

torch.manual_seed(0)
rng = np.random.default_rng(0)
perovskite = read("SrTiO3.cif")

# %% [markdown]
# ## Build
#
# A converter is a descriptor, which gives each atom its row, and a rule for edges.
# `get_graph` returns what matgl's converters return: graph, lattice and a state that is not
# used. `Structure2Graph` is the same under the name matgl has for pymatgen's structures;
# both take either, and files.

# %%
converter = Atoms2Graph(
    Concatenate(OneHot(), GOM(n_eigenvalues=32)), radius=8.0, n_neighbors=12, backend="pyg"
)
graph, lattice, _ = converter.get_graph(perovskite)
graph

# %% [markdown]
# Nodes have `x`, the rows; `node_type`, the atomic number less one; and `frac_coords`.
# Edges run from a neighbor to the atom that listens. Each image of a neighbor has an edge
# of its own, with `distance` (Å), `pbc_offset` (which image) and `weight`. The vectors
# along the edges follow from these:

# %%
source, target = graph.edge_index
image = graph.frac_coords[source] + graph.pbc_offset
vector = (image - graph.frac_coords[target]) @ lattice[0]
difference = (vector.norm(dim=1) - graph.distance).abs().max()
print(f"lengths of vectors and distances differ by {difference:.0e} Å at most")

# %% [markdown]
# ## Occupation, not k nearest
#
# The oxygen of SrTiO3 has two Ti, and then twelve atoms at one distance. Which ten of these
# are among its twelve nearest is not defined: rounding decides, or the order in the file.
# Here neighbors are counted as states are around a Fermi level: all twelve count, ten
# twelfths each. Where distances differ, the weight falls from 1 to 0 over `smoothing`,
# 0.1 Å. With `smoothing=None` a converter keeps exactly the nearest, as the published codes
# do.

# %%
from ase_orbital.plotting import neighbor_weights

oxygen = 2
nearest = Atoms2Graph(converter.descriptor, smoothing=None)
shaken = perovskite * (2, 2, 2)
shaken.rattle(0.03, rng=rng)
neighbor_weights(
    {
        "by occupation": graph,
        "exactly the nearest 12": nearest.get_graph(perovskite)[0],
        "by occupation, atoms shaken": converter.get_graph(shaken)[0],
    },
    oxygen,
    title="an oxygen in SrTiO3",
)

# %% [markdown]
# What it is worth: a model of the package, and one crystal written down in 40 ways, its
# atoms in another order, moved and repeated.

# %%
import matplotlib.pyplot as plt

model = load_model("eosnet-heat-of-formation-perovskites")
as_nearest = Atoms2Graph(model.descriptor, smoothing=None)
predicted = {"by occupation": [], "exactly the nearest 12": []}
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
# The frameworks' own tools join graphs. A batch equals its members: nothing is filled up
# with zeros, and no crystal sees another. The package's own `CrystalGraph`, which is plain
# tensors, PyG's graphs and DGL's give equal numbers.

# %%
crystals = [perovskite, perovskite * (2, 1, 1), shaken]
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
# ## A network of one's own
#
# In PyG a layer of messages is a few lines. The one thing to remember is the weight: each
# message is multiplied by it, and then the network sees neighbors by occupation as well.


# %%
class Small(MessagePassing):
    """One round of messages, and the mean over atoms of what comes of it."""

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
# It is to learn what EMT, the potential that comes with ASE, says of alloys of copper and
# gold. `get_graphs` converts many crystals, about twice as fast as one by one.

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
    learned = network(batch)
    alone = torch.cat([network(graph) for graph in test])
print(f"a batch and its members differ by {(learned - alone).abs().max():.0e} eV/atom")
parity(batch.y, learned, label="EMT energy", unit="eV/atom")

# %% [markdown]
# ## The same network in DGL
#
# DGL calls the ends of edges `src` and `dst`, and has the fields under the same names in
# `ndata` and `edata`. Equal weights give equal energies. DGL is no longer developed: this
# is for those who have code in it.


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
    print(f"PyG and DGL differ by {(values - learned).abs().max():.0e} eV/atom")
else:
    print("skipped: DGL is not there")
