"""What the page says of its models: which one is shown, which is on its way, and what there is."""

from __future__ import annotations

from html import escape
from pathlib import Path

from dfine.page.models import EVERYDAY, Models

COLUMNS = ("name", "AP", "measured on", "parameters (M)", "GFLOPs", "licence", "state")


def zoo(models: Models) -> list[list[str | int]]:
    """The table of all models: a row each, in the order of `COLUMNS`."""
    return [[_cell(row[key]) for key in COLUMNS] for row in models.table()]


def _cell(value: object) -> str | int:
    if value is None:
        return ""
    return f"{value:.1f}" if isinstance(value, float) else value


def shown(models: Models, name: str | None) -> str:
    """What is shown, what was assumed of it, and what is on its way; of the default model `Models` itself says it."""
    short = Path(name or "").name
    if name in (None, "", models.default):
        said = models.sentence()
    elif models.trouble(name):
        return f"{short} could not be opened; choose another."
    else:
        said = f"Showing {short}."
    return " ".join([said, *(f"Note: {escape(note)}." for note in models.notes(name or ""))])


def arrived(models: Models, name: str | None) -> str:
    """As `shown`, for somebody who was here before the default changed.

    Whoever has a picture open keeps the model that made it: nothing changes under their hands, and a sentence offers
    the new one. They are told once; afterwards `shown` speaks.
    """
    said = shown(models, name)
    if name in (None, "", EVERYDAY) or EVERYDAY not in models.in_memory:
        return said
    return f"{said} **{EVERYDAY} is here now**, a model of everyday things: choose it above."
