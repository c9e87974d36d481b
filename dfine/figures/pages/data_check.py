"""A page about a data set before training: what is in it, and the pictures with the most mistakes."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import PurePath

import plotly.graph_objects as go
from PIL import Image, ImageDraw

from dfine.figures import style, words
from dfine.figures.pages import document
from dfine.figures.pages.document import Document, Panel, Section
from dfine.figures.picture import shown
from dfine.wording import counted, more

MOST = 40  # classes that the figure lists
NAME = 28  # letters of a class that stand beside its bar, at most
LISTED = 200  # findings that the page lists; its JSON has all
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#8A9099")  # splits; colour-blind safe
WRONG = "#D5452F"
Bad = tuple[str, tuple[float, ...] | None]  # what is wrong, and the box (x, y, width, height in pixels) it is about


def check_html(report: dict, worst: Sequence[tuple[Image.Image | None, str, Sequence[Bad]]] = ()) -> str:
    """The report of `dfine.data.check` (`to_dict`) as a self-contained page.

    Args:
        report: plain values with `source`, `pictures`, `splits`, `counts` and `findings`.
        worst: pictures (None where one cannot be read), their names, and what is wrong in each.
    """
    figures: list[go.Figure] = []
    panels = (
        Panel("Objects by class", balance(report["splits"]), wide=False, tall=True),
        Panel("Splits", None, _splits(report)),
    )
    cards = [document.section(Section("What is in it", _summary(report), panels), 0, figures)]
    cards.append(_findings(report))
    if worst:
        cards.append(_worst(worst))
    name = PurePath(report["source"]).name or report["source"]
    title = f"{name}: the data set"
    header = f'<p class="kicker">D-FINE Lens: a data set, checked</p><h1>{html.escape(name)}</h1>'
    return str(Document(title, header, "\n".join(cards), "", report, figures, ("page.css", "report.css")))


def balance(splits: dict) -> go.Figure:
    """Objects of every class, a bar a split: [class] × [split] as horizontal bars, most frequent class on top."""
    total: dict[str, int] = {}
    for part in splits.values():
        for name, count in part["classes"].items():
            total[name] = total.get(name, 0) + count
    names = sorted(total, key=lambda n: -total[n])[:MOST]
    bars = [
        go.Bar(
            y=[html.escape(n) for n in names],
            x=[part["classes"].get(n, 0) for n in names],
            name=split,
            orientation="h",
            marker_color=COLOURS[i % len(COLOURS)],
            hovertemplate="%{y}: %{x:,}<extra>%{fullData.name}</extra>",
        )
        for i, (split, part) in enumerate(splits.items())
    ]
    layout = style.plotly_layout(110 + len(names) * (12 + 12 * len(bars)), barmode="group", showlegend=len(bars) > 1)
    layout |= dict(
        yaxis=dict(
            type="category",  # classes may be called 1, 2 or 10, which are no places on an axis
            autorange="reversed",
            tickvals=[html.escape(n) for n in names],
            ticktext=[html.escape(words.short(n, NAME)) for n in names],
            automargin=True,
            ticks="outside",
            ticklen=6,
            tickcolor="rgba(0,0,0,0)",
        )
    )
    few = max((count for bar in bars for count in bar.x), default=0) < 8  # there are no half objects
    layout |= dict(xaxis=dict(title="objects", gridcolor=style.GRID, dtick=1 if few else None))
    layout |= dict(legend=dict(orientation="h", y=1.02, yanchor="bottom"), margin=dict(l=8, r=8, t=40, b=44))
    return go.Figure(bars, layout)


def framed(picture: Image.Image, bad: Sequence[Bad], limit: int = 480) -> Image.Image:
    """The picture with the boxes that are wrong in red; boxes outside it are drawn on its border."""
    image = shown(picture, limit)
    scale, canvas = image.width / picture.width, ImageDraw.Draw(image)
    for _, bbox in bad:
        if bbox is None:
            continue
        x, y, w, h = (v * scale for v in bbox)
        low = [min(max(0.0, v), s - 1) for v, s in zip((x, y), image.size)]
        high = [min(max(a, v), s - 1) for a, v, s in zip(low, (x + w, y + h), image.size)]
        if w < 6 and h < 6:  # nothing to see: a ring around the place
            canvas.ellipse([low[0] - 9, low[1] - 9, low[0] + 9, low[1] + 9], outline=WRONG, width=3)
        else:
            canvas.rectangle([*low, *high], outline=WRONG, width=3)
    return image


def _summary(report: dict) -> str:
    parts = report["splits"].values()
    pictures, objects = sum(p["pictures"] for p in parts), sum(p["objects"] for p in parts)
    classes, splits = len({name for p in parts for name in p["classes"]}), ", ".join(report["splits"])
    drawn = f" Drawn are the {MOST} of {classes:,} classes with most objects." if classes > MOST else ""
    if pictures > report["pictures"] and len(parts) > 1:
        counts = counted(report["pictures"], "picture")
        return f"{counts}, some of them in several of the splits {splits}.{drawn}"
    counts = f"{counted(pictures, 'picture')} with {counted(objects, 'object')}"
    return f"{counts} in {splits}.{drawn}"


def _splits(report: dict) -> str:
    keys = ("pictures", "empty", "objects", "crowds")
    head = "<tr><th></th><th>pictures</th><th>without objects</th><th>objects</th><th>crowds</th>"
    head += "<th>small</th><th>medium</th><th>large</th><th>width, px</th><th>height, px</th></tr>"
    rows = []
    for name, p in report["splits"].items():
        cells = [f"{p[k]:,}" for k in keys] + [f"{v:,}" for v in p["sizes"].values()]
        cells += ["–".join(str(v) for v in dict.fromkeys(p[k])) for k in ("widths", "heights")]
        rows.append(f"<tr><th>{html.escape(name)}</th>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    return f'<div class="scroll"><table class="numbers">{head}{"".join(rows)}</table></div>'


def _findings(report: dict) -> str:
    found = report["findings"]
    if not found:
        return "<section><h2>What is wrong with it</h2><p>Nothing was found.</p></section>"
    kinds = ", ".join(f"{html.escape(kind)} {count:,}" for kind, count in report["counts"].items())
    listed = "".join(f"<li>{html.escape(f['kind'])}: {html.escape(f['message'])}</li>" for f in found[:LISTED])
    beyond = more(len(found), LISTED)
    last = f"<p>…{beyond}.</p>" if beyond else ""
    return (
        f"<section><h2>What is wrong with it</h2><p>{counted(len(found), 'mistake')}: {kinds}.</p>"
        f'<div class="scroll tall"><ul>{listed}</ul>{last}</div></section>'
    )


def _worst(pictures: Sequence[tuple[Image.Image | None, str, Sequence[Bad]]]) -> str:
    cards = []
    for picture, name, bad in pictures:
        said = "; ".join(dict.fromkeys(message.removeprefix(f"{name} ") for message, _ in bad))
        image = "" if picture is None else document.image(framed(picture, bad), f"{name}: {said}", 80)
        text = f"<b>{html.escape(name)}</b> {html.escape(said if len(said) < 300 else said[:300] + ' …')}"
        cards.append(f"<figure>{image}<figcaption>{text}</figcaption></figure>")
    return (
        "<section><h2>The pictures with most mistakes</h2><p>The boxes in question are red.</p>"
        f'<div class="worst">{"".join(cards)}</div></section>'
    )
