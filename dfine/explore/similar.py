"""What the encoder saw of every picture: near duplicates, leaks between splits, outliers, and similar pictures.

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
from dfine.explore import fields
from dfine.explore.model import Opener
from dfine.explore.run import Pace, batches
from dfine.explore.saved_views import Saved
from dfine.inference.predictor import Predictor
from dfine.network.detector import DFINE
from dfine.weights.tensors import digest

SAME = 0.95  # cosine of standardised features from which two pictures count as near duplicates
NEIGHBOURS = 5  # whose mean distance makes an outlier
FEWEST = 10  # pictures below which nothing can be standardised
_AT_ONCE = 1024  # rows of similarities that are computed together


@dataclass(frozen=True)
class Pairs:
    """Pictures that are nearly the same, by their places [k, 2] in the list, the most similar first."""

    places: np.ndarray
    cosines: np.ndarray  # [k]


@torch.inference_mode()
def encoded(network: DFINE, pixels: Tensor) -> Tensor:
    """The features of pictures: float32 [B, levels · C], from pixels [B, 3, H, W] in 0..1."""
    memory = network.encoder(network.backbone(network.normalise(pixels)))
    lengths = [height * width for height, width in memory.shapes]
    return torch.cat([part.mean(1) for part in memory.tokens.split(lengths, 1)], -1).float()


def embed(dataset: fo.Dataset, predictor: Predictor, field: str = fields.FIELD, pace: Pace | None = None) -> int:
    """Store the features of every picture that has none of this model yet, in `FIELD_features`.

    Returns:
        How many pictures were looked at. Those that cannot be read are left out, and have no features then.

    Raises:
        ValueError: the model is an exported file, which has no encoder to ask.
    """
    network = getattr(predictor.engine, "network", None)
    if network is None:
        raise ValueError(f"{predictor.source} is an exported file and says nothing of its encoder; name the checkpoint")
    pace, name = pace or Pace(), fields.features_field(field)
    if not dataset.has_sample_field(name):
        dataset.add_sample_field(name, fo.VectorField)
        dataset.add_sample_field(f"{name}_of", fo.StringField)
    weights = digest(network, predictor.card)
    todo = dataset.match(F(f"{name}_of") != weights)
    ids, paths = todo.values(["id", "filepath"])
    count = 0
    for at, items in batches(paths, Opener(predictor.input_size), pace):
        good = [i for i, item in enumerate(items) if "pixels" in item]
        bad = {ids[at + i]: None for i, item in enumerate(items) if "pixels" not in item}
        if bad:  # another model's features cannot be compared with this one's
            dataset.set_values(name, bad, key_field="id")
            dataset.set_values(f"{name}_of", bad, key_field="id")
        if not good:
            continue
        pixels = to_batch([items[i]["pixels"] for i in good]).to(predictor.device)
        found = encoded(network, pixels).cpu().numpy()
        values = {ids[at + i]: vector for i, vector in zip(good, found)}
        dataset.set_values(name, values, key_field="id")
        dataset.set_values(f"{name}_of", dict.fromkeys(values, weights), key_field="id")
        count += len(values)
    return count


def standardised(features: np.ndarray) -> np.ndarray:
    """Features of unit length, [n, D], after every channel was centred and scaled over the n pictures.

    Channels that are the same everywhere are left out. A picture that is the mean of all has length 0.
    """
    features = np.asarray(features, np.float64)
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


def index(dataset: fo.Dataset, field: str = fields.FIELD) -> None:
    """Let FiftyOne's brain sort by similarity in the App, on the stored features and without a network.

    The index is called `FIELD_similar`; the button with the picture sorts by the pictures that are ticked.
    """
    import fiftyone.brain as brain

    name, key = fields.features_field(field), f"{field}_similar"
    if key in dataset.list_brain_runs():
        dataset.delete_brain_run(key)
    seen = dataset.exists(name)
    z = standardised(np.stack(seen.values(name))).astype(np.float32)
    brain.compute_similarity(seen, embeddings=z, brain_key=key, backend="sklearn", metric="cosine", progress=False)


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
