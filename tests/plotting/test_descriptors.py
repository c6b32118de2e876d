"""Heat maps and spectra show the given values at the right orbitals."""

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital import GOM, OFM
from ase_orbital.errors import SettingError
from ase_orbital.plotting import orbital_fields, overlap_matrix, spectra

SALT = bulk("NaCl", "rocksalt", a=5.64)
FIELDS = dict(zip(("Na", "Cl"), OFM().matrices(SALT), strict=True))


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_only_orbitals_that_occur_are_drawn_with_their_values():
    sodium, chlorine, bar = orbital_fields(FIELDS).axes
    assert (
        labels(sodium.yaxis) == labels(chlorine.xaxis) == ["s$^{1}$", "s$^{2}$", "p$^{5}$"]
    )
    assert sodium.get_title() == "Na"
    assert sodium.get_xlabel() == "orbitals of the neighbors"
    assert bar.get_ylabel() == "1/Å"
    # Six Cl at half the edge, with equal faces (Pham et al., figure 1).
    written = {text.get_position(): text.get_text() for text in sodium.texts}
    assert written == dict.fromkeys([(1, 0), (2, 0)], f"{6 / 2.82:.2f}")
    (image,) = sodium.images
    np.testing.assert_allclose(image.get_array()[0, 1:], 6 / 2.82)
    assert image.get_array().mask.sum() == 7


def test_all_orbitals_are_drawn_as_in_the_papers():
    axes, _ = orbital_fields({"mean": np.mean([*FIELDS.values()], axis=0)},
                             every_orbital=True).axes  # fmt: skip
    assert len(labels(axes.yaxis)) == len(labels(axes.xaxis)) == 32
    assert labels(axes.yaxis)[0] == "s$^{1}$"
    assert labels(axes.yaxis)[-1] == "f$^{14}$"
    assert not axes.texts
    drawn = axes.images[0].get_array()
    np.testing.assert_allclose(drawn.filled(0.0), np.mean([*FIELDS.values()], axis=0))


def test_panels_share_one_color_scale():
    panels = orbital_fields({"one": FIELDS["Na"], "half": 0.5 * FIELDS["Na"]}).axes[:2]
    assert {axes.images[0].norm.vmax for axes in panels} == {FIELDS["Na"].max()}
    assert {axes.images[0].norm.vmin for axes in panels} == {0.0}


def test_differences_have_a_scale_centered_at_zero(tmp_path):
    figure = orbital_fields({"change": FIELDS["Na"] - 2.0 * FIELDS["Cl"]}, title="changes")
    norm = figure.axes[0].images[0].norm
    assert norm.vmin == -norm.vmax < 0.0
    figure.savefig(tmp_path / "change.png")
    assert (tmp_path / "change.png").stat().st_size > 5_000


def test_a_matrix_of_zeros_can_be_drawn(tmp_path):
    orbital_fields({"nothing": np.zeros((32, 32))}).savefig(tmp_path / "nothing.png")


@pytest.mark.parametrize(
    ("fields", "message"),
    [({}, "no matrix"), ({"Na": OFM().create(SALT)[0]}, r"'Na' has shape \[1056\]")],
)
def test_arrays_of_other_shapes_are_refused(fields, message):
    with pytest.raises(SettingError, match=message):
        orbital_fields(fields)


def test_a_spectrum_has_one_line_per_atom(tmp_path):
    features = GOM().create(SALT)
    figure = spectra({"Na": features[0], "Cl": features[1]}, n_largest=12)
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["Na", "Cl"]
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), features[1, :12])
    np.testing.assert_array_equal(axes.lines[1].get_xdata(), np.arange(1, 13))
    figure.savefig(tmp_path / "spectra.png")


@pytest.mark.parametrize(("orbitals", "per_atom"), [("s", 1), ("sp", 4)])
def test_overlap_matrix_has_the_nearest_atoms_with_distance_and_element(orbitals, per_atom):
    matrix = GOM(orbitals=orbitals).matrix(SALT, 0)
    axes, bar = overlap_matrix(matrix, n_atoms=8).axes
    (image,) = axes.images
    drawn = np.asarray(image.get_array())
    np.testing.assert_array_equal(drawn, matrix.values[: 8 * per_atom, : 8 * per_atom])
    assert labels(axes.xaxis) == ["Na", *["Cl"] * 6, "Na"]
    assert labels(axes.yaxis)[:2] == ["0.00  Na", "2.82  Cl"]
    assert bar.get_ylabel() == "damped overlap"


def test_an_overlap_matrix_without_atoms_is_refused():
    with pytest.raises(SettingError, match="n_atoms must be a number from 1 on"):
        overlap_matrix(GOM().matrix(SALT, 0), n_atoms=0)
