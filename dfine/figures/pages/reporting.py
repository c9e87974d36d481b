"""What reporting boxes from a score gives: precision, recall and F1 by class, and which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from dfine.figures import style
from dfine.figures.pages import document
from dfine.figures.pages.document import Panel, Section
from dfine.figures.pages.errors import KINDS, WORDS

MOST = 24  # classes that figures and the matrix show; the table and the data have all
WHOLE = "#7A6BEE"  # the curve of all classes
WRONG = "#E4605E"


def section(found: dict | None, left_out: str = "") -> Section | None:
    """What the report says of it; None where there is no object.

    Args:
        found: `score`, `errors` (kind -> how many, of boxes from that score), `curves` and `confusion`, as
            `dfine.explore.report` makes them.
        left_out: a sentence on what is not counted, after a space.
    """
    if not found or not found["curves"] or not found["curves"][0]["objects"]:
        return None
    score, curves = found["score"], found["curves"]
    shown = curves[: MOST + 1]
    panels = [
        Panel(
            "Precision and recall",
            precision_recall(shown),
            document.paragraph("Hover over a line for its class. The dots stand at the score with the best F1.")
            + best_html(curves),
            wide=False,
            beside=[f1_by_score(shown)],
        ),
        Panel("Which is taken for which", None, confusion_html(found["confusion"], score)),
    ]
    return Section(
        "What to report",
        "A threshold trades missed objects for wrong boxes. F1 balances the two, and every class has its own best."
        + left_out,
        tuple(panels),
    )


def precision_recall(curves: Sequence[dict]) -> go.Figure:
    """Precision against recall at every score: thin lines are classes, the thick one is all together."""
    figure = _figure("recall", "precision")
    for curve, line in _drawn(curves):
        seen = [(r, p, s) for r, p, s in zip(curve["recall"], curve["precision"], curve["scores"]) if p is not None]
        _add(figure, curve, line, seen, ("recall", "precision"))
        best = curve["best"]
        if best:
            _dot(figure, curve, line, best["recall"], best["precision"])
    return figure


def f1_by_score(curves: Sequence[dict]) -> go.Figure:
    """F1 by the score from which boxes are reported."""
    figure = _figure("reported from this score on", "F1")
    for curve, line in _drawn(curves):
        points = list(zip(curve["scores"], curve["f1"], curve["scores"]))
        _add(figure, curve, line, points, ("score", "F1"))
        best = curve["best"]
        if best:
            _dot(figure, curve, line, best["threshold"], best["f1"])
    return figure


def best_html(curves: Sequence[dict]) -> str:
    """A table of the best threshold of every class."""
    head = "".join(f"<th>{t}</th>" for t in ("", "objects", "best threshold", "F1", "precision", "recall"))
    rows = []
    for curve in curves:
        best = curve["best"]
        values = [f"{best[k]:.3f}" for k in ("threshold", "f1", "precision", "recall")] if best else ["–"] * 4
        cells = "".join(f"<td>{v}</td>" for v in (f"{curve['objects']:,}", *values))
        rows.append(f"<tr><th>{escape(curve['name'])}</th>{cells}</tr>")
    return f'<div class="scroll tall"><table class="numbers"><tr>{head}</tr>{"".join(rows)}</table></div>'


def confusion_html(found: dict, score: float) -> str:
    """The confusion matrix: a row a true class, a column a reported one; with many classes only the mix-ups."""
    names, counts = found["names"], found["counts"]
    if len(names) - 1 > MOST:
        return _pairs_html(found) + document.paragraph(
            f"Of boxes with a score of {score:g} or more, at an IoU of 0.5: the {MOST} most frequent mix-ups at most."
        )
    text = document.paragraph(
        f"Of boxes with a score of {score:g} or more, at an IoU of 0.5. A row is what the answers say, a column what "
        "was reported. The last row counts boxes on no object, boxes that lie too loosely, and those on an object that "
        "another box stands for; the last column objects that were not reported."
    )
    heads = "".join(f"<th><span>{escape(name) or 'not reported'}</span></th>" for name in names)
    top = max((n for i, row in enumerate(counts) for j, n in enumerate(row) if i != j), default=0) or 1
    rows = []
    for i, (name, row) in enumerate(zip(names, counts)):
        cells = "".join(_cell(n, i == j, top, max(row) or 1) for j, n in enumerate(row))
        rows.append(f"<tr><th>{escape(name) or 'no object'}</th>{cells}</tr>")
    table = f'<table class="numbers cells matrix"><tr><th></th>{heads}</tr>{"".join(rows)}</table>'
    return f'<div class="scroll">{table}</div>{text}'


def counts_html(found: dict) -> str:
    """How many errors of each kind there are: among reported boxes, and among all that were kept.

    Args:
        found: as `section` takes it.
    """
    counts = found["errors"]
    heads = "".join(f"<th>{kind}<br><small>{WORDS[kind].replace(', ', ',<br>')}</small></th>" for kind in KINDS)
    words = {"reported": f"boxes from {found['score']:g} on", "all": "all boxes kept"}
    rows = "".join(
        f"<tr><th>{words[which]}</th>" + "".join(f"<td>{counts[which][kind]:,}</td>" for kind in KINDS) + "</tr>"
        for which in words
    )
    note = (
        "Most errors of all boxes have low scores and are never reported. Misses are objects that no box found, and "
        "that no Cls or Loc box lies on."
    )
    return f'<div class="scroll"><table class="numbers"><tr><th></th>{heads}</tr>{rows}</table></div>' + (
        document.paragraph(note)
    )


def _pairs_html(found: dict) -> str:
    inner = [
        (found["names"][i], found["names"][j], n)
        for i, row in enumerate(found["counts"][:-1])
        for j, n in enumerate(row[:-1])
        if n and i != j
    ]
    rows = "".join(
        f"<tr><th>{escape(a)}</th><td>{escape(b)}</td><td>{n:,}</td></tr>"
        for a, b, n in sorted(inner, key=lambda pair: -pair[2])[:MOST]
    )
    head = "<tr><th>true class</th><th>reported as</th><th>times</th></tr>"
    return f'<div class="scroll tall"><table class="numbers">{head}{rows}</table></div>'


def _cell(count: int, right: bool, top: int, most: int) -> str:
    shade = (
        style.alpha(WHOLE, round(0.45 * count / most, 3)) if right else style.alpha(WRONG, round(0.6 * count / top, 3))
    )
    return f'<td style="background:{shade}">{count:,}</td>' if count else "<td>·</td>"


def _figure(x: str, y: str) -> go.Figure:
    figure = go.Figure(layout=style.plotly_layout(340, margin=dict(l=52, r=14, t=14, b=46), hovermode="closest"))
    axes = dict(range=[0, 1.03], gridcolor=style.GRID, zeroline=False, fixedrange=True, nticks=6, tickformat=".1f")
    figure.update_xaxes(title=dict(text=x, standoff=6), **axes)
    figure.update_yaxes(title=dict(text=y, standoff=4), **axes)
    return figure


def _drawn(curves: Sequence[dict]) -> list[tuple[dict, dict]]:
    """Every curve with its colour and width; all classes together come last, on top."""
    thin = [dict(color=style.alpha(style.class_colour(i), 0.55), width=1.2) for i in range(len(curves) - 1)]
    return [*zip(curves[1:], thin), (curves[0], dict(color=WHOLE, width=3.5))]


def _add(figure: go.Figure, curve: dict, line: dict, points: list[tuple], axes: tuple[str, str]) -> None:
    """The line of a curve through `points` (x, y, score); `axes` name x and y."""
    name, (across, up) = escape(curve["name"]), axes
    hover = f"{name}, from score %{{customdata:.2f}}: {across} %{{x:.2f}}, {up} %{{y:.2f}}<extra></extra>"
    x, y, scores = zip(*points) if points else ((), (), ())
    figure.add_scatter(x=x, y=y, customdata=scores, name=curve["name"], mode="lines", line=line, hovertemplate=hover)


def _dot(figure: go.Figure, curve: dict, line: dict, x: float, y: float) -> None:
    best = curve["best"]
    hover = f"{escape(curve['name'])}: best F1 {best['f1']:.3f} from {best['threshold']:.3f} on<extra></extra>"
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker=dict(color=line["color"], size=4 + 2 * line["width"]),
        hovertemplate=hover,
    )
