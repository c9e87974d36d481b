"""The command line: `dfine`, or `python -m dfine`.

Whatever is slow to import is imported by the command that needs it. What goes wrong is said in one sentence on stderr;
`dfine --debug …` shows where. Exit status: 0 done, 1 something failed, 2 wrong usage.
"""

from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from dfine.terminal import Border, complain, expand, table, write_json

PAGE = Path(__file__).parent.parent / "app.py"
HELD_OUT, HELD_OUT_COUNT = 2_000_000, 500  # seed and number of the model card's scenes; training never draws them
TITLES = {"all": "All", "clean": "Clean (all dials at 0)", "hard": "Hard (some dial above 0)"}

app = typer.Typer(
    cls=Border,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Model = Annotated[
    str, Option("--model", "-m", help="Short name (see `dfine zoo`), Hub id, folder, .pth or .safetensors.")
]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], Option(help="Where to run; auto takes the best there is.")]
Data = Annotated[str, Option(help="'scenes', or a data set: COCO (folder, .json), YOLO (folder, .yaml), VOC (folder).")]
Clean = Annotated[float, Option(min=0, max=1, help="Share of scenes with all dials at 0.")]
Workers = Annotated[int, Option(min=0, help="Processes that prepare pictures.")]


@app.callback()
def options(debug: Annotated[bool, Option("--debug", help="Show where an error comes from.")] = False):
    """D-FINE Lens: an object detector that you can look inside."""
    if not debug:
        warnings.showwarning = lambda message, *_, **__: complain(message, "warning")


@app.command()
def detect(
    pictures: Annotated[list[str], Argument(help="Pictures, folders of pictures, or quoted globs like 'a/*.jpg'.")],
    model: Model = "demo",
    threshold: Annotated[float, Option("--threshold", "-t", min=0, max=1, help="Lowest score to report.")] = 0.5,
    json: Annotated[Path | None, Option(help="Write all detections to this file; - is stdout.")] = None,
    save: Annotated[Path | None, Option(help="Write the pictures with their boxes into this folder.")] = None,
    tile: Annotated[
        int | None, Option(min=32, help="Look at tiles of so many pixels, too: for small objects in large pictures.")
    ] = None,
    suppress: Annotated[
        float | None, Option(min=0, max=1, help="Count boxes of a class with at least this IoU as one object.")
    ] = None,
    batch: Annotated[int | None, Option(min=1, help="Pictures per forward pass; by default as many as fit.")] = None,
    device: Device = "auto",
):
    """Find the objects in pictures. One that cannot be read is named, and the others go on."""
    files = expand(pictures)
    from dfine.cli_detect import How, run

    if not run(files, model, device, How(threshold, batch, tile, suppress), save=save, json=json):
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
    from dfine.storage import About, save_trace

    detector = dfine.load(model, device=device)
    result = detector(picture)
    about = About(tuple(detector.names), result.picture.size, picture.name, detector.source, detector.digest)
    save_trace(out, result.trace, about)
    queries, layers = result.trace.origin.shape[1], len(result.trace.refinements)
    typer.echo(f"{out}: {queries} queries through {layers} layers, {out.stat().st_size / 1000:.0f} kB")


