"""COCO AP of the initial boxes and of every decoder layer, from one pass over a data set.

The network's whole trace is at hand, so every stage is scored in the same pass. With `scores="own"` each stage ranks
its boxes by its own scores, as if decoding had stopped there; with `scores="last"` all stages share the last layer's
ranking, so that only their boxes differ: what is left is localisation.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from dfine.data import labels
from dfine.data.loader import Batching, loader, subset
from dfine.evaluation.rows import as_rows, check_ids, rows_of
from dfine.inference.predictor import Predictor
from dfine.processes import Ranks
from dfine.trace.postprocess import Ranking, detections
from dfine.trace.records import Target
from dfine.trace.stages import stage_keys
from dfine.wording import some

TOP = 300  # detections kept per picture, as published; COCO's evaluator then takes 100 of each class
ALONE = Ranks()
METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100")
THRESHOLDS = tuple(i / 100 for i in range(50, 100, 5))  # IoU from which a box is right


@dataclass(frozen=True)
class Evaluation:
    """How well every stage of a detector does on a data set. Printing it gives the table."""

    stats: dict[str, dict[str, float]]  # stage -> metric -> value in 0..1; NaN where the data has nothing to measure
    classes: dict[str, float]  # class name -> AP of the last layer
    pictures: int
    objects: int  # crowds not counted
    scores: str = "own"
    truth: dict = field(repr=False, default_factory=dict)
    results: dict[str, np.ndarray] = field(repr=False, default_factory=dict)  # stage -> rows, see `measure`
    left_out: tuple[str, ...] = ()  # a sentence on each picture that could not be read, and counts nowhere

    @staticmethod
    def of(truth: dict, results: dict[str, np.ndarray], scores: str = "own") -> Evaluation:
        """Measures the rows of every stage against a COCO-format dict."""
        measured = {stage: measure(truth, rows) for stage, rows in results.items()}
        return Evaluation(
            stats={stage: stats for stage, (stats, _) in measured.items()},
            classes=list(measured.values())[-1][1] if measured else {},
            pictures=len(truth["images"]),
            objects=sum(not a.get("iscrowd", 0) for a in truth["annotations"]),
            scores=scores,
            truth=truth,
            results=results,
        )

    @property
    def ap(self) -> dict[str, float]:
        """AP (0.50:0.95) of every stage: "initial", "layer 1", …, "layer L"."""
        return {stage: stats["AP"] for stage, stats in self.stats.items()}

    @property
    def gain(self) -> float:
        """AP of the last layer less AP of the initial boxes: what refinement is worth; NaN without pictures."""
        values = list(self.ap.values())
        return values[-1] - values[0] if values else math.nan

    def only(self, image_ids: Collection[int]) -> Evaluation:
        """The same detections measured on some of the images, without another pass of the network."""
        keep = set(image_ids)
        truth = {
            **self.truth,
            "images": [i for i in self.truth["images"] if i["id"] in keep],
            "annotations": [a for a in self.truth["annotations"] if a["image_id"] in keep],
        }
        ids = np.array(sorted(keep), dtype=np.int64)
        results = {stage: rows[np.isin(as_rows(rows)["image"], ids)] for stage, rows in self.results.items()}
        return Evaluation.of(truth, results, self.scores)

    def by_dials(self) -> dict[str, Evaluation]:
        """The "clean" pictures (all dials at 0) and the "hard" ones apart, where these are scenes; else nothing."""
        images = [i for i in self.truth.get("images", ()) if "dials" in i]
        hard = [i["id"] for i in images if any(i["dials"].values())]
        clean = [i["id"] for i in images if not any(i["dials"].values())]
        return {name: self.only(ids) for name, ids in (("clean", clean), ("hard", hard)) if ids}

    def rows(self) -> list[dict[str, str | float]]:
        """One plain dict a stage, for a table: `stage` and every metric."""
        return [{"stage": stage, **stats} for stage, stats in self.stats.items()]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; None where there is nothing to measure. What was left out is in it where something was."""
        return {
            "pictures": self.pictures,
            "objects": self.objects,
            "scores": self.scores,
            "stages": {stage: _plain(stats) for stage, stats in self.stats.items()},
            "classes": _plain(self.classes),
        } | ({"left_out": list(self.left_out)} if self.left_out else {})

    def __str__(self) -> str:
        lines = [f"{'':10s}" + "".join(f"{m:>7s}" for m in METRICS)]
        lines += [f"{stage:10s}" + "".join(_number(stats[m]) for m in METRICS) for stage, stats in self.stats.items()]
        return "\n".join(lines)


