"""The pictures that the page offers: photographs that its dependencies bring, and scenes drawn by this project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import gradio as gr
from PIL import Image

from dfine.data.spoil import cover
from dfine.page import cached_files
from dfine.weights.cache import assets

OPENING = ("cheetah2.jpg", "4-occlusion.jpg")  # what the page opens with: an edge that cannot be seen
PHOTOGRAPHS = {  # label, caption, and the kind of thing that the caption speaks of
    "cheetah2.jpg": (
        "Covered",
        "A board hides the lower part of the cub. Of which edge is the detector unsure?",
        "cat",
    ),
    "chelsea.png": ("Cat", "A cat so near that it fills the picture. How sure is the model of the edges then?", "cat"),
    "cheetah1.jpg": ("Cheetah", "Nobody told this model of cheetahs: of what it knows, a cat comes closest.", "cat"),
    "tower.jpg": ("Tower", "A tower is none of the things that this model knows.", ""),
}
BOARDS = {"cheetah2.jpg": ((18, 73, 725, 763), "bottom", 0.36)}  # where the thing truly is, the covered side, how far
SCENES = {
    "4-occlusion.jpg": (
        "Hidden",
        "The heart's tip is hidden. Of which edge is the detector unsure?",
        "heart",
    ),
    "5-far-off.jpg": (
        "Far off",
        "The tree's first box begins too high, at the car. Step through the layers and watch them mend it.",
        "tree",
    ),
    "3-low-light.jpg": ("Dark", "There is hardly any light, and everything is found all the same.", ""),
    "2-crowd.jpg": ("Crowded", "Things cover each other: look for edges with a wide interval.", ""),
    "1-clean.jpg": ("Drawn", "Everything is in plain sight, and no edge is in much doubt.", ""),
}
TEMPLATE = '<div class="strip" role="group" aria-label="Examples"></div>'
SIDE = 240  # longest side of a thumbnail in pixels


@dataclass(frozen=True)
class Example:
    """A picture to start with.

    Attributes:
        source: where it lies; it is read there.
        label: what makes it worth a look, in a word or two.
        caption: the same in a sentence.
        about: the kind of thing that the caption speaks of; empty for none.
        drawn: whether it is a drawing, for which another model is used than for photographs.
        truth: what is in it and where, as (class, box in pixels), where that is known: of drawings, and behind boards.
    """

    source: str
    label: str
    caption: str
    about: str
    drawn: bool
    truth: tuple[tuple[str, tuple[float, ...]], ...] = ()

    @property
    def path(self) -> str:
        """The file to show: its own, or a copy with a board in front of the thing, which lies where uploads do."""
        place = Path(self.source)
        return cached_files.write(_covered(place), f"{place.stem}-board.jpg") if place.name in BOARDS else self.source

    @property
    def opens(self) -> bool:
        """Whether the page opens with it."""
        return Path(self.source).name in OPENING


@lru_cache
def _covered(path: Path) -> bytes:
    """A photograph of `BOARDS` behind its board, as the bytes of a JPEG file."""
    with Image.open(path) as picture:
        return cached_files.jpeg(cover(picture, *BOARDS[path.name]))


def scenes() -> list[Example]:
    """The drawn scenes that ship with this project."""
    return _there(assets() / "examples", SCENES, drawn=True)


def photographs() -> list[Example]:
    """The photographs that Gradio and scikit-image bring: none where a later version no longer has them."""
    there = {Path(one.source).name: one for folder in _brought() for one in _there(folder, PHOTOGRAPHS, drawn=False)}
    return [there[name] for name in PHOTOGRAPHS if name in there]


def _brought() -> Iterator[Path]:
    """The folders of photographs among the packages that are installed."""
    for folder in ("media_assets/images", "test_data"):
        yield Path(gr.__file__).parent / folder
    other = find_spec("skimage")  # FiftyOne brings it; it is not imported for this
    for place in other.submodule_search_locations if other else ():
        yield Path(place) / "data"


def examples() -> list[Example]:
    """All examples, photographs first. The page offers those that one of its models knows."""
    return [*photographs(), *scenes()]


def _there(folder: Path, said: dict[str, tuple[str, str, str]], drawn: bool) -> list[Example]:
    there = {name: words for name, words in said.items() if (folder / name).is_file()}
    known = folder / "boxes.json"
    truth = json.loads(known.read_text(encoding="utf-8")) if drawn and known.is_file() else {}
    truth |= {name: [(there[name][2], BOARDS[name][0])] for name in there.keys() & BOARDS.keys()}
    boxes = {name: tuple((thing, tuple(box)) for thing, box in truth.get(name, [])) for name in there}
    return [Example(str(folder / name), *words, drawn, boxes[name]) for name, words in there.items()]


def strip() -> gr.HTML:
    """The component. Its event `select` carries `index`, an example's number; its value is what `value` returns."""
    return gr.HTML(
        html_template=TEMPLATE,
        js_on_load=cached_files.resource("examples.js"),
        apply_default_css=False,
        elem_id="examples",
    )


def value(offered: dict[int, Example]) -> list[dict]:
    """What the component shows of the examples, which are given by their numbers: a thumbnail and words of each."""
    return [
        dict(
            index=number,
            picture=cached_files.thumbnail(example.path, SIDE),
            label=example.label,
            caption=example.caption,
        )
        for number, example in offered.items()
    ]
