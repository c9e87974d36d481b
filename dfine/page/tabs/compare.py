"""Two looks side by side: by two models, at two pictures, before and after spoiling; object by object.

The browser draws this tab and holds what is compared with; the server looks a second time, and says which objects are
the same.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import gradio as gr

from dfine.data.spoil import KINDS, spoil
from dfine.inference.compare import match
from dfine.page import cached_files, modules
from dfine.page.answer import FAILED, Answer
from dfine.page.compact import compact
from dfine.page.examples import examples
from dfine.page.inputs import as_files
from dfine.page.models import called
from dfine.page.tabs.base import Events, Parts, Tab, Values
from dfine.page.tabs.sketch import FILE
from dfine.page.view import View

OWN = "own"  # stands for the picture that the visitor has uploaded here
HELP = """The network looks a second time: with another model, at the spoiled picture, or at another picture. Objects of
the two looks that overlap are a pair. Choose a pair to see the edges of both."""


def build() -> Parts:
    gr.Markdown(HELP)
    own = gr.State(None)  # path and name of the visitor's second picture
    upload = as_files(
        gr.UploadButton("Upload a second picture", file_types=["image"], elem_id="second", size="sm", min_width=160)
    )
    return dict(drawn=modules.part("compare", "second"), upload=upload, own=own)


def second(view: View, said: dict) -> Values:
    """The second look that the browser asks for, and which objects are the same.

    Args:
        view: the first look.
        said: `model`, `picture`, `way` and `amount` of the second look, "" for what stays as it is, and `asked`, which
            is sent back with the answer. It may come from anybody.
    """
    value = dict(asked=str(said.get("asked", ""))[:2000], **_offers(view))
    try:
        answer = _answer(view, said)
    except (ValueError, OSError, RuntimeError) as error:
        return dict(drawn=value | dict(sentence=f"{FAILED}: {error}"))
    first = view.answer.result.detections
    return dict(
        drawn=value
        | dict(
            picture=cached_files.described(answer.file, lambda: cached_files.jpeg(answer.picture)),
            compact=compact(answer.result, limit=sys.maxsize),  # no second message brings the rest of this look
            pairs=[[i, j, round(iou, 4)] for i, j, iou in match(first, answer.result.detections)],
            titles=[_title(view.answer), _title(answer)],
        )
    )


def _answer(view: View, said: dict) -> Answer:
    """The second look. Raises ValueError, OSError, RuntimeError where it cannot be had."""
    name, picture, way = (str(said.get(key) or "")[:500] for key in ("model", "picture", "way"))
    path = view.answer.path
    if picture:
        there = {Path(example.path).stem: example.path for example in examples()}
        there |= {OWN: view.controls["own"][0]} if view.controls["own"] else {}
        if picture not in there:
            raise ValueError("the second picture is no longer there; choose it again")
        path = there[picture]
    if name and name not in dict(_models(view)).values():
        raise ValueError(f"the model {name} is not on this machine; choose it once in the list of models above")
    amount = said.get("amount")
    amount = float(min(max(amount, 0.0), 1.0)) if isinstance(amount, (int, float)) and amount == amount else 0.0
    change = partial(spoil, kind=way, amount=amount) if way in KINDS and amount else None
    return view.runner.answer(path, name or view.answer.model, change)


def _offers(view: View) -> dict:
    """What can be chosen, as (words, value)."""
    own = view.controls["own"]
    pictures = [(example.label, Path(example.path).stem) for example in examples()]
    return dict(
        models=_models(view),
        pictures=[*([(own[1], OWN)] if own else []), *pictures],
        ways=[(kind, kind) for kind in KINDS],
    )


def _models(view: View) -> list[tuple[str, str]]:
    """The models on this machine: a second look fetches none, since a link may ask for it."""
    return [(called(name), name) for name in view.runner.models.here()]


def _title(answer: Answer) -> str:
    name = answer.where.picture
    return f"{'the sketch' if FILE.fullmatch(name) else name or 'the picture'} · {called(answer.model)}"


def uploaded(view: View, said: dict) -> Values:
    """The visitor has uploaded a second picture: the browser is told that it can be chosen."""
    return dict(drawn=dict(own=True, **_offers(view)))


def wire(parts: Parts, events: Events) -> None:
    events.hear(parts["drawn"].second, second)
    kept = parts["upload"].upload(
        lambda files: files[0] if files else None,
        parts["upload"],
        parts["own"],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    events.hear(kept.success, uploaded)


TAB = Tab("compare", "Compare", build, slow=True, of_object=False, controls=("own",), wire=wire)
