"""The public endpoints: /detect, /inspect and /models, whose answers are JSON (see `dfine.trace.described`)."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from dfine.page import api, zerogpu
from dfine.page.decoding import decode
from dfine.page.inputs import as_path
from dfine.page.models import Models
from dfine.page.runner import turn
from dfine.weights.zoo import ZOO

PUBLIC = ("detect", "inspect", "models")  # their names, which are all that callers may call


def endpoints(models: Models, limits: dict) -> None:
    """Add them to the page that is being built; none of their components can be seen.

    Callers choose among the models that are on this machine (see `here`); visitors of the page among all.

    Args:
        models: what names stand for.
        limits: the queue that the network is waited for in: arguments of an event.
    """
    run = zerogpu.gpu(lambda function, *given, **named: function(models, *given, **named))
    picture = as_path(gr.Image(visible=False, type="filepath", label="picture"))
    model = gr.Textbox("", visible=False, label="model")
    threshold = gr.Number(0.5, visible=False, label="threshold")
    index = gr.Number(0, visible=False, precision=0, label="index")
    query = gr.Number(None, visible=False, precision=0, label="query")
    mass = gr.Number(0.8, visible=False, label="mass")
    answer, trigger = gr.JSON(visible=False), [gr.Button(visible=False) for _ in range(3)]

    def detect(picture: str, model: str = "", threshold: float = 0.5) -> dict:
        """The objects in a picture, best first: name, score, box in pixels, query. The model: one that is here."""
        threshold = 0.5 if threshold is None else threshold
        return _spoken(_in_turn, models, run, api.detect, _given(picture), here(models, model), threshold)

    def inspect(picture: str, model: str = "", index: int = 0, query: int | None = None, mass: float = 0.8) -> dict:
        """One object through the layers; by its place in /detect, or by its query. The model: one that is here."""
        chosen = dict(index=index or 0, query=query, mass=0.8 if mass is None else mass)
        return _spoken(_in_turn, models, run, api.inspect, _given(picture), here(models, model), **chosen)

    def zoo() -> list[dict]:
        """Every known checkpoint: AP, parameters, GFLOPs, licence, and whether it is here."""
        return api.models(models)

    public = dict(api_visibility="public", outputs=answer)
    trigger[0].click(detect, [picture, model, threshold], api_name="detect", **public, **limits)
    trigger[1].click(inspect, [picture, model, index, query, mass], api_name="inspect", **public, **limits)
    trigger[2].click(zoo, None, api_name="models", queue=False, **public)


def here(models: Models, name: str) -> str:
    """The name, if the model is on this machine: shipped, in its cache, or given at start-up.

    A caller could otherwise have this machine fetch one checkpoint after another, up to 250 MB each. Visitors of the
    page may still choose any; /models says of each whether it is here.

    Raises:
        gr.Error: it would have to be fetched. A name that is not known at all passes; opening it says so.
    """
    if name in ZOO and name not in models.in_memory and not ZOO[name].cached:
        raise gr.Error(
            f"the model {name!r} is not on this machine, and callers cannot have it fetched: choose one that /models "
            'does not call "to be fetched", or choose it once on the page',
            print_exception=False,
        )
    return name


def _in_turn(
    models: Models, run: Callable, function: Callable, path: str, model: str, *given: object, **named: object
) -> dict:
    """What a function answers about the picture at a path, which is read beside the queue of the network."""
    models(model)  # is open before a GPU is borrowed for it
    picture = decode(path)
    with turn():
        return run(function, api.Read(path, picture), model, *given, **named)


def _given(picture: str | None) -> str:
    if not picture:
        raise gr.Error("a picture is needed; send a file")
    return picture


def _spoken(function, *args, **kwargs) -> dict:
    """What the function answers; a fault of the caller as one sentence."""
    try:
        return function(*args, **kwargs)
    except gr.Error:
        raise
    except (ValueError, OSError, RuntimeError) as error:
        raise gr.Error(str(error), print_exception=False) from None
    except Exception as error:
        raise gr.Error("the page failed at this, which is no fault of yours; its log says how") from error
