"""The commands about speed: `export` and `benchmark`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from dfine.cli.options import Device, Half, Names, given, sides
from dfine.cli.terminal import read_from, table, write_json
from dfine.engines.precision_names import IN_FILES, NAMES


def export(
    context: typer.Context,
    model: Annotated[str, Argument(help="Short name (see `dfine zoo`), Hub id, folder, .pth or .safetensors.")],
    out: Annotated[Path | None, Argument(help="A .onnx file; by default the model's name with .onnx.")] = None,
    names: Names = None,
    format: Annotated[Literal["onnx"], Option(help="ONNX is the only one; TensorRT reads it too.")] = "onnx",
    input: Annotated[
        tuple[int, int] | None,
        Option(callback=sides, help="Height and width of the input, multiples of 32; by default the model's."),
    ] = None,
    batch: Annotated[int, Option(min=0, help="Pictures per run; 0 for any number.")] = 1,
    precision: Annotated[
        Literal[tuple(IN_FILES.values())],
        Option(help="Distributions stay in float32. float16 is for GPUs; int8, for CPUs, is calibrated on pictures."),
    ] = "float32",
    half: Annotated[bool, Option("--half", hidden=True, help="The older form of --precision float16.")] = False,
    data: Annotated[
        str | None,
        Option(help="For int8: a data set of what the model is for; of a model of scenes by default those."),
    ] = None,
    count: Annotated[
        int, Option(min=8, help="For int8: pictures to calibrate on; every fourth of them only measures.")
    ] = 200,
    postprocess: Annotated[
        bool, Option("--postprocess", help="Answer with labels, boxes and scores, as published files do.")
    ] = False,
    trace: Annotated[bool, Option(help="Return every layer's distributions.")] = True,
    opset: Annotated[int, Option(help="Version of ONNX's operators, from 18 on.")] = 20,
    sampling: Annotated[
        Literal["gather", "grid"], Option(help="How attention reads the picture: gather for CPUs, grid for GPUs.")
    ] = "gather",
):
    """Write a model as an ONNX file with its whole trace, checked against torch."""
    import dfine
    from dfine.engines.onnx.export import Options
    from dfine.engines.onnx.export import export as run
    from dfine.files import check_file

    if half and precision == "int8":
        raise typer.BadParameter("is the older form of --precision float16; leave it out", param_hint="--half")
    if data is not None and precision != "int8":
        raise typer.BadParameter("is what int8 is calibrated on; add --precision int8", param_hint="--data")
    if given(context, "count") and precision != "int8":
        raise typer.BadParameter("is of int8's calibration; add --precision int8", param_hint="--count")
    out = out or Path(_stem(model) + ".onnx")
    check_file(out, [model, *(read_from(data, out) if data else ())])
    options = Options(
        size=input,
        batch=batch or None,
        half=half or precision == "float16",
        postprocess=postprocess,
        trace=trace,
        opset=opset,
        gather=sampling == "gather",
    )
    detector = dfine.load(model, device="cpu", names=names)
    if precision == "int8":
        _int8(detector, out, options, data, count)
        return
    parity = run(detector.network, detector.card, out, options)
    typer.echo(table([{"output": name, "largest difference to torch": f"{v:.1e}"} for name, v in parity.items()]))
    typer.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB; differences are in units of each output's largest value")


def _stem(model: str) -> str:
    """What a model is called, without the ending of a file of weights: a folder may be called v1.5."""
    from dfine.weights.checkpoints import SUFFIXES

    path = Path(os.path.abspath(model))
    return path.stem if path.suffix in SUFFIXES else path.name


def _int8(detector, out: Path, options, data: str | None, count: int) -> None:
    """Write a file in int8, and say what it costs."""
    from dfine.cli.int8 import calibration, cost, table_of
    from dfine.engines.onnx.calibrated import export_int8
    from dfine.engines.onnx.packages import installed

    made = calibration(detector, data, count, options.size or detector.input_size)
    typer.echo("calibrating, and measuring what it costs: some minutes", err=True)
    said = export_int8(detector.network, detector.card, out, made, options)
    typer.echo(table(table_of(said)))
    remedy = "" if installed("openvino") else ": pip install openvino"
    typer.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {cost(said)} It runs fastest in OpenVINO{remedy}.")


def benchmark(
    sizes: Annotated[str, Option(help="Of n, s, m, l, x, with commas.")] = "n,s",
    engines: Annotated[str, Option(help="Of transformers, torch, fused, onnx, openvino, with commas.")] = (
        "transformers,torch,fused,onnx,openvino"
    ),
    input: Annotated[tuple[int, int], Option(callback=sides, help="Height and width, multiples of 32.")] = (640, 640),
    batch: Annotated[int, Option(min=1, help="Pictures per run.")] = 1,
    runs: Annotated[int, Option(min=1, help="Of each engine, in turn.")] = 11,
    threads: Annotated[int | None, Option(min=1, help="Of the CPU; by default torch's own number.")] = None,
    precision: Annotated[
        Literal[NAMES],
        Option(help="Of every engine that has it; the others stay in float32."),
    ] = "float32",
    half: Half = "off",
    layers: Annotated[bool, Option("--layers", help="Also stop after each decoder layer.")] = False,
    compiled: Annotated[bool, Option("--compiled", help="Also through torch.compile.")] = False,
    graphs: Annotated[bool, Option("--graphs", help="Also played back as CUDA graphs, on a GPU.")] = False,
    memory: Annotated[bool, Option(help="Measure peak memory too, on a CPU in a process for each engine.")] = True,
    json: Annotated[Path | None, Option(help="Write the rows to this file; - is stdout.")] = None,
    device: Device = "auto",
):
    """Latency, memory and operations of the five sizes on each engine, with random weights, in turn in one process."""
    import torch

    from dfine.engines import benchmark as b
    from dfine.engines.compared import Setting
    from dfine.engines.cost import machine
    from dfine.engines.device import resolve
    from dfine.engines.precision_names import OLDER, agreed
    from dfine.files import check_file

    check_file(json)
    if threads:
        torch.set_num_threads(threads)
    device = str(resolve(device))

    def split(text):
        return tuple(part.strip() for part in text.split(",") if part.strip())

    setting = Setting(
        split(sizes.lower()),
        split(engines),
        tuple(input),
        batch,
        runs,
        agreed(precision, half),
        device,
        layers,
        compiled,
        graphs,
        memory,
    )
    rows = b.benchmark(setting, lambda words: typer.echo(words, err=True))
    about = machine(device)
    if str(json) != "-":
        head = ", ".join(f"{key} {value}" for key, value in about.items() if value is not None)
        typer.echo(f"{input[0]} x {input[1]}, batch {batch}, {head}\n\n{table(b.shown(rows))}")
    if json:
        head = {"machine": about, "input": list(input), "batch": batch}
        head |= {"precision": setting.precision, "half": {v: k for k, v in OLDER.items()}.get(setting.precision, "off")}
        write_json(json, head | {"rows": b.to_dict(rows)})
