"""What the page does when something is chosen. One visible tab is drawn at a time, so that choosing stays fast."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from html import escape
from types import SimpleNamespace

import gradio as gr

from dfine.page import album, objects, scene, served, views
from dfine.page.example_cache import Shelf
from dfine.page.layout import EXAMPLES, SLOW
from dfine.page.models import Models
from dfine.page.session import Look, Sight, in_sight, summary, watcher

NOTHING = "Nothing to show yet: choose a picture."
FAILED = "That did not work"
AT_ONCE = 1.0  # second within which the same wish is the same wish


class Refusal(str):
    """The sentence that says why a picture is not shown: which picture, by which model, and when that was said."""

    def __new__(cls, sentence: str, subject: tuple[str, str]):
        refusal = super().__new__(cls, sentence)
        refusal.subject, refusal.at = subject, time.monotonic()
        return refusal

    def stands(self, subject: tuple[str, str]) -> bool:
        """Whether it was said just now of the same: Gradio's list of models causes its event twice."""
        return subject == self.subject and time.monotonic() - self.at < AT_ONCE


class Handlers:
    """The page's callbacks; each answers with the components that change."""

    def __init__(self, v: SimpleNamespace, models: Models):
        self.v, self.models, self.looks, self._watch = v, models, Shelf(models, EXAMPLES), watcher(models)
        self.settings = [v.threshold, v.classes, v.top]
        self.state = [v.look, *self.settings, v.chosen, v.tab, v.which, v.layer, v.point]

    def arrive(self) -> dict:
        """A visitor comes: the models as they are now."""
        v, models = self.v, self.models
        return {v.model: gr.Dropdown(models.choices(), value=models.default)} | self.watch(models.default)

    def watch(self, name: str) -> dict:
        """What is shown, what is on its way, and what there is; looked at again while something is on its way."""
        v, models = self.v, self.models
        return {
            v.state: views.state(models, name),
            v.zoo: views.zoo(models),
            v.timer: gr.Timer(active=models.fetching is not None),
        }

    def offer(self, name: str) -> dict:
        """As `watch`; and once what was on its way is there, the list of models anew, and a sentence that offers it."""
        v, seen = self.v, self.watch(name)
        if self.models.fetching is None:
            seen |= {v.model: gr.Dropdown(self.models.choices()), v.state: views.arrived(self.models, name)}
        return seen

    def detect(
        self, path: str | None, name: str, look: Look | str = "", progress: gr.Progress = gr.Progress()  # noqa: B008
    ) -> Look | str:  # fmt: skip
        """Run the network on a picture; or the sentence that says why not: no picture, or none that can be read.

        What this very model has made of this very file, `look`, is returned as it is; so is what was refused just now.
        """
        if not path:
            return NOTHING
        subject = path, name or self.models.default
        if look.stands(subject) if isinstance(look, Refusal) else not isinstance(look, str) and look.subject == subject:
            return look
        try:
            self.models(name, lambda share, what: progress(share, desc=what))
            return self.looks(path, name)
        except (ValueError, OSError, RuntimeError) as error:
            gr.Warning(escape(str(error)), title=FAILED)
            return Refusal(f"{FAILED}: {error}", subject)

    def collect(self, files: Sequence[tuple[str, str]], name: str, threshold: float) -> Iterator[dict]:
        """Run the network on several pictures, and show each as soon as it is there."""
        v = self.v
        try:
            self.models(name)
        except (ValueError, OSError, RuntimeError) as error:
            gr.Warning(escape(str(error)), title=FAILED)
            return
        for shots in album.filled(files, lambda path: self.looks(path, name)):
            yield {v.shots: shots, v.album: shots.value(threshold)}

    def first(self, shots: album.Album, path: str | None) -> str | None:
        """The path of the first picture of an album, or the one that is open where none can be read.

        A path in any case: an update, `gr.skip()` too, would replace the component by one without its `as_path`.
        """
        return shots.first or path

    def leaf(self, shots: album.Album, event: gr.EventData) -> str:
        """The path of the picture that was chosen in the album."""
        return shots.shots[event.index].path

    def recount(self, shots: album.Album, threshold: float, look: Look | str) -> dict | None:
        """The album as the threshold leaves it, with the open picture marked."""
        return shots.value(threshold, "" if isinstance(look, str) else look.path)

    def begin(self, look: Look | str, shown: tuple | None, threshold, top, tab, which, layer) -> dict:
        """Show a new picture: nothing chosen, every class in sight.

        The one that is shown already stays as the visitor has it: whoever walks by Tab past the list of models causes
        its `input` event, though nothing was entered.
        """
        v, new = self.v, None if isinstance(look, str) else look.subject
        if new and new == shown:
            return {v.shown: shown}
        classes = look.classes(threshold) if new else []
        fresh = {v.shown: new, v.point: None, v.classes: gr.Dropdown(classes, value=[])}
        return self.show(look, threshold, [], top, None, tab, which, layer, None) | fresh

    def sort(self, look: Look | str, threshold: float, chosen: Sequence[str]) -> gr.Dropdown:
        """The classes to choose from, as the threshold leaves them."""
        return gr.Dropdown([] if isinstance(look, str) else look.classes(threshold, chosen))

    def show(self, look, threshold, classes, top, chosen, tab, which, layer, point) -> dict:
        """All that depends on the settings: the sentence, the table, and what `choose` shows."""
        v = self.v
        if isinstance(look, str):
            return {v.status: look} | self._choose(look, None, None, tab, which, layer, point)
        sight = in_sight(look, threshold, classes, top)
        if sight.place(chosen) is None:
            chosen = sight.numbers[0] if sight.numbers else None  # the best, so that there is a story to see at once
        return {v.status: summary(look, sight)} | self._choose(look, sight, chosen, tab, which, layer, point)

    def click(self, look, threshold, classes, top, chosen, tab, which, layer, point, event: gr.EventData) -> dict:
        """A box of the picture chooses its object; a point beside every box asks why nothing was found there."""
        if isinstance(look, str):
            return {self.v.status: look}
        sight = in_sight(look, threshold, classes, top)
        if event.number is None:
            return self._ask(look, sight, look.inside(*event.point))
        turned = {}
        if tab == "why":
            tab, turned = "shape", {self.v.tabs: gr.Tabs(selected="shape"), self.v.tab: "shape"}
        said = {self.v.status: summary(look, sight)}
        return said | turned | self._choose(look, sight, int(event.number), tab, which, layer, point)

    def ask(self, look, threshold, classes, top, x: float = 0, y: float = 0) -> dict:
        """Why nothing was found at x, y in pixels of the picture."""
        if isinstance(look, str):
            return {self.v.status: look}
        return self._ask(look, in_sight(look, threshold, classes, top), look.inside(x or 0, y or 0))

    def aim(self, look, threshold, classes, top, event: gr.SelectData) -> dict:
        """Why nothing was found where the picture beside the answers was clicked."""
        return self.ask(look, threshold, classes, top, *(() if isinstance(look, str) else look.point(*event.index)))

    def pick(self, look, threshold, classes, top, chosen, tab, which, layer, point, event: gr.EventData) -> dict:
        """A row of the table chooses its object."""
        if isinstance(look, str):
            return {self.v.status: look}
        sight = in_sight(look, threshold, classes, top)
        said = {self.v.status: summary(look, sight)}
        return said | self._choose(look, sight, int(event.number), tab, which, layer, point)

    def open(self, key: str):
        """The callback of a tab: remember that it is the one in sight, and draw it."""

        def opened(look, threshold, classes, top, chosen, tab, which, layer, point) -> dict:
            sight = None if isinstance(look, str) else in_sight(look, threshold, classes, top)
            return {self.v.tab: key} | self._visible(look, sight, chosen, key, which, layer, point)

        return opened

    def slow(self, look, threshold, classes, top, chosen, tab, which, layer, point) -> dict:
        """What takes longer than a click should, if it is in sight."""
        v = self.v
        if tab not in SLOW:
            return {v.about_gaze: gr.skip()}
        empty = isinstance(look, str) or chosen is None
        if tab == "gaze":
            return self._named(dict(gaze=None, about_gaze="") if empty else views.gaze(self._watch, look, chosen))
        if tab == "paper":
            return self._subjects(look, chosen, empty)
        if isinstance(look, str):
            return {button: _file(None) for button in v.files.values()}
        files = views.away(look, in_sight(look, threshold, classes, top), chosen, served.copy)
        return {v.files[e]: _file(f) for e, f in files.items()}

    def paper(self, look: Look | str, chosen: Sequence[int], early: str) -> dict:
        """The paper's figure of the objects that the visitor names."""
        if isinstance(look, str) or not chosen:
            drawn = dict(paper=None, paper_png=None, paper_svg=None)
        else:
            drawn = views.paper(look, chosen, early if early == "initial" else int(early), served.copy)
        files = {key: _file(drawn.pop(key)) for key in ("paper_png", "paper_svg")}
        return self._named(drawn | files)

    def _subjects(self, look: Look | str, chosen: int | None, empty: bool) -> dict:
        """Figure 4 of the chosen object, and the list to add others from."""
        v = self.v
        if empty:
            return {v.subjects: gr.Dropdown([], value=[])} | self.paper("", [], "0")
        found = look.result.detections.to_list()
        choices = [(f"{i + 1}  {d['name']} {d['score']:.2f}", i) for i, d in enumerate(found)]
        return {v.subjects: gr.Dropdown(choices, value=[chosen])} | self.paper(look, [chosen], "0") | {v.early: "0"}

    def _choose(self, look, sight: Sight | None, chosen: int | None, tab, which, layer, point) -> dict:
        """The choice, the picture with that detection set off, the object's view, and the visible tab."""
        v = self.v
        figure, headline, said = views.story(look, chosen)
        drawn = None if sight is None else scene.value(look, sight, chosen)
        first = {v.chosen: chosen, v.scene: drawn, v.table: objects.value(sight, chosen)}
        first |= {v.object: figure, v.headline: headline, v.words: said}
        return first | self._visible(look, sight, chosen, tab, which, layer, point)

    def _visible(self, look, sight: Sight | None, chosen: int | None, tab, which, layer, point) -> dict:
        """The tab in sight, unless it is a slow one."""
        history = None if isinstance(look, str) or chosen is None else look.history(chosen)
        if tab == "why":
            return self._named(dict(probe=None, why="") if sight is None else views.why(look, sight, point))
        if tab == "edge":
            shown = views.edge(history, which, layer)
            if history is not None:
                choices, value = shown.pop("layer")
                shown["layer"] = gr.Radio(choices, value=value)
            return self._named(shown)
        draw = dict(shape=views.shape, weighted=views.weighted, layers=views.layers).get(tab)
        return self._named(draw(history)) if draw else {}

    def _ask(self, look: Look, sight: Sight, point: tuple[float, float]) -> dict:
        """Bring up the tab that says why nothing was found at the point."""
        v = self.v
        numbers = {v.x: round(point[0]), v.y: round(point[1])}
        turned = {v.tabs: gr.Tabs(selected="why"), v.tab: "why", v.point: point}
        turned[v.status] = f"Why nothing was found at {point[0]:.0f}, {point[1]:.0f} px: see below, “Why not here?”."
        return turned | numbers | self._named(views.why(look, sight, point))

    def _named(self, values: dict) -> dict:
        """Components instead of their names."""
        return {getattr(self.v, name): value for name, value in values.items()}


def _file(path: str | None) -> gr.DownloadButton:
    """A button that hands out the file; none, no button to press."""
    return gr.DownloadButton(value=path, interactive=path is not None)
