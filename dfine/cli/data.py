"""`dfine data`: look at a data set before training on it, and bring it into another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from dfine.cli.terminal import apart, read_from, write_json

app = typer.Typer(no_args_is_help=True, help="Check a data set; convert, prepare or shrink one.")
Source = Annotated[Path, Argument(help="COCO (folder, .json), YOLO (folder, .yaml), VOC or labelme (folder).")]


@app.command()
def check(
    data: Source,
    html: Annotated[Path | None, Option(help="Write a page with the pictures that have most mistakes.")] = None,
    json: Annotated[Path | None, Option(help="Write everything to this file; - is stdout.")] = None,
    queries: Annotated[int, Option(min=1, help="Of the detector that is to be trained.")] = 300,
):
    """Count what is in a data set and find what is wrong with it. Exit status 1 if anything is."""
    from dfine.data.check import check as run
    from dfine.files import check_file, replacing

    apart(html=html, json=json)
    check_file(json, read_from(data, json))
    check_file(html, [data] if html and html.suffix == ".html" else read_from(data, html))
    report = run(data, queries=queries)
    if str(json) != "-":
        typer.echo(report)
    if json:
        write_json(json, report.to_dict())
    if html:
        from dfine.figures.pages.data_check import check_html

        worst = [
            (_picture(path, report.sizes.get(path)), path.name, [(f.message, f.bbox) for f in found])
            for path, found in report.worst()
        ]
        html.parent.mkdir(parents=True, exist_ok=True)
        with replacing(html) as temporary:
            temporary.write_text(check_html(report.to_dict(), worst), encoding="utf-8")
    if report.findings:
        raise typer.Exit(1)


@app.command()
def convert(
    data: Source,
    out: Annotated[Path, Argument(help="A new folder.")],
    format: Annotated[Literal["coco", "yolo", "voc"], Option("--format", "-f", help="What to write.")],
    link: Annotated[bool, Option("--link", help="Link to the pictures in place of copying them.")] = False,
):
    """Write a data set in another format, all splits and pictures."""
    from dfine.data.convert import convert as run

    typer.echo(f"{run(data, out, format, link=link)} is written")


@app.command()
def prepare(
    name: Annotated[Literal["coco", "objects365", "crowdhuman", "voc"], Argument(help="Which data set.")],
    folder: Annotated[Path, Argument(help="Where its files lie.")],
):
    """Check the files of a well-known data set, say where to get what is missing, and write what training needs."""
    from dfine.data.prepare import follow

    for sentence in follow(name, folder):
        typer.echo(sentence)


@app.command()
def shrink(
    annotations: Annotated[Path, Argument(help="A COCO .json.")],
    out: Annotated[Path, Argument(help="A new folder, for images/ and annotations.json.")],
    longest: Annotated[int, Option(min=1, help="Pixels of the longer side.")] = 640,
):
    """Resize the pictures of a data set beforehand, boxes and all, so that reading them keeps up with a GPU."""
    from dfine.data.prepare import shrink as run

    typer.echo(f"{run(annotations, out, longest)} is written")


def _picture(path: Path, size: tuple[int, int] | None):
    """The picture at a path as its boxes mean it, None where it is what is wrong."""
    from dfine.data.coco import as_labelled
    from dfine.data.pictures import read

    try:
        return as_labelled(path, size) if size else read(path)
    except (ValueError, OSError):
        return None
