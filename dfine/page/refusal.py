"""Why a request is not answered, as a status and a sentence."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable


class Refused(Exception):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        sentence: why.
        wait: seconds after which to try again; None where that would not help.
    """

    def __init__(self, status: int, sentence: str, wait: float | None = None):
        super().__init__(sentence)
        self.status, self.sentence, self.wait = status, sentence, wait

    async def answer(self, send: Callable[[dict], Awaitable[None]]) -> None:
        """Say so to an ASGI server's `send`."""
        body = json.dumps({"error": self.sentence, "detail": self.sentence}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if self.wait is not None:
            headers.append((b"retry-after", str(max(1, round(self.wait))).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
