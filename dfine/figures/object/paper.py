"""Figure 4 of the paper (arXiv 2410.13842), drawn from any history with matplotlib, for print."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from PIL import Image

from dfine.config import EDGES
from dfine.figures import style
from dfine.trace.history import History
from dfine.trace.stages import INITIAL, layer_name

EARLY, LATE, START = "#D62728", "#2CA02C", "#F2C200"  # the paper's red and green; yellow for the box before any layer
APART = (0, (4, 1.2))  # the early one is dashed, for readers who cannot tell red from green
FORMATS = ("png", "svg")
ACROSS = 3  # objects side by side, as in the paper
UNITS = {"box": "box sizes", "code": "units of the published code", "pixels": "px"}


def curvature(w: torch.Tensor) -> float:
    """The c that W(n) was made with (paper eq. 4), read off its values: the published code carries W·(1/c).

    With r = (a/c + 1)^(2/(N−2)), W(N/2+1) = c·(r − 1) and W(N/2+2) = c·(r² − 1), so that their ratio is r + 1.

    >>> from dfine.distribution import weighting
    >>> round(curvature(weighting(c=0.125)), 4)
    0.125
    """
    w = w.double()
    half = (len(w) - 1) // 2
    r = float(w[half + 2] / w[half + 1]) - 1
    return float(w[-1]) / 2 / (r ** (half - 1) - 1)


def figure4(
    picture: Image.Image,
    history: History | Sequence[History],
    *,
    early: int | str = 0,
    units: str = "box",
    start: bool = True,
) -> Figure:
    """The paper's Figure 4 for one object or several: an early and the last box, and their distributions.

    Above, the picture with the early box in red and the last in green. Below, one column an edge: Pr(n), "unweighted",
    and W(n)·Pr(n) per bin, "weighted", not summed. What the paper's figure calls *initial* is decoder layer 1 after its
    distributions have moved the box, hence `early=0`; the box before that, b0, has no distributions: `early="initial"`
    draws it in red, beside only the last layer's distributions; `start` adds it in yellow, dotted. A line under the
    figure says which is which. Unlike the paper's script, which has 1/c = 8 fixed, W(n) is the model's own.

    Args:
        picture: the picture, at any scale.
        history: the object, or several of the same picture; three stand side by side.
        early: what is shown in red: index of a layer, counted from 0, or `"initial"` for b0.
        units: of W(n)·Pr(n): `"box"` (sizes of the initial box, as in the paper's text), `"code"` (times 1/c, as in the
            paper's figure) or `"pixels"`.
        start: also draw the initial box that all layers' edges are measured from.

    Raises:
        ValueError: there is no object, or the layer or the unit does not exist.
    """
    histories = [history] if isinstance(history, History) else list(history)
    if not histories:
        raise ValueError("there is no object to draw; choose at least one")
    layers = min(h.layers for h in histories)
    if early != INITIAL and not (isinstance(early, int) and 0 <= early < layers):
        known = f'this history has 0 to {layers - 1}, and "initial"'
        raise ValueError(f"there is no layer index {early}; {known}")
    if units not in UNITS:
        raise ValueError(f"units must be one of {', '.join(UNITS)}, not {units!r}")
    across = min(ACROSS, len(histories))
    down = -(-len(histories) // across)
    figure = Figure(figsize=(8.4 * across, 9.4 * down), dpi=150, layout="constrained", facecolor="white")
    parts = figure.subfigures(down, across, squeeze=False)
    for part, one in zip(parts.flat, histories):
        _sheet(part, picture, one, early, units, start)
    return figure


def encoded(figure: Figure, form: str = "png") -> bytes:
    """The content of a file with the figure, as `"png"` or as `"svg"`, whose text can be searched and edited.

    Raises:
        ValueError: another format.
    """
    import matplotlib

    if form not in FORMATS:
        raise ValueError(f"a figure is written as {' or '.join(FORMATS)}, not {form!r}")
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "dfine"}):
        figure.savefig(file, format=form, metadata={"Date": None} if form == "svg" else None)
    return file.getvalue()


def explained(early: int | str, layers: int) -> str:
    """Which box and curves are red, and what the paper means by *initial*, in a line."""
    if early == INITIAL:
        return (
            "Red: the initial box b0, before any decoder layer's distributions; it has none. Green: layer "
            f"{layers} of {layers}, the last. (The paper's “initial” is layer 1, after its distributions.)"
        )
    paper = ", the paper's “initial”" if early == 0 else "; the paper's “initial” is layer 1"
    red = f"Red: {layer_name(early + 1)} of {layers}, after its distributions have moved the box{paper}."
    return f"{red} Green: layer {layers}, the last."


def _sheet(part: SubFigure, picture: Image.Image, history: History, early: int | str, units: str, start: bool) -> None:
    """One object's panels: the picture over two rows of four edges, and the line that explains them."""
    grid = part.add_gridspec(3, 4, height_ratios=(2.6, 1, 1))
    _photo(part.add_subplot(grid[0, :]), picture, history, early, start)
    p = history.probabilities.numpy()  # [L, 4, N+1]
    weighted = p * _reach(history, units)[None]
    for k, edge in enumerate(EDGES):
        upper, lower = part.add_subplot(grid[1, k]), part.add_subplot(grid[2, k])
        first = k == 0
        for axes, values, label in (
            (upper, p[:, k], "Unweighted, Pr(n)"),
            (lower, weighted[:, k], f"Weighted, W(n)·Pr(n)\n{UNITS[units]}"),
        ):
            _curves(axes, None if early == INITIAL else values[early], values[-1], label if first else "")
        upper.set_title(edge.capitalize(), fontsize=11)
        lower.set_xlabel("n", fontsize=9)
    part.supxlabel(explained(early, history.layers), fontsize=8, color="#555555", wrap=True)


def _reach(history: History, units: str) -> np.ndarray:
    """W(n) per edge in the unit asked for: [4, N+1]."""
    if units == "pixels":
        return (history.w[None] * history.pixels_per_size[:, None]).numpy()
    scale = 1 / curvature(history.w) if units == "code" else 1.0
    return (history.w * scale).expand(4, -1).numpy()


def _photo(axes: Axes, picture: Image.Image, history: History, early: int | str, start: bool) -> None:
    width, height = history.size
    axes.imshow(np.asarray(picture.convert("RGB")), extent=(0, width, height, 0))
    boxes = history.xyxy_pixels.tolist()
    last = (boxes[-1], LATE, "-", f"Layer {history.layers}, the last: box and distributions")
    before = "Initial box b0, before any distribution"
    if early == INITIAL:
        parts = [(boxes[0], EARLY, APART, before), last]
    else:
        name = "Layer 1 (the paper's “initial”)" if early == 0 else f"Layer {early + 1}"
        parts = [(boxes[early + 1], EARLY, APART, f"{name}: box and distributions"), last]
        parts = [(boxes[0], START, ":", before), *parts] if start else parts
    for (x1, y1, x2, y2), colour, dash, label in parts:
        patch = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=1.8, ls=dash, ec=colour, label=label)
        axes.add_patch(patch)
    # Under the picture, where it hides no object.
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), fontsize=8, facecolor="#D9D9D9", framealpha=0.9)
    axes.set_title(style.title(history), fontsize=11)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")


def _curves(axes: Axes, early: np.ndarray | None, late: np.ndarray, label: str) -> None:
    if early is not None:
        axes.plot(early, color=EARLY, lw=1.3, ls=APART)
    axes.plot(late, color=LATE, lw=1.3)
    last = len(late) - 1
    axes.set_xticks((0, last // 2, last))
    axes.tick_params(labelsize=8)
    axes.locator_params(axis="y", nbins=4)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if label:
        axes.set_ylabel(label, fontsize=9)
