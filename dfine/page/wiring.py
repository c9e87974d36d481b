"""Which event calls which callback, and in which queue it waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import gradio as gr
from gradio.components import Component

from dfine.page import settings
from dfine.page.handlers import ASKED, Handlers
from dfine.page.settings import Settings
from dfine.page.tabs import TABS
from dfine.page.tabs.base import Place, Tab, Values
from dfine.page.view import View

ONE = dict(concurrency_id="network", concurrency_limit=3)  # one is in the network; others are decoded, or drawn
QUICK = dict(queue=False, show_progress="hidden", api_visibility="private")
LATE = dict(api_visibility="private", show_progress="minimal", **ONE)
FILM = dict(concurrency_id="film", concurrency_limit=1)  # one video at a time, beside the pictures
# Whoever comes by a link is shown what it names, and whoever loads the page again the picture that they had.
LINK = """() => {
  let kept = null;
  try { kept = JSON.parse(sessionStorage.getItem('picture')); } catch { }
  return [{link: location.hash, kept}];
}"""
UNDRAWN = "() => { document.dispatchEvent(new Event('undrawn')); }"  # see main.js
LAST = dict(trigger_mode="always_last")  # of many events in a row only the last one counts
EACH = dict(trigger_mode="multiple")  # for what carries data: Gradio sends the last of many with the data of the first


@dataclass(frozen=True)
class Border:
    """Makes callbacks of functions that take `Settings`."""

    v: SimpleNamespace

    def settings(self, fn: Callable[[Settings], dict]) -> Callable:
        """`fn` as Gradio calls it: with a dictionary of components."""
        return lambda given: fn(settings.read(self.v, given)) or _nothing(self.v)

    def settings_and_event(self, fn: Callable[[Settings, gr.EventData], dict]) -> Callable:
        """As `settings`, for a function that also takes what the event carries."""

        def called(given: dict, event: gr.EventData) -> dict:
            return fn(settings.read(self.v, given), event) or _nothing(self.v)

        return called


def _nothing(v: SimpleNamespace) -> dict:
    """No change, in a form that Gradio takes: its dictionaries may not be empty."""
    return {v.wish: gr.skip()}


class TabEvents:
    """What a tab may have happen when its own controls are used: see `dfine.page.tabs.base.Events`."""

    def __init__(self, tab: Tab, wiring: Wiring):
        self.tab, self.wiring = tab, wiring

    def _drawn(self) -> list[Component]:
        """The tab's components but for uploads, which would lose what `as_files` changed (see `dfine.page.inputs`)."""
        return [part for part in self.wiring.v.parts[self.tab.key].values() if not isinstance(part, gr.UploadButton)]

    def draw(self, *triggers: Callable, by: Callable[[View | None], Values] | None = None) -> None:
        w, slow = self.wiring, self.tab.slow
        function = w.do.draw_by(self.tab, by or self.tab.draw)
        for trigger in triggers:
            trigger(
                w.border.settings(function),
                w.inputs,
                [w.v.wish, *w.v.parts[self.tab.key].values()],
                **LAST,
                **(LATE if slow else QUICK),
            )

    def hear(self, trigger: Callable, by: Callable[[View, dict], Values]) -> None:
        w = self.wiring

        def heard(s: Settings, event: gr.EventData) -> dict:
            view, said = w.do.view(s, self.tab), event._data
            return {} if view is None else w.do.named(self.tab, by(view, said if isinstance(said, dict) else {}))

        outputs = [w.v.wish, *self._drawn()]
        late = LATE | dict(show_progress="hidden")  # the browser says that it waits
        trigger(w.border.settings_and_event(heard), w.inputs, outputs, **EACH, **(late if self.tab.slow else QUICK))

    def stream(self, trigger: Callable, by: Callable, quick: bool = False) -> None:
        w, key = self.wiring, self.tab.key

        def streamed(given: dict, event: gr.EventData) -> Iterator[dict]:
            said, controls = event._data, settings.read(w.v, given).controls[key]
            for values in by(w.do.runner, controls, said if isinstance(said, dict) else {}):
                yield w.do.named(self.tab, values)

        queue = dict(concurrency_id=f"{key}-quick", concurrency_limit=4) if quick else FILM
        trigger(streamed, w.inputs, self._drawn(), api_visibility="private", show_progress="hidden", **queue)

    def ask(self, trigger: Callable, place: Callable[[View, gr.EventData], Place]) -> None:
        w = self.wiring

        def asked(s: Settings, event: gr.EventData) -> dict:
            view = w.do.view(s, self.tab)
            return {} if view is None else w.do.ask(s, place(view, event))

        trigger(w.border.settings_and_event(asked), w.inputs, w.quick, **EACH, **QUICK)


