"""Figures in notebooks: shown by whatever opens the notebook, without a copy of a library in every output."""

from __future__ import annotations

import builtins
import inspect
import io
import os
import warnings
from collections.abc import Callable

import matplotlib
import plotly.io as pio
from matplotlib.figure import Figure

HOSTED = {"COLAB_RELEASE_TAG": "colab", "KAGGLE_KERNEL_RUN_TYPE": "kaggle"}  # what they set -> plotly's name for them
MIME = "plotly_mimetype"


def begin() -> str:
    """Let plotly and matplotlib figures show themselves as the last line of a cell; to be called once, in the first.

    Plotly figures go out as plain data, which Jupyter and editors draw, and of which a kept notebook holds a few
    kilobytes; Colab and Kaggle cannot draw that and get plotly's own form for them. Matplotlib figures are shown
    without its global state.

    Returns:
        The name of plotly's renderer.
    """
    warnings.filterwarnings("ignore", message="IProgress not found")  # tqdm says it where bars are plain text
    pio.renderers.default = next((name for variable, name in HOSTED.items() if variable in os.environ), MIME)
    shell = getattr(builtins, "get_ipython", lambda: None)()  # notebooks put it there; nothing elsewhere
    if shell is not None:
        shell.display_formatter.formatters["image/png"].for_type(Figure, png)
    return pio.renderers.default


def png(figure: Figure) -> bytes:
    """A matplotlib figure as a PNG file, 96 dots per inch, so that a page of notes is not megabytes."""
    file = io.BytesIO()
    with matplotlib.rc_context({"savefig.bbox": "tight"}):
        figure.savefig(file, format="png", dpi=96)
    return file.getvalue()


def excerpt(function: Callable, *starts: str) -> str:
    """The lines of a function that begin with one of `starts`, under the function's name, to stand beside an equation.

    Raises:
        ValueError: no line begins with one of them, so that a notebook cannot go on quoting what is no longer there.
    """
    lines = [line.strip() for line in inspect.getsource(function).splitlines()]
    for start in starts:
        if not any(line.startswith(start) for line in lines):
            raise ValueError(f"no line of {function.__qualname__} begins with {start!r}")
    found = [line for line in lines if line.startswith(starts)]
    return "\n".join([f"# {function.__module__}.{function.__qualname__}", *found])
