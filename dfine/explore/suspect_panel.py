"""The review of suspects in the FiftyOne App: a panel for one at a time, and operators for many at once."""

from __future__ import annotations

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from PIL import Image

from dfine.data.pictures import PictureError, read
from dfine.explore import fields
from dfine.explore.columns import corners
from dfine.explore.panel import beside
from dfine.explore.suspect_decisions import ACCEPTED, OPEN, REJECTED, REVIEWS
from dfine.explore.suspect_review import decide, shown
from dfine.explore.suspect_view import saved
from dfine.figures.pages.suspects import SCORE, crop, figure
from dfine.wording import counted

NAME = "dfine_suspects"
_DONE = {ACCEPTED: "Accept", REJECTED: "Reject", OPEN: "Reopen"}


class SuspectsPanel(foo.Panel):
    """Says why the suspect that is open is one, and takes what a person decides."""

    @property
    def config(self) -> foo.PanelConfig:
        """What the App lists: one panel for the grid and for the modal."""
        return foo.PanelConfig(
            name=NAME,
            label="D-FINE suspects",
            icon="rule",
            surfaces="grid modal",
            category=foo.Categories.CURATE,
            help_markdown="Probable label errors, one at a time: accept the fix, or reject it.",
        )

    def on_load(self, ctx) -> None:
        """Drawn by `render`."""

    on_change_selected = on_change_selected_labels = on_load
    on_change_dataset = on_change_view = on_load

    def on_change_current_sample(self, ctx) -> None:
        """A picture was opened: the panel comes to stand beside it."""
        beside(ctx, NAME)

    def accept(self, ctx) -> None:
        """The fix is right: `--export` will write it."""
        _set(ctx, ACCEPTED)

    def reject(self, ctx) -> None:
        """The answer is right as it is."""
        _set(ctx, REJECTED)

    def reopen(self, ctx) -> None:
        """Not decided after all."""
        _set(ctx, OPEN)

    def render(self, ctx) -> types.Property:
        """The panel as it should look now."""
        panel = types.Object()
        field = run_of(ctx.dataset)
        if not field:
            panel.md("*No suspects are stored: `dfine explore --suspects FILE.csv` finds them.*", name="note")
            return types.Property(panel, view=types.GridView(orientation="vertical", px=2, py=1))
        counts = ctx.dataset.count_values(f"{fields.suspects_field(field)}.detections.review")
        panel.md(", ".join(f"{counts.get(review, 0)} {review}" for review in REVIEWS), name="counts")
        suspects = here(ctx, field)
        if not suspects:
            panel.md(f"*Open or tick a picture of the view `{saved(field).called(ctx.dataset)}`.*", name="note")
        elif len(_meant(ctx, suspects, ACCEPTED)) < len(suspects):
            panel.md("*Accept and Reject are for those that are open; click a box to decide on it anew.*", name="note")
        for one in suspects:
            panel.md(described(one), name=f"suspect_{one.id}")
        image = detail(ctx.dataset, field, suspects[0].id) if len(suspects) == 1 else None
        if image is not None:
            plain = figure(image).to_plotly_json()
            look = dict(config=dict(displayModeBar=False, responsive=True), height=f"{image.height}px", width="100%")
            panel.plot("detail", data=plain["data"], layout=plain["layout"], **look)
            panel.md("*Green is the answer as it is, red dashed what is suggested.*", name="frames")
        if suspects:
            panel.md(f"*The score is {SCORE}.*", name="score")
            row = panel.h_stack("row", align_y="center")
            row.btn("accept", label="Accept", icon="check", on_click=self.accept)
            row.btn("reject", label="Reject", icon="close", on_click=self.reject)
            row.btn("reopen", label="Reopen", icon="undo", on_click=self.reopen)
        return types.Property(panel, view=types.GridView(orientation="vertical", px=2, py=1))


class _Decide(foo.Operator):
    """Decides on the suspects that are selected or, where none is, on all that the view shows and that are open."""

    review = ""

    @property
    def config(self) -> foo.OperatorConfig:
        """What the App lists."""
        return foo.OperatorConfig(
            name=f"{_DONE[self.review].lower()}_suspects",
            label=f"D-FINE: {_DONE[self.review].lower()} suspects",
            dynamic=True,
        )

    def resolve_input(self, ctx) -> types.Property:
        """Say how many, before anything is done."""
        inputs, field = types.Object(), run_of(ctx.dataset)
        count, which = (len(_chosen(ctx, field, self.review)), _which(ctx, self.review)) if field else (0, "")
        text = (
            f"{_DONE[self.review]} {counted(count, 'suspect')}: {which}."
            if count
            else "No suspects are shown or selected."
        )
        inputs.view("said", types.Notice(label=text) if count else types.Warning(label=text))
        return types.Property(inputs)

    def execute(self, ctx) -> dict:
        """Decide, and show what is left."""
        field = run_of(ctx.dataset)
        count = decide(ctx.dataset, _chosen(ctx, field, self.review), self.review, field) if field else 0
        ctx.ops.reload_dataset()
        return {"count": count}