@app.command()
def train(
    out: Annotated[Path, Option(help="Folder for checkpoints, log and the trained model.")],
    data: Data = "scenes",
    val: Annotated[
        str | None, Option(help="Held-out data set; by default the validation split of --data, or other scenes.")
    ] = None,
    size: Annotated[Literal["n", "s", "m", "l", "x"], Option(help="Which of the five networks.")] = "n",
    input: Annotated[int, Option(min=32, help="Side of the square that pictures are resized to.")] = 640,
    queries: Annotated[int, Option(min=1, help="Queries, at most one per token.")] = 300,
    batch: Annotated[int | None, Option(min=1, help="Pictures per step; by default as published.")] = None,
    epochs: Annotated[int | None, Option(min=1, help="By default as published.")] = None,
    pictures: Annotated[int, Option(min=1, help="Scenes per epoch, all of them new.")] = 4000,
    clean: Clean = 0.5,
    rate: Annotated[float | None, Option(min=0, help="Learning rate; by default as published.")] = None,
    backbone_rate: Annotated[
        float | None, Option(min=0, help="Of the backbone; by default its published share of --rate.")
    ] = None,
    schedule: Annotated[Literal["constant", "cosine"], Option(help="Learning rate after warm-up.")] = "constant",
    warmup: Annotated[int | None, Option(min=0, help="Steps of warm-up; by default as published.")] = None,
    ema: Annotated[float | None, Option(min=0, max=1, help="Decay of the averaged weights.")] = None,
    ema_ramp: Annotated[int | None, Option(min=1, help="Steps over which that decay sets in.")] = None,
    denoising: Annotated[int, Option(min=0, help="Denoising queries per picture: twice as many, about.")] = 100,
    val_count: Annotated[int, Option(min=1, help="Held-out scenes.")] = 200,
    val_every: Annotated[int, Option(min=1, help="Epochs from one evaluation to the next.")] = 1,
    save_every: Annotated[int, Option(min=1, help="Steps from one save of the state to the next.")] = 200,
    seed: Annotated[int, Option(min=0, max=999, help="Of weights, order, scenes and noise.")] = 0,
    workers: Workers = 0,
    device: Device = "auto",
    amp: Annotated[
        Literal["auto", "off", "bf16", "fp16"], Option(help="Half precision; auto is bf16 on a GPU, off elsewhere.")
    ] = "auto",
    init: Annotated[
        str | None, Option(help="A checkpoint to start from, named as for --model; classes are carried over by name.")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with the run in --out.")] = False,
):
    """Train a detector on scenes or on your own data. An interrupted run goes on exactly with --resume."""
    chosen = {**locals(), "out": str(out)}
    from dfine.learning.loop import train as run
    from dfine.learning.plan import TrainOptions
    from dfine.predictor import resolve

    result = run(TrainOptions(**chosen | {"device": str(resolve(device))}))
    typer.echo(f"the trained model is in {out / 'model'}" if result else f"{out} is trained to the end already")


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
    input: Annotated[int | None, Option(min=32, help="Side of the input; by default the checkpoint's.")] = None,
    batch: Annotated[int, Option(min=1, help="Pictures per forward pass.")] = 16,
    workers: Workers = 1,
    json: Annotated[Path | None, Option(help="Write the figures to this file; - is stdout.")] = None,
    device: Device = "auto",
):
    """COCO AP of the initial boxes and of every layer. Without options it reproduces the shipped model's card."""
    import dfine
    from dfine.evaluation import evaluate as run
    from dfine.ranks import ranks

    with ranks() as here:
        detector = dfine.load(model, device=here.device(device))
        size = (input, input) if input else tuple(detector.size)
        result = run(
            detector.network, _dataset(data, split, count, seed, clean, size), names=tuple(detector.names), size=size,
            batch=batch, device=detector.device, scores=scores, workers=workers, here=here,
        )  # fmt: skip
    if not here.first:
        return
    parts = {"all": result, **result.by_dials()}
    if str(json) != "-":
        for name, part in parts.items():
            typer.echo(f"{TITLES[name]}: {part.pictures} pictures, {part.objects} objects\n{part}\n")
    if json:
        head = {"data": data, "seed": seed if data == "scenes" else None, "input": list(size)}
        write_json(json, _provenance(detector) | head | {name: part.to_dict() for name, part in parts.items()})


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
    """Open the page. Takes the options of app.py: see `dfine app --help`."""
    if not PAGE.exists():
        raise FileNotFoundError(f"{PAGE} is missing: the page is not part of the package, run it from a clone")
    sys.argv = [str(PAGE), *ctx.args]
    runpy.run_path(str(PAGE), run_name="__main__")


@app.command()
def version():
    """Print the versions that a report of a mistake needs."""
    import platform

    import torch
    import torchvision

    from dfine.predictor import resolve
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
    from dfine.data.sources import open_data

    dataset = open_data(data, split)
    return dataset if count is None or len(dataset) <= count else subset(dataset, range(count))


def _provenance(detector) -> dict:
    from dfine.records import SCHEMA
    from dfine.version import VERSION

    return {"schema": SCHEMA, "dfine": VERSION, "model": detector.source, "digest": detector.digest}
