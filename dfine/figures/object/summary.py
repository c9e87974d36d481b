"""One object on one sheet: the scene, every layer's box, and the distributions of its four edges (matplotlib)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from dfine.config import EDGES
from dfine.figures import picture as pictures
from dfine.figures import style, words
from dfine.trace.detections import Detections
from dfine.trace.history import History
from dfine.trace.stages import layer_name, stage_names

INK = "#3C4149"


def summary(picture: Image.Image, detections: Detections, history: History) -> Figure:
    """What was found, how one box came about and how sure each edge is, in one picture on white.

    Left the picture with its detections; in the middle the object of `history` with its initial box, every layer's box
    and 80 % whiskers; right Pr(n) of its four edges, one row a layer.
    """
    figure = Figure(figsize=(13.2, 4.3), dpi=130, facecolor="white", layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1, 0.92, 1.75))
    same = (detections.query == history.query).nonzero().flatten().tolist()
    selected = same[0] if same else None
    name = words.short(history.name or f"class {history.label}")
    _image(left, pictures.draw(picture, detections, selected), "A picture, and what was found in it")
    _image(middle, pictures.history_boxes(picture, history, side=720), f"{name}: its box after every layer")
    _legend(middle, history)
    axes = right.subplots(history.layers, 4, sharex=True, sharey=True, squeeze=False)
    note = f"Its four edges as distributions Pr(n), layer by layer; ± spread ({style.calibration(history)})"
    right.suptitle(note, fontsize=11, color=INK)
    p = history.probabilities.numpy()
    for layer in range(history.layers):
        for k, edge in enumerate(EDGES):
            before = p[layer - 1, k] if layer else None
            panel(axes[layer, k], p[layer, k], before, style.EDGE_COLOURS[edge])
            spread = style.number(float(history.deviations[layer, k]))
            axes[layer, k].text(
                0.97,
                0.93,
                f"± {spread} px",
                transform=axes[layer, k].transAxes,
                ha="right",
                va="top",
                fontsize=8,
                color=INK,
            )
            if layer == 0:
                axes[layer, k].set_title(edge, fontsize=10, color=style.EDGE_COLOURS[edge], fontweight="bold")
        colour = style.layer_colours(history.layers)[layer]
        axes[layer, 0].set_ylabel(layer_name(layer + 1), color=colour, fontsize=9)
    return figure


def panel(axes: Axes, p: np.ndarray, before: np.ndarray | None, colour: str) -> None:
    """One distribution as bars, with the layer before as a grey outline."""
    n = np.arange(len(p))
    if before is not None:
        axes.fill_between(n, before, step="mid", color="#B9BEC6", alpha=0.45, lw=0)
        axes.step(n, before, where="mid", color="#8A9099", lw=0.8)
    axes.bar(n, p, width=0.86, color=colour, alpha=0.9)
    axes.axvline((len(p) - 1) / 2, color="#8A9099", lw=0.7, ls=":")
    axes.margins(y=0.2)
    axes.set_xticks((0, (len(p) - 1) // 2, len(p) - 1))
    axes.tick_params(labelsize=7.5, colors=INK, length=2.5)
    axes.locator_params(axis="y", nbins=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#B9BEC6")


def _image(figure, image: Image.Image, title: str) -> None:
    axes = figure.subplots()
    axes.imshow(np.asarray(image))
    axes.axis("off")
    figure.suptitle(title, fontsize=11, color=INK)


def _legend(figure, history: History) -> None:
    names, colours = stage_names(history.layers), [style.INITIAL, *style.layer_colours(history.layers)]
    lines = [Line2D([], [], color=c, lw=2.5, ls="--" if i == 0 else "-") for i, c in enumerate(colours)]
    figure.legend(lines, names, loc="outside lower center", ncols=min(4, len(lines)), fontsize=8, frameon=False)
