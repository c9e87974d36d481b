"""`dfine explore`: run a detector on a data set, report the result, write what was asked for, and open the App."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Option

from dfine.cli import explore_steps
from dfine.cli.evaluate import HELD_OUT
from dfine.cli.explore_options import Look, Out, Where
from dfine.cli.options import Device, ModelForData, Names, Workers, fit_data, given
from dfine.cli.shipped import note_drawings, usual
from dfine.cli.terminal import apart, complain, interruptible, outside
from dfine.paths import at_home


def explore(
    context: typer.Context,
    data: Annotated[
        str,
        Option(help="'scenes', COCO (folder, .json), YOLO, VOC, labelme, a folder of pictures, a FiftyOne data set."),
    ] = "scenes",
    model: ModelForData = None,
    names: Names = None,
    name: Annotated[str | None, Option(help="Of the FiftyOne data set; by default the data's own.")] = None,
    field: Annotated[str, Option(help="Where the predictions go; a second model needs its own.")] = "dfine",
    truth: Annotated[str | None, Option(help="Field of the answers, of a FiftyOne data set.")] = None,
    split: Annotated[str | None, Option(help="Which split, where the data has several.")] = None,
    count: Annotated[int | None, Option(min=1, help="How many pictures: of scenes 500, of other data all.")] = None,
    seed: Annotated[int, Option(min=0, help="Of the scenes; the default draws those of demo's card.")] = HELD_OUT,
    threshold: Annotated[float, Option("--threshold", "-t", min=0, max=1, help="Lowest score to store.")] = 0.05,
    top: Annotated[int, Option(min=1, help="Most boxes to store per picture.")] = 100,
    batch: Annotated[int, Option(min=1, help="Pictures per forward pass.")] = 8,
    workers: Workers = 0,
    device: Device = "auto",
    report: Annotated[Path | None, Option(help="Write a report into this folder.")] = None,
    export: Annotated[Path | None, Option(help="Write the data set as reviewed into this new folder, as COCO.")] = None,
    suspects: Annotated[
        Path | None, Option(help="Rank probable label errors, show them first, and list them in this CSV file.")
    ] = None,
    ask: Annotated[
        bool,
        Option(
            "--ask/--no-ask",
            help="With --suspects: whether to ask the decoder about every answer, which takes longer than looking.",
        ),
    ] = True,
    folds: Annotated[
        int | None,
        Option(min=2, help="With --suspects: train so many models, and judge each picture by one that never saw it."),
    ] = None,
    start: Annotated[
        str | None, Option(help="What those models start from; by default --model, or what it was trained from.")
    ] = None,
    fold_epochs: Annotated[int | None, Option(min=1, help="Of each of them; by default about 250 steps.")] = None,
    slice: Annotated[
        list[str] | None,
        Option(help="AP and coverage by size, class, case, tags, a field, or ground_truth.ATTRIBUTE; repeatable."),
    ] = None,
    compare: Annotated[
        str | None, Option(metavar="FIELD", help="Compare with the run in this field, picture by picture.")
    ] = None,
    similar: Annotated[
        bool,
        Option(
            "--similar",
            help="Find near duplicates, leaks between splits, and outliers by the encoder; sort objects by similarity.",
        ),
    ] = False,
    sampling: Annotated[
        Path | None, Option(help="List in this CSV file which pictures to label next: doubtful and unlike each other.")
    ] = None,
    prelabel: Annotated[
        Path | None, Option(help="Write pre-labels of unlabelled pictures into this new folder.")
    ] = None,
    format: Annotated[Literal["coco", "yolo", "voc"], Option(help="Of the pre-labels.")] = "coco",
    calibrate: Annotated[
        bool,
        Option("--calibrate", help="Fit the intervals to the answers, test, and store that in --model."),
    ] = False,
    address: Annotated[
        str, Option(help="Where the App listens; by default only this machine can see it.")
    ] = "127.0.0.1",
    port: Annotated[int | None, Option(min=1, max=65535, help="By default the first free one from 5151 on.")] = None,
    browser: Annotated[bool, Option("--browser", help="Open a browser, too.")] = False,
    app: Annotated[bool, Option("--app/--no-app", help="Whether to open the App in the end.")] = True,
    reread: Annotated[
        bool, Option("--reread", help="Where answers have changed on disk, take those in place of FiftyOne's.")
    ] = False,
    restore: Annotated[bool, Option("--restore", help="Bring back pictures that were deleted in FiftyOne.")] = False,
    again: Annotated[bool, Option("--again", help="Run even where nothing has changed since the last time.")] = False,
):
    """Open a data set in the FiftyOne App, with every box's edges and layers, errors, and views that answer."""
    fit_data(context, data)
    if given(context, "format") and not prelabel:
        raise typer.BadParameter("belongs to --prelabel FOLDER", param_hint="--format")
    opening = dict(name=name, truth=truth, split=split, count=count, seed=seed, reread=reread, restore=restore)
    written = Out(report, export, prelabel, format, calibrate, suspects, tuple(slice or ()), compare, similar, sampling)
    run(
        Look(data, model or usual(data), device, field, threshold, top, batch, workers, names, opening),
        replace(written, folds=folds, start=start, fold_epochs=fold_epochs, ask=ask),
        Where(address, port, browser, app),
        again,
    )


