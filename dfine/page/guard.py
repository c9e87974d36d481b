"""What stands before the page: which hosts it answers for, and how much may be uploaded."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import socket
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

Message = dict
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MEGABYTE = 1_000_000
HEALTH = ("/healthz", "/readyz")  # asked by balancers, under any name; they reveal nothing
UPLOAD = re.compile(r"/gradio_api/upload/?")
HEADERS = {
    "content-security-policy": (
        "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors {ancestors}"
    ),
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True)
class Hosts:
    """The names under which the page may be asked for; others may be those of an attacker's site (DNS rebinding).

    Attributes:
        names: allowed, in lower case and without a port; "*" allows all.
        addresses: whether every literal address is allowed, for a page that listens on all of them.
    """

    names: frozenset[str]
    addresses: bool = False

    @classmethod
    def of(cls, bound: str, space: str = "", more: str = "") -> Hosts:
        """Those of the bound address, of this machine, of a Space, and of a list with commas (DFINE_HOSTS)."""
        names = {bound, "localhost", "127.0.0.1", "::1", space, *more.split(",")}
        everywhere = bound in ("0.0.0.0", "::", "")
        if everywhere:
            names |= {socket.gethostname(), f"{socket.gethostname()}.local", socket.getfqdn()}
        return cls(frozenset(name.strip().strip("[]").lower() for name in names if name.strip()), everywhere)

    def allow(self, host: str) -> bool:
        """Whether a Host header, or the host of an Origin, is allowed; its port does not matter."""
        if set(host) & set("/\\?#@"):  # parts of an address that no host has
            return False
        try:
            name = (urlsplit(f"//{host.strip()}").hostname or "").lower()
        except ValueError:
            return False
        return bool(name) and ("*" in self.names or name in self.names or (self.addresses and _is_address(name)))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@dataclass
class Quota:
    """How much may be uploaded.

    Attributes:
        request: bytes of one request.
        visitor: bytes of one visitor within `period`.
        total: bytes that all uploads together may take on the disk; the oldest go first.
        period: seconds.
        patience: seconds in which the next part of what is sent has to arrive.
        pace: bytes a second that have to arrive on average, once `patience` has passed.
    """

    request: int = 200 * MEGABYTE
    visitor: int = 600 * MEGABYTE
    total: int = 2000 * MEGABYTE
    period: float = 3600.0
    patience: float = 30.0
    pace: int = 10_000
    _sent: dict[str, deque[tuple[float, int]]] = field(default_factory=lambda: defaultdict(deque))

    def refusal(self, visitor: str, size: int, now: float | None = None) -> tuple[int, str] | None:
        """Why an upload is refused, as a status and a sentence; None where it is accepted, and counted."""
        if size > self.request:
            return 413, (
                f"the upload has {size / MEGABYTE:.0f} MB, more than the {self.request / MEGABYTE:.0f} MB allowed at "
                "once; send fewer or smaller pictures"
            )
        now = time.monotonic() if now is None else now
        for name in [name for name, sent in self._sent.items() if sent and sent[-1][0] <= now - self.period]:
            del self._sent[name]
        sent = self._sent[visitor]
        while sent and sent[0][0] <= now - self.period:
            sent.popleft()
        if sum(bytes for _, bytes in sent) + size > self.visitor:
            return 429, (
                f"more than {self.visitor / MEGABYTE:.0f} MB were uploaded from here within an hour; wait a while"
            )
        sent.append((now, size))
        return None

    def trim(self, folder: Path) -> None:
        """Delete the oldest files of a folder until all of them fit; who is faster at deleting one is welcome.

        One that is in use stays where the system says so, as Windows does, and the next ones go.
        """
        files = []
        for path in folder.rglob("*"):
            try:
                status = path.stat()
            except OSError:
                continue
            if path.is_file() and not path.name.startswith("."):  # hidden: the lock of the page that keeps them
                files.append((status.st_mtime, status.st_size, path))
        excess = sum(size for _, size, _ in files) - self.total
        for _, size, path in sorted(files):
            if excess <= 0:
                return
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue
            excess -= size


class Guard:
    """An ASGI application around the page's: refuses what must not reach it, and adds headers to what leaves it.

    Args:
        app: the page's application.
        hosts: under which it may be asked for.
        quota: of uploads.
        folder: where uploads are kept; called anew each time.
        framed_by: origins of sites that may show the page in a frame.
    """

    def __init__(
        self,
        app: Callable,
        hosts: Hosts,
        quota: Quota,
        folder: Callable[[], Path],
        framed_by: Iterable[str] = (),
    ):
        self.app, self.hosts, self.quota, self.folder = app, hosts, quota, folder
        ancestors = " ".join(["'self'", *framed_by])
        self._headers = [(k.encode(), v.format(ancestors=ancestors).encode()) for k, v in HEADERS.items()]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal:
            return await self._refuse(*refusal, send)
        uploads = scope["type"] == "http" and scope["method"] == "POST" and UPLOAD.fullmatch(scope["path"])
        sends = scope["type"] == "http" and scope["method"] not in ("GET", "HEAD")
        await self.app(scope, self._patient(receive) if sends else receive, self._with_headers(headers, send))
        if uploads:
            await asyncio.get_running_loop().run_in_executor(None, self.quota.trim, self.folder())

    def _refusal(self, scope: Message, headers: dict[str, str]) -> tuple[int, str] | None:
        """Why a request is refused, as a status and a sentence; None where it may pass."""
        forwarded = [host for host in headers.get("x-forwarded-host", "").split(",") if host.strip()]
        for host in [headers.get("host", ""), *forwarded]:
            if scope["path"] not in HEALTH and not self.hosts.allow(host):
                return 421, "this page does not answer for that host; DFINE_HOSTS names those that it answers for"
        if scope.get("method") == "POST" and UPLOAD.fullmatch(scope["path"]):
            length = headers.get("content-length", "")
            if not length.isdecimal():
                return 411, "an upload has to say how long it is"
            return self.quota.refusal((scope.get("client") or ("",))[0], int(length))
        return None

    async def _refuse(self, status: int, sentence: str, send: Send) -> None:
        body = json.dumps({"error": sentence}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers + self._headers})
        await send({"type": "http.response.body", "body": body})

    def _patient(self, receive: Receive) -> Receive:
        """`receive`, which gives up on a visitor who sends nothing for too long, or drop by drop.

        It does so until all has arrived: later it waits for a visitor to go, which may take any time.
        """
        begin, size, more = time.monotonic(), 0, True

        async def waiting() -> Message:
            nonlocal size, more
            if not more:
                return await receive()
            left = begin + self.quota.patience + size / self.quota.pace - time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), max(0.01, min(self.quota.patience, left)))
            except asyncio.TimeoutError:
                return {"type": "http.disconnect"}
            size += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
            return message

        return waiting

    def _with_headers(self, asked: dict[str, str], send: Send) -> Send:
        """`send`, with the security headers added, and those that invite the origins of other sites taken out."""
        origin = urlsplit(asked.get("origin", "")).netloc
        foreign = bool(origin) and not self.hosts.allow(origin)
        mine = {name for name, _ in self._headers}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(k, v) for k, v in message.get("headers", ()) if k.lower() not in mine]
                if foreign:
                    kept = [(k, v) for k, v in kept if not k.lower().startswith(b"access-control-")]
                message = {**message, "headers": kept + self._headers}
            await send(message)

        return sending
