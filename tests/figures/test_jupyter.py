"""How figures are shown: chosen by where the notebook runs."""

import warnings

import plotly.io as pio
import pytest
from matplotlib.figure import Figure

from dfine import boxes
from dfine.figures import jupyter


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    for name in jupyter.HOSTED:
        monkeypatch.delenv(name, raising=False)
    before = pio.renderers.default
    with warnings.catch_warnings():
        yield
    pio.renderers.default = before


def test_plain_data_by_default():
    assert jupyter.begin() == "plotly_mimetype" == pio.renderers.default


@pytest.mark.parametrize(("variable", "name"), jupyter.HOSTED.items())
def test_hosted_notebooks_get_their_own_form(monkeypatch, variable, name):
    monkeypatch.setenv(variable, "1")
    assert jupyter.begin() == name


def test_a_matplotlib_figure_is_a_png():
    assert jupyter.png(Figure()).startswith(b"\x89PNG")


def test_an_excerpt_is_the_lines_that_begin_so_under_the_name_of_their_function():
    assert jupyter.excerpt(boxes.to_xyxy, "def ").splitlines() == [
        "# dfine.boxes.to_xyxy",
        "def to_xyxy(boxes: Tensor) -> Tensor:",
    ]
    with pytest.raises(ValueError, match="no line of to_xyxy begins with 'lambda'"):
        jupyter.excerpt(boxes.to_xyxy, "def ", "lambda")
