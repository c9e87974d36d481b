"""Saved views that answer questions, built from what is stored of every detection and every true object.

Each shows only the boxes that it is about, the picture with the clearest case first.
"""

from __future__ import annotations

from dataclasses import dataclass

import fiftyone as fo
from fiftyone import ViewField as F

from dfine.explore import fields
from dfine.explore.saved_views import Saved

SHOWN = 0.5  # score from which boxes are reported, as by `dfine detect`; what lies below does no harm
REPORTED = "reported boxes"  # the view without low scores
NOTHING = 0.1  # score under which nothing was found at an object
SURE = 0.7  # nearly all boxes with this score or more are right where the answers are
WORSE = 0.05  # IoU lost from the initial box to the last: more than an edge that moves by a pixel or two
UNSURE = 0.33  # of the box: an edge that may lie a third of the box further in is not known
SHARP = 0.25  # of the box: the longest interval of an edge that counts as known
TINY = 32  # pixels: COCO's bound of a small object, measured where the network looks, on its input
WHOLE = (
    f"All pictures, with the boxes that are reported (score from {SHOWN}). The App opens with it; the operator "
    "*D-FINE: show or hide low scores* (key `) shows the others, too."
)


@dataclass(frozen=True)
class Question:
    """A view to be saved."""

    name: str
    about: str  # what it shows, for the App
    field: str  # whose labels are filtered
    keep: F  # which of them
    first: F  # by what the labels that stay are sorted, largest first
    colour: str
    beside: tuple[str, F] | None = None  # another field to filter, with what to keep of it


def save(dataset: fo.Dataset, field: str = fields.FIELD) -> dict[str, int]:
    """Save all views with the data set; those of an earlier run are replaced, a person's own stay (`saved_views`).

    Without answers, only the views that need none are saved. The views of a second prediction field carry its name.

    Returns:
        How many boxes each view shows, by the view's name.
    """
    view = reported(dataset, field)
    counts = {opening(field).save(dataset, view): view.count(f"{field}.detections")}
    for question in questions(dataset, field):
        view, saved = ask(dataset, question), Saved(_named(question.name, field), question.about, question.colour)
        counts[saved.save(dataset, view)] = view.count(f"{question.field}.detections")
    return counts


def reported(dataset: fo.Dataset, field: str = fields.FIELD) -> fo.DatasetView:
    """All pictures, with the boxes of every stage that are reported: those with a score from 0.5."""
    view, layers = dataset.view(), fields.about(dataset, field)["layers"]
    for stage in fields.stages(layers):
        name = fields.field_of(field, stage, layers)
        if dataset.has_sample_field(name):
            view = view.filter_labels(name, F("confidence") >= SHOWN, only_matches=False)
    return view


def opening(field: str = fields.FIELD) -> Saved:
    """The saved view of `reported`, with which the App opens."""
    return Saved(_named(REPORTED, field), WHOLE, "#7A6BEE")


def _named(name: str, field: str) -> str:
    """What a view of the run in `field` is called."""
    return name if field == fields.FIELD else f"{name} ({field})"


def ask(dataset: fo.Dataset, question: Question) -> fo.DatasetView:
    """The pictures that a question is about, the clearest case first."""
    view = dataset.filter_labels(question.field, question.keep)
    if question.beside:
        view = view.filter_labels(*question.beside, only_matches=False)
    return view.sort_by(F(f"{question.field}.detections").map(question.first).max(), reverse=True)


def questions(dataset: fo.Dataset, field: str = fields.FIELD) -> list[Question]:
    """The questions that can be asked of what is stored in `field`.

    Raises:
        ValueError: nothing was explored there.
    """
    info = fields.about(dataset, field)
    unsure = Question(
        "most uncertain edges",
        f"Reported boxes (score from {SHOWN}) with an edge that lies, with 80 % probability, within no less than "
        f"{UNSURE:.0%} of the box's width or height; the widest first.",
        field,
        (F("confidence") >= SHOWN) & (F("doubt") >= UNSURE),
        F("doubt"),
        "#E69F00",
    )
    if dataset.get_field(f"{field}.detections.error") is None:
        return [unsure]
    doubted = [] if dataset.get_field(f"{info['truth']}.detections.{field}_best") is None else [_extra(info, field)]
    return [*_about_detections(info, field), *doubted, _late(info, field), unsure, _lost(info, field)]


