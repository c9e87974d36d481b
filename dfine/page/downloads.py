"""What was found in a picture, as files that say where they come from.

Every file carries the schema, the version of this package, the checkpoint and its SHA-256 digest, and the picture's
name and size: JSON at its top, COCO in `info`, PNG in a text chunk, .npz in `about`, HTML at its foot and under the id
`data`. Each file is written wholly or not at all.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from dfine.data.pictures import Picture, read
from dfine.figures.object import share
from dfine.figures.picture import draw
from dfine.files import replacing
from dfine.inference.predictor import Result
from dfine.paths import as_json
from dfine.trace import described
from dfine.trace.categories import category_ids
from dfine.trace.disk import About, save_trace

CHUNK = "dfine"  # the text chunk of a PNG that says where it comes from


def detections_json(path: str | Path, result: Result, where: About, threshold: float) -> Path:
    """Write what `api.detect` answers: the head, and label, name, score, box (xyxy pixels) and query of each detection.

    Args:
        path: an existing file is replaced; the folder is made.
        result: whose detections from `threshold` on are written. Cut `result.detections` before, to write fewer.
        where: see `Predictor.about`.
        threshold: lowest score that is written.
    """
    found = result.detections.above(threshold)
    return _write_json(path, described.provenance(where, threshold) | {"detections": found.to_list()})


def detections_coco(path: str | Path, result: Result, where: About, threshold: float) -> Path:
    """Write the detections as a COCO data set of one picture, which COCO tools, FiftyOne and annotators read.

    Annotations carry `score` and `query` besides what COCO asks for. The numbers of the categories are those of
    `dfine.trace.categories.category_ids`. Arguments as for `detections_json`.
    """
    found = result.detections.above(threshold)
    classes, (width, height) = where.card.names, where.picture_size
    ids = category_ids(classes)
    entries = found.to_coco(1, ids)
    head = described.provenance(where, threshold)
    content = {
        "info": {"description": "Detections by D-FINE Lens", "version": str(head["dfine"])} | head,
        "images": [{"id": 1, "file_name": where.picture, "width": width, "height": height}],
        "annotations": [
            entry | {"id": i, "area": entry["bbox"][2] * entry["bbox"][3], "iscrowd": 0, "query": query}
            for i, (entry, query) in enumerate(zip(entries, found.query.tolist()), 1)
        ],
        "categories": [{"id": i, "name": name} for i, name in zip(ids, classes) if name],
    }
    return _write_json(path, content)


def picture_png(
    path: str | Path,
    result: Result,
    where: About,
    threshold: float,
    *,
    picture: Picture | None = None,
    selected: int | None = None,
) -> Path:
    """Write the picture in full resolution with a box and a label for every detection.

    Args:
        path: an existing file is replaced; the folder is made.
        result: whose detections from `threshold` on are drawn.
        where: see `Predictor.about`.
        threshold: lowest score that is drawn.
        picture: the original, where `result.picture` is a reduced copy.
        selected: a detection that is set off among the others.

    Raises:
        PictureError: `picture` cannot be read.
        IndexError: there is no detection `selected`.
    """
    image = result.picture if picture is None else read(picture)
    drawn = draw(image, result.detections.above(threshold), selected, limit=max(image.size))
    text = PngInfo()
    text.add_itxt(CHUNK, as_json(described.provenance(where, threshold)))
    path = _made(path)
    with replacing(path) as temporary:
        drawn.save(temporary, "PNG", pnginfo=text)
    return path


def card_png(path: str | Path, result: Result, index: int, where: About) -> Path:
    """Write one object as a picture to send to somebody: its box, its distributions, how sure each edge is.

    Args:
        path: an existing file is replaced; the folder is made.
        result: its picture is shown.
        index: which detection.
        where: see `Predictor.about`.

    Raises:
        IndexError: there is no detection `index`.
    """
    drawn, text = share.card(result.picture, result.history(index), where.card.source), PngInfo()
    text.add_itxt(CHUNK, as_json(described.provenance(where)))
    path = _made(path)
    with replacing(path) as temporary:
        drawn.save(temporary, "PNG", pnginfo=text)
    return path


def layers_gif(path: str | Path, result: Result, index: int, where: About) -> Path:
    """Write how the layers sharpen one object, as an animation. Arguments and errors as for `card_png`."""
    shown = [list(same) for _, same in groupby(share.clip(result.picture, result.history(index)), key=id)]
    first, *others = (frames[0] for frames in shown)
    path = _made(path)
    with replacing(path) as temporary:
        first.save(
            temporary,
            "GIF",
            save_all=True,
            append_images=others,
            duration=[len(frames) * share.MILLISECONDS for frames in shown],  # one that rests is drawn once
            loop=0,
            comment=as_json(described.provenance(where)).encode(),
        )
    return path


def trace_npz(path: str | Path, result: Result, where: About) -> Path:
    """Write everything that the network made of the picture, whatever its score; `load_trace` reads it."""
    return save_trace(_made(path), result.trace, where)


def explanation_html(
    path: str | Path,
    result: Result,
    index: int,
    where: About,
    threshold: float,
    *,
    picture: Picture | None = None,
) -> Path:
    """Write the explanation of one object as one HTML file that opens offline, its figures still interactive.

    Args:
        path: an existing file is replaced; the folder is made.
        result: whose detections from `threshold` on are shown.
        where: see `Predictor.about`.
        threshold: lowest score that is shown.
        index: which detection, in the order of those from `threshold` on.
        picture: the original, where `result.picture` is a reduced copy.

    Raises:
        IndexError: there is no detection `index`.
        PictureError: `picture` cannot be read.
        ImportError: plotly is not installed.
    """
    from dfine.figures.pages.object_page import page  # only this file needs plotly

    shown = replace(result, detections=result.detections.above(threshold))
    history = shown.history(index)
    image = result.picture if picture is None else read(picture)
    text = page(image, history, shown.detections, described.provenance(where, threshold), described.described(history))
    path = _made(path)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def everything(
    folder: str | Path,
    result: Result,
    where: About,
    threshold: float,
    *,
    index: int | None = None,
    picture: Picture | None = None,
) -> list[Path]:
    """Write all of these files into a folder, named after the picture.

    Args:
        folder: made where it is not there.
        result: whose detections from `threshold` on are written.
        where: see `Predictor.about`.
        threshold: lowest score that is written.
        index: the detection to explain; None for no explanation.
        picture: the original, where `result.picture` is a reduced copy.

    Returns:
        Detections, COCO, PNG, trace and, with `index`, the object's explanation, card and animation.
    """

    def to(ending: str) -> Path:
        return Path(folder) / file_name(where, ending)

    files = [
        detections_json(to("detections.json"), result, where, threshold),
        detections_coco(to("coco.json"), result, where, threshold),
        picture_png(to("detections.png"), result, where, threshold, picture=picture),
        trace_npz(to("trace.npz"), result, where),
    ]
    if index is not None:
        name = f"object-{index + 1}"
        files += [
            explanation_html(to(f"{name}.html"), result, index, where, threshold, picture=picture),
            card_png(to(f"{name}-card.png"), result, index, where),
            layers_gif(to(f"{name}-layers.gif"), result, index, where),
        ]
    return files


def file_name(where: About, ending: str) -> str:
    """A file name after the picture's: `street.detections.json`. Letters, digits, "-" and "_" of any language are kept.

    >>> file_name(About(Card((), (640, 640)), (1, 1), "my cat.jpg"), "coco.json")
    'my-cat.coco.json'
    """
    stem = re.sub(r"[^\w-]+", "-", Path(where.picture).stem).strip("-")[:80]
    return f"{stem or 'picture'}.{ending}"


def _write_json(path: str | Path, content: dict) -> Path:
    path = _made(path)
    with replacing(path) as temporary:
        temporary.write_text(as_json(content, indent=1) + "\n", encoding="utf-8")
    return path


def _made(path: str | Path) -> Path:
    """The path, whose folder exists now."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