def evaluate(
    model: Predictor,
    dataset: Dataset,
    *,
    batch: int = 16,
    scores: str = "own",
    workers: int = 0,
    progress: bool = True,
    skip: bool = False,
    here: Ranks = ALONE,
) -> Evaluation:
    """COCO AP of the initial boxes and of every layer that `model` answers with, on `dataset`.

    What is measured is what the model says: on its engine, in its precision, after as many layers as it was loaded
    with. Labels are matched by name, never by position. Classes that the data set does not have are left out of the
    ranking; classes that the model does not have count as misses, and a warning names them.

    Args:
        model: as `dfine.load` gives it.
        dataset: (picture, Target) an item, with `names`, `category_ids` and `ground_truth()`, a COCO-format dict.
        batch: pictures per forward pass.
        scores: "own" ranks each stage's boxes by its own scores, "last" by the last layer's.
        workers: processes that read pictures.
        progress: whether to show a bar.
        skip: leave out pictures that cannot be read, and say so in `left_out`; the figures are those of the others.
        here: this process among those that share the pictures; all of them must call this, and get the same answer.

    Raises:
        ValueError, OSError: no class name of the model is known to the data set, its targets lack sizes or their ids,
            `scores` is neither "own" nor "last", or a picture cannot be read; with `skip`, none of them can.
        TypeError: `dataset` or its items are of another kind.
        ImportError: faster-coco-eval is missing.
    """
    if not hasattr(dataset, "ground_truth"):
        raise TypeError(f"a data set has names, category_ids and ground_truth(); {type(dataset).__name__} has not")
    ranking = Ranking(TOP, scores=scores)
    needed_evaluator()  # a missing package is said before the work, not after it
    categories = match(model.names, dataset)
    mine = here.mine(range(len(dataset)))
    how = Batching(batch, model.input_size, workers=workers, skip=skip, pin=model.device.type == "cuda")
    batches = loader(subset(dataset, mine) if here.count > 1 else dataset, how)
    collected: dict[str, list[np.ndarray]] = {}
    for pixels, targets in _progress(batches, progress and here.first):
        for stage, rows in _stages(model, pixels, targets, categories, ranking):
            collected.setdefault(stage, []).append(rows)
    unread = {mine[i]: str(error) for i, error in batches.left_out.items()}
    gathered = here.gather(({stage: np.concatenate(rows) for stage, rows in collected.items()}, unread))
    shares = [rows for rows, _ in gathered if rows]  # a process may have had no picture
    results = {stage: np.concatenate([rows[stage] for rows in shares]) for stage in next(iter(shares), {})}
    unread = dict(sorted(pair for _, part in gathered for pair in part.items()))
    if unread and not results:
        raise ValueError(f"none of the {len(dataset):,} pictures can be read; the first: {next(iter(unread.values()))}")
    read = subset(dataset, [i for i in range(len(dataset)) if i not in unread]) if unread else dataset
    truth = read.ground_truth()
    check_ids(next(iter(results.values()), ()), truth, len(read))
    return replace(Evaluation.of(truth, results, scores), left_out=tuple(unread.values()))


def _stages(model: Predictor, pixels: Tensor, targets: list[Target], categories: list[int | None], ranking: Ranking):
    """One batch through the model: yields (stage, rows) for the initial boxes and every layer."""
    trace = model.trace(pixels.to(model.device, non_blocking=model.device.type == "cuda").float() / 255)
    sizes = [target.size for target in targets]
    ranking = replace(ranking, ignore=tuple(label for label, category in enumerate(categories) if category is None))
    for stage, layer in stage_keys(len(trace.refinements)).items():
        found = detections(trace, model.names, sizes, replace(ranking, layer=layer))
        yield stage, np.concatenate([rows_of(d, t.image_id, categories) for d, t in zip(found, targets)])


def match(names: tuple[str, ...], dataset: Dataset) -> list[int | None]:
    """The data set's category id for every label of a model, by name (`labels.same`); None where it has no such class.

    Warns of the data set's classes that the model does not have. Raises ValueError when they share none.
    """
    category = dict(zip(dataset.names, dataset.category_ids))
    found = labels.same(dataset.names, names)  # the data set's name -> the model's
    missing = [name for name in dataset.names if name not in found]
    if category and not found:
        raise ValueError(
            f"the model and the data set share no class name: the model has {some(names)}, the data set "
            f"{some(dataset.names)}; rename the data set's categories, or name the model's (--names)"
        )
    if missing:
        warnings.warn(f"the model has no class for {some(missing)}; their objects count as missed", stacklevel=3)
    ids = {model: category[name] for name, model in found.items()}
    return [ids.get(name) for name in names]


