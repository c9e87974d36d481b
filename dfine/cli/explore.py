"""`dfine explore`: run a detector on a data set, report the result, write what was asked for, and open the App."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Option

from dfine.cli.evaluate import HELD_OUT
from dfine.cli.options import Device, Model, Names, Workers
from dfine.cli.terminal import complain, table

METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl")  # of the table of stages


@dataclass(frozen=True)
class Look:
    """What the detector runs on, and how."""

    data: str
    model: str = "demo"
    device: str = "auto"
    field: str = "dfine"
    threshold: float = 0.05
    top: int = 100
    batch: int = 8
    workers: int = 0
    names: tuple[str, ...] | None = None  # of the model's classes, where it has none or others are wanted
    opening: dict | None = None  # name, split, count, seed and truth; what is None is left to its default


@dataclass(frozen=True)
class Out:
    """What is written, apart from the FiftyOne data set."""

    report: Path | None = None  # folder of the page and its numbers
    export: Path | None = None  # folder of the reviewed data set
    prelabel: Path | None = None  # folder of pre-labels
    form: str = "coco"  # of the pre-labels
    calibrate: bool = False  # whether to fit the intervals to the answers, and store that with the checkpoint
    suspects: Path | None = None  # CSV file of the probable label errors
    slices: tuple[str, ...] = ()  # fields by which AP and coverage are asked for
    compare: str | None = None  # the other run, by its field
    similar: bool = False  # whether to look for near duplicates, leaks and outliers
    sampling: Path | None = None  # CSV file of the pictures to label next
    folds: int | None = None  # into how many parts the pictures are dealt, each judged by a model that never saw it
    start: str | None = None  # what those models start from
    fold_epochs: int | None = None  # how long they are trained


@dataclass(frozen=True)
class Where:
    """Where the App is served."""

    address: str
    port: int | None = None
    browser: bool = False
    app: bool = True  # whether to open it at all


def explore(
    data: Annotated[
        str,
        Option(help="'scenes', COCO (folder, .json), YOLO, VOC, a folder of pictures, or a FiftyOne data set's name."),
    ] = "scenes",
    model: Model = "demo",
    names: Names = None,
    name: Annotated[str | None, Option(help="Of the FiftyOne data set; by default the data's own.")] = None,
    field: Annotated[str, Option(help="Where the predictions go; a second model needs its own.")] = "dfine",
    truth: Annotated[str | None, Option(help="Field of the answers, of a FiftyOne data set.")] = None,
    split: Annotated[str | None, Option(help="Which split, where the data has several.")] = None,
    count: Annotated[int | None, Option(min=1, help="How many pictures: of scenes 500, of other data all.")] = None,
    seed: Annotated[int, Option(min=0, help="Of the scenes; the default draws the model card's.")] = HELD_OUT,
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
        bool, Option("--similar", help="Find near duplicates, leaks between splits, and outliers by the encoder.")
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
):
    """Open a data set in the FiftyOne App, with every box's edges and layers, errors, and views that answer."""
    opening = dict(name=name, truth=truth, split=split, count=count, seed=seed)
    written = Out(report, export, prelabel, format, calibrate, suspects, tuple(slice or ()), compare, similar, sampling)
    run(
        Look(data, model, device, field, threshold, top, batch, workers, names, opening),
        replace(written, folds=folds, start=start, fold_epochs=fold_epochs),
        Where(address, port, browser, app),
    )


def run(look: Look, out: Out, where: Where) -> None:
    """Everything that `dfine explore` does, in order. Bad input is reported before the work where possible."""
    from dfine.explore.database import alone, require_database

    require_database()
    from dfine.explore import export, session, suspect_store, views, workspace
    from dfine.files import check_file, check_folder, require_empty

    folders = [require_empty(folder) for folder in (out.export, out.prelabel) if folder]
    if len(set(folders)) < len(folders):
        raise ValueError("--export and --prelabel need a folder each")
    if out.calibrate and not Path(look.model).expanduser().is_dir():
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
    if not out.folds and (out.start or out.fold_epochs):
        raise ValueError("--start and --fold-epochs belong to --folds")
    if out.compare == look.field:
        raise ValueError(f"--compare names another run than --field, and both are {look.field!r}")
    for folder in filter(None, (out.report, out.export, out.prelabel)):
        check_folder(folder)
    if where.app:
        session.find_port(where.address, where.port)
    with alone((look.opening or {}).get("name") or look.data):
        dataset, detector = _explored(look)
        if out.calibrate:
            _calibrate(dataset, look)
        if out.suspects:
            _suspect(dataset, look, out)
        if out.similar or out.sampling:
            _similar(dataset, detector, look, out)
        if out.slices:
            _slices(dataset, look.field, out.slices)
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
    if where.app:
        options = dict(address=where.address, port=where.port, browser=where.browser)
        options["spaces"] = workspace.spaces(bool(dataset.list_evaluations()), suspects=bool(out.suspects))
        first = suspect_store.view_name(look.field) if out.suspects else views.reported_name(look.field)
        options["view"] = dataset.load_saved_view(first)
        session.serve(dataset, typer.echo, **options)


