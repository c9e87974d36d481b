"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Literal

from typer import BadParameter, Context, Option

from dfine.engines.precision_names import NAMES, OLDER
from dfine.training.options import DATA


def sides(value):
    """Refuse an input, one side or (height, width), that the network cannot take."""
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if pair and None not in pair:
        from dfine.trace.base import checked_size

        try:
            checked_size(pair)
        except ValueError as error:
            raise BadParameter(str(error)) from None
    return value


def score(value: str) -> float | str:
    """A score in 0..1, or "best"."""
    if value == "best":
        return value
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise BadParameter(f"{value} is neither a score between 0 and 1 nor 'best'")
    return number


def called(value: str | None) -> tuple[str, ...] | None:
    """The names that "a,b,c" or a file of them means."""
    from dfine.weights.names import read_names

    return None if value is None else read_names(value)


def fit_data(context: Context, data: str) -> None:
    """Refuse options that would do nothing: a split of drawn scenes, or how scenes are drawn where others are read.

    Raises:
        BadParameter: one of them was given.
    """
    scenes = data == "scenes"
    words = "scenes have no splits; name a data set with --data" if scenes else f"is about drawn scenes, and not {data}"
    for name in ("split",) if scenes else ("seed", "clean"):
        if given(context, name):
            raise BadParameter(words, param_hint=f"--{name}")


def given(context: Context, name: str) -> bool:
    """Whether an option was given, and has not its default only; False where the command has none of that name."""
    return name in context.params and context.get_parameter_source(name).name != "DEFAULT"


_MODEL = "Short name (see `dfine zoo`), Hub id, folder, .pth, .safetensors or .onnx"
Model = Annotated[str, Option("--model", "-m", help=f"{_MODEL}.")]
ModelForData = Annotated[
    str | None, Option("--model", "-m", help=f"{_MODEL}; by default demo for scenes, and photos for other data.")
]
Names = Annotated[
    str | None,
    Option("--names", callback=called, help="Names for the model's classes: a,b,c, or a .txt, .json or .yaml of them."),
]
Device = Annotated[
    str, Option(help="auto (the best there is), cpu, cuda, cuda:1, mps; for an .onnx also openvino or tensorrt.")
]
Precision = Annotated[
    Literal[("auto", *NAMES)],
    Option(help="Edges and boxes stay in float32. auto: the fastest here that stays close; int8: of an int8 .onnx."),
]
Half = Annotated[Literal[tuple(OLDER)], Option(hidden=True, help="The older form of --precision.")]
Compiled = Annotated[bool, Option("--compiled", help="Use torch.compile; the first picture takes a minute or so.")]
Graphs = Annotated[bool, Option("--graphs", help="On a GPU, play back CUDA graphs: sooner for small batches.")]
Layers = Annotated[int | None, Option(min=1, help="Stop after so many decoder layers; by default after all.")]
Data = Annotated[str, Option(help=DATA)]
Clean = Annotated[float, Option(min=0, max=1, help="Share of scenes with all dials at 0.")]
Workers = Annotated[int, Option(min=0, help="Processes that prepare pictures.")]
