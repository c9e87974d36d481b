"""The paper's own figures, drawn from any history with matplotlib, for print: Figure 4 (arXiv 2410.13842)."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from dfine.config import EDGES
from dfine.figures import style
from dfine.records import History

EARLY, LATE, START = "#D62728", "#2CA02C", "#F2C200"  # the paper's red and green; yellow for the box before any layer
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
    picture: Image.Image, history: History, *, early: int = 0, units: str = "box", start: bool = True
) -> Figure:
    """The paper's Figure 4 for one object: an early and the last box on the picture, and their distributions.

    Above, the picture with the early box in red and the last in green. Below, one column an edge: Pr(n), "unweighted",
    and W(n)·Pr(n) per bin, "weighted", not summed. What the paper's figure calls *initial* is decoder layer 1 after its
    distributions have moved the box, hence `early=0`; the box before that has no distributions, and is added in
    yellow with `start`. Unlike the paper's script, which has 1/c = 8 fixed, W(n) is the model's own.

    Args:
        picture: the picture, at any scale.
        history: the object.
        early: index of the layer shown in red, counted from 0.
        units: of W(n)·Pr(n): `"box"` (sizes of the initial box, as in the paper's text), `"code"` (times 1/c, as in the
            paper's figure) or `"pixels"`.
        start: also draw the initial box that all layers' edges are measured from.

    Raises:
        ValueError: the layer or the unit does not exist.
    """
    if not 0 <= early < history.layers:
        raise ValueError(f"there is no layer index {early}; this history has 0 to {history.layers - 1}")
    if units not in UNITS:
        raise ValueError(f"units must be one of {', '.join(UNITS)}, not {units!r}")
    figure = Figure(figsize=(8.4, 9.2), dpi=150, layout="constrained")
    grid = figure.add_gridspec(3, 4, height_ratios=(2.6, 1, 1))
    _photo(figure.add_subplot(grid[0, :]), picture, history, early, start)
    p = history.probabilities.numpy()  # [L, 4, N+1]
    weighted = p * _reach(history, units)[None]
    for k, edge in enumerate(EDGES):
        upper, lower = figure.add_subplot(grid[1, k]), figure.add_subplot(grid[2, k])
        _curves(upper, p[early, k], p[-1, k], "Unweighted, Pr(n)" if k == 0 else "")
        _curves(lower, weighted[early, k], weighted[-1, k], f"Weighted, W(n)·Pr(n)\n{UNITS[units]}" if k == 0 else "")
        upper.set_title(edge.capitalize(), fontsize=11)
        lower.set_xlabel("n", fontsize=9)
    return figure


def _reach(history: History, units: str) -> np.ndarray:
    """W(n) per edge in the unit asked for: [4, N+1]."""
    if units == "pixels":
        return (history.w[None] * history.pixels_per_size[:, None]).numpy()
    scale = 1 / curvature(history.w) if units == "code" else 1.0
    return (history.w * scale).expand(4, -1).numpy()


def _photo(axes: Axes, picture: Image.Image, history: History, early: int, start: bool) -> None:
    width, height = history.size
    axes.imshow(np.asarray(picture.convert("RGB")), extent=(0, width, height, 0))
    boxes = history.xyxy_pixels.tolist()
    name = "Layer 1 (the paper's “initial”)" if early == 0 else f"Layer {early + 1}"
    parts = [(boxes[early + 1], EARLY, "-", f"{name}: box and distributions"), (boxes[-1], LATE, "-", "Last layer")]
    if start:
        parts.insert(0, (boxes[0], START, "--", "Initial box, before any distribution"))
    for (x1, y1, x2, y2), colour, dash, label in parts:
        patch = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=1.8, ls=dash, ec=colour, label=label)
        axes.add_patch(patch)
    axes.legend(loc="upper right", fontsize=8, facecolor="#D9D9D9", framealpha=0.9)
    axes.set_title(style.title(history), fontsize=11)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")


def _curves(axes: Axes, early: np.ndarray, late: np.ndarray, label: str) -> None:
    axes.plot(early, color=EARLY, lw=1.3)
    axes.plot(late, color=LATE, lw=1.3)
    last = len(early) - 1
    axes.set_xticks((0, last // 2, last))
    axes.tick_params(labelsize=8)
    axes.locator_params(axis="y", nbins=4)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if label:
        axes.set_ylabel(label, fontsize=9)
