"""Parts of a data set in the report: AP and coverage by slice, and one run against another picture by picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from dfine.figures import style
from dfine.figures.pages import document
from dfine.figures.pages.document import Panel, Section

LEAST = 30  # objects of a slice from which AP is more than chance
LISTED = 12  # pictures of a comparison that are named either way
BAR = "#7A6BEE"
_BY = {"size": "By size", "class": "By class", "case": "By hard case", "tags": "By tag"}


def section(
    slices: Sequence[dict] | None, comparison: dict | None = None, unknown: Collection[str] = ()
) -> Section | None:
    """What the report says of it; None where there is neither.

    Args:
        slices: `by`, `value`, `pictures`, `objects`, `ap` and `coverage` of each, as `dfine.explore.slices` makes them.
        comparison: as `dfine.explore.compare.Comparison.to_dict` gives it.
        unknown: classes that the model does not have: none of them is called the worst, and they come last.
    """
    groups: dict[str, list[dict]] = {}
    last = [one for one in slices or () if one["by"] == "class" and one["value"] in unknown]
    slices = [one for one in slices or () if one not in last]
    for one in (*slices, *last):
        groups.setdefault(one["by"], []).append(one)
    panels = [Panel(_BY.get(by, f"By {by}"), None, slices_html(found)) for by, found in groups.items()]
    if comparison:
        panels.append(Panel(f"Against {comparison['other']}", None, comparison_html(comparison)))
    if not panels:
        return None
    enough = [s for s in slices if s["objects"] >= LEAST and s["ap"] is not None]
    worst = min(enough, key=lambda s: s["ap"], default=None)
    lead = "The last layer on parts of the data, the lowest AP first."
    if worst:
        lead += (
            f" The worst of those with {LEAST} objects or more: {worst['by']} {worst['value']}, AP {worst['ap']:.3f}."
        )
    return Section("Where it does well, and where not", lead, tuple(panels))


def slices_html(found: Sequence[dict]) -> str:
    """A table of the slices of one field: AP as a bar, and how many true edges lie in their 80 % intervals."""
    rows = []
    for one in found:
        ap, held = one["ap"], one["coverage"]
        shade = "" if ap is None else _bar(ap)
        cells = (
            f"<td>{one['pictures']:,}</td><td>{one['objects']:,}</td><td{shade}>{_number(ap)}</td>"
            f"<td>{'–' if held is None else style.percent(held, 1)}</td>"
        )
        rows.append(f"<tr><th>{escape(one['value'].replace('_', ' '))}</th>{cells}</tr>")
    head = "<tr><th></th><th>pictures</th><th>objects</th><th>AP</th><th>80 % intervals hold</th></tr>"
    note = document.paragraph(f"With fewer than {LEAST} objects, AP is mostly chance.")
    return f'<div class="scroll tall"><table class="numbers">{head}{"".join(rows)}</table></div>{note}'


def comparison_html(found: dict) -> str:
    """One run against another: the difference in AP with its interval, and the pictures with the largest wins."""
    ap, won, lost = found["ap"], found["better"], found["worse"]
    same = found["pictures"] - len(won) - len(lost)
    name, other = escape(found["name"]), escape(found["other"])
    text = [
        f"<p><b>{name}</b> makes fewer mistakes than <b>{other}</b> in {len(won):,} pictures, more in {len(lost):,}, "
    ]
    text.append(f"and as many in {same:,}, among boxes with a score of 0.5 or more.</p>")
    if ap["first"] is not None and ap["second"] is not None and ap["low"] is not None:
        chance = "" if ap["low"] > 0 or ap["high"] < 0 else " The interval holds zero: the difference may be chance."
        text.append(
            f"<p>AP {ap['first']:.3f} against {ap['second']:.3f}: <b>{_signed(ap['ap'])}</b>, "
            f"{style.percent(ap['mass'])} interval {_signed(ap['low'])} to {_signed(ap['high'])}, from "
            f"{ap['repeats']:,} draws of the pictures.{chance}</p>"
        )
    for title, pictures in ((f"{name} is better", won), (f"{other} is better", lost)):
        rows = "".join(f"<tr><th>{escape(file)}</th><td>{abs(gain):,}</td></tr>" for file, gain in pictures[:LISTED])
        if rows:
            head = f"<tr><th>{title}</th><th>mistakes less</th></tr>"
            text.append(f'<div class="scroll"><table class="numbers">{head}{rows}</table></div>')
    return "".join(text)


def _bar(share: float) -> str:
    """A cell that is filled as far as its number goes."""
    end = f"{100 * max(0.0, min(1.0, share)):.0f}%"
    colour = style.alpha(BAR, 0.25)
    return f' style="background:linear-gradient(to right,{colour} {end},transparent {end})"'


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
