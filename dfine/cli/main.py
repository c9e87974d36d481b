"""The command line: `dfine`, or `python -m dfine`.

Whatever is slow to import is imported by the command that needs it. What goes wrong is said in one sentence on stderr;
`dfine --debug …` shows where. Exit status: 0 done, 1 something failed, 2 wrong usage.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from dfine.cli import data, speed, train
from dfine.cli.options import Clean, Compiled, Data, Device, Graphs, Half, Layers, Model, Workers, sides
from dfine.cli.terminal import Border, complain, expand, read_from, table, write_json

HELD_OUT, HELD_OUT_COUNT = 2_000_000, 500  # seed and number of the model card's scenes; training never draws them
TITLES = {"all": "All", "clean": "Clean (all dials at 0)", "hard": "Hard (some dial above 0)"}

app = typer.Typer(
    cls=Border,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(data.app, name="data")
app.command()(train.train)
app.command()(speed.export)
app.command()(speed.benchmark)


@app.callback()
def options(debug: Annotated[bool, Option("--debug", help="Show where an error comes from.")] = False):
    """D-FINE Lens: an object detector that you can look inside."""
    if not debug:
        warnings.showwarning = lambda message, *_, **__: complain(message, "warning")


@app.command()
def detect(
    pictures: Annotated[
        list[str], Argument(help="Pictures, folders of them, quoted globs like 'a/*.jpg'; or one video, or webcam:0.")
    ],
    model: Model = "demo",
    threshold: Annotated[float, Option("--threshold", "-t", min=0, max=1, help="Lowest score to report.")] = 0.5,
    json: Annotated[Path | None, Option(help="Write all detections to this file; - is stdout.")] = None,
    save: Annotated[
        Path | None, Option(help="Write the pictures with their boxes into this folder, the video to this file.")
    ] = None,
    tile: Annotated[
        int | None, Option(min=32, help="Look at tiles of so many pixels, too: for small objects in large pictures.")
    ] = None,
    suppress: Annotated[
        float | None, Option(min=0, max=1, help="Count boxes of a class with at least this IoU as one object.")
    ] = None,
    batch: Annotated[int | None, Option(min=1, help="Pictures per forward pass; by default as many as fit.")] = None,
    track: Annotated[bool, Option("--track", help="Of a video: number the things that are seen.")] = False,
    every: Annotated[int, Option(min=1, help="Of a video: look at, and save, every so-many-th frame alone.")] = 1,
    device: Device = "auto",
    half: Half = "off",
    compiled: Compiled = False,
    graphs: Graphs = False,
    layers: Layers = None,
):
    """Find the objects in pictures, or in a video. A picture that cannot be read is named, and the others go on."""
    from dfine.cli import video

    speed = dict(half=half, compiled=compiled, graphs=graphs, layers=layers)
    if film := video.video_among(pictures, tile, suppress):
        wanted = dict(threshold=threshold, every=every, track=track, batch=batch, save=save, json=json)
        if not video.run(film, model, device, speed, **wanted):
            raise typer.Exit(1)
        return
    if track or every > 1:
        raise typer.BadParameter("is for videos", param_hint="--track" if track else "--every")
    files = expand(pictures)
    from dfine.cli.detect import How, run

    if not run(files, model, device, How(threshold, batch, tile, suppress), save=save, json=json, speed=speed):
        raise typer.Exit(1)


@app.command()
def trace(
    picture: Annotated[Path, Argument(help="One picture.")],
    out: Annotated[Path | None, Argument(help="A .npz or .json; by default the picture's name with .npz.")] = None,
    model: Model = "demo",
    device: Device = "auto",
):
    """Write all that the network made of one picture: every query's boxes, logits and edges at every layer."""
    out = out or Path(picture.stem + ".npz")
    if out.suffix not in (".npz", ".json"):
        raise typer.BadParameter(f"{out} must end in .npz or .json", param_hint="OUT")
    import dfine
    from dfine.files import check_file
    from dfine.trace.disk import About, save_trace

    check_file(out, [picture])
    detector = dfine.load(model, device=device)
    result = detector(picture)
    about = About(detector.card, result.picture.size, picture.name)
    save_trace(out, result.trace, about)
    queries, layers = result.trace.origin.shape[1], len(result.trace.refinements)
    typer.echo(f"{out}: {queries} queries through {layers} layers, {out.stat().st_size / 1000:.0f} kB")


