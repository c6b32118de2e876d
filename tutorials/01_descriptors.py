# %% [markdown]
# # What descriptors describe
#
# A descriptor turns the environment of each atom into a vector of features. This tutorial
# applies the orbital field matrix (OFM) and the Gaussian overlap matrix (GOM) to SrTiO3. It
# compares the sites of the crystal, replaces an element, writes the same crystal in
# different ways, and displaces a titanium atom. You need the extra `plot`.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small crystals run fastest on one thread

import matplotlib.pyplot as plt
import numpy as np
from ase.io import read

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures
from ase_orbital.plotting import orbital_fields, overlap_matrix, spectra

cubic = read("SrTiO3.cif")
FIRST = {"Sr": 0, "Ti": 1, "O": 2}  # the first atom of each element
TI = FIRST["Ti"]
for descriptor in (OFM(), GOM(), GOM(orbitals="sp")):
    features = descriptor.create(cubic)
    print(f"{descriptor}: {features.shape[0]} atoms, {features.shape[1]} features each")

# %% [markdown]
# ## Orbital field matrices
#
# OFM combines the valence subshells of an atom with those of its neighbors. The neighbors
# are the atoms that share a face of the Voronoi cell. The weight of a neighbor is the solid
# angle of its face relative to the largest one, divided by its distance (Pham et al., Sci.
# Technol. Adv. Mater. 18, 756 (2017)). In the result of `matrices`, the rows are the
# subshells of the center, and the columns are those of the neighbors.

# %%
fields = OFM().matrices(cubic)
orbital_fields({name: fields[index] for name, index in FIRST.items()})

# %% [markdown]
# Titanium has two 4s and two 3d electrons (s², d²), and its neighbors have s² and p⁴: they
# are oxygen. There are six of them, with six equal faces, at half the edge of the cell, so
# the value of the matrix elements can be calculated by hand:

# %%
edge = cubic.cell.lengths()[0]
print(f"{6 / (edge / 2):.4f} and {fields[TI].max():.4f}, 1/Å")

# %% [markdown]
# Strontium has twelve oxygen neighbors. Oxygen has neighbors of all three elements: all of
# them have s², p⁴ belongs to oxygen, and d² to titanium.
#
# `mean` averages over the atoms and so describes the whole crystal. By default, the
# features contain the subshells of the center as well, as in the OCrystalNet paper;
# `center=False` leaves them out. The papers plot all 32 subshells. The next figure does the
# same for the magnet SmCo5: f⁶ is samarium and d⁷ is cobalt, and most neighbors of cobalt
# are cobalt.

# %%
from ase.spacegroup import crystal

magnet = crystal(
    ["Sm", "Co", "Co"],
    [(0, 0, 0), (1 / 3, 2 / 3, 0), (1 / 2, 0, 1 / 2)],
    spacegroup=191,
    cellpar=[5.0, 5.0, 3.97, 90, 90, 120],
)
orbital_fields(
    {"SmCo5, mean of its atoms": OFM(center=False).mean(magnet).reshape(32, 32)},
    every_orbital=True,
)

# %% [markdown]
# ## Spectra of overlap matrices
#
# GOM places a Gaussian on each atom within 6 Å, whose width is the covalent radius, and
# computes the eigenvalues of their overlap matrix (Zhu et al., J. Chem. Phys. 144, 034203
# (2016)). This is the matrix of an oxygen and its 15 nearest neighbors, damped towards 8 Å,
# as in figure 2 of the EOSnet paper:

# %%
overlap_matrix(GOM(cutoff=8.0).matrix(cubic, FIRST["O"]), n_atoms=16)

# %% [markdown]
# Close neighbors have large overlaps, which raise the largest eigenvalues. The steps in the
# spectrum are degenerate eigenvalues, which follow from the site symmetry.

# %%
features = GOM().create(cubic)
spectra({name: features[index] for name, index in FIRST.items()}, n_largest=30)

# %% [markdown]
# The sites of Sr and Ti have cubic symmetry, with degeneracies of one, two or three. The
# site of O has a single fourfold axis, and no threefold degeneracy. These are the
# degeneracies of the largest eigenvalues:


# %%
def degeneracies(eigenvalues):
    """Count equal eigenvalues, from the largest to the smallest."""
    _, counts = np.unique(eigenvalues.round(8), return_counts=True)
    return counts[::-1].tolist()


for name, index in FIRST.items():
    eigenvalues = features[index]
    print(f"{name:2} {eigenvalues[:8].round(3)} {degeneracies(eigenvalues)[:8]}")

