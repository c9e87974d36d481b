"""Everything that the network said of a detection, as one stored array, and the `History` that it gives back.

One record is one float32 array: the token, the number of encoder levels and their heights and widths; the proposal and
the initial box (cxcywh in 0..1, each with its logit); then, for all L layers, the followed class's logit [L], what LQE
added [L], the boxes [L, 4] and the edge logits [L, 4, N+1].
"""

from __future__ import annotations

from math import prod

import numpy as np
import torch

from dfine.explore import fields
from dfine.trace.history import History


def pack(tokens: np.ndarray, shapes: tuple[tuple[int, int], ...], parts: dict[str, np.ndarray]) -> np.ndarray:
    """The records of n detections of one picture or batch: float32 [n, length].

    Args:
        tokens: [n] the encoder token that each query came from.
        shapes: (height, width) per encoder level.
        parts: proposal [n, 4], proposal_logit [n], initial [n, 4], initial_logit [n], logits [n, L], quality [n, L],
            boxes [n, L, 4], edges [n, L, 4, N+1].
    """
    n = len(tokens)
    head = np.array([len(shapes), *(side for shape in shapes for side in shape)], dtype=np.float32)
    order = ("proposal", "proposal_logit", "initial", "initial_logit", "logits", "quality", "boxes", "edges")
    columns = [
        tokens.reshape(n, 1),
        np.tile(head, (n, 1)),
        *(parts[name].reshape(n, prod(parts[name].shape[1:])) for name in order),
    ]
    return np.concatenate(columns, 1).astype(np.float32)


def history(detection, info: dict, size: tuple[int, int]) -> History:
    """The history of a stored detection through the layers, for its own class only (K = 1, label 0).

    Args:
        detection: a `fiftyone.Detection` of the field that `info` is about.
        info: `dataset.info["dfine"][FIELD]`; see `dfine.explore.fields.about`.
        size: (width, height) of the picture in pixels.

    Raises:
        ValueError: the detection holds no record, or one that does not fit `info`.
    """
    record = detection.get_attribute_value("record", None)
    if record is None:
        raise ValueError("this detection holds no record of its edges; it does not come from `dfine explore`")
    parts = unpack(np.asarray(record)[None], int(info["layers"]), len(info["w"]))
    one = {name: torch.from_numpy(value[0].copy()) for name, value in parts.items() if name not in ("token", "shapes")}
    fitted = fields.card(info)
    return History(
        query=int(detection["query"]),
        label=0,
        name=detection.label,
        size=(int(size[0]), int(size[1])),
        proposal=one["proposal"],
        proposal_logits=one["proposal_logit"],
        initial=one["initial"],
        initial_logits=one["initial_logit"],
        logits=one["logits"][:, None],
        quality=one["quality"],
        edges=one["edges"],
        boxes=one["boxes"],
        w=torch.tensor(info["w"], dtype=torch.float32),
        token=int(parts["token"][0]),
        shapes=parts["shapes"],
        temperature=_tensor(fitted.temperature),
        levels=_tensor(fitted.levels),
    )


def _tensor(fitted: tuple | None) -> torch.Tensor | None:
    return None if fitted is None else torch.tensor(fitted, dtype=torch.float32)


def unpack(records: np.ndarray, layers: int, bins: int) -> dict:
    """The inverse of `pack`, for records [n, length] of one model: `token`, `shapes` and every part by its name.

    Args:
        records: float32 [n, length], n at least 1.
        layers: L.
        bins: N+1, values per edge.

    Raises:
        ValueError: the length does not fit `layers` and `bins`.
    """
    n = len(records)
    levels = int(records[0, 1])
    shapes = tuple((int(h), int(w)) for h, w in records[0, 2 : 2 + 2 * levels].reshape(levels, 2))
    lengths = {
        "proposal": (4,),
        "proposal_logit": (1,),
        "initial": (4,),
        "initial_logit": (1,),
        "logits": (layers,),
        "quality": (layers,),
        "boxes": (layers, 4),
        "edges": (layers, 4, bins),
    }
    start, parts = 2 + 2 * levels, {"token": records[:, 0].astype(np.int64), "shapes": shapes}
    for name, shape in lengths.items():
        end = start + int(np.prod(shape))
        parts[name] = records[:, start:end].reshape(n, *shape) if end <= records.shape[1] else None
        start = end
    if start != records.shape[1]:
        raise ValueError(
            f"a record of {records.shape[1]} numbers does not fit {layers} layers with {bins} values per edge, which "
            f"take {start}; it was stored by another model"
        )
    return parts
