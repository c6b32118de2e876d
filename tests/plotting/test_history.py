"""Losses are drawn by epoch, on a logarithmic scale."""

from ase_orbital.plotting import training_history


def test_each_set_has_a_line():
    figure = training_history({"train": [1.0, 0.5], "validation": [1.1, 0.7]})
    assert [line.get_label() for line in figure.axes[0].lines] == ["train", "validation"]
    assert list(figure.axes[0].lines[1].get_ydata()) == [1.1, 0.7]
    assert figure.axes[0].get_yscale() == "log"
