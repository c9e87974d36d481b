"""Connections that cost nothing to open: how many of one address, for how long without a word, and to which addresses.

A page is a few quick answers and two that stay open, over which the server tells it news. Nobody needs hundreds of
them, and a connection on which nothing arrives is kept for nobody.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from dfine.page.calls import Limits
from dfine.page.refusal import Refused

Message = dict
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

AT_ONCE = 1000  # connections in all; the next one is told to come again
PATIENCE = 30.0  # seconds that a connection may stay open without a whole request
OPEN = re.compile(r"/gradio_api/(heartbeat/.*|queue/data|upload_progress|call/[^/]+/[^/]+)/?")  # stay open for a while
DRAWN = re.compile(r"/|/config/?|/theme\.css|/gradio_api/(info|openapi\.json|theme\.css)/?")  # made anew for everybody
# Gradio's for builders and for pages that are not this one; the first asks for news twenty times a second, for ever.
CLOSED = re.compile(
    r"/openapi\.json|/monitoring.*|/gradio_api/(dev/|deep_link|proxy=|stream/|vibe|profiling|run).*", re.S
)


@dataclass
class Most:
    """What one address may have.

    Attributes:
        streams: answers that stay open, at once.
        pages: descriptions of the page, in a minute.
    """

    streams: int = 128
    pages: int = 600


class Connections:
    """An ASGI application around the page's: refuses what is too much of one address, and what the page has not.

    Args:
        app: the page's application.
        most: what one address may have.
    """

    def __init__(self, app: Callable, most: Most | None = None):
        self.app, self.most = app, most or Most()
        self._open: Counter[str] = Counter()
        self._rate = Limits(calls=self.most.pages)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return await self.app(scope, receive, send)
        path, address = scope["path"], (scope.get("client") or ("",))[0]
        if CLOSED.fullmatch(path):
            return await Refused(404, "this page has nothing there").answer(send)
        if DRAWN.fullmatch(path):
            wait = self._rate.too_many(address, False)
            if wait is not None:
                return await Refused(429, f"that was too much at once; try again in {wait:.0f} s", wait).answer(send)
        if not OPEN.fullmatch(path):
            return await self.app(scope, receive, send)
        if self._open[address] >= self.most.streams:
            had = f"{self._open[address]} answers are open from your address already"
            return await Refused(429, f"{had}; close some of them", 5).answer(send)
        self._open[address] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


class Impatient(AutoHTTPProtocol):
    """HTTP that hangs up where no whole request arrives; uvicorn itself waits for the first one for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        self._seen, self._timer = self.cycle, self.loop.call_later(PATIENCE, self._look)

    def _look(self) -> None:
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self.cycle is self._seen:
            return self.transport.close()
        self._watch()
