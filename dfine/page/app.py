"""The page: a picture goes in, boxes come out, and behind every box are the layers that drew it."""

from __future__ import annotations

import argparse
import os
import sys
from types import SimpleNamespace

import gradio as gr

from dfine.engines.fastest import speed_up
from dfine.page.endpoints import endpoints
from dfine.page.handlers import Handlers
from dfine.page.layout import CSS, KEYS, THEME, TO_THE_TABS, layout
from dfine.page.models import Models, wanted

SESSIONS = 64  # visitors whose last result is remembered
WAITING = 32  # visitors who may wait for the network
ONE = dict(concurrency_id="network", concurrency_limit=1)  # one picture at a time goes through it


def wire(page: gr.Blocks, v: SimpleNamespace, do: Handlers) -> None:
    """Who calls what. Only `detect`, `collect` and `slow` run the network; the rest reads what the session keeps."""
    quick = dict(queue=False, show_progress="hidden", api_visibility="private")
    late = dict(api_visibility="private", show_progress="minimal", **ONE)
    offers = [v.state, v.zoo, v.timer, v.model]
    tabs = [
        v.unweighted, v.about, v.weighted, v.about_weighted, v.rungs, v.numbers, v.edge_plot, v.sum, v.layer, v.probe,
        v.why,
    ]  # fmt: skip
    focus = [v.chosen, v.scene, v.table, v.object, v.headline, v.words, *tabs]
    everything = [v.status, *focus]
    picked = [v.status, *focus, v.tabs, v.tab, v.point, v.x, v.y]
    turned = [v.tabs, v.tab, v.point, v.x, v.y]
    sheet = [v.paper, v.paper_png, v.paper_svg]
    slow = dict(
        fn=do.slow, inputs=do.state, outputs=[v.gaze, v.about_gaze, v.subjects, v.early, *sheet, *v.files.values()],
        trigger_mode="always_last", **late,
    )  # fmt: skip

    run = dict(
        fn=do.detect, inputs=[v.source, v.model, v.look], outputs=v.look, trigger_mode="always_last",
        show_progress_on=v.scene, api_visibility="private", **ONE,
    )  # fmt: skip
    arrived = page.load(do.arrive, None, offers, **quick)
    shown = v.examples.click(lambda sample: sample[0], v.examples, v.source, **quick)
    many = v.several.upload(
        do.collect, [v.several, v.model, v.threshold], [v.shots, v.album], api_visibility="private",
        show_progress="minimal", concurrency_id="albums", concurrency_limit=1,
    )  # fmt: skip
    opened = many.success(do.first, [v.shots, v.source], v.source, **quick)
    leafed = v.album.select(do.leaf, v.shots, v.source, **quick)
    cleared = v.source.clear(lambda: None, None, v.source, **quick)  # which still holds the picture by then
    for trigger in (
        arrived.then, v.source.input, cleared.then, v.model.input, shown.then, opened.success, leafed.success
    ):  # fmt: skip
        # Showing is a step of its own, so that it takes the settings as they stand when the network has finished.
        begun = trigger(**run).success(
            do.begin, [v.look, v.shown, v.threshold, v.top, v.tab, v.which, v.layer],
            [*everything, v.shown, v.point, v.classes], **quick
        )  # fmt: skip
        begun.then(**slow)
        begun.then(do.watch, v.model, [v.state, v.zoo, v.timer], **quick)
        begun.then(do.recount, [v.shots, v.threshold, v.look], v.album, **quick)
    v.timer.tick(do.offer, v.model, offers, **quick)

    for control in (v.threshold.change, v.classes.input, v.top.input):
        control(do.show, do.state, everything, trigger_mode="always_last", **quick).then(**slow)
    v.threshold.change(do.sort, [v.look, v.threshold, v.classes], v.classes, trigger_mode="always_last", **quick)
    v.threshold.change(do.recount, [v.shots, v.threshold, v.look], v.album, trigger_mode="always_last", **quick)
    v.scene.select(do.click, do.state, picked, **quick).then(**slow)
    v.x.change(None, js=TO_THE_TABS, **quick)  # a point was asked about: its answer may lie below the window
    v.table.select(do.pick, do.state, [v.status, *focus], **quick).then(**slow)
    for key, tab in v.opened.items():
        tab.select(do.open(key), do.state, [v.tab, *tabs], **quick).then(**slow)
    for control in (v.which.input, v.layer.input):
        control(do.open("edge"), do.state, [v.tab, *tabs], trigger_mode="always_last", **quick)
    asked = [v.status, *tabs, *turned]
    v.ask.click(do.ask, [v.look, *do.settings, v.x, v.y], asked, **quick)
    v.probe.select(do.aim, [v.look, *do.settings], asked, **quick)
    for control in (v.subjects.input, v.early.input):
        control(do.paper, [v.look, v.subjects, v.early], sheet, trigger_mode="always_last", **late)