# %% [markdown]
# ## What each descriptor cannot distinguish
#
# Barium and strontium have the same valence subshells, so OFM cannot distinguish them in
# the same cell. GOM can, at all sites, because barium is larger; but it cannot distinguish
# two elements with the same covalent radius. Elemental features depend on the element, but
# not on the environment. `Concatenate` combines descriptors. This table shows how much the
# features change when barium replaces strontium:

# %%
barium = cubic.copy()
barium.symbols[FIRST["Sr"]] = "Ba"
for descriptor in (
    OFM(),
    GOM(n_eigenvalues=33),
    ElementalFeatures(),
    Concatenate(OFM(), ElementalFeatures()),
):
    change = np.abs(descriptor.create(barium) - descriptor.create(cubic)).max(axis=1)
    sites = "  ".join(f"{name} {change[index]:.3f}" for name, index in FIRST.items())
    print(f"{type(descriptor).__name__:18} {sites}")

# %% [markdown]
# ## The same crystal, written differently
#
# Features do not depend on the choice of coordinates. Here titanium is displaced from the
# center of its octahedron, and `same_crystals` returns different representations of the
# crystal. The table shows the largest change of any feature:

# %%
from ase_orbital.testing import same_crystals

polar = cubic.copy()
polar.positions[TI, 2] += 0.15  # Å
descriptors = [OFM(), GOM()]
expected = [descriptor.create(polar) for descriptor in descriptors]
for change, rewritten, origin in same_crystals(polar):
    largest = [
        np.abs(descriptor.create(rewritten) - features[origin]).max()
        for descriptor, features in zip(descriptors, expected, strict=True)
    ]
    print(
        f"{change:22} {len(rewritten):2} atoms, OFM {largest[0]:.0e}, GOM {largest[1]:.0e}"
    )

# %% [markdown]
# `ase_orbital.testing.assert_invariant` makes the same test for your own descriptor.
#
# ## A distortion
#
# In a ferroelectric perovskite, titanium is displaced from the center of its octahedron
# along one axis. How do its features change?
#
# The elements of OFM become smaller. The nearest oxygen has the largest face, the other
# faces are relative to it, and the face of the opposite oxygen becomes smaller and more
# distant. A displacement in the opposite direction has the same effect, so there is a kink
# at zero: OFM is continuous, but not differentiable.
#
# The eigenvalues of GOM split: of three degenerate eigenvalues two remain degenerate, and a
# pair separates. The derivatives (dashed) are exact. In the cubic crystal they are all zero
# by symmetry.

# %%
steps = np.linspace(0.0, 0.3, 31)  # Å
path = []
for step in steps:
    atoms = cubic.copy()
    atoms.positions[TI, 2] += step
    path.append(atoms)
elements = [OFM().matrices(atoms)[TI].max() for atoms in path]
gom = GOM(n_eigenvalues=33)
values = np.array([features[TI] for features in gom.create_many(path)])
slopes = gom.derivatives(path[15])[TI, :, TI, 2]
print(f"largest derivative, cubic: {np.abs(gom.derivatives(cubic)).max():.0e} 1/Å")

figure, (above, below) = plt.subplots(
    2, figsize=(5.6, 5.4), sharex=True, layout="constrained", height_ratios=[1, 2]
)
above.plot(steps, elements, color="#0072B2")
above.set_ylabel("OFM, largest\nelement (1/Å)")
styles = ["-", "-", ":", "-", "-"]  # one of two degenerate ones is dotted
colors = ["#0072B2", "#D55E00", "#000000", "#009E73", "#CC79A7"]
for index, color, style in zip(range(1, 6), colors, styles, strict=True):
    below.plot(
        steps, values[:, index], style, color=color, linewidth=2, label=f"{index + 1}."
    )
    near = steps[8:23]
    tangent = values[15, index] + slopes[index] * (near - steps[15])
    below.plot(near, tangent, "--", color="0.3", linewidth=1.0)
below.set_xlabel("displacement of titanium (Å)")
below.set_ylabel("GOM, eigenvalue")
below.legend(frameon=False, fontsize=9, loc="center left")
plt.close(figure)
figure

# %% [markdown]
# The derivatives agree with central differences for steps of 10⁻⁴ Å. The derivatives of
# single eigenvalues are not defined if these remain degenerate; all of them get the
# average.

# %%
numeric = []
for step in (1e-4, -1e-4):
    atoms = path[15].copy()
    atoms.positions[TI, 2] += step
    numeric.append(gom.create(atoms)[TI])
difference = (numeric[0] - numeric[1]) / 2e-4
print("derivative", slopes[1:6].round(6))
print("difference", difference[1:6].round(6))

# %% [markdown]
# These derivatives make differentiable objectives with forces possible; see the tutorial on
# structure search.
