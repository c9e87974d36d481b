"""What is in a data set, and what is wrong with it: counts, balance, sizes, and every mistake that can be found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dfine.data import findings
from dfine.data.coco import CocoSet
from dfine.data.coco_entries import Fault
from dfine.data.findings import Finding
from dfine.data.sources import recognise
from dfine.wording import counted, more, some

AREAS = {"small": 32**2, "medium": 96**2, "large": float("inf")}  # COCO's, square pixels, upper ends
QUERIES = 300  # of the published detectors
LISTED = 5  # findings of a kind that are printed


@dataclass(frozen=True)
class Part:
    """What is in a split."""

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
    sizes: dict[Path, tuple[int, int]] = field(repr=False, default_factory=dict)  # of pictures with wrong boxes
    pictures: int = 0  # those in several splits counted once

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
        about = {"source": self.source, "pictures": self.pictures, "splits": parts}
        return about | {"counts": self.counts, "findings": findings}

    def __str__(self) -> str:
        lines = []
        for name, p in self.parts.items():
            pictures, rest = counted(p.pictures, "picture"), (counted(p.objects, "object"), counted(p.crowds, "crowd"))
            lines.append(f"{name}: {pictures} ({p.empty} without objects), {', '.join(rest)}")
            if p.pictures:
                w, h = p.widths, p.heights
                lines.append(f"  pictures {w[0]}–{w[1]} wide, {h[0]}–{h[1]} high; objects {_counted(p.sizes)}")
            idle = sum(not count for count in p.classes.values())
            without = f" ({idle} without objects)" if idle else ""
            lines.append(f"  {counted(len(p.classes), 'class', 'es')}{without}: {_counted(p.classes, 8)}")
        if not self.findings:
            return "\n".join([*lines, "nothing wrong was found"])
        lines.append(f"{counted(len(self.findings), 'mistake')}: {_counted(self.counts)}")
        for kind in self.counts:
            found = [f.message for f in self.findings if f.kind == kind]
            lines += [f"  {kind}: {message}" for message in found[:LISTED]]
            lines += [f"  {kind}:{more(len(found), LISTED)}"] if len(found) > LISTED else []
        return "\n".join(lines)


def check(path: str | Path, *, queries: int = QUERIES, progress: bool = True) -> Report:
    """Read a data set in any of the known formats, every picture and every box of it.

    It finds entries whose ids lead nowhere; boxes without an extent, outside of their picture, doubled, or in another
    convention; pictures that are missing, broken, doubled, or of another size than is said; splits without objects,
    and pictures with too many; classes spelt in two ways or never trained on; and pictures that two splits share
    (equal, or alike but for their encoding). `dfine.data.findings` has a function for each.

    Args:
        path: of the data set.
        queries: of the detector that is to be trained.
        progress: whether to show a bar.

    Raises:
        FileNotFoundError, ValueError: there is no data set at all; what is wrong inside it is reported.
    """
    layout = recognise(path)
    parts, found, likenesses, sizes, files = {}, [], {}, {}, set()
    for name, opener in layout.parts.items():
        name = name or "all"
        data, faults = _opened(opener)
        found += faults + findings.nothing(name, data) + findings.outside(data) + findings.corners(data, layout.kind)
        found += findings.doubled(data) + findings.crowded(data, queries)
        likenesses[name], broken = findings.pictures(data, name if progress else None)
        found += broken
        parts[name] = _part(data)
        files |= {data.path(i) for i in range(len(data))}
        wrong = {finding.picture for finding in found if finding.bbox}
        sizes |= {file: data.target(i).size for i in range(len(data)) if (file := data.path(i)) in wrong}
    found += findings.classes({name: part.classes for name, part in parts.items()}) + findings.shared(likenesses)
    return Report(str(path), parts, tuple(dict.fromkeys(found)), sizes, len(files))  # splits may share what is wrong


def _opened(opener: Callable[[Fault], CocoSet]) -> tuple[CocoSet, list[Finding]]:
    """A split, and what was found while it was read."""
    told: list[tuple[str, dict]] = []
    data = opener(lambda message, **about: told.append((message, about)))
    images = {i["id"]: data.path(n) for n, i in enumerate(data.ground_truth()["images"])}
    faults = [
        Finding(about.get("kind", "entry"), message, images.get(about.get("image")), about.get("bbox"))
        for message, about in told
    ]
    notes = [n for n in data.notes if n.kind != "no labels"]  # said where there are no objects
    return data, faults + [Finding(n.kind, n.message, images.get(n.image), n.bbox) for n in notes]


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


def _counted(counts: dict[str, int], most: int = 99) -> str:
    return some((f"{name} {count}" for name, count in counts.items()), most)
