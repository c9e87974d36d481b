"""The shop window: a picture goes in, boxes come out, and behind every box is its whole story. Load, layout, wiring."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # the page calls nobody

import gradio as gr
from PIL import Image

import dfine
from dfine.figures import edges, html, ladder, style
from dfine.figures import picture as pictures
from dfine.hub import ZOO
from dfine.predictor import Result
from dfine.records import Detections

EXAMPLES = sorted(str(p) for p in (Path(__file__).parent / "assets" / "examples").glob("*.jpg"))
FLOOR = 0.05  # the lowest threshold: above it, moving the slider only selects, and the network need not run again
KEPT = 2  # detectors held in memory
SESSIONS = 64  # visitors whose last result is remembered
COLUMNS = ["#", "class", "score", "corners in px"]
INTRO = """## D-FINE Lens
An object detector that you can look inside: click a box to see how each decoder layer reshaped its four edges, and how
sure of them it is."""
LEGEND = """Dashed: the initial box. Coloured: the box after each layer. Whiskers: where each edge lies with 80 %
probability, by its own distribution."""
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
THEME = gr.themes.Default(
    primary_hue="indigo", neutral_hue="zinc", font=FONTS, font_mono=["ui-monospace", "Consolas", "monospace"]
)
CSS = """
.gradio-container {max-width: 1480px !important}
#scene img {cursor: crosshair}
#unweighted, #weighted, #rungs {overflow-x: auto}
#examples .gallery {display: grid; grid-template-columns: repeat(4, 1fr); gap: 6px}
#examples .gallery span {display: block; width: 100%}
#examples .gallery .container {display: block; width: 100%; height: auto; max-height: none; aspect-ratio: 1}
#examples .gallery img {width: 100%; height: 100%; object-fit: cover}
#objects * {font-family: var(--font); font-size: 13px; font-variant-numeric: tabular-nums}
@media (max-width: 760px) {
    #scene, #zoom {height: auto !important}
    #unweighted > div, #weighted > div, #rungs > div {min-width: 660px}
}
"""


@dataclass(frozen=True)
class Look:
    """What a visitor's session keeps of one picture: small, and on the CPU."""

    result: Result
    picture: Image.Image  # in the size in which it is shown
    seconds: float


class Models:
    """Loaded detectors by name; the last few stay in memory."""

    def __init__(self, device: str):
        self.device, self._loaded, self._lock = device, OrderedDict(), threading.Lock()

    def __call__(self, name: str):
        """The detector called `name`, loaded now if it is not in memory."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = dfine.load(name, device=self.device)
            self._loaded.move_to_end(name)
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)
            return self._loaded[name]


def detect(models: Models, path: str | None, name: str) -> Look | str:
    """Run the network on a picture; or the sentence that says why not: no picture, or none that can be read."""
    if not path:
        return "Nothing to show yet: choose a picture."
    try:
        model, start = models(name), time.perf_counter()
        result = model(path, threshold=FLOOR)
    except (ValueError, OSError, RuntimeError) as error:
        gr.Warning(escape(str(error)), title="That did not work")
        return f"That did not work: {error}"
    small = pictures.shown(result.picture)
    return Look(replace(result, picture=small), small, time.perf_counter() - start)


def show(look: Look | str, threshold: float, chosen: int | None = None):
    """All that depends on the threshold: the sentence, the table, and what `choose` returns."""
    if isinstance(look, str):
        return look, [], *choose(look, threshold, None)
    found = look.result.detections.above(threshold)
    if chosen is None or chosen >= len(found):
        chosen = 0 if len(found) else None  # the best one, so that there is a story to see at once
    return summary(look, found, threshold), rows(found), *choose(look, threshold, chosen)


def choose(look: Look | str, threshold: float, chosen: int | None):
    """The choice, the picture with that detection set off, and the chosen one's story."""
    if isinstance(look, str):
        return None, None, *story(look, None)
    found = look.result.detections.above(threshold)
    return chosen, pictures.draw(look.picture, found, chosen), *story(look, chosen)


