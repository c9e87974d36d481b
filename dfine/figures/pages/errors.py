"""The errors on a data set: what each kind costs, where it happens, and pictures with errors."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go
from PIL import Image, ImageDraw

from dfine.figures import lettering, style
from dfine.figures import picture as pictures

# The kinds of TIDE (arXiv 2008.08115) in words.
WORDS = {
    "Cls": "wrong class",
    "Loc": "loose box",
    "Both": "wrong class, loose box",
    "Dupe": "second box",
    "Bkg": "nothing there",
    "Miss": "missed",
    "FalsePos": "all wrong boxes",
    "FalseNeg": "all not found",
}
KINDS = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss")
COST = "#7A6BEE"  # bars and cells: what an error costs
RIGHT, WRONG, FREE = "#9AA0A8", "#E4605E", "#56A8DC"  # boxes in pictures
ROLES = {"correct": RIGHT, "unlabelled": FREE, "wrong": WRONG}  # and "missed", which is dashed


def costs(summary: dict) -> go.Figure:
    """How much AP50 would gain if all errors of one kind, and nothing else, were fixed.

    Below the line stand the two sides of all errors together: false positives, and objects that were not found.

    Args:
        summary: `dfine.evaluation.tide.Errors.summary()`.
    """
    kinds = [k for k in WORDS if k in summary["delta"]]
    values = [summary["delta"][k] or 0.0 for k in kinds]
    counts = [summary["counts"].get(k) for k in kinds]
    labels = [f"<b>{k}</b><br>{WORDS[k]}" for k in kinds]
    text = [f" {v:+.3f}".replace("-", "−") + ("" if n is None else f"  ({n:,})") for v, n in zip(values, counts)]
    colours = [COST if k in KINDS else style.GHOST for k in kinds]
    hover = [f"{WORDS[k]} ({k}): AP50 {summary['ap50'] or 0:.3f} → {summary['fixed'][k] or 0:.3f}" for k in kinds]
    bars = go.Bar(
        x=values,
        y=labels,
        orientation="h",
        marker=dict(color=colours, line=dict(width=0)),
        text=text,
        textposition="outside",
        cliponaxis=False,
        hovertext=hover,
        hoverinfo="text",
        width=0.62,
    )
    figure = go.Figure(bars, style.plotly_layout(54 + 42 * len(kinds), margin=dict(l=150, r=12, t=8, b=44)))
    figure.update_xaxes(
        title=dict(text="AP50 gained if fixed", standoff=6),
        range=[min([*values, 0.0]) * 1.45, max([*values, 0.01]) * 1.45],
        tickformat=".3~f",
        nticks=6,
        gridcolor=style.GRID,
        zerolinecolor=style.GHOST,
        fixedrange=True,
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True, ticklen=6, tickcolor="rgba(0,0,0,0)")
    split = len(KINDS) - 0.5
    figure.add_hline(y=split, line=dict(color=style.GRID, width=1))
    return figure


def parts_html(summaries: dict[str, dict]) -> str:
    """The same for parts of the data (classes, sizes, hard cases): a row a part, a column a kind; dark cells cost most.

    Args:
        summaries: name -> `Errors.summary()`.
    """
    delta = {name: [s["delta"][k] for k in KINDS] for name, s in summaries.items()}
    top = max((v for values in delta.values() for v in values if v is not None), default=0) or 1
    heads = "".join(f"<th>{k}<br><small>{WORDS[k].replace(', ', ',<br>')}</small></th>" for k in KINDS)
    rows = []
    for name, values in delta.items():
        counts, ap = summaries[name]["counts"], summaries[name]["ap50"]
        cells = "".join(_cell(v, counts[k], top) for k, v in zip(KINDS, values))
        rows.append(f"<tr><th>{escape(name)}</th><td>{'–' if ap is None else format(ap, '.3f')}</td>{cells}</tr>")
    head = f"<tr><th></th><th>AP50</th>{heads}</tr>"
    return f'<div class="scroll"><table class="numbers cells">{head}{"".join(rows)}</table></div>'


def _cell(gain: float | None, count: int, top: float) -> str:
    if gain is None:
        return "<td>–</td>"
    shade = style.alpha(COST, round(0.6 * gain / top, 3))
    text = "·" if gain < 0.0005 else f"{gain:.3f}"
    return f'<td style="background:{shade}" title="{count:,} times">{text}</td>'


def draw(picture: Image.Image, boxes: Sequence[dict], size: tuple[int, int], *, limit: int = 640) -> Image.Image:
    """A picture with what was right in it (thin, grey), wrong (red, with what it is) and missed (dashed).

    Finds where nothing is labelled are blue: nobody has said yet that they are wrong.

    Args:
        picture: the picture, at any scale.
        boxes: dicts of `role` ("correct", "unlabelled", "wrong", "missed"), `box` (xyxy in pixels of `size`) and
            `label`.
        size: (width, height) in pixels that the boxes count in.
        limit: longest side of the result.
    """
    image = pictures.shown(picture, limit)
    canvas = ImageDraw.Draw(image, "RGBA")
    unit = pictures.point(image.size)
    scale = [image.width / size[0], image.height / size[1]] * 2
    placed = [(b, [v * s for v, s in zip(b["box"], scale)]) for b in boxes]
    order = ("correct", "missed", "unlabelled", "wrong")
    for b, place in sorted(placed, key=lambda pair: order.index(pair[0]["role"])):
        if b["role"] == "missed":
            pictures._dashed(canvas, place, width=round(2 * unit), dash=round(7 * unit))
        else:
            right = b["role"] == "correct"
            pictures._frame(canvas, place, ROLES[b["role"]], width=round((2 if right else 3) * unit))
    named = [(b["label"], place, ROLES[b["role"]]) for b, place in placed if b["role"] in ("wrong", "unlabelled")]
    lettering.labels(canvas, named, image.size, 14 * unit)
    return image
