"""The panel in the FiftyOne App: one detection's edges, layer by layer, in the figures of the page."""

from __future__ import annotations

import fiftyone.operators as foo
import fiftyone.operators.types as types
import plotly.graph_objects as go
from PIL import Image

from dfine.config import EDGES
from dfine.data.pictures import read
from dfine.explore import panel_text
from dfine.explore.record import history
from dfine.explore.selection import Choice, choose, runs
from dfine.figures import words
from dfine.figures.object import edge as edge_figures
from dfine.figures.object import edges, layers_table
from dfine.figures.object.stages import object_figure
from dfine.trace.history import History

NAME = "dfine_edges"
VIEWS = {
    "shape": "Pr(n)",
    "weighted": "W(n)·Pr(n)",
    "edge": "One edge",
    "ladder": "Ladder",
    "picture": "On the picture",
}
CHOSEN = "row.object"  # where the panel's state keeps what was chosen from its list: the list's own path
BESIDE = "beside"  # where the state of the panel in the grid keeps whether one was opened beside a picture
PICTURE = 480  # height in pixels of the view on the picture
PADDING = 2  # at the sides, in the App's own units
BESIDE_ARROWS = 6  # in the modal, where arrows to the next and previous picture lie over the panel


class EdgesPanel(foo.Panel):
    """Shows the edges of the detection that is selected in the App, or chosen from the panel's own list.

    It reads what is selected and which picture is open whenever it draws, so it need not be open when a box is clicked.
    """

    @property
    def config(self) -> foo.PanelConfig:
        """What the App lists: one panel for the grid and for the modal."""
        return foo.PanelConfig(
            name=NAME,
            label="D-FINE edges",
            icon="stacked_bar_chart",
            surfaces="grid modal",
            category=foo.Categories.ANALYZE,
            allow_multiple=True,
            help_markdown="Click a box that D-FINE predicted: how every decoder layer placed its four edges.",
        )

    def on_load(self, ctx) -> None:
        """Opened, perhaps after the click."""
        self.on_change_selected_labels(ctx)

    def on_change_selected_labels(self, ctx) -> None:
        """Another box was clicked, or another picture opened: that wins over what the list said before."""
        chosen = _choice(ctx, "").chosen
        ctx.panel.state.set(CHOSEN, chosen and chosen.id)  # never in `render`: what sets it would call that again

    on_change_selected = on_change_selected_labels

    def on_change_current_sample(self, ctx) -> None:
        """A picture was opened: the panel comes to stand beside it."""
        beside(ctx, NAME)
        self.on_change_selected_labels(ctx)

    def on_choice(self, ctx) -> None:
        """Something was chosen in the panel: its state already says so, and `render` comes next."""

    on_change_dataset = on_change_view = on_choice  # the App tells of these without a change, too

    def next(self, ctx) -> None:
        """On to the next object of the list; after the last comes the first."""
        _step(ctx, 1)

    def previous(self, ctx) -> None:
        """Back to the object before."""
        _step(ctx, -1)

    def render(self, ctx) -> types.Property:
        """The panel as it should look now."""
        panel = types.Object()
        choice = _choice(ctx)
        if choice.note:
            panel.md(f"*{choice.note}*", name="note")
        if choice.offered:
            _controls(self, ctx, panel, choice)
        if choice.chosen is not None:
            _show(ctx, panel, choice, history(choice.chosen, choice.info, choice.size))
        sides = BESIDE_ARROWS if ctx.current_sample else PADDING
        return types.Property(panel, view=types.GridView(orientation="vertical", px=sides, py=1, **_columns("1fr")))


def beside(ctx, name: str) -> None:
    """Let a panel stand beside the picture that was opened, and the picture stay in front.

    The App opens a picture with every panel as a tab over it, and its own workspaces know nothing of that place. So the
    panel in the grid, which hears of the picture, opens another one there; once, since the App keeps what stands there.

    Args:
        ctx: of the panel, in the grid or beside a picture.
        name: of the panel.
    """
    if ctx.current_sample and in_grid(ctx.spaces, ctx.panel_id) and not ctx.panel.state.get(BESIDE):
        ctx.panel.state.set(BESIDE, True)
        ctx.trigger("open_panel", dict(name=name, isActive=False, layout="horizontal", force=True, forceDuplicate=True))


def in_grid(space, panel: str) -> bool:
    """Whether a panel, by its id, is one of a workspace's: it is in the grid then, not beside a picture."""
    children = getattr(space, "children", None) or []
    return getattr(space, "component_id", None) == panel or any(in_grid(child, panel) for child in children)


