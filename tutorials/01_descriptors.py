# %% [markdown]
# # What descriptors see
#
# A descriptor turns the surroundings of each atom into a row of numbers. This is what the
# orbital field matrix (OFM) and the Gaussian overlap matrix (GOM) see of SrTiO3: of its
# sites, of another element, of another way to write it down, and of a titanium atom that
# leaves its center. Needs the extra `plot`.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a crystal as small as this wants no more

import matplotlib.pyplot as plt
import numpy as np
from ase.io import read

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures
from ase_orbital.plotting import orbital_fields, spectra

cubic = read("SrTiO3.cif")
FIRST = {"Sr": 0, "Ti": 1, "O": 2}  # the first atom of each element
TI = FIRST["Ti"]
for descriptor in (OFM(), GOM(), GOM(orbitals="sp")):
    rows = descriptor.create(cubic)
    print(f"{descriptor}: {rows.shape[0]} atoms, {rows.shape[1]} numbers each")

# %% [markdown]
# ## Orbital field matrices
#
# OFM asks which valence subshells an atom has, and which its neighbors have. Neighbors are
# the atoms behind the faces of its Voronoi cell; each counts by the solid angle of its
# face, relative to the largest, over its distance (Pham et al., Sci. Technol. Adv. Mater.
# 18, 756 (2017)). `matrices` has the center's subshells downwards, the neighbors' across.

# %%
fields = OFM().matrices(cubic)
orbital_fields({name: fields[index] for name, index in FIRST.items()})

# %% [markdown]
# Titanium, with its two 4s and two 3d electrons (s², d²), has neighbors with s² and p⁴:
# oxygen. There are six, behind six equal faces, at half the edge of the cell. So the number
# in its cells can be had by hand:

# %%
edge = cubic.cell.lengths()[0]
print(f"{6 / (edge / 2):.4f} and {fields[TI].max():.4f}, 1/Å")

# %% [markdown]
# Strontium has twelve oxygen neighbors. An oxygen atom sees all three elements: s² is what
# they have in common, p⁴ is other oxygen, and d² is titanium.
#
# `mean` describes a whole crystal by one row, with the centers' own subshells in front, as
# Orbital CrystalNet wants them; `center=False` leaves those out. The papers draw all 32
# subshells. Here is another crystal in their way, the magnet SmCo5: f⁶ is samarium, d⁷ is
# cobalt, and most of what cobalt sees is cobalt.

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
# ## Spectra of overlaps
#
# GOM puts a Gaussian on each atom within 6 Å, as wide as the atom's covalent radius, and
# takes the eigenvalues of the matrix of their overlaps (Zhu et al., J. Chem. Phys. 144,
# 034203 (2016)). Close neighbors overlap much, and raise the largest eigenvalues. Steps are
# degenerate sets: they tell of symmetry.

# %%
rows = GOM().create(cubic)
spectra({name: rows[index] for name, index in FIRST.items()}, n_largest=30)

# %% [markdown]
# The sites of Sr and Ti are those of a cube, with sets of one, two or three; that of O has
# a single axis of fourfold symmetry, and no set of three. The sizes of the first sets:


# %%
def set_sizes(row):
    """How many equal numbers follow one another."""
    _, counts = np.unique(row.round(8), return_counts=True)
    return counts[::-1].tolist()


for name, index in FIRST.items():
    print(f"{name:2} {rows[index, :8].round(3)} {set_sizes(rows[index])[:8]}")

# %% [markdown]
# ## What each is blind to
#
# Barium has the valence subshells of strontium. In one and the same cell OFM cannot tell
# them apart. GOM can, on all sites, because barium is larger; but two elements of equal
# radius would look the same to it. Elemental features know the element, and nothing of its
# surroundings. `Concatenate` puts them side by side. How much rows change:

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
# Rows belong to atoms, not to coordinates. Here titanium is off its center, and the crystal
# is written in all the ways that `same_crystals` knows. The largest change of any number:

# %%
from ase_orbital.testing import same_crystals

polar = cubic.copy()
polar.positions[TI, 2] += 0.15  # Å
descriptors = [OFM(), GOM()]
expected = [descriptor.create(polar) for descriptor in descriptors]
for change, rewritten, origin in same_crystals(polar):
    largest = [
        np.abs(descriptor.create(rewritten) - rows[origin]).max()
        for descriptor, rows in zip(descriptors, expected, strict=True)
    ]
    print(
        f"{change:22} {len(rewritten):2} atoms, OFM {largest[0]:.0e}, GOM {largest[1]:.0e}"
    )

# %% [markdown]
# For a descriptor of your own, `ase_orbital.testing.assert_invariant` asks the same.
#
# ## A distortion
#
# In a ferroelectric perovskite titanium leaves the center of its octahedron along one axis.
# What does its row say of such a step?
#
# The cells of OFM become weaker. The nearest oxygen has the largest face, all other faces
# are measured by it, and the one on the far side is now smaller and more distant. As a step
# down does the same, there is a kink at zero: OFM is continuous, but has no derivatives.
#
# GOM tells the directions apart: of a set of three two stay alike, and a pair parts. Its
# derivatives, dashed, are exact. In the cubic crystal all of them are zero, because up and
# down are the same.

# %%
steps = np.linspace(0.0, 0.3, 31)  # Å
path = []
for step in steps:
    atoms = cubic.copy()
    atoms.positions[TI, 2] += step
    path.append(atoms)
cells = [OFM().matrices(atoms)[TI].max() for atoms in path]
gom = GOM(n_eigenvalues=33)
values = np.array([rows[TI] for rows in gom.create_many(path)])
slopes = gom.derivatives(path[15])[TI, :, TI, 2]
print(f"largest derivative, cubic: {np.abs(gom.derivatives(cubic)).max():.0e} 1/Å")

figure, (above, below) = plt.subplots(
    2, figsize=(5.6, 5.4), sharex=True, layout="constrained", height_ratios=[1, 2]
)
above.plot(steps, cells, color="#0072B2")
above.set_ylabel("OFM, largest\ncell (1/Å)")
styles = ["-", "-", ":", "-", "-"]  # of two that stay alike the second is dotted
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
# The slopes beside differences of two steps of 10⁻⁴ Å. Inside a set that stays together
# the single derivatives are not defined, and all members get their average.

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
# These derivatives are what makes energies of fingerprints and of learned properties, with
# forces to follow: see the tutorial on structure search.
