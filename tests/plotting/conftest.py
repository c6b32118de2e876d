"""Helpers for the tests of several kinds of figures."""

import pytest


@pytest.fixture
def texts():
    """Read all texts inside axes, those of the legend included."""

    def texts(axes):
        legend = axes.get_legend()
        lines = [] if legend is None else [text.get_text() for text in legend.get_texts()]
        return "\n".join([text.get_text() for text in axes.texts] + lines)

    return texts
