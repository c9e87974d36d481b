"""What the page does when something is chosen. Only the open tab is drawn, so that choosing stays fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import escape
from types import SimpleNamespace

import gradio as gr

from dfine.page import cached_files, examples, objects, plots, scene, status, thumbnails
from dfine.page.answer import FAILED, Answer, Outcome, Refusal
from dfine.page.example_cache import ExampleCache
from dfine.page.runner import Runner
from dfine.page.settings import Settings
from dfine.page.tabs import BY_KEY, TABS
from dfine.page.tabs.base import Place, Tab, Values
from dfine.page.thumbnails import Thumbnails
from dfine.page.view import View, leading, summary

WRONG = (ValueError, OSError, RuntimeError)  # what a picture or a model that cannot be had raises
ASKED = next(tab for tab in TABS if tab.ask)  # answers a click on a place where nothing was found


class Handlers:
    """The page's callbacks; each answers with the components that change.

    Args:
        v: the components, see `layout`.
        runner: runs the models that the page offers.
        cache: answers to the examples, and remembers the answers.
    """

    def __init__(self, v: SimpleNamespace, runner: Runner, cache: ExampleCache):
        self.v, self.runner, self.models, self.cache = v, runner, runner.models, cache

    # The model

    def arrive(self) -> dict:
        """A visitor comes: the models as they are now, the examples, and the one to begin with."""
        v, models = self.v, self.models
        begin, name = self.cache.first() or (None, models.default)
        listed = {v.model: gr.Dropdown(models.choices(), value=name), v.top: None}
        listed |= {v.examples: examples.value(self.cache.offered()), v.source: begin and cached_files.copy(begin.path)}
        return listed | self.watch(name)

    def watch(self, name: str) -> dict:
        """What is shown, what is on its way, and what there is; asked again while something is on its way."""
        v, models = self.v, self.models
        return {
            v.state: status.shown(models, name),
            v.zoo: status.zoo(models),
            v.timer: gr.Timer(active=models.fetching is not None),
        }

    def offer(self, name: str) -> dict:
        """As `watch`; and once what was on its way is there, the list of models anew, and a sentence that offers it."""
        v, said = self.v, self.watch(name)
        if self.models.fetching is None:
            said |= {v.model: gr.Dropdown(self.models.choices()), v.state: status.arrived(self.models, name)}
        return said

    def wish(self, name: str, wish: str, before: Outcome) -> str:
        """The model that the visitor wishes for: the one they chose, but not the one an example brought."""
        return wish if isinstance(before, Answer) and before.model == name else name

    # The picture

    def example(self, wish: str, event: gr.EventData) -> dict:
        """The example that was chosen, and the model that suits it."""
        v, chosen = self.v, self.cache.examples[event.index]
        return {v.source: cached_files.copy(chosen.path), v.model: self.models.suited(chosen.drawn, wish)}

    def own(self, wish: str) -> str:
        """The model for a visitor's own picture: the one they wish for, whatever the last example needed."""
        return wish or self.models.default

    def detect(
        self,
        path: str | None,
        name: str,
        before: Outcome,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio finds it by its default
    ) -> dict:
        """Run the network on a picture; or say why not: no picture, or none that can be read.

        The outcome `before` stays as it is if it was of the same file and model. If the model cannot be had, the one
        before is put back, and looks at the picture instead.
        """
        v, put_back = self.v, {}
        if not path:
            return {v.outcome: Refusal()}
        if before.stands((path, name or self.models.default)):
            return {v.outcome: before}
        try:
            self.models(name, lambda share, what: progress(share, desc=what))
        except WRONG as error:
            gr.Warning(escape(str(error)), title=FAILED)
            name = before.model if isinstance(before, Answer) else self.models.default
            put_back = {v.model: gr.Dropdown(self.models.choices(), value=name), v.wish: name}
        return {v.outcome: self._outcome(path, name or self.models.default, before)} | put_back

    def _outcome(self, path: str, name: str, before: Outcome) -> Outcome:
        if before.stands((path, name)):
            return before
        try:
            return self.cache.answer(path, name)
        except WRONG as error:
            gr.Warning(escape(str(error)), title=FAILED)
            return Refusal.of(error, (path, name))

    def begin(self, s: Settings) -> dict:
        """Show a new picture: nothing chosen, every class in sight.

        A picture that is shown already stays as the visitor has it: walking by Tab past the list of models causes its
        `input` event, though nothing was entered.
        """
        v, new = self.v, s.outcome.subject if isinstance(s.outcome, Answer) else None
        if new and new == s.shown:
            return {v.shown: new}
        controls = s.controls | {ASKED.key: dict.fromkeys(ASKED.controls)}
        fresh = {v.shown: new, v.classes: gr.Dropdown(s.outcome.classes(s.threshold), value=[])}
        fresh |= self._named(ASKED, dict(point=None))
        return self.show(replace(s, classes=[], chosen=None, controls=controls)) | fresh

    # Several pictures

    def collect(self, files: Sequence[tuple[str, str]], name: str, threshold: float) -> Iterator[dict]:
        """Run the network on several pictures, and show each as soon as it is there."""
        v = self.v
        try:
            self.models(name)
        except WRONG as error:
            gr.Warning(escape(str(error)), title=FAILED)
            return
        for several in thumbnails.filled(files, lambda path: self.cache.answer(path, name)):
            yield {v.several: several, v.thumbnails: several.value(threshold)}

    def first(self, several: Thumbnails, path: str | None) -> str | None:
        """The path of the first of several pictures, or the one that is open where none can be read.

        It is a path in any case: see `dfine.page.inputs`.
        """
        return several.first or path

    def leaf(self, several: Thumbnails, event: gr.EventData) -> str:
        """The path of the picture whose thumbnail was chosen."""
        return several.pictures[event.index].path

    def recount(self, several: Thumbnails, threshold: float, outcome: Outcome) -> dict | None:
        """The thumbnails as the threshold leaves them, with the open picture marked."""
        return several.value(threshold, outcome.path)

    # What is in sight, and what is chosen

    def classes(self, outcome: Outcome, threshold: float, chosen: Sequence[str]) -> gr.Dropdown:
        """The classes to choose from, as the threshold leaves them."""
        return gr.Dropdown(outcome.classes(threshold, chosen))

    def show(self, s: Settings) -> dict:
        """All that depends on the settings: the sentence, the picture, the table, the object and the open tab."""
        v, view = self.v, s.view(self.runner)
        if view is None:
            return {v.status: s.outcome.sentence} | self._all(None, s.tab)
        if view.place(view.chosen) is None:  # so that there is something to see at once
            view = replace(view, chosen=leading(view))
        return {v.status: summary(view)} | self._all(view, s.tab)

    def click(self, s: Settings, event: gr.EventData) -> dict:
        """A box of the picture chooses its object; a place beside every box asks why nothing was found there."""
        view = s.view(self.runner)
        if view is None:
            return {self.v.status: s.outcome.sentence}
        if event.number is None:
            return self.ask(s, view, event.point)
        if s.tab != ASKED.key:
            return self.choose(s, event)
        first = TABS[0].key
        turned = {self.v.tabs: gr.Tabs(selected=first), self.v.tab: first}
        return turned | self.choose(replace(s, tab=first), event)

    def choose(self, s: Settings, event: gr.EventData) -> dict:
        """An object is chosen by its number."""
        view = s.view(self.runner)
        if view is None:
            return {self.v.status: s.outcome.sentence}
        return {self.v.status: summary(view)} | self._all(replace(view, chosen=int(event.number)), s.tab)

    def ask(self, s: Settings, view: View, place: Place) -> dict:
        """Bring up the tab that answers about a place where nothing was found."""
        v = self.v
        view = replace(view, controls=s.controls[ASKED.key])
        said, values = ASKED.ask(view, place)
        turned = {v.tabs: gr.Tabs(selected=ASKED.key), v.tab: ASKED.key, v.status: said}
        return turned | self._named(ASKED, values)

    def _all(self, view: View | None, key: str) -> dict:
        """The picture with the chosen object set off, the table, the object's view, and the open tab."""
        v = self.v
        figure, headline, words = plots.of_object(view)
        first = {v.chosen: view and view.chosen, v.scene: scene.value(view), v.table: objects.value(view)}
        first |= {v.object: figure, v.headline: headline, v.words: words}
        return first | self._drawn(view, BY_KEY[key], slow=False)

    # The tabs

    def open(self, key: str) -> Callable[[Settings], dict]:
        """The callback of a tab that is opened: remember it, and draw it."""
        return lambda s: {self.v.tab: key} | self.draw(replace(s, tab=key))

    def draw(self, s: Settings) -> dict:
        """The open tab, unless it is a slow one."""
        return self._drawn(s.view(self.runner), BY_KEY[s.tab], slow=False)

    def draw_slowly(self, s: Settings) -> dict:
        """The open tab, if it is a slow one."""
        return self._drawn(s.view(self.runner), BY_KEY[s.tab], slow=True)

    def draw_by(self, tab: Tab, by: Callable[[View | None], Values]) -> Callable[[Settings], dict]:
        """A callback that draws a tab by another function than its own."""
        return lambda s: self._drawn(replace(s, tab=tab.key).view(self.runner), tab, tab.slow, by)

    def _drawn(self, view: View | None, tab: Tab, slow: bool, by: Callable | None = None) -> dict:
        if tab.slow is not slow:
            return {}
        nothing = view is None or (tab.of_object and view.chosen is None)
        return self._named(tab, (by or tab.draw)(None if nothing else view))

    def _named(self, tab: Tab, values: Values) -> dict:
        """The tab's components instead of their names."""
        return {self.v.parts[tab.key][name]: value for name, value in values.items()}