def _about_detections(info: dict, field: str) -> list[Question]:
    """What truth says of the detections."""
    mistaken = F(f"${info['truth']}.detections").filter(F(f"{field}_error") == "Cls")  # and found by nothing else
    unfound = mistaken.map(F("_id").to_string()).contains([F("truth_id")])
    shown, sure = F("confidence") >= SHOWN, (F("confidence") >= SURE) & (F("doubt") < SHARP)
    own = F("error").is_in(["correct", "Loc"])  # matched with an object of their own class, no second boxes
    wrong = F("error").is_in(["Cls", "Both", "Loc"])
    return [
        Question(
            "refinement made it worse",
            f"Reported boxes (score from {SHOWN}) that lost at least {WORSE} IoU with their true object between the "
            "initial box and the last layer; the greatest loss first.",
            field,
            shown & own & (F("gain") <= -WORSE),
            -1 * F("gain"),
            "#E4605E",
        ),
        Question(
            "sure and wrong",
            f"Score from {SURE} and sharp edges, on an object that the answers call or place otherwise: probable label "
            "errors, or what the model has yet to learn; the highest score first.",
            field,
            sure & wrong,
            F("confidence"),
            "#CC79A7",
        ),
        Question(
            "probably wrong classes",
            f"Score from {SURE} and sharp edges, on an object that the answers give another class, and that nothing "
            "else found; the highest score first.",
            field,
            sure & (F("error") == "Cls") & unfound,
            F("confidence"),
            "#56B4E9",
        ),
        Question(
            "probably missing labels",
            f"Score from {SURE} and sharp edges where the answers have nothing; the highest score first.",
            field,
            sure & (F("error") == "Bkg"),
            F("confidence"),
            "#0072B2",
        ),
    ]


def _extra(info: dict, field: str) -> Question:
    """Answers where the detector sees nothing, as far as is stored."""
    least = max(NOTHING, info.get("threshold") or 0.0)
    return Question(
        "probably extra labels",
        f"True objects of {TINY} x {TINY} pixels or more on the network's input, of classes that the model knows, at "
        f"which nothing was found with a score of {least:g} or more, of whatever class; the largest first.",
        info["truth"],
        (F(f"{field}_error") == "Miss")
        & (F(f"{field}_best") < NOTHING)
        & (_area(info) >= TINY**2)
        & F("label").is_in(info["names"]),
        _area(info),
        "#D55E00",
    )


def _area(info: dict) -> F:
    """Of an object on the network's input, in square pixels."""
    height, width = fields.card(info).input_size
    return F("bounding_box")[2] * width * F("bounding_box")[3] * height


def _late(info: dict, field: str) -> Question:
    """Objects that only the last layer found."""
    return Question(
        "only the last layer got it right",
        "True objects that no stage before the last layer found, at IoU 0.5 and with their class; the largest first. "
        "Of the predictions, only right ones are shown.",
        info["truth"],
        F(f"{field}_found") == info["layers"],
        F("bounding_box")[2] * F("bounding_box")[3],
        "#7A6BEE",
        beside=(field, F("error") == "correct"),
    )


def _lost(info: dict, field: str) -> Question:
    """Small objects that nothing was found on."""
    height, width = fields.card(info).input_size
    area = _area(info)
    missed = F(f"{field}_error") == "Miss"
    return Question(
        "tiny and lost",
        f"True objects that were missed and measure less than {TINY} x {TINY} pixels on the network's input of "
        f"{width} x {height}; the smallest first.",
        info["truth"],
        missed & (area < TINY**2),
        -1 * area,
        "#009E73",
    )
