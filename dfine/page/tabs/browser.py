"""The tabs that the browser draws from the answer that it holds, without asking the server: one module each there."""

from __future__ import annotations

from dfine.page import modules
from dfine.page.tabs.base import Parts, Tab


def drawn(key: str, label: str, of_object: bool = True, value: object = None) -> Tab:
    """A tab that `dfine/page/browser/KEY.js` draws; its component has the tab's key as its name.

    Args:
        key: the tab's.
        label: its name on the page.
        of_object: whether it shows the chosen object.
        value: what the module is told besides the answer.
    """

    def build() -> Parts:
        return dict(drawn=modules.part(key, value=value))

    return Tab(key, label, build, of_object=of_object)
