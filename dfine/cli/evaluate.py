"""The command that measures: `evaluate`."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Option

from dfine.cli.options import (
    Clean,
    Data,
    Device,
    Half,
    Layers,
    ModelForData,
    Names,
    Precision,
    Workers,
    fit_data,
    sides,
)
from dfine.cli.shipped import note_drawings, usual
from dfine.cli.terminal import complain, over_known, read_from, write_json
from dfine.wording import counted

if TYPE_CHECKING:
    from dfine.evaluation.coco import Evaluation

HELD_OUT, HELD_OUT_COUNT = 2_000_000, 500  # seed and number of the model card's scenes; training never draws them
FEW = 24  # so many classes are listed one by one
TITLES = {"all": "All", "clean": "Clean (all dials at 0)", "hard": "Hard (some dial above 0)"}


def evaluate(
    context: typer.Context,
    model: ModelForData = None,
    names: Names = None,
    data: Data = "scenes",
    split: Annotated[str | None, Option(help="Which split of the data, where it has several.")] = None,
    count: Annotated[int | None, Option(min=1, help="How many pictures: of scenes 500, of other data all.")] = None,
    seed: Annotated[int, Option(min=0, help="Of the scenes; the default draws those of demo's card.")] = HELD_OUT,
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
    precision: Precision = "float32",
    half: Half = "off",
    layers: Layers = None,
):
    """COCO AP of the initial boxes and of every layer. Without options it reproduces the card of `demo`.

    Pictures that cannot be read are named and left out; the exit status is 1 then.
    """
    import dfine
    from dfine.engines.onnx.sessions import placed
    from dfine.evaluation.coco import evaluate as run
    from dfine.files import check_file
    from dfine.processes import ranks

    fit_data(context, data)
    model = model or usual(data)
    check_file(json, [model, *read_from(data, json)])
    with ranks() as here:
        if here.first:
            note_drawings(model, [data])
        size = (input, input) if input else None
        how = dict(names=names, size=size, precision=precision, half=half, layers=layers)
        detector = dfine.load(model, device=placed(model, device, here), **how)
        pictures = _dataset(data, split, count, seed, clean, detector.input_size)
        result = run(detector, pictures, batch=batch, scores=scores, workers=workers, skip=True, here=here)
    if here.first:
        parts = {"all": result, **result.by_dials()}
        if str(json) != "-":
            _show(parts, detector.names)
        if json:
            drawn = {"seed": seed, "clean": clean} if data == "scenes" else {"seed": None, "split": split}
            head = {"data": data, **drawn, "scores": scores, "input": list(detector.input_size)}
            write_json(json, detector.provenance() | head | {name: part.to_dict() for name, part in parts.items()})
        _say_left_out(result)
    if result.left_out:
        raise typer.Exit(1)


def _show(parts: dict[str, Evaluation], names: tuple[str, ...]) -> None:
    """The tables, and AP by class.

    Args:
        parts: the whole and its parts, by their key in `TITLES`.
        names: the model's classes.
    """
    from dfine.data.labels import same

    whole = parts["all"]
    for name, part in parts.items():
        less = f" ({len(whole.left_out)} more could not be read)" if part.left_out else ""
        typer.echo(f"{TITLES[name]}: {part.pictures} pictures{less}, {part.objects} objects\n{part}\n")
    if said := _by_class(whole.classes, set(same(list(whole.classes), names))):
        typer.echo(said)


def _say_left_out(result: Evaluation) -> None:
    """Name the pictures that could not be read, and say what that makes of the figures."""
    for sentence in result.left_out:
        complain(sentence, "warning")
    if out := len(result.left_out):
        complain(
            f"{counted(out, 'picture')} of {out + result.pictures:,} could not be read: these figures are those of the "
            f"other {result.pictures:,}; mend what is named above, or take it out of the answers"
        )


def _by_class(ap: dict[str, float], known: set[str]) -> str:
    """AP of the last layer by class, where few are there or known, and over the known ones where there are others.

    Args:
        ap: of every class of the data; NaN where it has no object.
        known: those that the model has.
    """
    shown = ap if len(ap) <= FEW else {name: value for name, value in ap.items() if name in known}
    listed = ", ".join(f"{name} {'–' if isnan(value) else f'{value:.3f}'}" for name, value in shown.items())
    out = [f"AP of the last layer by class: {listed}"] if listed and len(shown) <= FEW else []
    found = [value for name, value in ap.items() if name in known and not isnan(value)]
    out.append(over_known(found, sum(not isnan(value) for value in ap.values()) - len(found)))
    return "\n".join(filter(None, out))


def _dataset(data: str, split: str | None, count: int | None, seed: int, clean: float, size: tuple[int, int]):
    """Scenes drawn in the size of the input, or a data set from disk; of either the first `count` pictures."""
    if data == "scenes":
        from dfine.data.scenes import Scenes, size_for

        return Scenes(count or HELD_OUT_COUNT, size=size_for(size), seed=seed, clean=clean)
    from dfine.data.loader import subset
    from dfine.data.sources import open_data, require_objects, require_pictures

    dataset = require_objects(open_data(data, split), "to measure AP on")
    chosen = dataset if count is None or len(dataset) <= count else subset(dataset, range(count))
    require_pictures(chosen)
    return chosen
