"""What the encoder saw of every picture: near duplicates, leaks, outliers, and similar pictures and objects.

The features of a picture are the means of the encoder's maps over all places. On the data set they are standardised,
channel by channel, before pictures are compared: what all pictures share says nothing of any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import fiftyone as fo
import numpy as np
import torch
from fiftyone import ViewField as F
from torch import Tensor

from dfine.data.layout import meaning
from dfine.data.pictures import to_batch
from dfine.explore import fields, similar_objects
from dfine.explore.brain_runs import Index
from dfine.explore.model import Opener
from dfine.explore.run import Pace, batches
from dfine.explore.saved_views import Saved
from dfine.files import short_digest
from dfine.inference.predictor import Predictor
from dfine.network.detector import DFINE
from dfine.trace.records import Memory
from dfine.weights.tensors import digest

SAME = 0.95  # cosine of standardised features from which two pictures count as near duplicates
NEIGHBOURS = 5  # whose mean distance makes an outlier
FEWEST = 10  # pictures, or objects, below which nothing can be standardised
_AT_ONCE = 1024  # rows of similarities that are computed together


@dataclass(frozen=True)
class Pairs:
    """Pictures that are nearly the same, by their places [k, 2] in the list, the most similar first."""

    places: np.ndarray
    cosines: np.ndarray  # [k]


@torch.inference_mode()
def encoded(network: DFINE, pixels: Tensor) -> Tensor:
    """The features of pictures: float32 [B, levels · C], from pixels [B, 3, H, W] in 0..1."""
    return _means(_memory(network, pixels))


@torch.inference_mode()
def _memory(network: DFINE, pixels: Tensor) -> Memory:
    """What the encoder makes of pictures."""
    return network.encoder(network.backbone(network.normalise(pixels)))


def _means(memory: Memory) -> Tensor:
    """Of each level's map over all places, float32 [B, levels · C]."""
    lengths = [height * width for height, width in memory.shapes]
    return torch.cat([part.mean(1) for part in memory.tokens.split(lengths, 1)], -1).float()


def embed(
    dataset: fo.Dataset,
    predictor: Predictor,
    field: str = fields.FIELD,
    pace: Pace | None = None,
    *,
    objects: bool = False,
) -> int:
    """Store the features of every picture that has none of this model yet, in `FIELD_features`.

    Args:
        dataset: the data set.
        predictor: the model.
        field: FIELD.
        pace: batch size, workers and progress bar.
        objects: store those of its objects (`dfine.explore.similar_objects`) as well, in `FIELD_objects`, by the same
            look; it has to be explored in `field` then.

    Returns:
        How many pictures were looked at. Those that cannot be read are left out, and have no features then.

    Raises:
        ValueError: the model is an exported file, which has no encoder to ask; or nothing was explored.
    """
    network = getattr(predictor.engine, "network", None)
    if network is None:
        raise ValueError(f"{predictor.source} is an exported file and says nothing of its encoder; name the checkpoint")
    pace, name = pace or Pace(), fields.features_field(field)
    if not dataset.has_sample_field(name):
        dataset.add_sample_field(name, fo.VectorField)
        dataset.add_sample_field(f"{name}_of", fo.StringField)
    weights = digest(network, predictor.card)
    pending = similar_objects.pending(dataset, field, weights) if objects else {}
    rows = zip(*dataset.values(["id", "filepath", f"{name}_of"]))
    todo = [(id, path) for id, path, of in rows if of != weights or id in pending]
    count = 0
    for at, items in batches([path for _, path in todo], Opener(predictor.input_size), pace):
        ids = [id for id, _ in todo[at : at + len(items)]]
        good = [id for id, item in zip(ids, items) if "pixels" in item]
        bad = {id: None for id, item in zip(ids, items) if "pixels" not in item}
        if bad:  # another model's features cannot be compared with this one's
            dataset.set_values(name, bad, key_field="id")
            dataset.set_values(f"{name}_of", bad, key_field="id")
            similar_objects.store(dataset, field, {id: None for id in bad if id in pending})
        if not good:
            continue
        pixels = to_batch([item["pixels"] for item in items if "pixels" in item]).to(predictor.device)
        memory = _memory(network, pixels)
        dataset.set_values(name, dict(zip(good, _means(memory).cpu().numpy())), key_field="id")
        dataset.set_values(f"{name}_of", dict.fromkeys(good, weights), key_field="id")
        if pending:
            found = similar_objects.seen(memory, [pending[id].boxes for id in good])
            keyed = {id: (one, pending[id].key(weights)) for id, one in zip(good, found)}
            similar_objects.store(dataset, field, keyed)
        count += len(good)
    return count


