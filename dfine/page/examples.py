"""The pictures that the page offers: photographs that Gradio brings, and scenes drawn by this project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from dfine.page import cached_files
from dfine.weights.cache import assets

PHOTOGRAPHS = {"cheetah1.jpg": "Cheetah", "lion.jpg": "Lion", "cheetah.jpg": "Running", "tower.jpg": "Tower"}
SCENES = {"4-occlusion.jpg": "Half hidden", "3-low-light.jpg": "Dark", "2-crowd.jpg": "Crowded", "1-clean.jpg": "Drawn"}
TEMPLATE = '<div class="strip" role="group" aria-label="Examples"></div>'
SIDE = 240  # longest side of a thumbnail in pixels


@dataclass(frozen=True)
class Example:
    """A picture to start with.

    Attributes:
        path: where it lies; it is read there.
        label: what makes it worth a look, in a word or two.
        drawn: whether it is a drawing, which another model knows than photographs.
    """

    path: str
    label: str
    drawn: bool


def scenes() -> list[Example]:
    """The drawn scenes that ship with this project."""
    return _there(assets() / "examples", SCENES, drawn=True)


def photographs() -> list[Example]:
    """The photographs that Gradio brings. There is none where a later version no longer has them."""
    return _there(Path(gr.__file__).parent / "media_assets" / "images", PHOTOGRAPHS, drawn=False)


def examples() -> list[Example]:
    """All examples, photographs first. The page offers those that one of its models knows."""
    return [*photographs(), *scenes()]


def _there(folder: Path, labels: dict[str, str], drawn: bool) -> list[Example]:
    return [Example(str(folder / name), label, drawn) for name, label in labels.items() if (folder / name).is_file()]


def strip() -> gr.HTML:
    """The component. Its event `select` carries `index`, an example's number; its value is what `value` returns."""
    return gr.HTML(
        html_template=TEMPLATE,
        js_on_load=cached_files.resource("examples.js"),
        apply_default_css=False,
        elem_id="examples",
    )


def value(offered: dict[int, Example]) -> list[dict]:
    """What the component shows of the examples, which are given by their numbers: a thumbnail and a label of each."""
    return [
        dict(index=number, picture=cached_files.thumbnail(example.path, SIDE), label=example.label)
        for number, example in offered.items()
    ]
