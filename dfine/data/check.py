"""What is in a data set, and what is wrong with it: counts, balance, sizes, and every mistake that can be found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from dfine.data.coco import CocoSet
from dfine.data.sources import recognise

READERS = 4  # threads that read pictures
SLACK = 1.0  # pixels that a box may reach outside its picture; annotation tools round
AREAS = {"small": 32**2, "medium": 96**2, "large": float("inf")}  # COCO's, square pixels, upper ends
HASH = 16  # a picture's likeness: 16 × 16 signs of brightness differences
ALIKE = 10  # of those 256 signs may differ in pictures that count as one; re-encoding changes fewer


@dataclass(frozen=True)
class Finding:
    """One mistake; the picture and the box (x, y, width, height in its pixels) that it is about, where there are."""

    kind: str
    message: str
    picture: Path | None = None
    bbox: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Part:
    """What a split holds."""

    pictures: int
    objects: int  # crowds not counted
    crowds: int
    empty: int  # pictures without objects
    classes: dict[str, int]  # objects by class, most frequent first
    sizes: dict[str, int]  # objects by area: small, medium, large
    widths: tuple[int, int]  # of the pictures, least and most, in pixels
    heights: tuple[int, int]


@dataclass(frozen=True)
class Report:
    """All splits and all findings. Printing it gives the text."""

    source: str
    parts: dict[str, Part]
    findings: tuple[Finding, ...] = field(repr=False, default=())

    @property
    def counts(self) -> dict[str, int]:
        """How many findings of every kind, most frequent first."""
        return dict(Counter(f.kind for f in self.findings).most_common())

    def worst(self, count: int = 12) -> list[tuple[Path, list[Finding]]]:
        """The pictures with most findings, most first."""
        by_picture: dict[Path, list[Finding]] = {}
        for finding in self.findings:
            if finding.picture is not None:
                by_picture.setdefault(finding.picture, []).append(finding)
        return sorted(by_picture.items(), key=lambda item: -len(item[1]))[:count]

    def to_dict(self) -> dict:
        """Plain JSON values."""
        findings = [asdict(f) | {"picture": f.picture and str(f.picture)} for f in self.findings]
        parts = {name: asdict(part) for name, part in self.parts.items()}
        return {"source": self.source, "splits": parts, "counts": self.counts, "findings": findings}

    def __str__(self) -> str:
        lines = []
        for name, p in self.parts.items():
            lines.append(
                f"{name}: {p.pictures} pictures ({p.empty} without objects), {p.objects} objects, {p.crowds} crowds"
            )
            if p.pictures:
                w, h = p.widths, p.heights
                lines.append(f"  pictures {w[0]}–{w[1]} wide, {h[0]}–{h[1]} high; objects {_counted(p.sizes)}")
            idle = sum(not count for count in p.classes.values())
            without = f" ({idle} without objects)" if idle else ""
            lines.append(f"  {len(p.classes)} classes{without}: {_counted(p.classes, 8)}")
        if not self.findings:
            return "\n".join([*lines, "nothing wrong was found"])
        lines.append(f"{len(self.findings)} mistakes: {_counted(self.counts)}")
        for kind in self.counts:
            some = [f.message for f in self.findings if f.kind == kind]
            lines += [f"  {kind}: {message}" for message in some[:5]]
            lines += [f"  {kind}: and {len(some) - 5} more"] if len(some) > 5 else []
        return "\n".join(lines)


def check(path: str | Path, *, progress: bool = True) -> Report:
    """Read a data set in any of the known formats, every picture and every box of it.

    Found are entries whose ids lead nowhere, boxes without an extent or reaching outside their picture, pictures that
    are missing, broken or of another size than is said, classes spelt in two ways or never trained on, and pictures
    that two splits share (equal, or alike but for their encoding).

    Raises:
        FileNotFoundError, ValueError: there is no data set at all; what is wrong inside it is reported.
    """
    parts, findings, likenesses = {}, [], {}
    for name, data, faults in _opened(path):
        findings += faults
        findings += _boxes(data)
        seen, broken = _pictures(data, name if progress else None)
        findings += broken
        parts[name] = _part(data)
        likenesses[name] = seen
    findings += _classes(parts) + _shared(likenesses)
    return Report(str(path), parts, tuple(dict.fromkeys(findings)))  # splits may share what is wrong


def _opened(path: str | Path):
    """Yields (split, data set, findings) of every split."""
    for name, opener in recognise(path).parts.items():
        told: list[tuple[str, dict]] = []
        data = opener(lambda message, told=told, **about: told.append((message, about)))
        images = {i["id"]: data.path(n) for n, i in enumerate(data.ground_truth()["images"])}
        faults = [
            Finding(about.get("kind", "entry"), message, images.get(about.get("image")), about.get("bbox"))
            for message, about in told
        ]
        faults += [Finding(note.kind, note.message, images.get(note.image), note.bbox) for note in data.notes]
        yield name or "all", data, faults


def _part(data: CocoSet) -> Part:
    truth = data.ground_truth()
    objects = [a for a in truth["annotations"] if not a["iscrowd"]]
    name = {c["id"]: str(c["name"]) for c in truth["categories"]}
    counted = Counter({n: 0 for n in name.values()})
    counted.update(name[a["category_id"]] for a in objects)
    ends = list(AREAS.values())
    sizes = Counter(next(k for k, end in AREAS.items() if a["area"] < end or end == ends[-1]) for a in objects)
    filled = {a["image_id"] for a in objects}
    spans = {side: [image[side] for image in truth["images"]] or [0] for side in ("width", "height")}
    return Part(
        pictures=len(data),
        objects=len(objects),
        crowds=len(truth["annotations"]) - len(objects),
        empty=len(data) - len(filled),
        classes=dict(counted.most_common()),
        sizes={k: sizes[k] for k in AREAS},
        widths=(min(spans["width"]), max(spans["width"])),
        heights=(min(spans["height"]), max(spans["height"])),
    )


def _boxes(data: CocoSet) -> list[Finding]:
    """Boxes that reach outside their picture."""
    truth, found = data.ground_truth(), []
    images = {i["id"]: (n, i) for n, i in enumerate(truth["images"])}
    for a in truth["annotations"]:
        index, image = images[a["image_id"]]
        x, y, w, h = a["bbox"]
        out = max(-x, -y, x + w - image["width"], y + h - image["height"])
        if out > SLACK:
            where = a.get("where") or f"annotation id {a['id']} in {data.source}"
            text = f"{where} reaches {out:.0f} px outside {image['file_name']}"
            found.append(Finding("box outside", text, data.path(index), tuple(a["bbox"])))
    return found


def _pictures(data: CocoSet, title: str | None) -> tuple[list[tuple[Path, np.ndarray]], list[Finding]]:
    """The likeness of every picture that can be read, and what is wrong with the others."""

    def look(index: int):
        try:
            pixels, _ = data[index]
            small = Image.fromarray(pixels.permute(1, 2, 0).numpy()).convert("L").resize((HASH + 1, HASH))
        except (ValueError, OSError) as error:
            return Finding("broken picture", str(error), data.path(index))
        grey = np.asarray(small, dtype=np.int16)
        return data.path(index), (grey[:, 1:] > grey[:, :-1]).ravel()

    with ThreadPoolExecutor(READERS) as pool:
        looked = list(tqdm(pool.map(look, range(len(data))), title, len(data), disable=title is None, leave=False))
    return [x for x in looked if not isinstance(x, Finding)], [x for x in looked if isinstance(x, Finding)]


def _classes(parts: dict[str, Part]) -> list[Finding]:
    """Names that differ in case or spaces alone, and classes that training never sees though other splits have them."""
    names = dict.fromkeys(name for part in parts.values() for name in part.classes)
    plain: dict[str, list[str]] = {}
    for name in names:
        plain.setdefault("".join(name.split()).casefold(), []).append(name)
    found = [f"{' and '.join(map(repr, same))} are two classes" for same in plain.values() if len(same) > 1]
    training = [part for split, part in parts.items() if split.startswith("train")]
    if training and len(training) < len(parts):
        unseen = [n for n in names if not any(part.classes.get(n) for part in training)]
        counts = {n: sum(part.classes.get(n, 0) for part in parts.values()) for n in unseen}
        found += [f"{n!r} occurs {count} times, but never in training" for n, count in counts.items() if count]
    return [Finding("class", text) for text in found]


def _shared(likenesses: dict[str, list[tuple[Path, np.ndarray]]]) -> list[Finding]:
    """Pictures of two splits that are one; a split that another one holds as a whole ("trainval") shares nothing."""
    found, names = [], list(likenesses)
    files = {name: {path for path, _ in seen} for name, seen in likenesses.items()}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if files[first] <= files[second] or files[second] <= files[first]:
                continue
            for a, b in _alike(likenesses[first], likenesses[second]):
                text = f"{a.name} of {first} and {b.name} of {second} are the same picture"
                found.append(Finding("in two splits", text, a))
    return found


def _alike(
    first: Sequence[tuple[Path, np.ndarray]], second: Sequence[tuple[Path, np.ndarray]]
) -> list[tuple[Path, Path]]:
    """The pairs whose likenesses hardly differ."""
    if not first or not second:
        return []
    b = np.stack([signs for _, signs in second]).astype(np.float32) * 2 - 1
    pairs = []
    for path, signs in first:
        differing = (HASH**2 - b @ (signs.astype(np.float32) * 2 - 1)) / 2
        pairs += [(path, second[j][0]) for j in np.flatnonzero(differing <= ALIKE)]
    return pairs


def _counted(counts: dict[str, int], most: int = 99) -> str:
    text = ", ".join(f"{name} {count}" for name, count in list(counts.items())[:most])
    return text + (f" and {len(counts) - most} more" if len(counts) > most else "")
