"""How everything that exploring stores is called.

FIELD is the field of a model's predictions, "dfine" by default; L its number of decoder layers. The stages are
"initial", "layer 1" … "layer L", as in `dfine.evaluation.coco`; the last one's detections lie in FIELD itself.
"""

from __future__ import annotations

from dfine.trace.card import Card
from dfine.trace.stages import layer_name, stage_names

FIELD = "dfine"
TRUTH = "ground_truth"
INFO = "dfine"  # the key of `dataset.info` under which every FIELD has an entry
SOURCE = "dfine_source"  # the key of `dataset.info` that says what a data set was made from
ANSWERS = "dfine_answers"  # the key of `dataset.info` that tells which answers were read from there
GIVEN = "dfine_given"  # the key of `dataset.info` that tells which pictures it was given
TAGS = "dfine_tags"  # the key of `dataset.info` that says that tags were read with the answers, too
AREA = "area_share"  # of a true object: the share of its box that it fills, where a COCO file says its area
UNREADABLE = "unreadable"  # the tag of samples whose picture cannot be read


def stages(layers: int) -> list[str]:
    """The names of all stages: "initial", "layer 1" … "layer L"."""
    return stage_names(layers)


def field_of(field: str, stage: str, layers: int) -> str:
    """The field of a stage's detections: FIELD_initial, FIELD_layer_1 …, and FIELD itself for the last layer."""
    return field if stage == layer_name(layers) else f"{field}_{stage.replace(' ', '_')}"


def eval_key(field: str, stage: str, layers: int) -> str:
    """The key of a stage's evaluation: FIELD_eval_initial, FIELD_eval_layer_1 …, and FIELD_eval for the last layer."""
    return field_of(f"{field}_eval", stage, layers)


def confusion_key(field: str) -> str:
    """The key of the evaluation that matches across classes, for the confusion matrix."""
    return f"{field}_eval_any"


def run_field(field: str) -> str:
    """The field that says which model and settings filled a sample."""
    return f"{field}_run"


def suspects_field(field: str) -> str:
    """The field that holds the probable label errors which a run found."""
    return f"{field}_suspects"


def folds_field(field: str) -> str:
    """The field of what models found in pictures that they were not trained on (`dfine.explore.suspect_folds`)."""
    return f"{field}_folds"


def features_field(field: str) -> str:
    """The field that holds what the encoder saw of a picture as a whole."""
    return f"{field}_features"


def objects_field(field: str) -> str:
    """The field that holds what the encoder saw of a picture's objects (`dfine.explore.similar_objects`)."""
    return f"{field}_objects"


def similar_key(field: str, kind: str = "") -> str:
    """The key of the brain run that sorts pictures by similarity, or one of the kinds of objects: truth, found."""
    return f"{field}_similar_{kind}" if kind else f"{field}_similar"


def replies_field(field: str) -> str:
    """The field that holds what the decoder says of a picture's answers when it is asked about them."""
    return f"{field}_replies"


def about(dataset, field: str) -> dict:
    """What was stored about the run in `field` of a FiftyOne data set (or view).

    Raises:
        ValueError: nothing was explored there.
    """
    entry = (dataset.info or {}).get(INFO, {}).get(field)
    if entry is None:
        there = ", ".join((dataset.info or {}).get(INFO, {})) or "none"
        raise ValueError(
            f"the data set {dataset.name!r} holds no exploration {field!r} (only: {there}); run `dfine explore` first"
        )
    return entry


def card(info: dict) -> Card:
    """The card of the model whose run `info` is about (see `about`); of earlier versions' runs, what they stored of it.

    Raises:
        ValueError: a value is missing or of another kind; the message names it.
    """
    older = {"names": info.get("names"), "input_size": info.get("input"), "source": info.get("model")}
    fitted = {name: info.get(name) for name in ("digest", "temperature", "levels")}
    return Card.from_dict(info.get("card") or older | fitted)


def note(dataset, field: str, entry: dict) -> None:
    """Write what is known about the run in `field`, the latest one now; what `entry` does not name stays."""
    known = dict((dataset.info or {}).get(INFO, {}))
    about = {**known.pop(field, {}), **entry}
    dataset.info[INFO] = known | {field: about}
    dataset.save()
