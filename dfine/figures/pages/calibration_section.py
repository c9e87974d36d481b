"""The report's section on calibration: reliability, coverage by part, and what a calibration would do."""

from __future__ import annotations

from dfine.config import EDGES
from dfine.figures.pages import document
from dfine.figures.pages.calibration import by_part, levels, reliability, table_html
from dfine.figures.pages.document import Panel, Section
from dfine.trace.stages import layer_name

MOST = 48  # parts that a figure lists, the first ones
GROUPS = {
    "layer": "By layer",
    "width": "By width of the interval",
    "size": "By size",
    "visibility": "By visible share",
    "case": "By hard case",
    "class": "By class",
}
ORDER = {
    "size": ("small", "medium", "large"),
    "width": ("narrowest", "narrow", "middle", "wide", "widest"),
    "visibility": ("under 50 %", "50 to 80 %", "80 to 95 %", "95 % or more"),
}
LEVELS = (
    "The true edge among the tenths of its own distribution. A hump in the middle means that the distributions are too "
    "wide, high ends that they are too narrow, and one high end that the network errs to that side."
)


def section(found: dict | None) -> Section | None:
    """What the report says of calibration; None where nothing was measured.

    Args:
        found: `measured`, and `study` of a calibration or a `note` that says why there is none.
    """
    if not found or not found["measured"]["objects"]:
        return None
    measured, study = found["measured"], found.get("study")
    word = "with the stored calibration" if fitted(measured) else "as the network says"
    rows = [(f"{word}, {measured['objects']:,} objects", measured)]
    diagrams = {word: measured}
    note = ""
    if study:
        tested = f"{study['before']['objects']:,} objects of other pictures"
        rows += [(f"before, {tested}", study["before"]), (f"after, {tested}", study["after"])]
        if study.get("stored"):
            rows.insert(2, (f"with the stored calibration, {tested}", study["stored"]))
        diagrams = {"before": study["before"], "after calibration": study["after"]}
        tested_on = f"fitted on {study['fitted']:,} objects and tested on other pictures"
        said = f"Levels by the width of the interval, {tested_on}"
        if study["temperature"] is not None:
            said = f"Temperature per edge, {tested_on}: "
            said += ", ".join(f"{edge} {t:.2f}" for edge, t in zip(EDGES, study["temperature"]))
        note = document.paragraph(
            f"{said}.{_scores(study)}" + (f" But {study['doubt']}." if study.get("doubt") else "")
        )
    elif found.get("note"):
        note = document.paragraph(found["note"])
    index = measured["masses"].index(0.8)
    first, *others = (reliability({title: numbers}) for title, numbers in diagrams.items())
    panels = [Panel("Reliability", first, note + table_html(rows), wide=False, beside=others)]
    layers = {
        layer_name(i + 1): {"objects": measured["objects"], "coverage": c} for i, c in enumerate(measured["layers"])
    }
    groups = {"layer": layers, **measured["groups"]}
    for key, names in ORDER.items():
        groups[key] = {name: groups[key][name] for name in names if name in groups.get(key, {})}
    for key, name in GROUPS.items():
        shown = named(groups.get(key, {}), MOST)
        if len(shown) > 1:
            text = f"Numbers of objects in bold; {word}. With 100 objects, chance moves a dot by about 4 points."
            figure = by_part(shown, 0.8, index)
            panels.append(Panel(name, figure, document.paragraph(text), wide=False, tall=True))
    panels.append(Panel("Where the truth lies", levels(measured), document.paragraph(LEVELS)))
    outside = sum(measured["outside"]) / 4
    beyond = f" {100 * outside:.2g}\u00a0% of the true edges lie further away than W(n) reaches." if outside else ""
    return Section(
        "Can the edges’ distributions be trusted?",
        "For every object that was found: how often the true edge lies in the interval that its distribution gives."
        + beyond,
        tuple(panels),
    )


def _scores(study: dict) -> str:
    """The interval score before and after; "" for numbers of older versions, which have none."""
    if "score" not in study["before"]:
        return ""
    before, stored, after = (
        sum(study[when]["score"]) / 4 if study.get(when) else None for when in ("before", "stored", "after")
    )
    between = "" if stored is None else f"{stored:.4f} with the stored calibration, "
    return f" Interval score {before:.4f} before, {between}{after:.4f} after; less is better."


def fitted(measured: dict) -> bool:
    """Whether a calibration is in force."""
    return measured["temperature"] is not None or measured.get("levels") is not None


def named(parts: dict[str, dict], most: int) -> dict[str, dict]:
    """The first `most` parts, under names without underscores; under their own where that is another part's."""
    plain = [name.replace("_", " ") for name in parts]
    free = {name for name in plain if plain.count(name) == 1}
    return {p if p in free else name: part for p, (name, part) in list(zip(plain, parts.items()))[:most]}