class AcceptSuspects(_Decide):
    """Accept many."""

    review = ACCEPTED


class RejectSuspects(_Decide):
    """Reject many."""

    review = REJECTED


class ReopenSuspects(_Decide):
    """Take many decisions back."""

    review = OPEN


def run_of(dataset: fo.Dataset) -> str:
    """The latest run of a data set that has suspects; "" where none has."""
    runs = list((dataset.info or {}).get(fields.INFO) or {})
    return next((field for field in reversed(runs) if dataset.has_sample_field(fields.suspects_field(field))), "")


def here(ctx, field: str) -> list[fo.Detection]:
    """The suspects of the picture or patch that is open, or else ticked last, as they are stored; those selected only.

    In a patch that is the suspect of the patch.
    """
    opened = ctx.current_sample or (ctx.selected or [None])[-1]
    labels = [s["label_id"] for s in ctx.selected_labels or [] if s.get("field") == fields.suspects_field(field)]
    ids = labels or (shown(_select(ctx.view, ctx.dataset, [opened]), field) if opened else [])
    if not ids:
        return []
    name = fields.suspects_field(field)
    samples = ctx.dataset.select_labels(ids=ids, fields=name).select_fields(name)
    return sorted((d for sample in samples for d in sample[name].detections), key=lambda d: d["rank"])


def described(one: fo.Detection) -> str:
    """A suspect in Markdown."""
    trained = " The model was trained on this picture." if one["seen_in_training"] else ""
    return (
        f"**{one['rank']}. {one['kind']}** ({one['review']}, score {one.confidence:.2f}): {one['reason']}.{trained} "
        f"*Fix: {one['fix']}.*"
    )


def detail(dataset: fo.Dataset, field: str, suspect: str) -> Image.Image | None:
    """What reports show of a suspect, by its id, of its picture; None where that cannot be read any more."""
    name, truth = fields.suspects_field(field), fields.about(dataset, field)["truth"]
    picture = dataset.select_labels(ids=[suspect], fields=name).first().id  # which leaves labels of other fields out
    sample = dataset.select(picture).select_fields([name, truth]).first()
    one = next(one for one in sample[name].detections if one.id == suspect)
    try:
        picture = read(sample.filepath)
    except PictureError:
        return None
    answers = {answer.id: answer.bounding_box for answer in (sample[truth] or fo.Detections()).detections}
    boxes = [answers.get(one["answer_id"]), None if one["kind"] == "extra" else one.bounding_box]
    pixels = [None if box is None else corners([box], picture.size)[0].tolist() for box in boxes]
    return crop(picture, *pixels) if any(pixels) else None


def _select(view, dataset: fo.Dataset, ids: list[str]):
    """Pictures or patches by their ids, of the view or, where they are not in it, of the data set."""
    found = view.select(ids)
    return found if len(found) else dataset.select(ids)


def _chosen(ctx, field: str, review: str) -> list[str]:
    """The suspects that an operator is for: of those that nobody has selected, what was decided of each stays."""
    name = fields.suspects_field(field)
    labels = [s["label_id"] for s in ctx.selected_labels or [] if s.get("field") == name]
    if labels or (ctx.selected_labels and not ctx.selected):  # a box of another field stands for none, never for all
        return labels
    if ctx.selected:
        return shown(ctx.view.select(ctx.selected), field)
    wanted = set(shown(ctx.view, field))
    if review != OPEN:
        paths = [f"{name}.detections.{what}" for what in ("id", "review")]
        wanted &= {id for id, was in zip(*ctx.dataset.values(paths, unwind=True)) if was == OPEN}
    return list(wanted)


def _which(ctx, review: str) -> str:
    shown = "all that this view shows" + (" and that are open" if review != OPEN else "")
    return "those selected" if ctx.selected or ctx.selected_labels else shown


def _meant(ctx, suspects: list[fo.Detection], review: str) -> list[fo.Detection]:
    """The suspects that a button is for: of several that nobody has selected, what was decided of each stays."""
    if ctx.selected_labels or len(suspects) == 1 or review == OPEN:
        return suspects
    return [one for one in suspects if one["review"] == OPEN]


def _set(ctx, review: str) -> None:
    field = run_of(ctx.dataset)
    decide(ctx.dataset, [one.id for one in _meant(ctx, here(ctx, field), review)], review, field)
    ctx.ops.reload_dataset()
