"""Crystals that shipped models are trained on, and what their cards say of them."""

from __future__ import annotations

from typing import Any, NamedTuple


class Data(NamedTuple):
    """Crystals that models are trained on.

    Attributes
    ----------
    files
        Names of the data files, without `.extxyz.gz`. The last file counts where an
        identifier is repeated.
    settings
        Settings that depend on the data, such as the split.
    card
        Texts of the model cards.
    extra
        Names of data files that are not in the validation and test set.
    """

    files: tuple[str, ...]
    settings: dict[str, Any]
    card: dict[str, str]
    extra: tuple[str, ...] = ()


LICENSE = "MIT, like the package; the data are "
RELAXED = (
    "Trained on relaxed crystals alone, so relax a structure first. A prediction for a "
    "distorted one is neither the property at its geometry nor that of the crystal to "
    "which it relaxes; `in_domain` tells whether it is too far away."
)
PEROVSKITES = Data(
    ("perovskites",),
    {"test_column": "published_test", "sizes": (0.95, 0.05, 0.0)},
    {
        "data": "18,928 cubic perovskites of Castelli et al., Energy Environ. Sci. 5, 9034 "
        "(2012), from the Computational Materials Repository (GPAW). The test set is the "
        "published test split of EOSnet, which was used only for the metrics above.",
        "geometries": RELAXED,
        "limits": "Five-atom cells of the perovskite structure. The model returns numbers "
        "for other crystals, too, but they are meaningless. `in_domain` detects most of "
        "these crystals.",
        "license": LICENSE + "free with citation.",
        "citation": "Castelli et al., Energy Environ. Sci. 5, 9034 (2012)",
    },
)
MP2018 = Data(
    ("mp2018",),
    {"sizes": (0.9, 0.05, 0.05), "most_atoms": 60},
    {
        "data": "40,370 crystals of the Materials Project (VASP, PBE or PBE+U) with "
        "targets from release 2018.6, without the published test splits of EOSnet. For a "
        "third of the crystals the geometry comes from a later release than the target, "
        "which adds noise.",
        "geometries": RELAXED,
        "limits": "Inorganic crystals as in the Materials Project: relaxed, and mostly "
        "with fewer than 150 atoms per cell.",
        "license": LICENSE + "CC BY 4.0.",
        "citation": "Jain et al., APL Mater. 1, 011002 (2013)",
    },
)
MP2018_2019 = MP2018._replace(
    extra=("mp_matbench",),
    card=MP2018.card
    | {
        "data": MP2018.card["data"]
        + """ Trained also on 90 % of the crystals with at most 30 atoms of release 2019
(the matbench sets). Crystals with a later geometry, which are all of these, have 0.4 of the
weight of the others.""".replace("\n", " "),
    },
)
ANY_GEOMETRY = MP2018._replace(
    extra=("mp_matbench",),
    card=MP2018.card
    | {
        "data": MP2018.card["data"]
        + """ Formation energies are relative to the elements in their ground states, with
the corrections of that release. Trained also on 90 % of the crystals with at most 30
atoms of release 2019 (the matbench sets), whose formation energies agree to 2 meV/atom,
and on distorted copies of training crystals with at most 30 atoms: changed in volume,
strained, with displaced or exchanged atoms, or with the structure of another crystal. The
elements in their reference states, whose energy is zero by definition, have ten times the
weight of other crystals; where the data lack one, it comes from the Delta test set of
elements in ASE. The energies of copies are those of the crystal plus a difference from the
universal potential SevenNet (7net-l3i5); `pretrained/distorted.py` makes them.""".replace(
            "\n", " "
        ),
        "geometries": "The prediction is the energy at the geometry of the structure, "
        "relaxed or not; forces and stresses are its derivatives.",
        "limits": "Inorganic crystals as in the Materials Project, at any geometry that "
        "relaxations and searches meet, up to some tenths of eV/atom above the relaxed "
        "crystal. Do not mix the energies with those of later releases, whose corrections "
        "differ by 0.06 to 0.08 eV/atom.",
    },
)
WITHOUT_FORCES = ANY_GEOMETRY._replace(
    card=ANY_GEOMETRY.card
    | {
        "data": ANY_GEOMETRY.card["data"].replace("7net-l3i5", "7net-0"),
        "geometries": "The prediction is the energy at the geometry of the structure, "
        "relaxed or not. There are no forces, because OFM has no derivatives.",
    },
)
ELASTICITY = Data(
    ("elastic_tensor_2015", "elasticity_mp2018", "elasticity_binaries_2025"),
    {"sizes": (0.9, 0.05, 0.05), "most_atoms": 60},
    {
        "data": "The elasticity sets of the Materials Project of May 2018 and of January "
        "2025 (binaries), and that of de Jong et al., Sci. Data 2, 150009 (2015), merged "
        "by identifier, with the latest value of each crystal. The published test split "
        "of EOSnet is left out.",
        "geometries": RELAXED,
        "limits": "The metrics refer to log10 of the modulus in GPa; the prediction is in "
        "GPa. There are few soft crystals (below 10 GPa), and their moduli are rounded to "
        "whole GPa.",
        "license": LICENSE + "CC BY 4.0.",
        "citation": "de Jong et al., Sci. Data 2, 150009 (2015)",
    },
)
ELASTICITY_2019 = ELASTICITY._replace(
    extra=("moduli_matbench",),
    card=ELASTICITY.card
    | {
        "data": ELASTICITY.card["data"]
        + " Trained also on 90 % of the crystals with at most 30 atoms of the matbench "
        "sets (Materials Project, 2019) that are in none of these.",
    },
)
PHONONS = Data(
    ("phonons_matbench",),
    {"sizes": (0.85, 0.1, 0.05)},
    {
        "data": "1,265 crystals of Petretto et al., Sci. Data 5, 180065 (2018), as in "
        "matbench_phonons.",
        "geometries": RELAXED,
        "limits": "Semiconductors and insulators with small cells. The frequency is that "
        "of the highest peak in the phonon density of states, for PBEsol.",
        "license": LICENSE + "CC BY 4.0.",
        "citation": "Petretto et al., Sci. Data 5, 180065 (2018)",
    },
)
REFRACTION = Data(
    ("dielectric_matbench",),
    {"sizes": (0.85, 0.1, 0.05)},
    {
        "data": "4,208 of the 4,764 crystals of matbench_dielectric, from the Materials "
        "Project: Petousis et al., Sci. Data 4, 160134 (2017), and later calculations.",
        "geometries": RELAXED,
        "limits": "Crystals with a gap. The metrics refer to log10 of the refractive "
        "index; a few values of the data are far above those of any known crystal.",
        "license": LICENSE + "CC BY 4.0.",
        "citation": "Petousis et al., Sci. Data 4, 160134 (2017)",
    },
)
HSE = Data(
    ("band_gap_hse",),
    {"sizes": (0.85, 0.1, 0.05), "most_atoms": 60},
    {
        "data": "2,475 crystals with HSE06 gaps from the multi-fidelity set of Chen et "
        "al., Nat. Comput. Sci. 1, 46 (2021).",
        "geometries": RELAXED,
        "limits": "Inorganic crystals as in the Materials Project, at PBE geometries. On "
        "average the HSE gap is 0.53 eV above that of PBE.",
        "license": LICENSE + "CC BY 4.0.",
        "citation": "Chen et al., Nat. Comput. Sci. 1, 46 (2021)",
    },
)
