"""The switch above the App's pictures: only boxes that are reported, or those with low scores, too."""

from __future__ import annotations

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.core.stages import FilterLabels

from dfine.explore import fields, views
from dfine.explore.selection import runs

NAME = "switch_low_scores"


class SwitchLowScores(foo.Operator):
    """Shows the boxes with low scores, which the App opens without, or hides them again."""

    @property
    def config(self) -> foo.OperatorConfig:
        """What the App lists."""
        return foo.OperatorConfig(name=NAME, label="D-FINE: show or hide low scores", icon="visibility")

    def resolve_placement(self, ctx) -> types.Placement:
        """A button above the pictures."""
        button = types.Button(label="Low scores", icon="visibility", prompt=False)
        return types.Placement(types.Places.SAMPLES_GRID_SECONDARY_ACTIONS, button)

    def execute(self, ctx) -> dict:
        """Change what is shown."""
        view = switched(ctx.dataset, ctx.view)
        if view is not None:
            ctx.ops.set_view(view=view)
        return {}


def switched(dataset: fo.Dataset, view: fo.DatasetView) -> fo.DatasetView | None:
    """All boxes where a view hides those with low scores, else the reported ones; None where nothing was explored."""
    known = runs(dataset)
    if not known:
        return None
    named = {fields.field_of(run, s, i["layers"]) for run, i in known.items() for s in fields.stages(i["layers"])}
    hidden = any(isinstance(stage, FilterLabels) and stage.field in named for stage in view._stages)
    suspects = {fields.suspects_field(run) for run in known}  # beside which low scores are not shown, either
    hidden &= getattr(view, "patches_field", None) not in suspects
    return dataset.view() if hidden else views.reported(dataset, list(known)[-1])
