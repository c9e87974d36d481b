"""The pictures that the page offers: photographs that Gradio brings, and scenes drawn by this project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from dfine.page import cached_files
from dfine.weights.cache import assets

OPENING = "4-occlusion.jpg"  # what the page opens with: an edge that cannot be seen
PHOTOGRAPHS = {  # label, caption, and the kind of thing that the caption speaks of
    "lion.jpg": ("Lion", "Nobody told this model of lions: of the things that it knows, a cat comes closest.", "cat"),
    "cheetah1.jpg": (
        "Cheetah",
        "Nobody told this model of cheetahs, either. How sure is it of the edges of this cat?",
        "cat",
    ),
    "tower.jpg": ("Tower", "A tower is none of the things that this model knows.", ""),
}
SCENES = {
    "4-occlusion.jpg": (
        "Half hidden",
        "The heart's tip is hidden. Of which edge is the detector unsure?",
        "heart",
    ),
    "5-far-off.jpg": (
        "Far off",
        "The balloon's first box is far off. Step through the layers and watch them mend it.",
        "balloon",
    ),
    "3-low-light.jpg": ("Dark", "There is hardly any light, and most things are found all the same.", ""),
    "2-crowd.jpg": ("Crowded", "Things cover each other: look for edges with a wide interval.", ""),
    "1-clean.jpg": ("Drawn", "Everything is in plain sight, and no edge is in much doubt.", ""),
}
TEMPLATE = '<div class="strip" role="group" aria-label="Examples"></div>'
SIDE = 240  # longest side of a thumbnail in pixels


@dataclass(frozen=True)
class Example:
    """A picture to start with.

    Attributes:
        path: where it lies; it is read there.
        label: what makes it worth a look, in a word or two.
        caption: the same in a sentence.
        about: the kind of thing that the caption speaks of; empty for none.
        drawn: whether it is a drawing, for which another model is used than for photographs.
        truth: what is in it and where, as (class, box in pixels); of drawings, where that is known exactly.
    """

    path: str
    label: str
    caption: str
    about: str
    drawn: bool
    truth: tuple[tuple[str, tuple[float, ...]], ...] = ()

    @property
    def opens(self) -> bool:
        """Whether the page opens with it."""
        return Path(self.path).name == OPENING


def scenes() -> list[Example]:
    """The drawn scenes that ship with this project."""
    return _there(assets() / "examples", SCENES, drawn=True)


def photographs() -> list[Example]:
    """The photographs that Gradio brings. There is none where a later version no longer has them."""
    return _there(Path(gr.__file__).parent / "media_assets" / "images", PHOTOGRAPHS, drawn=False)


def examples() -> list[Example]:
    """All examples, photographs first. The page offers those that one of its models knows."""
    return [*photographs(), *scenes()]


def _there(folder: Path, said: dict[str, tuple[str, str, str]], drawn: bool) -> list[Example]:
    there = {name: words for name, words in said.items() if (folder / name).is_file()}
    known = folder / "boxes.json"
    truth = json.loads(known.read_text(encoding="utf-8")) if drawn and known.is_file() else {}
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
