"""The steps of `dfine explore`, one a function: each does its part and says what came out."""

from __future__ import annotations

import typer

from dfine.cli.explore_options import Look, Out
from dfine.cli.shipped import note_nothing
from dfine.cli.terminal import complain, over_known, table
from dfine.paths import at_home

METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl")  # of the table of stages


def explored(look: Look, out: Out) -> tuple:
    """The data set with everything stored, its views and its workspace, and the detector; says what came out.

    Raises:
        ValueError: the model knows none of the classes, or something is asked for that the data set has nothing for;
            nothing was looked at then.
    """
    import dfine
    from dfine.engines.fastest import fastest
    from dfine.explore import datasets, fields, views, workspace
    from dfine.explore.run import Pace, explore, require_known
    from dfine.explore.store import Keep

    detector = dfine.load(look.model, device=look.device, names=look.names)
    detector = detector.with_engine(fastest(detector.engine, detector.card))
    opening = {key: value for key, value in (look.opening or {}).items() if value is not None}
    pace, keep = Pace(look.batch, look.workers), Keep(look.threshold, look.top)
    with datasets.opened(look.data, datasets.Opening(**opening)) as dataset:
        truth = require_known(dataset, detector, opening.pop("truth", fields.TRUTH))
        _has_what_is_asked_for(dataset, truth, look.field, out)
    dataset = explore(dataset, detector, field=look.field, keep=keep, pace=pace, truth=truth)
    workspace.save(dataset, look.field)
    typer.echo(f"FiftyOne data set {dataset.name!r}, {len(dataset)} pictures, field {look.field!r}")
    stages = fields.about(dataset, look.field).get("evaluation", {}).get("stages", {})
    if stages:
        rows = [{"stage": name} | {m: _number(stats.get(m)) for m in METRICS} for name, stats in stages.items()]
        typer.echo(f"\n{table(rows)}\nof boxes with a score of {look.threshold:g} or more; `dfine evaluate` counts all")
        typer.echo(_known(dataset, look.field) + _errors(dataset, look.field))
    if len(dataset) and not views.reported(dataset, look.field).count(f"{look.field}.detections"):
        less = f"boxes with scores below {views.SHOWN:g} are stored, too"
        note_nothing(look.model, detector.names, less)
    typer.echo("\nsaved views, and how many boxes they show")
    for name, count in views.save(dataset, look.field).items():
        typer.echo(f"{count:6d}  {name}")
    return dataset, detector


def _has_what_is_asked_for(dataset, truth: str, field: str, out: Out) -> None:
    """Say before the work what cannot be made of a data set; its answers are in the field `truth`.

    Raises:
        ValueError: there are no answers to measure on, no pictures without any, or no such run or slice.
    """
    from dfine.explore import datasets, export, fields
    from dfine.explore.slices import check

    measured = dict(calibrate=out.calibrate, suspects=out.suspects, slice=out.slices, compare=out.compare)
    measured |= dict(report=out.report)
    asked = [] if datasets.classes(dataset, truth) else [f"--{option}" for option, value in measured.items() if value]
    if out.export and not dataset.has_sample_field(truth):
        asked.append("--export")
    if asked:
        need = "needs" if len(asked) == 1 else "need"
        raise ValueError(f"{' and '.join(asked)} {need} answers, and the data set {dataset.name!r} has none")
    asked = [f"--{option}" for option in ("sampling", "prelabel") if getattr(out, option)]
    if asked and not len(export.without_answers(dataset, truth)):
        need = "is" if len(asked) == 1 else "are"
        raise ValueError(
            f"{' and '.join(asked)} {need} for pictures without answers, and every picture of {dataset.name!r} has "
            f"some{export.MORE}"
        )
    check(dataset, out.slices, truth, field)
    if out.compare:
        fields.about(dataset, out.compare)


def _known(dataset, field: str) -> str:
    """AP over the classes that the model knows, where the answers have others."""
    from dfine.explore import fields
    from dfine.explore.slices import unknown

    beyond = set(unknown(dataset, field))
    ap = fields.about(dataset, field)["evaluation"]["classes"]
    known = [value for name, value in ap.items() if name not in beyond and value is not None]
    said = over_known(known, sum(ap.get(name) is not None for name in beyond))
    return f"{said}\n" if said else ""


def _errors(dataset, field: str) -> str:
    """How many of the reported boxes are wrong, by kind."""
    from dfine.explore import views
    from dfine.figures.pages.errors import WORDS

    found = views.reported(dataset, field).count_values(f"{field}.detections.error")
    said = ", ".join(f"{found[kind]} {WORDS[kind]} ({kind})" for kind in WORDS if found.get(kind)) or "no errors"
    return f"\nof the boxes with a score of {views.SHOWN:g} or more {found.get('correct', 0)} are right; {said}"


def similar(dataset, detector, look: Look, out: Out) -> None:
    """Look at the pictures by their encoder's features, and say what was found."""
    from dfine.explore import sampling, similar
    from dfine.explore.run import Pace

    similar.embed(dataset, detector, look.field, Pace(look.batch, look.workers), objects=out.similar)
    if out.similar:
        counts = similar.find(dataset, look.field)
        sorted_by = similar.index(dataset, look.field)
        *finds, odd = counts.items()  # the last view has all pictures in another order
        lines = [f"{count:6d}  {name}" for name, count in finds]
        typer.echo("\n".join(["", *lines, f"   all  {odd[0]}: every picture, those least like the others first"]))
        said = ", ".join(f"{count} by {key}" for key, count in sorted_by.items())
        typer.echo(f"FiftyOne sorts by similarity, offline: {said or 'nothing'}")
    if out.sampling:
        found = sampling.sampling(dataset, look.field)
        typer.echo(f"what to label next: {sampling.write_csv(found, out.sampling)}, {len(found)} pictures")