def build(model: str = "demo", device: str = "auto", fetch: bool = False, swift: bool = False) -> gr.Blocks:
    """The page, with its model loaded.

    Args:
        model: anything `dfine.load` takes; offered besides the shipped one and the zoo.
        device: auto, cuda, mps or cpu.
        fetch: get a model of everyday things in the background; it becomes the default, unless `model` is another than
            the shipped one.
        swift: once the page is up, export models for ONNX Runtime, and use that where it is the faster engine.

    Raises:
        ValueError, OSError: the model cannot be loaded; the message says why.
    """
    models, page = Models(model, device), gr.Blocks(title="D-FINE Lens", fill_width=True, delete_cache=(3600, 3600))
    if swift:
        models.opened = lambda predictor: speed_up(predictor, ready=lambda: page.is_running)
    models()
    with page:
        components = layout(models)
        endpoints(models, ONE)  # before the page's own events, which would take their names
        do = Handlers(components, models)
        wire(page, components, do)
    do.looks.fill(ready=lambda: page.is_running)  # the first click on an example finds it done
    if fetch:
        models.fetch_in_background(done=do.looks.fill, become_default=model == "demo")
    return page


def main(arguments: list[str] | None = None, program: str = "app.py") -> None:
    """Serve the page until it is stopped. Options win over the environment, the environment over the defaults.

    Args:
        arguments: those of the command line; None for this process's own.
        program: what the command is called, for its help and its error sentences.
    """
    env = os.environ.get
    parser = argparse.ArgumentParser(prog=program, description="D-FINE Lens: look inside an object detector.")
    parser.add_argument("--model", default=env("DFINE_MODEL", "demo"), help="name, folder or file (DFINE_MODEL)")
    parser.add_argument("--host", default=env("DFINE_HOST", env("GRADIO_SERVER_NAME", "127.0.0.1")), help="DFINE_HOST")
    parser.add_argument(
        "--port", type=int, default=env("DFINE_PORT", env("GRADIO_SERVER_PORT")),
        help="DFINE_PORT; by default the first free one from 7860",
    )  # fmt: skip
    parser.add_argument("--device", default=env("DFINE_DEVICE", "auto"), help="auto, cuda, mps or cpu (DFINE_DEVICE)")
    parser.add_argument(
        "--fetch", action=argparse.BooleanOptionalAction, default=wanted("DFINE_FETCH"),
        help="get a model of everyday things in the background at start-up (DFINE_FETCH=0 turns it off)",
    )  # fmt: skip
    parser.add_argument(
        "--swift", action=argparse.BooleanOptionalAction, default=wanted("DFINE_SWIFT"),
        help="export models for ONNX Runtime in the background, where that is faster (DFINE_SWIFT=0 turns it off)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        page = build(options.model, options.device, options.fetch, options.swift)
        page.queue(max_size=WAITING).launch(
            server_name=options.host, server_port=options.port, theme=THEME, css=CSS, js=KEYS, ssr_mode=False,
            max_file_size="40mb", state_session_capacity=SESSIONS, run_history=False, footer_links=["api", "settings"],
        )  # fmt: skip
    except (ValueError, OSError) as error:
        sys.exit(f"{program}: {error}")
