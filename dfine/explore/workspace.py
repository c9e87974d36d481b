"""How the App opens: pictures left, edges right, and fixed colours for truth and predictions."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import fiftyone as fo
from fiftyone.core.utils import to_slug

from dfine.explore import fields
from dfine.explore.panel import NAME as EDGES_PANEL
from dfine.explore.suspect_panel import NAME as SUSPECTS_PANEL
from dfine.figures import style
from dfine.figures.pages.suspects import SUGGESTED

WORKSPACE = "D-FINE"
TRUTH_COLOUR = "#1FD1A8"  # lighter than any layer's, so that it differs without colour, too
ABOUT = "Pictures, the edges of the chosen detection, and how the model does"
EVALUATION_PANEL = "model_evaluation_panel_builtin"


def save(dataset: fo.Dataset, field: str = fields.FIELD) -> fo.Space:
    """Save the workspace with the data set, replacing the one of an earlier run, and choose what is seen first.

    A workspace of that name that a person has described otherwise is their own, and stays.

    The pictures open with only the true objects, the last layer's boxes and what a person has chosen before, so that a
    click hits what is visible. The other stages can be ticked; each has the colour that its layer has in every figure.

    Returns:
        The workspace, to open the App with.
    """
    space = spaces(evaluated=bool(dataset.list_evaluations()))
    same = [info for info in dataset.list_workspaces(info=True) if to_slug(info["name"]) == to_slug(WORKSPACE)]
    if any(info["description"] != ABOUT for info in same):
        warnings.warn(
            f"the workspace {same[0]['name']!r} of {dataset.name!r} is not one that D-FINE saved, and stays as it is",
            stacklevel=2,
        )
    else:
        dataset.save_workspace(WORKSPACE, space, description=ABOUT, overwrite=True)
    show(dataset, field)
    return space


def show(dataset: fo.Dataset, field: str = fields.FIELD, *, suspects: bool = False) -> None:
    """Choose what is seen first, in which colours; with `suspects`, these are seen, too."""
    info, name = fields.about(dataset, field), fields.suspects_field(field)
    wanted = [info["truth"], field, *([name] if suspects else [])]
    shown = [path for path in wanted if dataset.has_sample_field(path)]
    dataset.app_config.active_fields = seen(shown, dataset.info[fields.INFO], dataset.app_config.active_fields)
    dataset.app_config.color_scheme = colours(info, field, dataset.app_config.color_scheme)
    dataset.save()


def seen(shown: list[str], runs: Iterable[str], before: fo.ActiveFields | None = None) -> fo.ActiveFields:
    """The fields that are seen first: those `shown` and those that a person chose, without those of other `runs`."""
    if before is not None and before.exclude:
        return before
    ours = {path for run in runs for path in (run, fields.suspects_field(run))}
    chosen = [] if before is None else [path for path in before.paths if path not in {*ours, *shown}]
    return fo.ActiveFields(paths=[*shown, *chosen])


def spaces(evaluated: bool = True, suspects: bool = False) -> fo.Space:
    """The pictures beside the panel; behind it, the evaluation (where there is one) and the histograms.

    With `suspects`, their panel stands before the others: what is ticked is accepted or rejected there.
    """
    beside = [fo.Panel(type=EDGES_PANEL), fo.Panel(type="Histograms")]
    if evaluated:
        beside.insert(1, fo.Panel(type=EVALUATION_PANEL))
    if suspects:
        beside.insert(0, fo.Panel(type=SUSPECTS_PANEL))
    left, right = [fo.Panel(type="Samples", pinned=True)], beside
    sides = [fo.Space(children=panels, active_child=panels[0].component_id) for panels in (left, right)]
    return fo.Space(children=sides, orientation="horizontal", sizes=[0.5, 0.5])


def colours(info: dict, field: str, before: fo.ColorScheme | None = None) -> fo.ColorScheme:
    """Truth, initial boxes, every layer and suspects in their colours; other fields keep those of `before`."""
    stages = fields.stages(info["layers"])
    by_stage = zip(stages, [style.INITIAL, *style.layer_colours(info["layers"])])
    named = {fields.field_of(field, stage, info["layers"]): colour for stage, colour in by_stage}
    named |= {info["truth"]: TRUTH_COLOUR, fields.suspects_field(field): SUGGESTED}
    scheme = fo.ColorScheme() if before is None else before.copy()
    others = [one for one in scheme.fields or () if one["path"] not in named]
    scheme.color_by = "field"
    scheme.fields = [{"path": path, "fieldColor": colour} for path, colour in named.items()] + others
    return scheme