def standardised(features: np.ndarray, kind: type = np.float64) -> np.ndarray:
    """Features of unit length, [n, D] of this `kind`, after every channel was centred and scaled over the n pictures.

    Channels that are the same everywhere are left out. A picture that is the mean of all has length 0.
    """
    features = np.asarray(features, kind)
    if not len(features):
        return features
    spread = features.std(0)
    keep = spread > 1e-6 * max(float(spread.max(initial=0)), 1e-12)
    z = (features[:, keep] - features[:, keep].mean(0)) / spread[keep]
    return z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)


def pairs(z: np.ndarray, least: float = SAME) -> Pairs:
    """The pairs of rows of `standardised` with a cosine of at least `least`, every pair once."""
    places, cosines = [np.zeros((0, 2), int)], [np.zeros(0)]
    for start in range(0, len(z), _AT_ONCE):
        same = z[start : start + _AT_ONCE] @ z.T
        i, j = np.nonzero(np.triu(same >= least, start + 1))
        places.append(np.stack((i + start, j), 1))
        cosines.append(same[i, j])
    found, cosine = np.concatenate(places), np.concatenate(cosines)
    order = np.argsort(-cosine, kind="stable")
    return Pairs(found[order], cosine[order])


def oddness(z: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """How far each row of `standardised` is from the rows nearest to it: [n] mean of 1 − cosine, 0 to 2."""
    k = min(neighbours, len(z) - 1)
    if k < 1:
        return np.zeros(len(z))
    found = np.empty(len(z))
    for start in range(0, len(z), _AT_ONCE):
        same = z[start : start + _AT_ONCE] @ z.T
        rows = np.arange(len(same))
        same[rows, start + rows] = -np.inf
        found[start : start + len(same)] = 1 - np.partition(same, -k, axis=1)[:, -k:].mean(1)
    return found


def find(dataset: fo.Dataset, field: str = fields.FIELD) -> dict[str, int]:
    """Find near duplicates, leaks and outliers by the stored features, and save a view of each.

    Samples get `FIELD_twins` (how many near duplicates), `FIELD_twin` (the id of the nearest of them) and
    `FIELD_oddness` (the mean distance to the five nearest pictures). A leak (`FIELD_leak`) is a near duplicate with the
    tag of another split, or a picture with the tags of two itself.

    Returns:
        How many pictures each view shows: "near duplicates", "leaks between splits", and of "outliers" all, the oddest
        first.

    Raises:
        ValueError: there are fewer than ten pictures with features.
    """
    name = fields.features_field(field)
    seen = dataset.exists(name) if dataset.has_sample_field(name) else dataset.limit(0)
    if len(seen) < FEWEST:
        raise ValueError(f"similar pictures are looked for among {FEWEST} or more, and {len(seen)} were looked at")
    ids, features, tags = seen.values(["id", name, "tags"])
    z = standardised(np.stack(features))
    twins, odd = pairs(z), oddness(z)
    nearest: dict[int, int] = {}
    count = np.zeros(len(ids), int)
    leaks = {i for i, own in enumerate(tags) if len(_splits(own)) > 1}
    for i, j in twins.places.tolist():  # the most similar first
        nearest.setdefault(i, j)
        nearest.setdefault(j, i)
        count[[i, j]] += 1
        if _leak(tags[i], tags[j]):
            leaks |= {i, j}
    stored = {
        "twins": dict(zip(ids, count.tolist())),
        "twin": {id: ids[nearest[i]] if i in nearest else "" for i, id in enumerate(ids)},
        "oddness": dict(zip(ids, np.round(odd, 4).tolist())),
        "leak": {id: i in leaks for i, id in enumerate(ids)},
    }
    kinds = {"twins": fo.IntField, "twin": fo.StringField, "oddness": fo.FloatField, "leak": fo.BooleanField}
    for what, values in stored.items():
        path = f"{field}_{what}"
        if not dataset.has_sample_field(path):
            dataset.add_sample_field(path, kinds[what])
        dataset.clear_sample_field(path)
        dataset.set_values(path, values, key_field="id")
    return _save_views(dataset, field, _groups(ids, twins), [ids[i] for i in sorted(leaks)])


def index(dataset: fo.Dataset, field: str = fields.FIELD) -> dict[str, int]:
    """Let FiftyOne's brain sort by similarity in the App, on the stored features and without a network.

    Three brain runs: `FIELD_similar` sorts pictures, and `FIELD_similar_truth` and `FIELD_similar_found` the objects of
    the answers and the reported ones, where `embed` has looked at those; the button with the picture sorts by what is
    ticked, in a view of patches by objects. What nothing has changed for stays as it is, and so does a run of a
    person's own of that name, with a warning. Fewer than ten objects are not sorted.

    Returns:
        How many pictures or objects each of them sorts, by its key.
    """
    name, pictures = fields.features_field(field), Index(fields.similar_key(field))
    ids, of = dataset.exists(name).values(["id", f"{name}_of"])
    made, state = {}, short_digest(repr((ids, of)), 32)
    if pictures.usable(dataset):
        if not pictures.holds(dataset, state):
            z = standardised(np.stack(dataset.exists(name).values(name))).astype(np.float32)
            pictures.save(dataset, state, z, ids)
        made[pictures.key] = len(ids)
    return made | (_index_objects(dataset, field) if dataset.has_sample_field(fields.objects_field(field)) else {})


def _index_objects(dataset: fo.Dataset, field: str) -> dict[str, int]:
    """The indexes of objects, of each kind that there are enough of; returns how many each sorts."""
    made = {}
    for kind, patches in similar_objects.names(dataset, field).items():
        index = Index(fields.similar_key(field, kind), patches)
        if not index.usable(dataset):
            continue
        known = similar_objects.Known.of(dataset, field, kind)
        if len(known.labels) < FEWEST:
            index.delete(dataset)
            continue
        if not index.holds(dataset, known.state):
            z = standardised(known.features(), np.float32)
            index.save(dataset, known.state, z, known.samples, known.labels)
        made[index.key] = len(known.labels)
    return made


def _groups(ids: Sequence[str], twins: Pairs) -> list[str]:
    """The ids of all pictures with a near duplicate, those of a group one after another, the closest pair first."""
    group: dict[int, list[int]] = {}
    for i, j in twins.places.tolist():
        mine, theirs = group.get(i, [i]), group.get(j, [j])
        if mine is not theirs:
            mine = mine + [k for k in theirs if k not in mine]
            group |= dict.fromkeys(mine, mine)
    return [ids[i] for i in dict.fromkeys(i for members in group.values() for i in members)]


def _splits(tags: Sequence[str]) -> set[str]:
    """The splits that a picture is in, by its tags: val2017, Valid and val are one."""
    return {split for tag in tags if (split := meaning(tag))}


def _leak(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether what is in two pictures is in more than one split, by their tags; not where one of them is in none."""
    mine, theirs = _splits(one), _splits(other)
    return bool(mine and theirs) and len(mine | theirs) > 1


def _save_views(dataset: fo.Dataset, field: str, twins: list[str], leaks: list[str]) -> dict[str, int]:
    """Save a view of each find; returns how many pictures they show."""
    suffix = "" if field == fields.FIELD else f" ({field})"
    grouped = dataset.select(twins, ordered=True)
    odd = f"{field}_oddness"
    views = {
        "near duplicates": (
            grouped,
            f"Pictures that the encoder sees as nearly the same (cosine from {SAME}), side by side, the closest first.",
        ),
        "leaks between splits": (
            dataset.select(list(dict.fromkeys([*twins, *leaks])), ordered=True).match(F(f"{field}_leak")),
            "Near duplicates of which one is in another split, then pictures that are in two themselves: what is "
            "measured on them has been seen in training.",
        ),
        "outliers": (
            dataset.exists(odd).sort_by(odd, reverse=True),
            "The pictures that are least like the five nearest to them first.",
        ),
    }
    return {
        Saved(f"{name}{suffix}", about, "#0072B2").save(dataset, view): len(view)
        for name, (view, about) in views.items()
    }
