"""What a tab is: a record of how it is built, drawn and wired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import gradio as gr
from gradio.components import Component

from dfine.page.view import View

Parts = dict[str, Component]  # a tab's components by name
Values = dict[str, object]  # what they are to show, by the same names
Place = tuple[float, float]  # x, y in pixels of the visitor's picture


class Events(Protocol):
    """What a tab may have happen when its own controls are used."""

    def draw(self, *triggers: Callable, by: Callable[[View | None], Values] | None = None) -> None:
        """Draw the tab again, by its own `draw` or by another function."""

    def ask(self, trigger: Callable, place: Callable[[View, gr.EventData], Place]) -> None:
        """Have the tab's `ask` answer about a place in the picture."""


@dataclass(frozen=True)
class Tab:
    """One tab of the page.

    Attributes:
        key: its name inside the page.
        label: its name on the page.
        build: makes its components, within the tab.
        draw: what they show of a view; of None, where there is nothing to show. A tab without it is drawn by the
            browser.
        slow: whether drawing takes longer than a click should. Such a tab is drawn in the network's queue, after
            everything else.
        of_object: whether it shows the chosen object; where none is chosen, there is nothing to show then.
        controls: names of the components that the visitor sets; the view holds their values.
        wire: connects the tab's own controls.
        ask: for the one tab that answers about a place where nothing was found: what it shows then.
    """

    key: str
    label: str
    build: Callable[[], Parts]
    draw: Callable[[View | None], Values] | None = None
    slow: bool = False
    of_object: bool = True
    controls: tuple[str, ...] = ()
    wire: Callable[[Parts, Events], None] | None = None
    ask: Callable[[View, Place], Values] | None = None