def click(look: Look | str, threshold: float, chosen: int | None, event: gr.SelectData):
    """A click in the picture chooses the smallest box around it; one outside every box changes nothing."""
    if isinstance(look, str):
        return choose(look, threshold, None)
    found = look.result.detections.above(threshold)
    hit = pictures.at(found, *event.index, look.picture.size)
    return choose(look, threshold, chosen if hit is None else hit)


def pick(look: Look | str, threshold: float, event: gr.SelectData):
    """A cell of the table chooses its row, by the number in it: the visitor may have sorted the table."""
    return choose(look, threshold, int(event.row_value[0]) - 1)


def story(look: Look | str, chosen: int | None):
    """One detection's way through the layers: headline, zoomed picture, numbers, distributions, and their captions."""
    if isinstance(look, str) or chosen is None:
        return "### No object chosen", None, "", None, "", None, "", None
    history = look.result.history(chosen)
    return (
        f"### {style.title(history)}",
        pictures.history_boxes(look.picture, history),
        html.ladder_html(history),
        edges.distributions(history),
        edges.caption(history),
        edges.distributions(history, weighted=True),
        edges.caption(history, weighted=True),
        ladder.plot(history),
    )


def summary(look: Look, found: Detections, threshold: float) -> str:
    """What was found, in a sentence."""
    count = f"{len(found)} object{'' if len(found) == 1 else 's'}" if len(found) else "Nothing"
    hint = " Click a box or a row." if len(found) else " Lower the threshold to see what was nearly found."
    w, h = found.size
    return f"{count} with a score of at least {threshold:.2f}, in {w} × {h} pixels, {look.seconds:.2f}\u00a0s.{hint}"


def rows(found: Detections) -> list[list]:
    """The table of detections, best first."""
    return [
        [i + 1, d["name"], f"{d['score']:.2f}", ", ".join(f"{v:.0f}" for v in d["box"])]
        for i, d in enumerate(found.to_list())
    ]


def offered(model: str) -> list[tuple[str, str]]:
    """What the page lets choose: published COCO checkpoints that are in the cache, the shipped one, and `model`."""
    here = [known for known in ZOO.values() if known.cached and known.labels == "coco"]
    choices = [(f"{known.name}, COCO AP {known.ap}", known.name) for known in here]
    choices.append(("demo, trained by this project on drawn scenes", "demo"))
    return choices if model in dict(choices).values() else [*choices, (Path(model).name, model)]


def layout(model: str) -> SimpleNamespace:
    """The components, in the order in which they stand on the page."""
    v = SimpleNamespace(look=gr.State("", time_to_live=7200), chosen=gr.State(None))
    gr.Markdown(INTRO)
    with gr.Row():
        with gr.Column(scale=3, min_width=330):
            v.source = gr.Image(
                value=EXAMPLES[0] if EXAMPLES else None, label="Picture", type="filepath", height=210,
                sources=["upload", "webcam", "clipboard"], elem_id="source", buttons=[],
            )  # fmt: skip
            # Gradio would open the file before we can say what is wrong with it, and show its own path in the message.
            # On the component, not in a class of its own: Gradio writes a file beside any module that derives from it.
            v.source.preprocess = lambda upload: upload and upload.path
            v.examples = gr.Dataset(
                components=[v.source], samples=[[path] for path in EXAMPLES], visible=bool(EXAMPLES),
                label="Examples, drawn by this project", elem_id="examples",
            )  # fmt: skip
            v.model = gr.Dropdown(offered(model), value=model, label="Model", elem_id="model")
            v.threshold = gr.Slider(FLOOR, 0.95, 0.5, step=0.05, label="Score threshold", elem_id="threshold")
        with gr.Column(scale=5, min_width=320):
            v.scene = gr.Image(
                label="Detections", show_label=False, interactive=False, format="jpeg", height=480, elem_id="scene",
                buttons=["download", "fullscreen"],
            )  # fmt: skip
            v.status = gr.Markdown(elem_id="status")
        with gr.Column(scale=4, min_width=320):
            v.zoom = gr.Image(
                label="Box at every layer",
                show_label=False,
                interactive=False,
                height=480,
                elem_id="zoom",
                buttons=["fullscreen"],
            )
            gr.Markdown(LEGEND)
    with gr.Row():
        with gr.Column(scale=3, min_width=330):
            v.table = gr.Dataframe(
                headers=COLUMNS, datatype=["number", "str", "number", "str"], interactive=False, max_height=520,
                column_widths=[34, 96, 58, 148], label="Objects: choose a row", elem_id="objects", buttons=[],
            )  # fmt: skip
        with gr.Column(scale=9, min_width=320):
            v.headline = gr.Markdown(elem_id="headline")
            with gr.Tab("Pr(n)"):
                v.unweighted, v.about = gr.Plot(show_label=False, elem_id="unweighted"), gr.Markdown()
            with gr.Tab("W(n)·Pr(n)"):
                v.weighted, v.about_weighted = gr.Plot(show_label=False, elem_id="weighted"), gr.Markdown()
            with gr.Tab("Layer by layer"):
                v.rungs = gr.Plot(show_label=False, elem_id="rungs")
            v.numbers = gr.HTML(elem_id="numbers")
    return v