def _explored(look: Look) -> tuple:
    """The data set with everything stored, its views and its workspace, and the detector; says what came out."""
    import dfine
    from dfine.engines.fastest import fastest
    from dfine.explore import fields, views, workspace
    from dfine.explore.run import Pace, explore
    from dfine.explore.store import Keep

    detector = dfine.load(look.model, device=look.device, names=look.names)
    detector = detector.with_engine(fastest(detector.engine, detector.card))
    opening = {key: value for key, value in (look.opening or {}).items() if value is not None}
    pace, keep = Pace(look.batch, look.workers), Keep(look.threshold, look.top)
    dataset = explore(look.data, detector, field=look.field, keep=keep, pace=pace, **opening)
    workspace.save(dataset, look.field)
    typer.echo(f"FiftyOne data set {dataset.name!r}, {len(dataset)} pictures, field {look.field!r}")
    stages = fields.about(dataset, look.field).get("evaluation", {}).get("stages", {})
    if stages:
        rows = [{"stage": name} | {m: _number(stats.get(m)) for m in METRICS} for name, stats in stages.items()]
        typer.echo(f"\n{table(rows)}\nof boxes with a score of {look.threshold:g} or more; `dfine evaluate` counts all")
        typer.echo(_errors(dataset, look.field))
    typer.echo("\nsaved views, and how many boxes they show")
    for name, count in views.save(dataset, look.field).items():
        typer.echo(f"{count:6d}  {name}")
    return dataset, detector


def _errors(dataset, field: str) -> str:
    """How many of the reported boxes are wrong, by kind."""
    from dfine.explore import views
    from dfine.figures.pages.errors import WORDS

    found = views.reported(dataset, field).count_values(f"{field}.detections.error")
    said = ", ".join(f"{found[kind]} {WORDS[kind]} ({kind})" for kind in WORDS if found.get(kind)) or "no errors"
    return f"\nof the boxes with a score of {views.SHOWN:g} or more {found.get('correct', 0)} are right; {said}"


def _similar(dataset, detector, look: Look, out: Out) -> None:
    """Look at the pictures by their encoder's features, and say what was found."""
    from dfine.explore import sampling, similar
    from dfine.explore.run import Pace

    similar.embed(dataset, detector, look.field, Pace(look.batch, look.workers))
    if out.similar:
        counts = similar.find(dataset, look.field)
        similar.index(dataset, look.field)
        typer.echo("\n" + "\n".join(f"{count:6d}  {name}" for name, count in counts.items()))
    if out.sampling:
        found = sampling.sampling(dataset, look.field)
        typer.echo(f"what to label next: {sampling.write_csv(found, out.sampling)}, {len(found)} pictures")


def _slices(dataset, field: str, by: tuple[str, ...]) -> None:
    """Say AP and coverage of every slice, and which is the worst."""
    from dfine.explore.slices import slices, worst

    found = slices(dataset, field, by)
    rows = [
        {"by": s.by, "slice": s.value, "objects": s.objects, "AP": _number(s.ap), "80 % holds": _number(s.coverage)}
        for s in found
    ]
    typer.echo(f"\n{table(rows)}" if rows else "\nthere are no slices by that")
    if least := worst(found):
        typer.echo(f"the worst: {least.by} {least.value}, AP {least.ap:.3f} of {least.objects} objects")


def _suspect(dataset, look: Look, out: Out) -> None:
    """Rank the probable label errors, and say how many there are of each kind and where they are listed."""
    from dfine.explore import suspect_store, views
    from dfine.explore.suspect_training import training_pictures

    judge = _folds(dataset, look, out) if out.folds else None
    trained = () if judge else training_pictures(look.model)
    counts = suspect_store.find(dataset, look.field, trained=trained, judge=judge)
    views.save(dataset, look.field)  # again, so that the suspects come before them
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"
    typer.echo(
        f"\nprobable label errors: {said}; listed in {suspect_store.write_csv(dataset, out.suspects, look.field)}"
    )
    if note := suspect_store.judge_note(dataset, look.field):
        complain(note, "note")


def _folds(dataset, look: Look, out: Out) -> str:
    """Judge the pictures by models that did not see them; returns the field of what those found."""
    from dfine.explore.run import Pace
    from dfine.explore.suspect_folds import Folds, judge, start

    begins = out.start or start(look.model, dataset.values("filepath"))
    folder = out.suspects.with_name(f"{out.suspects.stem}-folds")
    folds = Folds(out.folds, folder, begins, out.fold_epochs, look.device)
    typer.echo(f"\n{out.folds} models are trained in {folder}, from {begins}")
    return judge(dataset, look.field, folds, Pace(look.batch, look.workers), typer.echo)


def _calibrate(dataset, look: Look) -> None:
    """Fit a calibration, say what it does, and store it where it is better and the checkpoint is a person's own."""
    from dfine.evaluation import calibration
    from dfine.explore.true_edges import matches

    found = calibration.study(matches(dataset, look.field))
    typer.echo(f"\n{found}")
    folder = Path(look.model).expanduser()
    if not folder.is_dir():
        return  # which was said before the work
    if not found.better:
        complain("it is not stored, because the intervals are no better with it", "note")
        return
    path = calibration.store(folder, found.temperature, found.table)
    typer.echo(f"stored in {path}; the next `dfine explore` with it shows calibrated intervals")


def _number(value: float | None) -> str | None:
    return None if value is None or value != value else f"{value:.3f}"
