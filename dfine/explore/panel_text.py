"""A stored detection in words and tables, for the panel: what it is called, whether it is right, how it came about."""

from __future__ import annotations

from dfine.config import EDGES
from dfine.explore.fields import stages
from dfine.figures import style
from dfine.figures.object import layers_table
from dfine.trace.history import History

KINDS = {
    "correct": "correct",
    "Cls": "wrong class (Cls)",
    "Loc": "poorly placed (Loc)",
    "Both": "wrong class and poorly placed (Both)",
    "Dupe": "a second box for one object (Dupe)",
    "Bkg": "nothing true is there (Bkg)",
    "ignored": "not counted: a crowd, or beyond the best 100",
}


def called(detection) -> str:
    """One line of a list: `tree 0.97, query 0, Dupe`."""
    kind = value(detection, "error")
    score = "" if detection.confidence is None else f" {detection.confidence:.2f}"
    return f"{detection.label}{score}, query {value(detection, 'query')}" + (f", {kind}" if kind else "")


def verdict(detection, truth, layers: int) -> str:
    """What the true objects say of a detection, in a sentence; "" where no truth was ever compared.

    Args:
        detection: of the last layer, with the fields of the evaluation.
        truth: the true object that it was matched with, or None.
        layers: L.
    """
    kind = value(detection, "error")
    if not kind:
        return ""
    said = KINDS.get(kind, kind)
    iou = value(detection, "iou")
    if truth is None or not iou:
        return f"**{said[0].upper()}{said[1:]}.**"
    names = ["the initial box", *stages(layers)[1:]]
    text = (
        f"**{said[0].upper()}{said[1:]}.** IoU with the true {truth.label}: {iou[0]:.2f} at the start, {iou[-1]:.2f} "
        f"at the end (gain {style.signed(iou[-1] - iou[0])})"
    )
    reached = [
        f"{bound} from {names[at]} on"
        for bound, at in ((0.5, value(detection, "right_50")), (0.75, value(detection, "right_75")))
        if at is not None
    ]
    return f"{text}; at least {', at least '.join(reached)}." if reached else f"{text}."


def ladder_table(history: History) -> str:
    """Every stage's shifts, spreads, IoU and scores as a Markdown table."""
    heads = ["stage", *EDGES, "IoU with final", "score before → after LQE"]
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1)]
    for row in layers_table.rows(history):
        if row["shift"] is None:
            cells = ["–"] * 4
        else:
            pairs = zip(row["shift"], row["spread"])
            cells = [f"{style.signed(shift)} ± {style.number(spread)}" for shift, spread in pairs]
        before = "" if row["score_before_lqe"] is None else f"{row['score_before_lqe']:.2f} → "
        lines.append([row["stage"], *cells, f"{row['iou']:.2f}", f"{before}**{row['score']:.2f}**"])
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return (
        f"{table}\n\nEach edge: shift since the stage before in px, positive outward, ± standard deviation "
        f"({style.calibration(history)})."
    )


def value(label, name: str):
    """An attribute of a label, None where it has none of this name."""
    return label[name] if label is not None and label.has_field(name) else None
