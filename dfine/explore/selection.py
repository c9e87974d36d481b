"""Which object a person means in the App: from what is selected there to one detection of the last layer."""

from __future__ import annotations

from dataclasses import dataclass, field

import fiftyone as fo

from dfine.explore.fields import field_of, stages

MOST = 100  # objects that a list offers; a picture rarely has more, and a longer list helps nobody


@dataclass(frozen=True)
class Choice:
    """What can be shown of a picture, and what of it is chosen."""

    run: str = ""  # the prediction field
    info: dict = field(default_factory=dict)  # what `dataset.info["dfine"][run]` says of it
    sample: fo.Sample | None = None
    offered: tuple[fo.Detection, ...] = ()  # to choose from, best score first
    chosen: fo.Detection | None = None
    truth: fo.Detection | None = None  # the true object that the chosen one was matched with
    note: str = ""  # what a person should know, in a sentence

    @property
    def size(self) -> tuple[int, int]:
        """The picture's (width, height) in pixels."""
        return (self.sample.metadata.width, self.sample.metadata.height)


def runs(dataset: fo.Dataset) -> dict[str, dict]:
    """The prediction fields that hold every layer of their detections, each with its settings."""
    known = (dataset.info or {}).get("dfine") or {}
    return {name: info for name, info in known.items() if dataset.has_sample_field(name)}


def choose(
    dataset: fo.Dataset, sample_id: str | None, selected: list[dict], *, run: str = "", wanted: str = "", view=None
) -> Choice:
    """The detection that a selection in the App stands for.

    A box of the last layer stands for itself, one of an earlier stage for the detection of the same query, a true one
    for the detection that was matched with it. Nothing or several selected: the picture's detections are offered, those
    of the view first.

    Args:
        dataset: the data set that is open.
        sample_id: the picture that is open or ticked; in a view of patches, the patch.
        selected: labels, each with `label_id`, `sample_id` and `field`.
        run: the prediction field to prefer.
        wanted: id of a detection that was chosen from the list; it wins over the selection.
        view: what is on show, to offer only what can be seen there.
    """
    known = runs(dataset)
    if not known:
        return Choice(note=f"The data set {dataset.name!r} holds no run of D-FINE yet: `dfine explore` makes one.")
    shown = _find(view, sample_id) or _find(dataset, sample_id)
    if shown is None and selected:
        shown = _find(dataset, selected[-1].get("sample_id"))
    run = _run(known, selected, run)
    if shown is None:
        return Choice(run, known[run], note=f"Open a picture and click a box of the field `{run}`, or tick a picture.")
    sample = _whole(dataset, shown)
    everything = _detections(sample, run)
    ids = {d.id for d in _detections(shown, run)}
    offered = [d for d in everything if d.id in ids] or everything
    labels = _ids(sample)
    here = [s for s in selected if s.get("label_id") in labels]
    meant, note = _meant([(s["field"], labels[s["label_id"]]) for s in here], known[run], run, everything)
    if not note and not everything:
        note = f"Nothing was found in this picture: the field `{run}` is empty."
    picked = [d for d in everything if d.id == wanted]
    if picked:
        note = ""
    if len(meant) > 1 and (not picked or picked[0].id in {d.id for d in meant}):
        offered = meant
        note = note or f"{len(meant)} boxes are selected; choose one of them."
    offered = sorted(offered, key=lambda d: -(d.confidence or 0))[:MOST]
    chosen = (picked or meant or ([] if here else offered) or [None])[0]
    if chosen is not None and all(chosen.id != d.id for d in offered):
        offered = [chosen, *offered]
    truth = labels.get(_get(chosen, "truth_id"))
    return Choice(run, known[run], sample, tuple(offered), chosen, truth, note)


def _meant(selected: list[tuple[str, fo.Label]], info: dict, run: str, everything: list) -> tuple[list, str]:
    """The detections that the selected labels stand for, and a sentence where one stands for none."""
    found, note = {}, ""
    for where, label in selected:
        if where == run:
            match = [d for d in everything if d.id == label.id]
        elif where == info["truth"]:
            match = [d for d in everything if _get(d, "truth_id") == label.id]
            note = "" if match else f"No detection of `{run}` lies on this true {label.label}: it was missed."
        elif where in stage_fields(run, info):
            match = [d for d in everything if _get(d, "query") == _get(label, "query")]
            stage = where.removeprefix(run + "_").replace("_", " ")
            note = "" if match else f"Query {_get(label, 'query')} answered at {stage}, but not at the last layer."
        else:
            match = []
            note = f"The field `{where}` has no edges to show: click a box of `{run}`."
        found |= {d.id: d for d in match}
    best = sorted(found.values(), key=lambda d: -(d.confidence or 0))
    return (best[:1] if len(selected) == 1 else best), note


def stage_fields(run: str, info: dict) -> list[str]:
    """The fields of the stages before the last layer: `<run>_initial`, `<run>_layer_1` and on."""
    return [field_of(run, stage, info["layers"]) for stage in stages(info["layers"])[:-1]]


def _run(known: dict, selected: list[dict], preferred: str) -> str:
    """The prediction field that the selection belongs to, else the preferred one, else the latest."""
    fields = [item.get("field", "") for item in selected]
    for run, info in known.items():
        if any(f == run or f in stage_fields(run, info) for f in fields):
            return run
    return preferred if preferred in known else list(known)[-1]


def _find(collection, sample_id: str | None):
    """The sample of a data set or view; None where it has no such sample."""
    if collection is None or not sample_id:
        return None
    try:
        return collection[sample_id]
    except (KeyError, ValueError):
        return None


def _whole(dataset: fo.Dataset, sample):
    """The picture itself, also when `sample` is a patch or filtered."""
    whole = _find(dataset, _get(sample, "sample_id")) or _find(dataset, sample.id)
    if whole.metadata is None or whole.metadata.width is None:
        whole.compute_metadata()
    return whole


def _detections(sample, run: str) -> list[fo.Detection]:
    """The detections of a sample, also where a patch holds a single one."""
    value = _get(sample, run)
    if isinstance(value, fo.Detections):
        return list(value.detections)
    return [value] if isinstance(value, fo.Detection) else []


def _ids(sample) -> dict[str, fo.Label]:
    """Every label of a sample by its id."""
    found = {}
    for name in sample.field_names:
        value = _get(sample, name)
        labels = value.detections if isinstance(value, fo.Detections) else [value]
        found |= {label.id: label for label in labels if isinstance(label, fo.Label) and "id" in label.field_names}
    return found


def _get(document, name: str):
    """A value of a sample or label, None where it has none of this name."""
    return document[name] if document is not None and document.has_field(name) else None
