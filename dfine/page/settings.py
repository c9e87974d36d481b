"""What a visitor has set, read at the border to Gradio: from components, and from what the browser says it shows."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace

from gradio.components import Component

from dfine.page.answer import CEILING, FLOOR, Answer, Outcome, Subject
from dfine.page.runner import Runner
from dfine.page.tabs import BY_KEY, TABS
from dfine.page.view import View, select

BEGIN = 0.5  # the threshold at which a visitor begins
FIELDS = ("outcome", "shown")  # components and settings share names


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

    def view_of(self, tab: str, runner: Runner | None = None) -> View | None:
        """As `view`, with the controls of another tab than the open one."""
        return replace(self, tab=tab).view(runner)


def inputs(v: SimpleNamespace) -> set[Component]:
    """The components that `read` takes. A set, so that Gradio hands on a dictionary."""
    own = {v.parts[tab.key][name] for tab in TABS for name in tab.controls}
    return {getattr(v, name) for name in FIELDS} | {v.setting} | own


def read(v: SimpleNamespace, given: Mapping[Component, object]) -> Settings:
    """The settings that the components hold. What the browser says may come from anybody: it is put into bounds."""
    controls = {tab.key: {name: given[v.parts[tab.key][name]] for name in tab.controls} for tab in TABS}
    outcome, said = given[v.outcome], given[v.setting]
    said = said if isinstance(said, dict) else {}
    found = len(outcome.result.detections) if isinstance(outcome, Answer) else 0
    classes, tab = said.get("classes"), said.get("tab")
    top, chosen = _whole(said.get("top")), _whole(said.get("object"))
    return Settings(
        outcome=outcome,
        shown=given[v.shown],
        threshold=min(max(_number(said.get("threshold"), BEGIN), FLOOR), CEILING),
        classes=[name for name in classes if isinstance(name, str)] if isinstance(classes, list) else [],
        top=None if top is None else max(1, top),
        chosen=chosen if chosen is not None and 0 <= chosen < found else None,
        tab=tab if isinstance(tab, str) and tab in BY_KEY else TABS[0].key,
        controls=controls,
    )


def _number(value: object, otherwise: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return otherwise
    return float(value) if abs(value) < sys.float_info.max else otherwise  # not of NaN, nor of a number of 400 digits


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
