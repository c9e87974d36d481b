"""Edge distributions that sharpen from layer to layer, as an animated picture for pages without scripts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from dfine import distribution
from dfine.config import EDGES
from dfine.figures import picture as pictures
from dfine.figures import style
from dfine.figures.object import summary
from dfine.trace.history import History
from dfine.trace.stages import layer_name


def frames(picture: Image.Image, history: History, *, steps: int = 10, hold: int = 6) -> list[Image.Image]:
    """Frames of one object's box and its four distributions, from the initial box through every layer.

    Between two layers the edge *logits* are mixed, as the network itself adds to them from layer to layer (paper eq.
    3), and the box is decoded from them. The first layer starts from flat logits, which no layer ever had; the titles
    of those frames say "before layer 1". `steps` frames lead to every layer, and `hold` frames rest on it.
    """
    flat = torch.zeros_like(history.edges[:1])
    stages = torch.cat((flat, history.edges))  # [1 + L, 4, N+1]
    frames = []
    for layer in range(history.layers):
        ease = [0.5 - 0.5 * np.cos(np.pi * (s + 1) / steps) for s in range(steps)]
        for t in ease:
            edges = torch.lerp(stages[layer], stages[layer + 1], float(t))
            frames.append(_frame(picture, history, edges, layer, title(layer, t)))
        frames += frames[-1:] * (hold if layer < history.layers - 1 else 3 * hold)  # the way ends at 1
    return frames


def title(layer: int, t: float) -> str:
    """The title of a frame that has come `t` of the way, 0..1, to `layer`, counted from 0."""
    return layer_name(layer + 1) if layer or t >= 1 else "before layer 1"


def save(frames: list[Image.Image], path: str | Path, *, milliseconds: int = 80) -> None:
    """Write frames as an endless GIF with one palette for all, so that nothing flickers."""
    palette = frames[-1].quantize(128)
    reduced = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
    reduced[0].save(path, save_all=True, append_images=reduced[1:], duration=milliseconds, loop=0, optimize=True)


def _frame(picture: Image.Image, history: History, edges: torch.Tensor, layer: int, title: str) -> Image.Image:
    """One frame: the object with the box that `edges` [4, N+1] decode to, and its distributions to the right."""
    box = distribution.decode(history.initial, distribution.offsets(edges, history.w))
    figure = Figure(figsize=(7.6, 2.7), dpi=100, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subfigures(1, 2, width_ratios=(0.85, 1.55))
    axes = left.subplots()
    axes.imshow(np.asarray(pictures.moving_box(picture, history, box, layer)))
    axes.axis("off")
    p = torch.softmax(edges, -1).numpy()
    grid = right.subplots(2, 2, sharex=True, sharey=True)
    top = float(history.probabilities.max())
    for k, (edge, axes) in enumerate(zip(EDGES, grid.flat)):
        summary.panel(axes, p[k], None, style.EDGE_COLOURS[edge])
        axes.set_ylim(0, top * 1.05)
        axes.set_title(edge, fontsize=9, color=style.EDGE_COLOURS[edge], fontweight="bold", pad=2)
    colour = style.INITIAL if title.startswith("before") else style.layer_colours(history.layers)[layer]
    figure.suptitle(title, fontsize=10, color=colour, fontweight="bold")
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