def _choice(ctx, wanted: str | None = None) -> Choice:
    """The detection that is meant; `wanted` is the choice from the list, by default the one in the panel's state."""
    state = ctx.panel.state
    opened = ctx.current_sample or (ctx.selected or [None])[-1]
    wanted = (state.get(CHOSEN) or "") if wanted is None else wanted
    return choose(
        ctx.dataset, opened, ctx.selected_labels or [], run=state.get("run") or "", wanted=wanted, view=ctx.view
    )


def _step(ctx, by: int) -> None:
    choice = _choice(ctx)
    ids = [d.id for d in choice.offered]
    if ids:
        now = ids.index(choice.chosen.id) if choice.chosen else -1
        ctx.panel.state.set(CHOSEN, ids[(now + by) % len(ids)])


def _controls(self: EdgesPanel, ctx, panel: types.Object, choice: Choice) -> None:
    """The list of objects with its two buttons, the kind of view, and which edge."""
    known = list(runs(ctx.dataset))
    if len(known) > 1:
        models = _choices(types.DropdownView(label="Predictions", compact=True), {k: k for k in known})
        panel.enum("run", known, default=choice.run, view=models, on_change=self.on_choice)
    row = panel.h_stack("row", align_y="center", **_columns("1fr", "auto", "auto"))
    objects = types.DropdownView(compact=True, placeholder="Choose an object")
    for detection in choice.offered:
        objects.add_choice(detection.id, label=panel_text.called(detection))
    row.enum(
        "object", objects.values(), default=choice.chosen and choice.chosen.id, view=objects, on_change=self.on_choice
    )
    row.btn("previous", label="Previous", icon="arrow_back", on_click=self.previous)
    row.btn("next", label="Next", icon="arrow_forward", on_click=self.next)
    panel.enum("view", list(VIEWS), default="shape", view=_choices(types.TabsView(), VIEWS), on_change=self.on_choice)
    if ctx.panel.state.get("view") == "edge":
        which = _choices(types.RadioView(orientation="horizontal"), {e: e for e in EDGES})
        panel.enum("edge", list(EDGES), default=EDGES[0], view=which, on_change=self.on_choice)


def _columns(*widths: str) -> dict:
    """Columns that never grow beyond the panel, however long what they hold."""
    template = " ".join(w.replace("1fr", "minmax(0, 1fr)") for w in widths)
    return dict(componentsProps=dict(grid=dict(sx=dict(gridTemplateColumns=template))))


def _choices(view: types.Choices, labels: dict[str, str]) -> types.Choices:
    for key, label in labels.items():
        view.add_choice(key, label=label)
    return view


def _show(ctx, panel: types.Object, choice: Choice, told: History) -> None:
    """The figure of the chosen object, and the words for it."""
    state = ctx.panel.state
    view = state.get("view") or "shape"
    panel.md(panel_text.verdict(choice.chosen, choice.truth, told.layers) + " " + words.describe(told), name="verdict")
    picture = read(choice.sample.filepath) if view == "picture" else None
    figure = draw(told, view, state.get("edge") or EDGES[0], picture)
    plain = figure.to_plotly_json()
    panel.plot(
        f"plot_{view}",
        data=plain["data"],
        layout=plain["layout"],
        config=dict(displayModeBar=False, responsive=True),
        height=f"{figure.layout.height}px",
        width="100%",
    )
    below = {"shape": edges.caption(told), "weighted": edges.caption(told, weighted=True)}
    panel.md(below.get(view, ""), name="caption")
    if view == "ladder":
        panel.md(panel_text.ladder_table(told), name="table")


def draw(told: History, view: str, edge: str, picture: Image.Image | None = None) -> go.Figure:
    """The figure of one of `VIEWS`; only "picture" needs the picture, only "edge" the edge's name."""
    if view in ("shape", "weighted"):
        return _narrow(edges.distributions(told, weighted=view == "weighted"))
    if view == "edge":
        return edge_figures.edge_figure(told, EDGES.index(edge))
    if view == "ladder":
        return layers_table.plot(told)
    if view == "picture":
        return object_figure(picture, told, height=PICTURE)
    raise ValueError(f"there is no view {view!r}; there are {', '.join(VIEWS)}")


def _narrow(figure: go.Figure) -> go.Figure:
    """The figure without its outermost ticks: in a panel, half as wide as the page, neighbours would run together."""
    for axis in figure.select_xaxes():
        ticks, texts = axis.tickvals, axis.ticktext
        axis.tickvals = ticks[1:-1]
        axis.ticktext = texts[1:-1] if texts else None
    return figure