@app.command()
def evaluate(
    model: Model = "demo",
    data: Data = "scenes",
    split: Annotated[str | None, Option(help="Which split of the data, where it has several.")] = None,
    count: Annotated[int | None, Option(min=1, help="How many pictures: of scenes 500, of other data all.")] = None,
    seed: Annotated[int, Option(min=0, help="Of the scenes; the default draws the model card's.")] = HELD_OUT,
    clean: Clean = 0.5,
    scores: Annotated[
        Literal["own", "last"], Option(help="Rank by each layer's own scores, or all by the last one's.")
    ] = "own",
    input: Annotated[
        int | None,
        Option(min=32, callback=sides, help="Side of the input, a multiple of 32; by default the checkpoint's."),
    ] = None,
    batch: Annotated[int, Option(min=1, help="Pictures per forward pass.")] = 16,
    workers: Workers = 1,
    json: Annotated[Path | None, Option(help="Write the figures to this file; - is stdout.")] = None,
    device: Device = "auto",
    half: Half = "off",
    layers: Layers = None,
):
    """COCO AP of the initial boxes and of every layer. Without options it reproduces the shipped model's card."""
    import dfine
    from dfine.engines.onnx.sessions import placed
    from dfine.evaluation.coco import evaluate as run
    from dfine.files import check_file
    from dfine.processes import ranks

    check_file(json, [model, *read_from(data, json)])
    with ranks() as here:
        size = (input, input) if input else None
        detector = dfine.load(model, device=placed(model, device, here), size=size, half=half, layers=layers)
        pictures = _dataset(data, split, count, seed, clean, detector.input_size)
        result = run(detector, pictures, batch=batch, scores=scores, workers=workers, here=here)
    if not here.first:
        return
    parts = {"all": result, **result.by_dials()}
    if str(json) != "-":
        for name, part in parts.items():
            typer.echo(f"{TITLES[name]}: {part.pictures} pictures, {part.objects} objects\n{part}\n")
    if json:
        head = {"data": data, "seed": seed if data == "scenes" else None, "input": list(detector.input_size)}
        write_json(json, detector.card.provenance() | head | {name: part.to_dict() for name, part in parts.items()})


