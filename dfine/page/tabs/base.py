"""What a tab is: a record of how it is built, drawn and wired."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import gradio as gr
from gradio.components import Component

from dfine.page.runner import Runner
from dfine.page.view import View

Parts = dict[str, Component]  # a tab's components by name
Values = dict[str, object]  # what they are to show, by the same names
Controls = Mapping[str, object]  # what the visitor has set in a tab, by the same names
Place = tuple[float, float]  # x, y in pixels of the visitor's picture


class Events(Protocol):
    """What a tab may have happen when its own controls are used."""

    def draw(self, *triggers: Callable, by: Callable[[View | None], Values] | None = None) -> None:
        """Draw the tab again, by its own `draw` or by another function."""

    def hear(self, trigger: Callable, by: Callable[[View, dict], Values]) -> None:
        """Draw the tab again by a function that also takes what the browser says with the event."""

    def stream(self, trigger: Callable, by: Callable[[Runner, Controls, dict], Iterator[Values]], quick: bool) -> None:
        """Draw the tab again and again, as a function yields what it shows, whether or not there is a picture.

        It takes the tab's controls and what the browser says. One such function runs at a time, unless it is `quick`.
        """

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
        emptied: whether a slow tab shows nothing until it is drawn: what it showed before could be taken away for that.
        of_object: whether it shows the chosen object; where none is chosen, there is nothing to show then.
        controls: names of the components that the visitor sets; the view holds their values.
        wire: connects the tab's own controls.
        brings: name of the component whose event `picture` brings a picture to look at: its `path` among the uploads,
            and whether it is `drawn`.
        ask: for the one tab that answers about a place where nothing was found: what it shows then.
    """

    key: str
    label: str
    build: Callable[[], Parts]
    draw: Callable[[View | None], Values] | None = None
    slow: bool = False
    emptied: bool = False
    of_object: bool = True
    controls: tuple[str, ...] = ()
    wire: Callable[[Parts, Events], None] | None = None
    brings: str = ""
    ask: Callable[[View, Place], Values] | None = None
