"""`dfine train`: options from the command line or a file, one process or several, and what is to be seen of a run."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Literal, get_args, get_type_hints

import typer
from typer import Option

from dfine.cli.options import Clean, Data, Device, Workers, sides

OnOff = Literal["auto", "on", "off"]


def train(
    ctx: typer.Context,
    out: Annotated[Path, Option(help="Folder for checkpoints, log and the trained model.")],
    data: Data = "scenes",
    val: Annotated[
        str | None, Option(help="Held-out data set; by default the validation split of --data, or other scenes.")
    ] = None,
    size: Annotated[Literal["n", "s", "m", "l", "x"], Option(help="Which of the five networks.")] = "n",
    input: Annotated[
        int, Option(min=32, callback=sides, help="Side of the square that pictures are resized to, a multiple of 32.")
    ] = 640,
    queries: Annotated[int, Option(min=1, help="Queries, at most one per token.")] = 300,
    init: Annotated[
        str | None, Option(help="A checkpoint to start from, named as for --model; classes are carried over by name.")
    ] = None,
    backbone: Annotated[
        str | None, Option(help="ImageNet weights for a fresh backbone: PPHGNetV2_B…_stage1.pth of the release.")
    ] = None,
    batch: Annotated[
        int | None, Option(min=1, help="Pictures per step over all processes; rates follow. By default as published.")
    ] = None,
    accumulate: Annotated[int, Option(min=1, help="Parts in which a batch goes through, for want of memory.")] = 1,
    epochs: Annotated[int | None, Option(min=1, help="All of them; by default as published.")] = None,
    plain_epochs: Annotated[
        int | None, Option(min=0, help="The last ones, without strong augmentation; by default their published share.")
    ] = None,
    augment: Annotated[
        Literal["auto", "strong", "plain"], Option(help="Published augmentation, or a flip; auto: plain for scenes.")
    ] = "auto",
    mosaic: Annotated[
        float, Option(min=0, max=1, help="Share of pictures that are made of four, for few pictures; 0.3 to 0.5.")
    ] = 0.0,
    scales: Annotated[OnOff, Option(help="Batches of several sizes; auto: as published, not for scenes.")] = "auto",
    freeze: Annotated[
        OnOff, Option(help="Keep the backbone's stem and norms; auto: in L and X that start from weights.")
    ] = "auto",
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
    patience: Annotated[int | None, Option(min=1, help="Stop after so many evaluations without a new best.")] = None,
    save_every: Annotated[int, Option(min=1, help="Steps from one save of the state to the next.")] = 200,
    seed: Annotated[int, Option(min=0, max=999, help="Of weights, order, scenes and noise.")] = 0,
    workers: Workers = 0,
    device: Device = "auto",
    amp: Annotated[
        Literal["auto", "off", "bf16", "fp16"], Option(help="Half precision; auto is bf16 on a GPU, off elsewhere.")
    ] = "auto",
    compile: Annotated[bool, Option("--compile", help="Use torch.compile.")] = False,
    resume: Annotated[bool, Option("--resume", help="Go on with the run in --out.")] = False,
    config: Annotated[
        Path | None, Option(help="Options from a file, as --dry-run prints them; those given here win.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Print everything that decides the run, as YAML.")] = False,
    watch: Annotated[int, Option(min=0, help="Held-out pictures to draw at every evaluation.")] = 3,
    report: Annotated[bool, Option("--report", help="Write a page of the run, OUT/report.html, in the end.")] = False,
):
    """Train a detector on scenes or on your own data. An interrupted run goes on exactly with --resume.

    Under `torchrun` several processes, on one machine or more, share every batch.
    """
    from dfine.processes import ranks
    from dfine.training.loop import train as run
    from dfine.training.plan import TrainOptions

    given = {f.name: ctx.params[f.name] for f in fields(TrainOptions)}
    if config:
        told = {k for k in given if ctx.get_parameter_source(k).name != "DEFAULT"}  # said on the command line
        given = given | _read(config, ctx, set(given)) | {k: given[k] for k in told}
    options = TrainOptions(**given | {"out": str(out)})
    if dry_run:
        typer.echo(_resolved(options), nl=False)
        return
    with ranks() as here:
        result = run(options, here, _watcher(options, watch) if watch and here.first else None)
    if here.first:
        model = Path(options.out) / "model"
        typer.echo(f"the trained model is in {model}" if result else f"{options.out} is trained to the end already")
        if report:
            from dfine.training import watch

            typer.echo(f"its page is {watch.report(Path(options.out))}")


def _read(config: Path, ctx: typer.Context, known: set[str]) -> dict:
    """Options from a YAML file, checked as the command line's are; those that are null keep their default."""
    import yaml

    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{config} is not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{config} is not a list of options and their values")
    unknown = sorted(set(content) - known, key=str)
    if unknown:
        raise ValueError(f"{config} has the option {unknown[0]!r}, which `dfine train` does not know")
    options, kinds = {p.name: p for p in ctx.command.params}, get_type_hints(train)
    values = {}
    for name, value in content.items():
        if value is None:
            continue
        if isinstance(value, bool) and "off" in get_args(kinds[name]):
            value = "on" if value else "off"  # YAML takes on and off for true and false
        try:
            values[name] = options[name].process_value(ctx, str(value))
        except typer.BadParameter as error:
            raise ValueError(f"{config}: {name}: {error.message}") from None
    return values


def _resolved(options) -> str:
    """All options with what they come to, as YAML that --config takes back."""
    import yaml

    from dfine.training import plan

    return yaml.safe_dump(asdict(plan.resolved(options)), sort_keys=False, allow_unicode=True)


def _watcher(options, count: int):
    """What is drawn at every evaluation."""
    from dfine.training.watch import Watch

    return Watch(Path(options.out) / "watch", count)