def measure(truth: dict, rows: np.ndarray) -> tuple[dict[str, float], dict[str, float]]:
    """COCO's figures for detections.

    Args:
        truth: a COCO-format dict. Its ids may be any whole numbers; those of annotations are not used.
        rows: a table of `dfine.evaluation.rows`, or numbers [n, 7] as that module takes them.

    Returns the metrics, and AP by class name; NaN where `truth` (a COCO-format dict) has no object to measure it on.
    Crowds are neither missed nor found, as in the reference implementation, pycocotools.
    """
    run = _accumulated(truth, rows)
    if run is None:
        return dict.fromkeys(METRICS, math.nan), {c["name"]: math.nan for c in truth["categories"]}
    precision, recall = np.asarray(run.eval["precision"]), np.asarray(run.eval["recall"])  # [T,R,K,A,M], [T,K,A,M]
    values = [precision[..., 0, -1], precision[0, ..., 0, -1], precision[5, ..., 0, -1]]
    values += [precision[..., area, -1] for area in (1, 2, 3)] + [recall[..., 0, -1]]
    name = {c["id"]: c["name"] for c in truth["categories"]}
    classes = {name[c]: _mean(precision[:, :, k, 0, -1]) for k, c in enumerate(sorted(name))}
    return dict(zip(METRICS, map(_mean, values))), classes


def by_threshold(truth: dict, rows: np.ndarray) -> dict[float, float]:
    """AP at each of COCO's ten IoU thresholds, 0.50 to 0.95; arguments as in `measure`."""
    run = _accumulated(truth, rows)
    if run is None:
        return dict.fromkeys(THRESHOLDS, math.nan)
    precision = np.asarray(run.eval["precision"])  # [T, R, K, A, M]
    return {t: _mean(precision[i, ..., 0, -1]) for i, t in enumerate(THRESHOLDS)}


def _accumulated(truth: dict, rows: np.ndarray):
    """COCO's evaluation of `rows`, accumulated; None where there are no pictures.

    The evaluator takes annotation 0 for no annotation, so pictures, annotations and categories are numbered anew, from
    1 on and in the order of their ids.
    """
    coco, coco_eval = needed_evaluator()
    image, category = (_numbered(truth[kind]) for kind in ("images", "categories"))
    annotations = [  # copies, since the evaluator writes into them
        a | {"id": i, "image_id": image[a["image_id"]], "category_id": category[a["category_id"]]}
        for i, a in enumerate(truth["annotations"], 1)
        if a["image_id"] in image and a["category_id"] in category
    ]
    head = {
        "images": [i | {"id": image[i["id"]]} for i in truth["images"]],
        "categories": [c | {"id": category[c["id"]]} for c in truth["categories"]],
    }
    known = [r for r in as_rows(rows) if int(r["image"]) in image and int(r["category"]) in category]
    found = [
        {"id": i, "image_id": image[int(r["image"])], "category_id": category[int(r["category"])]}
        | {
            "bbox": r["box"].tolist(),
            "score": float(r["score"]),
            "area": float(r["box"][2] * r["box"][3]),
            "iscrowd": 0,
        }
        for i, r in enumerate(known, 1)
    ]
    if not truth["images"]:
        return None
    true, said = (coco(head | {"annotations": entries}) for entries in (annotations, found))
    run = coco_eval(true, said, "bbox", print_function=lambda *_: None)  # it would print
    run.evaluate()
    run.accumulate()
    return run


def _numbered(entries: list[dict]) -> dict[int, int]:
    """A number from 1 on for the id of every entry, in the order of the ids."""
    return {id: number for number, id in enumerate(sorted({entry["id"] for entry in entries}), 1)}


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    """Numbers for JSON, which knows no NaN."""
    return {key: None if math.isnan(value) else round(value, 6) for key, value in values.items()}


def _number(value: float) -> str:
    return "–".rjust(7) if math.isnan(value) else f"{value:7.3f}"


def _mean(values: np.ndarray) -> float:
    """The mean of what could be measured; COCO writes −1 where there is nothing."""
    values = values[values > -1]
    return float(values.mean()) if values.size else math.nan


def _progress(batches, show: bool):
    if not show:
        return batches
    from tqdm import tqdm

    return tqdm(batches, desc="evaluate", unit="batch", leave=False)


def needed_evaluator() -> tuple[type, type]:
    """COCO's classes of data and of evaluation. Raises ImportError, saying what to install, where they are missing."""
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError:
        raise ImportError("evaluation needs the package faster-coco-eval: pip install faster-coco-eval") from None
    return COCO, COCOeval_faster