class Wiring:
    """Connects the components. Only detecting, several pictures and slow tabs run the network."""

    def __init__(self, page: gr.Blocks, v: SimpleNamespace, do: Handlers):
        self.page, self.v, self.do, self.border = page, v, do, Border(v)
        self.inputs = settings.inputs(v)
        self.quick = [v.wish, *self._parts(slow=False)]
        late = [v.wish, *self._parts(slow=True)]
        self.slow = dict(fn=self.border.settings(do.draw_slowly), inputs=self.inputs, outputs=late, **LAST, **LATE)

    def _parts(self, slow: bool) -> list[Component]:
        tabs = [tab for tab in TABS if tab.draw and tab.slow is slow]
        return [part for tab in tabs for part in self.v.parts[tab.key].values()]

    def connect(self) -> None:
        """Connect everything."""
        self._pictures()
        v, do, border = self.v, self.do, self.border
        emptied = [part for tab in TABS if tab.emptied for part in v.parts[tab.key].values()]
        drawn = v.setting.need(border.settings(do.draw), self.inputs, [*self.quick, *emptied], **LAST, **QUICK)
        for step in (drawn, drawn.success(**self.slow)):
            step.failure(None, None, None, js=UNDRAWN, **QUICK)
        v.setting.rest(border.settings(do.rest), self.inputs, v.rest, **LAST, **QUICK)
        v.setting.ask(border.settings_and_event(do.asked), self.inputs, self.quick, **EACH, **QUICK)
        for tab in TABS:
            if tab.wire:
                tab.wire(v.parts[tab.key], TabEvents(tab, self))
        self._show_progress_on_little()

    def _show_progress_on_little(self) -> None:
        """Where no progress is shown, let it be "shown" on what the browser has no component of.

        Gradio copies each component that has ever shown progress, with its value, whenever the progress of anything
        changes: for an upload that was a third of a second in the browser.
        """
        for event in self.page.fns.values():
            if event.show_progress == "hidden":
                event.show_progress_on = [self.v.wish]

    def _pictures(self) -> None:
        """Wherever a picture comes from, the network runs on it, and the page shows what it answered."""
        v, do = self.v, self.do
        offers = [v.state, v.zoo, v.timer, v.model]
        run = dict(
            fn=do.detect,
            inputs=[v.source, v.model, v.outcome, v.wanted],
            outputs=[v.outcome, v.model, v.wish],
            show_progress_on=v.scene,
            api_visibility="private",
            **LAST,
            **ONE,
        )
        own = dict(fn=do.own, inputs=v.wish, outputs=v.model, **QUICK)
        several = (
            v.upload.upload(lambda path: path, v.source, v.began, **QUICK)
            .then(**own)
            .then(
                do.collect,
                [v.upload, v.model],
                [v.several, v.thumbnails],
                api_visibility="private",
                show_progress="minimal",
                concurrency_id="several",
                concurrency_limit=1,
            )
        )
        triggers = [
            self.page.load(do.arrive, v.setting, [*offers, v.examples, v.source], js=LINK, **QUICK).then,
            v.source.input(**own).then,
            v.source.clear(lambda: None, None, v.source, **QUICK).then,  # it still holds the picture by then
            v.model.input(do.wish, [v.model, v.wish, v.outcome], v.wish, **LAST, **QUICK).then,
            v.examples.select(do.example, v.wish, [v.source, v.model], **EACH, **QUICK).then,
            v.setting.link(do.linked, [v.source, v.model], [v.source, v.model], **EACH, **QUICK).then,
            several.success(do.first, [v.several, v.source, v.began], v.source, **QUICK).success,
            v.thumbnails.select(do.leaf, v.several, v.source, **EACH, **QUICK).success(**own).then,
        ]
        begin = self.border.settings(do.begin)
        why = list(v.parts[ASKED.key].values())
        here = [v.source, v.model]
        for bringing in [v.parts[tab.key][tab.brings] for tab in TABS if tab.brings]:
            triggers.append(bringing.picture(do.brought, [*here, v.wish], here, **EACH, **QUICK).then)
        for trigger in triggers:
            # Showing is a step of its own, so that it takes the settings as they are when the network has finished.
            begun = trigger(**run).success(begin, self.inputs, [v.answer, v.shown, *why], **QUICK)
            begun.then(do.watch, v.model, [v.state, v.zoo, v.timer], **QUICK)
            begun.then(do.mark, [v.several, v.outcome], v.thumbnails, **QUICK)
        v.timer.tick(do.offer, v.model, offers, **QUICK)
