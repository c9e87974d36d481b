"""The command line: `dfine`, or `python -m dfine`.

Whatever is slow to import is imported by the command that needs it. What goes wrong is said in one sentence on stderr;
`dfine --debug …` shows where. Exit status: 0 done, 1 something failed, 2 wrong usage.
"""

from __future__ import annotations

import atexit
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from dfine.cli import data, detect, evaluate, explore, names, speed, train
from dfine.cli.options import Clean
from dfine.cli.terminal import Border, complain, speak_plainly, table

SHORT = {"detect", "trace"}  # commands of a few seconds, of which the end of Python would be one

app = typer.Typer(
    cls=Border,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(data.app, name="data")
app.command()(detect.detect)
app.command()(detect.trace)
app.command()(evaluate.evaluate)
app.command()(explore.explore)
app.command()(names.names)
app.command()(train.train)
app.command()(speed.export)
app.command()(speed.benchmark)


@app.callback()
def options(debug: Annotated[bool, Option("--debug", help="Show where an error comes from.")] = False):
    """D-FINE Lens: an object detector that you can look inside."""
    if not debug:
        warnings.showwarning = lambda message, *_, **__: complain(message, "warning")


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
    from dfine.data.scenes import Scenes, cores, write

    workers = cores() if workers is None else workers
    write(out, Scenes(count, size=(size, size), seed=seed, clean=clean), workers=workers)
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
        raise ImportError(f"the page needs {missing.name}; in a copy of the project: pip install '.[app]'") from None
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


def _leave(status: int) -> None:
    """End this process at once: Python would free every object of torch first, which takes longer than a picture."""
    with suppress(OSError, ValueError):  # whoever read what was printed is gone: Python says so
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Entry point of the `dfine` command."""
    for stream in (sys.stdout, sys.stderr):
        speak_plainly(stream)
    if sys.platform == "darwin":  # before torch is imported: what it lacks on a Mac's GPU it then does on the CPU
        os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    ended = {"status": 1}
    if SHORT & set(sys.argv[1:3]):
        # What torch and others do in the end is registered later, and so done before.
        atexit.register(lambda: _leave(ended["status"]))
    try:
        app(prog_name="dfine")
    except SystemExit as leaving:
        ended["status"] = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        raise