@app.command()
def explore(
    data: Annotated[
        str,
        Option(help="'scenes', COCO (folder, .json), YOLO, VOC, a folder of pictures, or a FiftyOne data set's name."),
    ] = "scenes",
    model: Model = "demo",
    name: Annotated[str | None, Option(help="Of the FiftyOne data set; by default the data's own.")] = None,
    field: Annotated[str, Option(help="Where the predictions go; a second model needs its own.")] = "dfine",
    truth: Annotated[str | None, Option(help="Field of the answers, of a FiftyOne data set.")] = None,
    split: Annotated[str | None, Option(help="Which split, where the data has several.")] = None,
    count: Annotated[int | None, Option(min=1, help="How many pictures: of scenes 500, of other data all.")] = None,
    seed: Annotated[int, Option(min=0, help="Of the scenes; the default draws the model card's.")] = HELD_OUT,
    threshold: Annotated[float, Option("--threshold", "-t", min=0, max=1, help="Lowest score to store.")] = 0.05,
    top: Annotated[int, Option(min=1, help="Most boxes to store per picture.")] = 100,
    batch: Annotated[int, Option(min=1, help="Pictures per forward pass.")] = 8,
    workers: Workers = 0,
    device: Device = "auto",
    report: Annotated[Path | None, Option(help="Write a report into this folder.")] = None,
    export: Annotated[Path | None, Option(help="Write the data set as reviewed into this new folder, as COCO.")] = None,
    prelabel: Annotated[
        Path | None, Option(help="Write pre-labels of unlabelled pictures into this new folder.")
    ] = None,
    format: Annotated[Literal["coco", "yolo", "voc"], Option(help="Of the pre-labels.")] = "coco",
    calibrate: Annotated[
        bool, Option("--calibrate", help="Fit a temperature, test it, and store it in the folder that --model names.")
    ] = False,
    address: Annotated[
        str, Option(help="Where the App listens; by default this machine alone can see it.")
    ] = "127.0.0.1",
    port: Annotated[int | None, Option(min=1, max=65535, help="By default the first free one from 5151 on.")] = None,
    browser: Annotated[bool, Option("--browser", help="Open a browser, too.")] = False,
    app: Annotated[bool, Option("--app/--no-app", help="Whether to open the App in the end.")] = True,
):
    """Open a data set in the FiftyOne App, with every box's edges and layers, errors, and views that answer."""
    from dfine.cli import explore as explorer

    opening = dict(name=name, truth=truth, split=split, count=count, seed=seed)
    explorer.run(
        explorer.Look(data, model, device, field, threshold, top, batch, workers, opening),
        explorer.Out(report, export, prelabel, format, calibrate),
        explorer.Where(address, port, browser, app),
    )


@app.command()
def scenes(
    out: Annotated[Path, Argument(help="A new folder, for images/ and annotations.json.")],
    count: Annotated[int, Option(min=1, help="How many.")] = 500,
    seed: Annotated[int, Option(min=0, help="The same seed draws the same scenes.")] = 0,
    size: Annotated[int, Option(min=32, help="Side in pixels.")] = 640,
    clean: Clean = 0.5,
    workers: Annotated[int | None, Option(min=0, help="Processes that draw; by default one a core, up to 8.")] = None,
):
    """Draw scenes with exact answers and write them as a COCO-format data set, dials included."""
    from dfine.data.scenes import write

    write(out, count, seed=seed, size=(size, size), clean=clean, workers=workers)
    typer.echo(f"{count} scenes are in {out}")


@app.command()
def zoo():
    """List all known checkpoints: AP, parameters, GFLOPs at 640 pixels, and whether they can be loaded offline."""
    import dfine

    rows = [{**row, "cached": "yes" if row["cached"] else "no"} for row in dfine.zoo()]
    typer.echo(table(rows))


@app.command(
    name="app",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def page(ctx: typer.Context):
    """Serve the page: look inside a detector in the browser. See `dfine app --help` for its options."""
    try:
        from dfine.page.app import main as serve
    except ModuleNotFoundError as missing:
        raise ImportError(f"the page needs {missing.name}: pip install 'dfine-lens[app]'") from None
    serve(ctx.args, program="dfine app")


@app.command()
def version():
    """Print the versions that a report of a mistake needs."""
    import platform

    import torch
    import torchvision

    from dfine.engines.device import resolve
    from dfine.version import VERSION

    typer.echo(f"dfine {VERSION}, Python {platform.python_version()}, {platform.platform()}")
    typer.echo(f"torch {torch.__version__}, torchvision {torchvision.__version__}, device {resolve('auto')}")


def main() -> None:
    """Entry point of the `dfine` command."""
    app(prog_name="dfine")


def _dataset(data: str, split: str | None, count: int | None, seed: int, clean: float, size: tuple[int, int]):
    """Scenes drawn in the size of the input, or a data set from disk; of either the first `count` pictures."""
    if data == "scenes":
        from dfine.data.scenes import Scenes

        return Scenes(count or HELD_OUT_COUNT, size=size, seed=seed, clean=clean)
    from dfine.data.loader import subset
    from dfine.data.sources import open_data, require_objects

    dataset = require_objects(open_data(data, split), "to measure AP on")
    return dataset if count is None or len(dataset) <= count else subset(dataset, range(count))