def wire(page: gr.Blocks, v: SimpleNamespace, models: Models) -> None:
    """Who calls what. Only `detect` runs the network, one picture at a time; the rest reads what the session keeps."""
    story_of = [v.headline, v.zoom, v.numbers, v.unweighted, v.about, v.weighted, v.about_weighted, v.rungs]
    focus = [v.chosen, v.scene, *story_of]
    everything = [v.status, v.table, *focus]
    run = dict(
        fn=partial(detect, models), inputs=[v.source, v.model], outputs=v.look, trigger_mode="always_last",
        concurrency_id="network", concurrency_limit=1, show_progress_on=v.scene, api_visibility="private",
    )  # fmt: skip
    quick = dict(queue=False, show_progress="hidden", api_visibility="private")
    shown = v.examples.click(lambda sample: sample[0], v.examples, v.source, **quick)
    for trigger in (page.load, v.source.input, v.source.clear, v.model.input, shown.then):
        # Showing is a step of its own, so that it takes the threshold as it stands when the network has finished.
        trigger(**run).success(show, [v.look, v.threshold], everything, **quick)
    v.threshold.change(show, [v.look, v.threshold, v.chosen], everything, trigger_mode="always_last", **quick)
    v.scene.select(click, [v.look, v.threshold, v.chosen], focus, **quick)
    v.table.select(pick, [v.look, v.threshold], focus, **quick)


def build(model: str = "demo", device: str = "auto") -> gr.Blocks:
    """The page, with its model loaded.

    Args:
        model: anything `dfine.load` takes; offered besides the shipped one and what is in the local cache.
        device: auto, cuda, mps or cpu.

    Raises:
        ValueError, OSError: the model cannot be loaded; the message says why.
    """
    models = Models(device)
    models(model)
    with gr.Blocks(title="D-FINE Lens", delete_cache=(3600, 3600)) as page:
        wire(page, layout(model), models)
    return page


def main(arguments: list[str] | None = None) -> None:
    """Serve the page until it is stopped. Options win over the environment, the environment over the defaults."""
    env = os.environ.get
    parser = argparse.ArgumentParser(prog="app.py", description="D-FINE Lens: look inside an object detector.")
    parser.add_argument("--model", default=env("DFINE_MODEL", "demo"), help="name, folder or file (DFINE_MODEL)")
    parser.add_argument("--host", default=env("DFINE_HOST", env("GRADIO_SERVER_NAME", "127.0.0.1")), help="DFINE_HOST")
    parser.add_argument(
        "--port", type=int, default=env("DFINE_PORT", env("GRADIO_SERVER_PORT")),
        help="DFINE_PORT; by default the first free one from 7860",
    )  # fmt: skip
    parser.add_argument("--device", default=env("DFINE_DEVICE", "auto"), help="auto, cuda, mps or cpu (DFINE_DEVICE)")
    options = parser.parse_args(arguments)
    try:
        page = build(options.model, options.device)
        page.queue(max_size=32).launch(
            server_name=options.host, server_port=options.port, theme=THEME, css=CSS, ssr_mode=False,
            max_file_size="40mb", state_session_capacity=SESSIONS, run_history=False, footer_links=["settings"],
        )  # fmt: skip
    except (ValueError, OSError) as error:
        sys.exit(f"app.py: {error}")


if __name__ == "__main__":
    main()