def run(look: Look, out: Out, where: Where, again: bool = False) -> None:
    """Everything that `dfine explore` does, in order, or one sentence where it was done and nothing has changed since.

    Bad input is reported before the work where possible.
    """
    from dfine.explore.again import Asked, remember, unchanged

    asked = Asked({"look": asdict(look), "out": asdict(out), "here": str(Path.cwd())}, out.files)
    left = None if again else unchanged(asked)
    if left:
        files = "".join(f", {file}" for file in out.files)
        are = "are as they were" if files else "is as it was"
        typer.echo(
            f"nothing has changed since {left.when}: the FiftyOne data set {left.dataset!r} ({left.pictures} pictures)"
            f"{files} {are}; --again runs anyway"
        )
        if not where.app:
            return
    from dfine.explore.database import alone, require_database

    require_database()
    from dfine.explore import session

    if where.app:
        session.find_port(where.address, where.port)
    if left:
        dataset = session.stored(left.dataset)
    else:
        _check(look, out)
        with alone((look.opening or {}).get("name") or look.data), interruptible():
            try:
                dataset = _worked(look, out)
            except KeyboardInterrupt:
                complain("stopped; what was looked at is stored, and the same command goes on from there", "note")
                raise
            if not out.calibrate:  # which changes what it began with
                remember(asked, dataset, look.data, look.model)
    if where.app:
        _serve(dataset, look, out, where)


def _check(look: Look, out: Out) -> None:
    """Say what is wrong with what was asked for before the work.

    Raises:
        ValueError, FileExistsError: an output cannot be written, or options do not go together.
    """
    from dfine.files import check_file, check_folder, require_empty

    note_drawings(look.model, [look.data])
    folders = [require_empty(folder) for folder in (out.export, out.prelabel) if folder]
    if len(set(folders)) < len(folders):
        raise ValueError("--export and --prelabel need a folder each")
    outputs = dict(suspects=out.suspects, sampling=out.sampling, report=out.report)
    outputs |= dict(export=out.export, prelabel=out.prelabel)  # in the order in which they are written
    apart(**outputs)
    outside(outputs, files=("suspects", "sampling"), new=("export", "prelabel"))
    if out.calibrate and not at_home(look.model).is_dir():
        complain(
            f"the calibration will not be stored, because {look.model!r} is no folder: save the model into one "
            "(dfine.load(...).save(FOLDER)) and name that with --model",
            "warning",
        )
    for option, file in (("--suspects", out.suspects), ("--sampling", out.sampling)):
        if file and file.is_dir():
            raise ValueError(f"{file} is a folder; {option} names the CSV file to write")
        check_file(file)
    if not out.suspects and (out.folds or out.start or out.fold_epochs):
        raise ValueError("--folds, --start and --fold-epochs belong to --suspects FILE.csv")
    if not out.suspects and not out.ask:
        raise ValueError("--no-ask belongs to --suspects FILE.csv")
    if not out.folds and (out.start or out.fold_epochs):
        raise ValueError("--start and --fold-epochs belong to --folds")
    if out.compare == look.field:
        raise ValueError(f"--compare names another run than --field, and both are {look.field!r}")
    for folder in filter(None, (out.report, out.export, out.prelabel)):
        check_folder(folder)


def _worked(look: Look, out: Out):
    """Look, and write what was asked for; returns the data set."""
    from dfine.explore import export

    dataset, detector = explore_steps.explored(look, out)
    if out.calibrate:
        explore_steps.calibrate(dataset, detector, look)
    if out.suspects:
        explore_steps.suspect(dataset, detector, look, out)
    if out.similar or out.sampling:
        explore_steps.similar(dataset, detector, look, out)
    if out.slices:
        explore_steps.slices(dataset, look.field, out.slices)
    if out.compare:
        from dfine.explore.compare import compare

        typer.echo(f"\n{compare(dataset, look.field, out.compare)}")
    if out.report:
        from dfine.explore.report import write
        from dfine.explore.slices import BY

        by = tuple(dict.fromkeys((*BY, *out.slices)))
        typer.echo(f"the report is {write(dataset, look.field, out.report, by=by)}")
    if out.export:
        typer.echo(f"the reviewed data set is in {export.reviewed(dataset, out.export, look.field)}")
    if out.prelabel:
        written = export.prelabels(dataset, out.prelabel, out.form, field=look.field)
        typer.echo(f"pre-labels are in {written}; order.csv has the most doubtful pictures first")
    return dataset


def _serve(dataset, look: Look, out: Out, where: Where) -> None:
    """Open the App on what was asked for last, until it is closed."""
    from dfine.explore import session, suspect_view, views, workspace

    options = dict(address=where.address, port=where.port, browser=where.browser)
    options["spaces"] = workspace.spaces(bool(dataset.list_evaluations()), suspects=bool(out.suspects))
    first = suspect_view.saved(look.field) if out.suspects else views.opening(look.field)
    options["view"] = dataset.load_saved_view(first.called(dataset))
    session.serve(dataset, typer.echo, **options)
