"""What the server does for the page: it runs the network, and draws the tabs that the browser cannot draw by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs

import gradio as gr

from dfine.page import cached_files, examples, shown, status, thumbnails
from dfine.page.answer import FAILED, Answer, Outcome, Refusal, Wanted
from dfine.page.example_cache import ExampleCache
from dfine.page.examples import Example
from dfine.page.runner import Runner
from dfine.page.settings import Settings
from dfine.page.tabs import BY_KEY, TABS
from dfine.page.tabs.base import Place, Tab, Values
from dfine.page.thumbnails import Thumbnails
from dfine.page.view import View
from dfine.weights.zoo import ZOO

WRONG = (ValueError, OSError, RuntimeError)  # what a picture or a model that cannot be had raises
LONGEST = 2000  # characters of a link that are read
FORGOTTEN = "The server has no picture of yours: load the page again, or choose a picture."
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

    def arrive(self, said: dict | None = None) -> dict:
        """A visitor comes: the models as they are now, the examples, and the one to begin with.

        Args:
            said: what the browser says; `link` is the part of the address behind its #, which may name an example;
                `kept` is what it was told of the picture that it showed before it was loaded again.
        """
        v, models = self.v, self.models
        said = said if isinstance(said, dict) else {}
        linked = self._linked(said.get("link"))
        kept = None if linked else self._kept(said.get("kept"))
        begin, name = linked or self.cache.first() or (None, models.default)
        path, name = kept or (begin and cached_files.copy(begin.path), name)
        listed = {v.model: gr.Dropdown(models.choices(), value=name)}
        listed |= {v.examples: examples.value(self.cache.offered()), v.source: path}
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
        """As `watch`; and once a download has finished, the new list of models, and a sentence that offers it."""
        v, said = self.v, self.watch(name)
        if self.models.fetching is None:
            said |= {v.model: gr.Dropdown(self.models.choices()), v.state: status.arrived(self.models, name)}
        return said

    def wish(self, name: str, wish: str, before: Outcome) -> str:
        """The model that the visitor wishes for: the one they chose, but not the one an example brought."""
        return wish if isinstance(before, Answer) and before.model == name else name

    def _linked(self, link: object) -> tuple[Example, str] | None:
        """The example that a link names, and the model; None where it names none that is offered.

        Only a model that is here is taken from a link: anybody can write one, and a link must not start a
        download.
        """
        named = {key: values[0] for key, values in parse_qs(str(link or "").lstrip("#")[:LONGEST]).items()}
        offered = {Path(example.path).stem: example for example in self.cache.offered().values()}
        example = offered.get(named.get("example", ""))
        if example is None:
            return None
        wish = named.get("model", "")
        return example, wish if self._here(wish) else self.models.suited(example.drawn)

    def _here(self, name: str) -> bool:
        """Whether a model is on this machine."""
        return name in self.models.in_memory or (name in ZOO and ZOO[name].cached)

    def _kept(self, said: object) -> tuple[str, str] | None:
        """The visitor's own picture of before, while it is kept, and the model; only what lies among the uploads."""
        path, name = (said.get(key) for key in ("path", "model")) if isinstance(said, dict) else ("", "")
        if not (isinstance(path, str) and isinstance(name, str) and path):
            return None
        if not cached_files.holds(path):
            return None  # the browser says so: see status.js
        return path, name if self._here(name) else self.models.default

    # The picture

    def example(self, wish: str, event: gr.EventData) -> dict:
        """The example that was chosen, and the model that suits it."""
        v, chosen = self.v, self.cache.examples[event.index]
        return {v.source: cached_files.copy(chosen.path), v.model: self.models.suited(chosen.drawn, wish)}

    def linked(self, path: str | None, name: str, event: gr.EventData) -> dict:
        """What a link names that the visitor came back to; else everything stays."""
        v, (example, model) = self.v, self._linked(event.link) or (None, name)
        return {v.source: cached_files.copy(example.path) if example else path, v.model: model}

    def brought(self, path: str | None, name: str, wish: str, event: gr.EventData) -> dict:
        """A picture that a tab brings, and the model for it: that of drawings, where nothing else is in the picture.

        What the browser says may come from anybody: only an upload is taken, and all else leaves everything as it is.
        """
        v, said = self.v, event._data if isinstance(event._data, dict) else {}
        new = cached_files.uploaded(said.get("path"))
        if new is None:
            return {v.source: path, v.model: name}
        return {v.source: new, v.model: self.models.suited(True, wish) if said.get("drawn") is True else name}

    def own(self, wish: str) -> str:
        """The model for a visitor's own picture: the one they wish for, whatever the last example needed."""
        return wish or self.models.default

    def detect(
        self,
        path: str | None,
        name: str,
        before: Outcome,
        wanted: Wanted,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio finds it by its default
    ) -> dict:
        """Run the network on a picture; or say why not: no picture, or none that can be read.

        The outcome `before` stays as it is if it was of the same file and model. If the model cannot be had, the one
        before is put back, and looks at the picture instead. Where the visitor has asked for something else by the
        time that it is done, that stays: a picture that is slow to read never replaces one that was opened after it.
        """
        v, mine = self.v, (path, name)
        wanted.subject = mine
        said = self._detected(path, name, before, progress)
        return said if wanted.subject == mine else {v.wish: gr.skip()}

    def _detected(self, path: str | None, name: str, before: Outcome, progress: gr.Progress) -> dict:
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
        """Show a new picture: the browser is told all that it needs to know of it.

        A picture that is shown already stays as the visitor has it: walking by Tab past the list of models causes its
        `input` event, though nothing was entered.
        """
        v, new = self.v, s.outcome.subject if isinstance(s.outcome, Answer) else None
        if new and new == s.shown:
            return {v.shown: new}
        example = self.cache.named(s.outcome.path)
        return {v.shown: new, v.answer: shown.shown(s.outcome, example)} | self.named(ASKED, ASKED.draw(None))

    def rest(self, s: Settings) -> dict:
        """What was too much for the first message about a picture."""
        return {self.v.rest: shown.rest(s.outcome)} if isinstance(s.outcome, Answer) else {}

    # Several pictures

    def collect(self, files: Sequence[tuple[str, str]], name: str) -> Iterator[dict]:
        """Run the network on several pictures, and show each as soon as it is there."""
        v = self.v
        try:
            self.models(name)
        except WRONG as error:
            gr.Warning(escape(str(error)), title=FAILED)
            return
        for several in thumbnails.filled(files, lambda path: self.cache.answer(path, name)):
            yield {v.several: several, v.thumbnails: several.value()}

    def first(self, several: Thumbnails, path: str | None, began: str | None) -> str | None:
        """The path of the first of several pictures, or the one that is open where none can be read.

        Who has opened another one by now (`began` was open when they came) keeps it. It is a path in any case: see
        `dfine.page.inputs`.
        """
        return (several.first or path) if path == began else path

    def leaf(self, several: Thumbnails, event: gr.EventData) -> str:
        """The path of the picture whose thumbnail was chosen."""
        return several.pictures[event.index].path

    def mark(self, several: Thumbnails, outcome: Outcome) -> dict | None:
        """The thumbnails, with the open picture marked."""
        return several.value(outcome.path)

    # The tabs that the server draws

    def asked(self, s: Settings, event: gr.EventData) -> dict:
        """A place of the picture is asked about."""
        return self.ask(s, tuple(float(v) for v in event.point)[:2])

    def ask(self, s: Settings, place: Place) -> dict:
        """What the tab that answers about a place shows of it."""
        view = self.view(s, ASKED)
        return {} if view is None else self.named(ASKED, ASKED.ask(view, place))

    def draw(self, s: Settings) -> dict:
        """The open tab, unless it is a slow one; of a slow one, what must not be taken for the new is emptied."""
        tab = BY_KEY[s.tab]
        view = self.view(s, tab)
        return self.named(tab, tab.draw(None)) if tab.emptied else self._drawn(view, tab, slow=False)

    def draw_slowly(self, s: Settings) -> dict:
        """The open tab, if it is a slow one."""
        return self._drawn(s.view(self.runner), BY_KEY[s.tab], slow=True)

    def draw_by(self, tab: Tab, by: Callable[[View | None], Values]) -> Callable[[Settings], dict]:
        """A callback that draws a tab by another function than its own."""
        return lambda s: self._drawn(self.view(s, tab), tab, tab.slow, by)

    def view(self, s: Settings, tab: Tab) -> View | None:
        """What the settings show in a tab; None where the picture cannot be read, which the page has said.

        Raises:
            gr.Error: there is no picture, or none any more: what was answered is kept for two hours, for one of who is
                away, and of 64 visitors. Gradio shows other notices of events in the queue only.
        """
        view = s.view_of(tab.key, self.runner)
        if view is None and s.outcome.subject is None:
            raise gr.Error(FORGOTTEN, print_exception=False)
        return view

    def _drawn(self, view: View | None, tab: Tab, slow: bool, by: Callable | None = None) -> dict:
        if not tab.draw or tab.slow is not slow:
            return {}
        nothing = view is None or (tab.of_object and view.chosen is None)
        return self.named(tab, (by or tab.draw)(None if nothing else view))

    def named(self, tab: Tab, values: Values) -> dict:
        """The tab's components instead of their names."""
        return {self.v.parts[tab.key][name]: value for name, value in values.items()}
