"""`dfine train`: options from the command line or a file, one process or several, and what is to be seen of a run."""

from __future__ import annotations

import inspect
import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer
from typer import Option

from dfine.paths import at_home
from dfine.training.options import TrainOptions, sides


def train(ctx: typer.Context, **given):
    """Train a detector on scenes or on your own data. An interrupted run goes on exactly with --resume.

    Under `torchrun` several processes, on one machine or more, share every batch.
    """
    from dfine.processes import ranks
    from dfine.training.loop import train as run

    config, dry_run, watch, report = (given.pop(name) for name in ("config", "dry_run", "watch", "report"))
    said = {k for k in given if ctx.get_parameter_source(k).name != "DEFAULT"}  # on the command line
    given["out"] = str(given["out"])
    values = dict(given)
    if given["resume"]:
        values |= began(at_home(given["out"]), set(given))
    if config:
        values |= _read(config, ctx, set(given))
    options = TrainOptions(**values | {name: given[name] for name in said})
    if dry_run:
        typer.echo(_resolved(options), nl=False)
        return
    with ranks() as here:
        result = run(options, here, _watcher(options, watch) if watch and here.first else None)
    if here.first:
        model = Path(options.out) / "model"
        typer.echo(f"the trained model is in {model}" if result else f"{options.out} is trained to the end already")
        if report:
            from dfine.training.report import report as page

            typer.echo(f"its page is {page(Path(options.out))}")


def _declared() -> dict[str, inspect.Parameter]:
    """The parameters of `train`: an option for each field of `TrainOptions`, and a few of its own."""
    hints = get_type_hints(TrainOptions)
    hints |= {"out": Path, "input": str}  # how they are written on a command line
    parameters = {"ctx": _parameter("ctx", typer.Context)}
    for one in fields(TrainOptions):
        about = one.metadata
        words = [f"--{one.name.replace('_', '-')}"] if about.get("flag") else []
        check = _sides if one.name == "input" else None
        option = Option(*words, help=about["help"], min=about.get("min"), max=about.get("max"), callback=check)
        default = str(one.default) if one.name == "input" else one.default
        default = inspect.Parameter.empty if default is MISSING else default
        parameters[one.name] = _parameter(one.name, Annotated[hints[one.name], option], default)
    return parameters | {name: _parameter(name, *declared) for name, declared in OWN.items()}


def _sides(value: str) -> str:
    """The input as it was written, if it is one."""
    try:
        sides(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return value


def _parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


# What is no part of a run, and only of this command.
OWN = {
    "config": (
        Annotated[Path | None, Option(help="Options from a file, as --dry-run prints them; those given here win.")],
        None,
    ),
    "dry_run": (
        Annotated[
            bool,
            Option("--dry-run", help="Read the data, and print everything that decides the run, as YAML."),
        ],
        False,
    ),
    "watch": (Annotated[int, Option(min=0, help="Held-out pictures to draw at every evaluation.")], 3),
    "report": (
        Annotated[bool, Option("--report", help="Write a page of the run, OUT/report.html, in the end.")],
        False,
    ),
}
PARAMETERS = _declared()
train.__signature__ = inspect.Signature(list(PARAMETERS.values()))
train.__annotations__ = {name: parameter.annotation for name, parameter in PARAMETERS.items()}


def began(out: Path, known: set[str]) -> dict:
    """The options that the run in a folder began with, for those who resume it; none where they are not there."""
    try:
        before = json.loads((out / "options.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}  # what is missing is said by the run itself
    except (OSError, ValueError) as error:
        raise ValueError(f"{out / 'options.json'} cannot be read: {error}; give the options of the run again") from None
    return {name: value for name, value in before.items() if name in known and name not in ("out", "resume", "device")}


def _read(config: Path, ctx: typer.Context, known: set[str]) -> dict:
    """Options from a YAML file, checked as the command line's are; those that are null keep their default."""
    from dfine.data.texts import yaml_content

    content = yaml_content(config, typed=True)
    if not isinstance(content, dict):
        raise ValueError(f"{config} is not a list of options and their values")
    unknown = sorted(set(content) - known, key=str)
    if unknown:
        raise ValueError(f"{config} has the option {unknown[0]!r}, which `dfine train` does not know")
    options, kinds = {p.name: p for p in ctx.command.params}, train.__annotations__
    values = {}
    for name, value in content.items():
        if value is None:
            continue
        if isinstance(value, bool) and "off" in get_args(get_args(kinds[name])[0]):
            value = "on" if value else "off"  # YAML takes on and off for true and false
        if isinstance(value, list):
            value = "x".join(map(str, value))  # height and width
        try:
            values[name] = options[name].process_value(ctx, str(value))
        except typer.BadParameter as error:
            raise ValueError(f"{config}: {name}: {error.message}") from None
    return values


def _resolved(options: TrainOptions) -> str:
    """All options with what they come to, as YAML that --config takes back, under what the data holds."""
    import yaml

    from dfine.training.plan import Plan
    from dfine.training.recipe import resolved

    text = yaml.safe_dump(asdict(resolved(options)), sort_keys=False, allow_unicode=True)
    return f"# {Plan.of(options).of_its_data()}\n{text}"


def _watcher(options, count: int):
    """What is drawn at every evaluation."""
    from dfine.training.watch import Watch

    return Watch(Path(options.out) / "watch", count)
