"""A suspect in words: why it is one, and what accepting it does."""

from __future__ import annotations

from dfine.config import EDGES
from dfine.explore.suspect_clues import Candidate, Evidence


def reason(c: Candidate, seen: Evidence, names: list[str]) -> str:
    """Why a place is suspected, in a sentence."""
    mine = "" if c.answer is None else names[seen.classes[c.answer]]
    other = "" if c.found is None else names[seen.labels[c.found]]
    if c.kind == "missing":
        near = (
            "nothing is labelled there" if c.support < 0.01 else f"no answer overlaps it by more than {c.support:.2f}"
        )
        return f"{other} was found with a score of {c.seen:.2f}, and {near}"
    if c.kind == "class":
        least = f"{mine} at most with {c.support:.2f}" if c.support else f"{mine} not at all"
        return f"labelled {mine}, but {other} was found there with a score of {c.seen:.2f}, and {least}"
    if c.kind == "shifted":
        return (
            f"the {EDGES[c.worst.edge]} edge of this {mine} is {c.worst.pixels:.0f} px from where it was found (score "
            f"{c.seen:.2f}): {c.worst.z:.1f} times the half-width of its 80 % interval"
        )
    least = f"nothing was found there with a score over {c.support:.2f}" if c.support else "nothing was found there"
    return f"labelled {mine}, but {least}"


def fix(c: Candidate, name: str) -> str:
    """What accepting a suspect does; `name` is the class that is suggested."""
    return {
        "missing": f"add a label {name}",
        "class": f"change the class to {name}",
        "shifted": "move the box to where it was found",
        "extra": f"remove the label {name}",
    }[c.kind]
