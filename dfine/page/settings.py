"""What a visitor has set, read from the page's components once, at the border to Gradio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace

from gradio.components import Component

from dfine.page.answer import Answer, Outcome, Subject
from dfine.page.runner import Runner
from dfine.page.tabs import TABS
from dfine.page.view import View, select

FIELDS = ("outcome", "shown", "threshold", "classes", "top", "chosen", "tab")  # components and settings share names


@dataclass(frozen=True)
class Settings:
    """The picture, what narrows the view of it, what is chosen, and which tab is open.

    Attributes:
        outcome: what the network answered, or why it did not.
        shown: the picture and model that the page shows already; None before the first.
        threshold: lowest score in sight.
        classes: to which the view is narrowed; none stand for all.
        top: how many objects are in sight at most, None for all.
        chosen: number of the chosen detection, None for none.
        tab: key of the open tab.
        controls: what the controls of every tab are set to, by the tab's key and the control's name.
    """

    outcome: Outcome
    shown: Subject | None
    threshold: float
    classes: list[str]
    top: int | None
    chosen: int | None
    tab: str
    controls: Mapping[str, Mapping[str, object]]

    def view(self, runner: Runner | None = None) -> View | None:
        """What these settings show of the answer; None where there is no answer."""
        if not isinstance(self.outcome, Answer):
            return None
        view = select(self.outcome, self.threshold, self.classes, self.top)
        return replace(view, chosen=self.chosen, controls=self.controls[self.tab], runner=runner)


def inputs(v: SimpleNamespace) -> set[Component]:
    """The components that `read` takes. A set, so that Gradio hands on a dictionary."""
    return {getattr(v, name) for name in FIELDS} | {v.parts[tab.key][name] for tab in TABS for name in tab.controls}


def read(v: SimpleNamespace, given: Mapping[Component, object]) -> Settings:
    """The settings that the components hold."""
    controls = {tab.key: {name: given[v.parts[tab.key][name]] for name in tab.controls} for tab in TABS}
    return Settings(**{name: given[getattr(v, name)] for name in FIELDS}, controls=controls)
