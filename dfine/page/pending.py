"""Answers that wait to be fetched: forgotten once they have been, and after a while if nobody comes for them.

A caller asks twice, once for a job and once for its answer. Gradio keeps a place for each job for ever, with whatever
was answered in it if the caller does not come back.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import gradio as gr

from dfine.page.refusal import Refused

Message = dict
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FETCH = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/(?P<job>[^/]+)/?")
NEWS = re.compile(r"/gradio_api/queue/data/?")
GONE = "no answer waits under that number: each is kept for a minute, and given once; ask again"


class Pending:
    """An ASGI application around the page's.

    Args:
        app: the page's application.
        page: whose queue it is.
        patience: seconds for which an answer is kept.
        most: answers that are kept; the oldest go first.
    """

    def __init__(self, app: Callable, page: gr.Blocks, patience: float = 60.0, most: int = 128):
        self.app, self.page, self.patience, self.most = app, page, patience, most
        self._readers: Counter[str] = Counter()
        self._done: dict[str, float] = {}  # when a session was first seen without a job at work, the oldest first
        self._swept = 0.0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if time.monotonic() - self._swept >= 1:
            self.sweep(time.monotonic())
        fetch = scope["method"] == "GET" and FETCH.fullmatch(scope["path"])
        news = scope["method"] == "GET" and NEWS.fullmatch(scope["path"])
        if not (fetch or news):
            return await self.app(scope, receive, send)
        session = self._session_of(fetch["job"]) if fetch else _named(scope)
        if fetch and session not in self.page._queue.pending_messages_per_session:
            return await Refused(404, GONE).answer(send)
        self._readers[session] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._readers[session] -= 1
            if not self._readers[session]:
                del self._readers[session]
                # A browser that is told of no job any more may still ask for news once; its place goes with time.
                if fetch and not self.page._queue.pending_event_ids_session.get(session):
                    self._forget(session)

    def sweep(self, now: float) -> None:
        """Forget answers that nobody has come for, at a time in seconds of the monotonic clock."""
        queue, self._swept = self.page._queue, now
        jobs = queue.pending_event_ids_session
        there = {*queue.pending_messages_per_session, *jobs}
        at_work = {session for session, own in jobs.items() if any(job in queue.event_ids_to_events for job in own)}
        idle = there - at_work - self._readers.keys()
        self._done = {session: at for session, at in self._done.items() if session in idle}
        self._done |= {session: now for session in idle - self._done.keys()}
        spare = len(self._done) - self.most
        for place, (session, at) in enumerate(list(self._done.items())):
            if place < spare or now - at >= self.patience:
                self._forget(session)
                del self._done[session]

    def _session_of(self, job: str) -> str:
        """The session under which a job's answer waits: the one it was asked in, or by itself."""
        for session, jobs in self.page._queue.pending_event_ids_session.items():
            if job in jobs:
                return session
        return job

    def _forget(self, session: str) -> None:
        self.page._queue.pending_messages_per_session.pop(session, None)
        self.page._queue.pending_event_ids_session.pop(session, None)


def _named(scope: Message) -> str:
    """The session that a request for news names; none where it names none."""
    return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session_hash", [""])[0]
