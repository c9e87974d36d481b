"""What Gradio keeps of a visitor, less what only its deep links would read.

For each visitor Gradio describes every component of the page anew, some 19,000 objects, so that a link could restore
them. This page has links of its own, which are answered in the browser; it keeps the state alone. And a caller of the
API, who has no state, takes no visitor's place. Nor does anybody ask for its statistics of calls: it keeps the last
10,000, and computes a table of all of them after each.
"""

from __future__ import annotations

import os

import gradio as gr
from gradio import state_holder

_Plain = state_holder.SessionState


class _Nothing(dict):
    """Descriptions that are not kept."""

    def __setitem__(self, key: int, value: dict) -> None:
        pass

    def __missing__(self, key: int) -> dict:
        return {}


class _Bare:
    """A page as a new session reads it: there is nothing on it to describe."""

    blocks: dict = {}

    def __init__(self, page: gr.Blocks):
        self._page = page

    def __getattr__(self, name: str) -> object:
        return getattr(self._page, name)


class Session(_Plain):
    """A visitor's state."""

    def __init__(self, page: gr.Blocks):
        super().__init__(_Bare(page))
        self.config_values = _Nothing()


def keep_less() -> None:
    """Let Gradio make such sessions from now on, and forget them in this order; of calls it counts the last one."""
    os.environ |= {"GRADIO_ANALYTICS_MAX_EVENTS": "1", "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(2**62)}
    state_holder.SessionState = Session
    state_holder.StateHolder.update = _update


def _update(holder: state_holder.StateHolder, name: str) -> None:
    """A session is used: as many are kept with a state as without one, and of either those that were used last."""
    with holder.lock:
        if name not in holder.session_data:
            return
        holder.session_data.move_to_end(name)
        alike = bool(holder.session_data[name].state_data)
        kind = [other for other, session in holder.session_data.items() if bool(session.state_data) is alike]
        for other in kind[: max(0, len(kind) - holder.capacity)]:
            del holder.session_data[other]
            holder.time_last_used.pop(other, None)