def slices(dataset, field: str, by: tuple[str, ...]) -> None:
    """Say AP and coverage of every slice, and which is the worst."""
    from dfine.explore import slices as cut

    found = cut.slices(dataset, field, by)
    rows = [
        {"by": s.by, "slice": s.value, "objects": s.objects, "AP": _number(s.ap), "80 % holds": _number(s.coverage)}
        for s in found
    ]
    typer.echo(f"\n{table(rows)}" if rows else "")
    if none := [name for name in by if not any(s.by == name for s in found)]:
        typer.echo(f"there are no slices by {', '.join(none)}: no picture or answer has a value to tell them by")
    if least := cut.worst(found, cut.unknown(dataset, field)):
        among = f" of those with {cut.LEAST} objects or more" if any(s.objects < cut.LEAST for s in found) else ""
        typer.echo(f"the worst{among}: {least.by} {least.value}, AP {least.ap:.3f} of {least.objects} objects")
    elif found:
        known = " of a class that the model knows" if cut.unknown(dataset, field) else ""
        typer.echo(f"none is called the worst, as none{known} has {cut.LEAST} objects: AP of fewer is mostly chance")


def suspect(dataset, detector, look: Look, out: Out) -> None:
    """Rank the probable label errors, and say how many there are of each kind and where they are listed."""
    from dfine.explore import suspect_store, views, workspace
    from dfine.explore.suspect_training import training_pictures
    from dfine.figures.pages.suspects import counted

    judge, decoders = folds(dataset, look, out) if out.folds else (None, _decoders(dataset, detector, look, out))
    trained = () if judge else training_pictures(look.model)
    suspect_store.find(dataset, look.field, trained=trained, judge=judge, decoders=decoders)
    views.save(dataset, look.field)  # again, so that the suspects come before them
    workspace.show(dataset, look.field, suspects=True)
    listed = suspect_store.write_csv(dataset, out.suspects, look.field)
    typer.echo(f"\nprobable label errors: {counted(suspect_store.kinds(dataset, look.field))}")
    typer.echo(f"all of them are listed in {listed}, the likeliest first")
    if note := suspect_store.judge_note(dataset, look.field):
        complain(note, "note")


def _decoders(dataset, detector, look: Look, out: Out):
    """The detector, to be asked about the answers; None where that is not wanted or, with a note, not possible."""
    if not out.ask:
        return None
    from dfine.explore import fields
    from dfine.explore.run import Pace
    from dfine.explore.suspect_asking import cannot
    from dfine.explore.suspect_replies import Decoders
    from dfine.explore.suspect_training import denoised

    if reason := cannot(detector, denoised(look.model)):
        complain(reason, "note")
        return None
    return Decoders.of(detector, fields.about(dataset, look.field)["run"], Pace(look.batch, look.workers))


def folds(dataset, look: Look, out: Out) -> tuple:
    """Judge the pictures by models that did not see them; returns the field of what those found, and the models."""
    from dfine.explore.run import Pace
    from dfine.explore.suspect_folds import Folds, decoders, judge, start

    if not out.start and look.model.lower().endswith(".onnx"):
        raise ValueError(f"{look.model} is an exported file, which cannot be trained: name a checkpoint with --start")
    begins = out.start or start(look.model, dataset.values("filepath"))
    parts = Folds(out.folds, out.folds_folder, begins, out.fold_epochs, look.device)
    typer.echo(f"\n{out.folds} models are trained in {parts.folder}, from {begins}")
    pace = Pace(look.batch, look.workers)
    name = judge(dataset, look.field, parts, pace, typer.echo)
    return name, decoders(dataset, name, parts, pace) if out.ask else None


def calibrate(dataset, detector, look: Look) -> None:
    """Fit a calibration to the answers, say what it does, and keep it where it is better (`keep`)."""
    from dfine.evaluation import calibration
    from dfine.explore.true_edges import matches

    stored = calibration.fitted(detector.card.temperature, detector.card.levels)
    keep(calibration.study(matches(dataset, look.field), stored=stored), look.model)


def keep(found, model: str) -> None:
    """Say what a calibration does, and store it with a checkpoint that lies in a folder.

    It is stored where it is better than none, and than the one that the checkpoint has.
    """
    from dfine.evaluation import calibration

    typer.echo(f"\n{found}")
    if found.stored and found.mean_scores["stored"] > found.mean_scores["none"]:
        complain("on these pictures the intervals are worse with the stored calibration than without any", "note")
    folder = at_home(model)
    if not folder.is_dir():
        return  # which was said before the work
    if not found.better:
        stays = "; the one that the checkpoint has stays" if found.stored else ""
        complain(f"it is not stored, because the intervals are no better with it{stays}", "note")
        return
    path = calibration.store(folder, found.temperature, found.table)
    typer.echo(f"stored in {path}; the next `dfine explore` with it shows calibrated intervals")


def _number(value: float | None) -> str | None:
    return None if value is None or value != value else f"{value:.3f}"
