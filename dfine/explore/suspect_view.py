"""The saved view of suspects: one patch each, in which the answers and the reported boxes are seen, too."""

from __future__ import annotations

import fiftyone as fo
from fiftyone import ViewField as F

from dfine.explore import fields, views
from dfine.explore.saved_views import Saved
from dfine.explore.suspect_decisions import OPEN

VIEW = "suspects"
_ABOUT = (
    "Probable label errors, one a place, the likeliest first. The box is the suggested one; `reason` and `fix` say "
    "what is wrong and what accepting it does, `review` whether that was decided."
)


def saved(field: str = fields.FIELD) -> Saved:
    """The saved view of a run's suspects."""
    return Saved(VIEW if field == fields.FIELD else f"{VIEW} ({field})", _ABOUT, "#D55E00")


def save_view(dataset: fo.Dataset, field: str = fields.FIELD) -> fo.DatasetView:
    """Save the view of the suspects that nobody has decided on yet: one patch each, in the order of their rank.

    A patch shows the answers and reported boxes that meet the suspect beside it, by class and score only: FiftyOne
    writes a copy of them for every patch, and with all that is stored of each box that would be twenty times as much.
    """
    name, truth = fields.suspects_field(field), fields.about(dataset, field)["truth"]
    seen = dataset.select_fields([name, f"{truth}.detections.label", f"{field}.detections.confidence"])
    seen = seen.filter_labels(field, F("confidence") >= views.SHOWN, only_matches=False)
    view = seen.filter_labels(name, F("review") == OPEN)
    view = view.to_patches(name, other_fields=[truth, field])
    for other in (truth, field):
        view = view.filter_labels(other, _meets(F(f"${name}.bounding_box")), only_matches=False)
    view = view.sort_by(f"{name}.rank")
    saved(field).save(dataset, view)
    return view


def _meets(box: F) -> F:
    """Whether a label's box has a part in common with another one."""
    mine = F("bounding_box")
    sides = [(mine[i] < box[i] + box[i + 2]) & (box[i] < mine[i] + mine[i + 2]) for i in (0, 1)]
    return sides[0] & sides[1]
