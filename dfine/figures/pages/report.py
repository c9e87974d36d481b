"""The report on a data set as a page of its own: what refinement is worth, what errors cost, how sure edges are."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import plotly.graph_objects as go
from PIL import Image

from dfine.figures.pages import calibration_section, document, errors, gains, reporting, slices, suspects
from dfine.figures.pages.document import Document, Panel, Section
from dfine.wording import counted, some

MOST = 24  # classes that a figure lists, the costliest ones; the table has all
ORIGIN = ("data", "pictures", "objects", "model", "digest", "input", "threshold", "top", "dfine", "schema")
CUT = (
    "Only boxes with a score of {:g} or more count here. dfine evaluate counts all boxes, which gives a slightly "
    "higher AP and a higher AR."
)
WORDS = (
    ("AP", "Average precision, the mean over ten IoU thresholds from 0.50 to 0.95 and over the classes; 1 is perfect."),
    ("AP50, AP75", "The same at one threshold: a box is right if it overlaps the true one with IoU 0.50, or 0.75."),
    ("Initial box", "The box of a query before any layer has moved an edge."),
    ("Cls", "The box lies on an object of another class (IoU from 0.5)."),
    ("Loc", "The right class, but too loose a box: IoU 0.1 to 0.5."),
    ("Both", "Another class, and too loose."),
    ("Dupe", "A second box on an object that a better one has found already."),
    ("Bkg", "A box where there is no object."),
    ("Miss", "An object that no box found, and that no Cls or Loc box lies on."),
    ("Gain", "AP of a layer less AP of the initial boxes."),
    ("Cost", "What AP50 would gain if all errors of one kind, and no others, were fixed. Costs do not add up."),
    ("Interval", "If its distribution can be trusted, an edge lies in its 80\u00a0% interval in 80 of 100 cases."),
    ("Temperature", "A number per edge that flattens (over 1) or sharpens (under 1) its distributions for that."),
    ("Levels", "Which quantiles are read for that, depending on how wide the interval is."),
    (
        "Interval score",
        "How far the intervals are from the truth, their width counted in; in the network's own deviations.",
    ),
)


def report(
    numbers: dict,
    pictures: Sequence[tuple[Image.Image, dict]] = (),
    suspected: Sequence[tuple[Image.Image, dict]] = (),
) -> str:
    """The report as a self-contained HTML page whose figures stay interactive.

    Args:
        numbers: plain values with the keys `head`, `stages`, `thresholds`, `by_threshold`, `classes`, `errors`,
            `unknown`, `reporting`, `slices`, `comparison`, `calibration` and `worst`, as `dfine.explore.report` makes
            them; they are put into the page under the id `data`. What is None, empty or not there is left out.
        pictures: the worst pictures with their entries in `worst`, drawn small.
        suspected: details of the first probable label errors; see `dfine.figures.pages.suspects`.
    """
    figures: list[go.Figure] = []
    cards = [document.section(s, i, figures) for i, s in enumerate(sections(numbers))]
    main = [
        _suspects(numbers, suspected) if suspected else "",
        *cards,
        _worst(pictures, numbers) if pictures else "",
        f"<section><h2>The words</h2>{document.words(WORDS)}</section>",
    ]
    head = numbers["head"]
    return str(
        Document(
            f"{head['data']}: the errors of {head['model']}",
            _header(numbers),
            "\n".join(main),
            document.origin(head, ORIGIN),
            numbers,
            figures,
            ("page.css", "report.css"),
        )
    )


def sections(numbers: dict) -> list[Section]:
    """The cards of the page, in order; those of which nothing was measured are left out."""
    made = (
        _gains(numbers),
        _errors(numbers),
        reporting.section(numbers.get("reporting"), _left_out(numbers)),
        slices.section(numbers.get("slices"), numbers.get("comparison"), numbers["head"].get("unknown") or ()),
        calibration_section.section(numbers["calibration"]),
    )
    return [section for section in made if section]


def sentences(numbers: dict) -> list[str]:
    """The report in a few sentences, as HTML."""
    head, stages = numbers["head"], numbers["stages"]
    out = [f"On {counted(head['pictures'], 'picture')} with {counted(head['objects'], 'object')}"]
    if not stages or stages[-1]["AP"] is None:
        return [out[0] + " there is nothing to measure."]
    first, last = stages[0]["AP"], stages[-1]["AP"]
    gain = f", {last - first:+.3f} over the initial boxes" if len(stages) > 1 else ""
    out[0] += f" the last layer reaches <b>AP {last:.3f}</b>{gain.replace('-', '−')}."
    if unknown := numbers.get("unknown"):
        out.append(_unknown(unknown, head["objects"]))
    delta = {k: _counted(numbers)["delta"][k] for k in errors.KINDS}
    worst = max(delta, key=lambda k: delta[k] or 0)
    if delta[worst]:
        out.append(
            f"The costliest kind of error is <b>{errors.WORDS[worst]}</b> ({worst}): without it AP50 would be "
            f"{delta[worst]:.3f} higher."
        )
    measured = (numbers["calibration"] or {}).get("measured")
    if measured and measured["objects"]:
        seen = measured["coverage"][measured["masses"].index(0.8)]
        word = "calibrated" if calibration_section.fitted(measured) else "uncalibrated"
        out.append(
            f"An edge's 80\u00a0% interval ({word}) holds the true edge in <b>{100 * sum(seen) / 4:.0f}\u00a0%</b>."
        )
    return out


def _unknown(found: dict, objects: int) -> str:
    """The sentence on classes that the model does not have, and on the AP of the others, as HTML."""
    named = html.escape(some(found["classes"]))
    out = (
        f"The model has no class for {named}: {len(found['classes'])} of {found['of']} classes and "
        f"{found['objects']:,} of {objects:,} objects, which count as missed."
    )
    return out if found["known"] is None else f"{out} Over the other classes AP is <b>{found['known']:.3f}</b>."


def _counted(numbers: dict) -> dict:
    """The summary of the errors: of all classes, or of those that the model knows where there are others."""
    return numbers["errors"].get("known") or numbers["errors"]["all"]


def _left_out(numbers: dict) -> str:
    """What the sections on errors add to their leads."""
    return " Only classes that the model knows are counted." if numbers.get("unknown") else ""


def _header(numbers: dict) -> str:
    head = numbers["head"]
    return (
        '<p class="kicker">D-FINE Lens: a data set’s errors, edge by edge and layer by layer</p>'
        f'<h1>{html.escape(str(head["data"]))}</h1><p class="lead">{" ".join(sentences(numbers))}</p>'
    )


def _gains(numbers: dict) -> Section | None:
    stages = numbers["stages"]
    if not stages or stages[-1]["AP"] is None:
        return None
    least = numbers["head"].get("threshold")
    note = document.paragraph(CUT.format(least)) if least else ""
    panels = [Panel("AP of every stage", gains.by_stage(stages), _stages_html(stages) + note)]
    if len(stages) > 1:
        panels.append(
            Panel(
                "Gain by IoU threshold",
                gains.by_threshold(numbers["thresholds"], numbers["by_threshold"]),
                document.paragraph(
                    "AP of each layer less AP of the initial boxes, each stage ranked by its own scores."
                ),
                wide=False,
            )
        )
        panels.append(Panel("By class", None, _classes_html(numbers["classes"])))
    return Section(
        "What the layers are worth",
        "Every decoder layer has boxes and scores of its own, so decoding could stop after any of them.",
        tuple(panels),
    )


def _errors(numbers: dict) -> Section | None:
    found, counted = numbers["errors"], _counted(numbers)
    if counted["ap50"] is None:
        return None
    least = numbers["head"].get("threshold")
    at = f"The last layer’s AP50 is {counted['ap50']:.3f}. The numbers in brackets count the errors."
    if least is not None:
        at += f" They include all boxes with a score of {least:g} or more, most of which rank too low to cost much."
    panels = [Panel("What it costs", errors.costs(counted), document.paragraph(at), wide=False)]
    if seen := numbers.get("reporting"):  # what a person sees comes before what only ranks low
        panels.insert(0, Panel(f"Reported, from {seen['score']:g} on", None, reporting.counts_html(seen)))
    for key, name in (("cases", "By hard case"), ("sizes", "By size"), ("classes", "By class")):
        shown = calibration_section.named(found[key], MOST)
        if len(shown) > 1:
            notes = {
                "cases": "A picture can be several hard cases at once; clean pictures are none of them.",
                "sizes": "By the area of the true object, or of a box without one. COCO’s bounds: 32² and 96² pixels.",
                "classes": _costliest(len(shown), len(found[key])),
            }
            text = f"AP50, and what it would gain if all errors of a kind were fixed. {notes[key]}"
            panels.append(Panel(name, None, errors.parts_html(shown) + document.paragraph(text)))
    return Section(
        "What goes wrong, and what it costs",
        "Each error is of one kind. Its cost is what AP50 would gain if all errors of that kind were fixed (TIDE)."
        + _left_out(numbers),
        tuple(panels),
    )


def _suspects(numbers: dict, suspected: Sequence[tuple[Image.Image, dict]]) -> str:
    counts = {"all": numbers.get("suspects") or {}, "likely": numbers.get("suspects_likely") or {}}
    return suspects.section(suspected, counts, numbers.get("suspects_judged") or "")


def _costliest(shown: int, count: int) -> str:
    """A sentence on which classes are listed."""
    if shown == count:
        return f"All {count} classes, the costliest first."
    return f"The {shown} classes of {count} whose errors cost most, the costliest first."


def _stages_html(stages: Sequence[dict]) -> str:
    metrics = [key for key in stages[0] if key != "stage"]
    head = "".join(f"<th>{m}</th>" for m in metrics)
    rows = "".join(
        f"<tr><th>{s['stage']}</th>" + "".join(f"<td>{_number(s[m])}</td>" for m in metrics) + "</tr>" for s in stages
    )
    return f'<div class="scroll"><table class="numbers"><tr><th></th>{head}</tr>{rows}</table></div>'


def _classes_html(classes: Sequence[dict]) -> str:
    """AP of the first and the last stage of every class, and the gain."""
    rows = []
    for c in classes:
        first, last = list(c["ap"].values())[0], list(c["ap"].values())[-1]
        gain = None if first is None or last is None else last - first
        sign = "" if gain is None else f"{gain:+.3f}".replace("-", "−")
        rows.append(
            f"<tr><th>{html.escape(c['name'])}</th><td>{c['objects']:,}</td><td>{_number(first)}</td>"
            f"<td>{_number(last)}</td><td>{sign}</td></tr>"
        )
    head = "<tr><th></th><th>objects</th><th>AP, initial</th><th>AP, last</th><th>gain</th></tr>"
    return f'<div class="scroll tall"><table class="numbers">{head}{"".join(rows)}</table></div>'


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _worst(pictures: Sequence[tuple[Image.Image, dict]], numbers: dict) -> str:
    least = numbers["head"].get("threshold")
    unknown = " Objects of classes that the model does not know are left out." if numbers.get("unknown") else ""
    counted = "all boxes" if least is None else f"all boxes with a score of {least:g} or more"
    cards = []
    for picture, entry in pictures:
        drawn = errors.draw(picture, entry["boxes"], entry["size"], limit=480)
        shown = document.image(drawn, f"{entry['picture']}: {entry['why']}", 80)
        name, why = html.escape(entry["picture"]), html.escape(entry["why"])
        cards.append(f"<figure>{shown}<figcaption><b>{name}</b> {why}</figcaption></figure>")
    return (
        "<section><h2>The worst pictures</h2><p>The pictures with the most mistakes among boxes with a score of "
        "0.5 or more. Grey boxes are right, red ones wrong, with the reason. Dashed: an object that none of these "
        "boxes found. Blue boxes lie where nothing is labelled; as the label may be missing, they are not counted. "
        f"The costs above count {counted}.{unknown}</p>"
        f'<div class="worst">{"".join(cards)}</div></section>'
    )
