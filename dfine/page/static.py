"""Scripts and styles from memory: the same bytes for every visitor, and no thread has to be waited for.

The page takes some eighty small files. Gradio reads each from the disk for each visitor, in threads that the network's
callers keep busy too: under load every file waits several times for its turn.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Message = dict
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

NAMED_BY_CONTENT = re.compile(r"/assets/[\w.-]+-[\w-]{8,}\.(js|css|woff2?)|/browser/[0-9a-f]{12}/[\w.-]+\.js")
FOREVER = (b"cache-control", b"public, max-age=31536000, immutable")
LARGEST = 1 << 20  # bytes of a file that is kept
MOST = 16 << 20  # bytes that are kept in all
OWN = (b"date", b"server", b"access-control-allow-origin", b"access-control-allow-credentials", b"set-cookie")


@dataclass(frozen=True)
class Kept:
    """A file as it was answered."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


class Static:
    """An ASGI application around the page's: answers from memory what it has answered before under the same name.

    Only files whose names follow their content are kept, so what is kept never grows old. A browser is told so too, and
    asks no second time. Files that were not asked for the longest go first.

    Args:
        app: what answers the first time, and everything else.
        most: bytes that are kept in all.
    """

    def __init__(self, app: Callable, most: int = MOST):
        self.app, self.most = app, most
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or scope["method"] != "GET" or not NAMED_BY_CONTENT.fullmatch(path):
            return await self.app(scope, receive, send)
        asked = {name.lower(): value for name, value in scope["headers"]}
        packed = b"br" if b"br" in asked.get(b"accept-encoding", b"") else b""
        key = path, packed.decode()
        if b"range" in asked:  # a part of a file is for whoever knows about parts
            return await self.app(scope, receive, send)
        kept = self._kept.get(key)
        if kept:
            self._kept.move_to_end(key)
            await send({"type": "http.response.start", "status": 200, "headers": list(kept.headers)})
            return await send({"type": "http.response.body", "body": kept.body})
        # In one form or the other, and whole: what a browser has of an older visit stands under another name.
        plain = [(k, v) for k, v in scope["headers"] if k.lower() not in (b"accept-encoding", b"if-none-match")]
        scope = scope | {"headers": [*plain, (b"accept-encoding", packed or b"identity")]}
        await self.app(scope, receive, self._keeping(key, send))

    def _keeping(self, key: tuple[str, str], send: Send) -> Send:
        """`send`, which keeps what passes, if it is a whole file."""
        headers, parts = None, []

        async def sending(message: Message) -> None:
            nonlocal headers
            if message["type"] == "http.response.start" and message["status"] == 200:
                sent = [(name, value) for name, value in message.get("headers", ()) if name.lower() != FOREVER[0]]
                message = {**message, "headers": [*sent, FOREVER]}
                headers = [(k, v) for k, v in message["headers"] if k.lower() not in OWN]
            elif message["type"] == "http.response.body" and headers is not None:
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    self._keep(key, headers, b"".join(parts))
            await send(message)

        return sending

    def _keep(self, key: tuple[str, str], headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        if not body or len(body) > LARGEST:
            return
        sized = [
            (name, value) for name, value in headers if name.lower() not in (b"content-length", b"transfer-encoding")
        ]
        self._kept[key] = Kept([*sized, (b"content-length", str(len(body)).encode())], body)
        while sum(len(kept.body) for kept in self._kept.values()) > self.most:
            self._kept.popitem(last=False)
