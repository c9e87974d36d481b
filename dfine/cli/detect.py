"""The commands that look at pictures: `detect` and `trace`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from dfine.cli.options import Compiled, Device, Graphs, Half, Layers, Model, Names, Precision, score
from dfine.cli.shipped import note_drawings
from dfine.cli.terminal import apart, complain, expand
from dfine.weights.zoo import PHOTOS


def detect(
    pictures: Annotated[
        list[str], Argument(help="Pictures, folders of them, quoted globs like 'a/*.jpg'; or one video, or webcam:0.")
    ],
    model: Model = PHOTOS,
    names: Names = None,
    threshold: Annotated[
        str,
        Option("--threshold", "-t", callback=score, help="Lowest score to report, or 'best': the model's own."),
    ] = "0.5",
    json: Annotated[Path | None, Option(help="Write all detections to this file; - is stdout.")] = None,
    parquet: Annotated[
        Path | None, Option(help="Write a table to this file: an object a row, with every layer's box and the edges.")
    ] = None,
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
    every: Annotated[int, Option(min=1, help="Of a video: look at, and save, only every Nth frame.")] = 1,
    device: Device = "auto",
    precision: Precision = "float32",
    half: Half = "off",
    compiled: Compiled = False,
    graphs: Graphs = False,
    layers: Layers = None,
):
    """Find the objects in pictures, or in a video. A picture that cannot be read is named, and the others go on."""
    from dfine.cli import video

    apart(save=save, json=json, parquet=parquet)
    loading = dict(names=names, precision=precision, half=half, compiled=compiled, graphs=graphs, layers=layers)
    if film := video.video_among(pictures, tile, suppress):
        if parquet:
            raise typer.BadParameter("is for pictures", param_hint="--parquet")
        wanted = dict(threshold=threshold, every=every, track=track, batch=batch, save=save, json=json)
        if not video.run(film, model, device, loading, **wanted):
            raise typer.Exit(1)
        return
    if track or every > 1:
        raise typer.BadParameter("is for videos", param_hint="--track" if track else "--every")
    if tile and batch:
        complain("--batch is for whole pictures; tiles go through the network a few at a time", "warning")
    files = expand(pictures)
    from dfine.cli.pictures import How, Out, run

    if not run(files, model, device, loading, How(threshold, batch, tile, suppress), Out(save, json, parquet)):
        raise typer.Exit(1)


def trace(
    picture: Annotated[Path, Argument(help="One picture.")],
    out: Annotated[Path | None, Argument(help="A .npz or .json; by default the picture's name with .npz.")] = None,
    model: Model = PHOTOS,
    names: Names = None,
    device: Device = "auto",
):
    """Write all that the network made of one picture: every query's boxes, logits and edges at every layer."""
    out = out or Path(picture.stem + ".npz")
    if out.suffix not in (".npz", ".json"):
        raise typer.BadParameter(f"{out} must end in .npz or .json", param_hint="OUT")
    import dfine
    from dfine.files import check_file
    from dfine.trace.disk import save_trace

    check_file(out, [picture])
    note_drawings(model, [picture.parent.absolute()])
    detector = dfine.load(model, device=device, names=names)
    result = detector(picture)
    about = replace(detector.about(result, picture), card=detector.card)
    save_trace(out, result.trace, about)
    queries, layers = result.trace.origin.shape[1], len(result.trace.refinements)
    typer.echo(f"{out}: {queries} queries through {layers} layers, {out.stat().st_size / 1000:.0f} kB")
