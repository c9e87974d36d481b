"""Which calls reach the page's callbacks: of callers, what the API documents; of visitors, all; of nobody, too many.

The page calls its callbacks by number, and so does a client of the API. What tells the page apart is a cookie that it
is sent with: whoever lacks it gets the public endpoints and nothing else. Calls are counted by that cookie, or by the
address where there is none.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

import gradio as gr
from gradio.server_messages import ProcessCompletedMessage

from dfine.page.refusal import Refused
from dfine.page.shapes import DEEP, complaint

Message = dict
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

COOKIE = "dfine_visit"
CALL = re.compile(r"/gradio_api/(?P<way>queue/join|run|api|call/v2|call)(?:/(?P<name>[^/]+))?/?")
POSTS = re.compile(r"/login/?|/gradio_api/(upload|cancel|reset)/?")  # others are for builders
SHORT = 64_000  # bytes of a call for which there is always room
BY_NUMBER = "predict"  # no endpoint: the name under which the page calls by number


@dataclass
class Limits:
    """How much one visitor may ask for.

    Attributes:
        jobs: calls of the network within `period`.
        calls: all calls within `period`.
        period: seconds.
        waiting: jobs that may wait at once.
        share: the part of the queue that visitors of one address may fill.
        body: bytes of a call.
        reading: bytes of long calls that may be on their way at once.
    """

    jobs: int = 600
    calls: int = 3000
    period: float = 60.0
    waiting: int = 8
    share: float = 0.75
    body: int = 4_000_000
    reading: int = 100_000_000
    _made: dict[tuple[str, bool], deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def too_many(self, visitor: str, job: bool, now: float | None = None) -> float | None:
        """Seconds until a visitor may call again; None where they may now, and then it is counted."""
        now = time.monotonic() if now is None else now
        for key in [key for key, made in self._made.items() if made[-1] <= now - self.period]:
            del self._made[key]
        made = self._made[visitor, job]
        while made and made[0] <= now - self.period:
            made.popleft()
        if len(made) >= (self.jobs if job else self.calls):
            return made[0] + self.period - now
        made.append(now)
        return None


class Calls:
    """An ASGI application around Gradio's.

    Args:
        app: Gradio's application.
        page: its page, whose functions and queue are asked.
        public: names of the endpoints that callers may call.
        limits: what one visitor may ask for.
        uploads: the folder of uploaded files; called anew each time.
        framed: whether other sites may show the page in a frame, so that its cookie must reach it there.
    """

    def __init__(
        self,
        app: Callable,
        page: gr.Blocks,
        public: tuple[str, ...],
        limits: Limits,
        uploads: Callable[[], Path],
        framed: bool = False,
    ):
        self.app, self.page, self.public, self.limits, self.uploads = app, page, public, limits, uploads
        self._reading = 0
        self._secret = secrets.token_bytes(32)
        self._cookie = "Path=/; HttpOnly; " + ("SameSite=None; Secure; Partitioned" if framed else "SameSite=Lax")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        token = self._token(headers.get("cookie", ""))
        try:
            if scope["method"] == "POST":
                receive = await self._checked(scope, headers, token, receive)
        except Refused as refused:
            return await refused.answer(send)
        greeted = scope["method"] == "GET" and scope["path"] == "/" and token is None
        await self.app(scope, receive, self._greeting(send) if greeted else send)

    # Who calls

    def _token(self, cookie: str) -> str | None:
        """The visit that a request belongs to; None where it brings no cookie of this page."""
        try:
            sent = SimpleCookie(cookie).get(COOKIE)
        except CookieError:
            return None
        visit, _, sign = (sent.value if sent else "").partition(".")
        return visit if visit and hmac.compare_digest(sign.encode(), self._sign(visit).encode()) else None

    def _sign(self, visit: str) -> str:
        return hmac.new(self._secret, visit.encode(), hashlib.sha256).hexdigest()[:32]

    def _greeting(self, send: Send) -> Send:
        """`send`, with a new visit's cookie."""
        visit = secrets.token_hex(8)
        cookie = f"{COOKIE}={visit}.{self._sign(visit)}; {self._cookie}"

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"set-cookie", cookie.encode())]
                message = {**message, "headers": headers}
            await send(message)

        return sending

    # What is called

    async def _checked(self, scope: Message, headers: Mapping, token: str | None, receive: Receive) -> Receive:
        """The request again, once it has been read and may pass. Raises Refused."""
        call = CALL.fullmatch(scope["path"])
        if call is None:
            if POSTS.fullmatch(scope["path"]):
                return receive
            raise Refused(404, self._there_are())
        body = await self._body(headers, receive)
        values = _parsed(body)
        address = (scope.get("client") or ("",))[0]
        function = self._function(call, values)
        if function.api_name not in self.public and token is None:
            if COOKIE in headers.get("cookie", ""):
                raise Refused(403, "the page was restarted since you opened it; load it again")
            raise Refused(404, self._there_are())
        visitor = token or address
        if function.api_name in self.public:
            said = complaint(
                function.api_name, values if call["way"] == "call/v2" else values.get("data"), self.uploads()
            )
            if said:
                raise Refused(422, said)
            if isinstance(values.get("data"), list):  # Gradio does not know what stands for values that are left out
                left_out = len(function.inputs) - len(values["data"])
                body = json.dumps(values | {"data": values["data"] + [None] * left_out}).encode()
        wait = self.limits.too_many(visitor, bool(function.queue))
        if wait is not None:
            raise Refused(429, f"that was too much at once; try again in {wait:.0f} s", wait)
        if function.queue:
            await self._make_room(function, values, token, address)
        return _again(body, receive)

    async def _body(self, headers: Mapping, receive: Receive) -> bytes:
        """What a call sends. Raises Refused; short calls have room whatever else is on its way."""
        length = headers.get("content-length", "")
        size = int(length[:20]) if length.isdecimal() else self.limits.body
        if size > self.limits.body:
            raise _too_long(self.limits.body)
        if size <= SHORT:
            size = 0
        if self._reading + size > self.limits.reading:
            raise Refused(503, "too much is being sent at the moment; try again", 5)
        self._reading += size
        try:
            return await _read(receive, self.limits.body)
        finally:
            self._reading -= size

    def _there_are(self) -> str:
        return f"there is no endpoint of that name; there are {', '.join(sorted(self.public))}"

    def _function(self, call: re.Match, values: dict):
        """The function that a call means: by its number any, by its name a public one. Raises Refused."""
        number, name = values.get("fn_index"), call["name"]
        by_number = call["way"] in ("queue/join", "run", "api") and number is not None
        if by_number:
            if type(number) is not int or number not in self.page.fns:
                raise Refused(404, self._there_are())
            function = self.page.fns[number]
        else:
            function = next((f for f in self.page.fns.values() if f.api_name == name and name in self.public), None)
        if function is None:
            raise Refused(404, self._there_are())
        if by_number and name not in (None, BY_NUMBER, function.api_name):
            raise Refused(404, self._there_are())
        return function

    # The queue

    async def _make_room(self, function, values: dict, token: str | None, address: str) -> None:
        """Drop what this job supersedes, and refuse it where too many wait. Raises Refused."""
        queue = self.page._queue
        waiting = [event for part in queue.event_queue_per_concurrency_id.values() for event in part.queue]
        session = values.get("session_hash")
        if function.api_name not in self.public and session:
            shown = [block._id for block in function.outputs]
            for event in [e for e in waiting if e.session_hash == session]:
                if [block._id for block in event.fn.outputs] == shown:
                    await self._drop(event)
                    waiting.remove(event)
        cookies = {e._id: e.request.headers.get("cookie", "") for e in waiting}
        mine = [e for e in waiting if (self._token(cookies[e._id]) or _address(e)) == (token or address)]
        near = [e for e in waiting if _address(e) == address]
        if len(mine) >= self.limits.waiting:
            raise Refused(429, f"{len(mine)} of your pictures wait already; try again when one is done", 2)
        if queue.max_size is not None and len(near) >= self.limits.share * queue.max_size:
            raise Refused(429, f"{len(near)} pictures from your address wait already; try again in a moment", 2)
        if queue.max_size is not None and len(waiting) >= queue.max_size:
            raise Refused(503, f"{len(waiting)} pictures wait already; try again in a moment", 5)

    async def _drop(self, event) -> None:
        """Take a job out of the queue, and tell its page that nothing changes by it."""
        queue = self.page._queue
        await queue.remove_from_queue(event._id)
        data = [None if block.stateful else {"__type__": "update"} for block in event.fn.outputs]
        output = {"data": data, "is_generating": False, "duration": 0, "average_duration": 0, "render_config": None}
        queue.send_message(event, ProcessCompletedMessage(output=output, success=True))


def _address(event) -> str:
    return event.request.client.host if event.request.client else ""


async def _read(receive: Receive, most: int) -> bytes:
    """The whole body of a request. Raises Refused where it is too long."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the call broke off")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise _too_long(most)
        more = message.get("more_body", False)
    return b"".join(parts)


def _too_long(most: int) -> Refused:
    return Refused(413, f"a call has at most {most // 1_000_000} MB; send pictures to /gradio_api/upload")


def _parsed(body: bytes) -> dict:
    try:
        values = json.loads(body)
    except RecursionError:
        raise Refused(400, f"the call is no JSON that can be read: {DEEP}") from None
    except ValueError as error:
        raise Refused(400, f"the call is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise Refused(422, 'a call is a table of values: {"data": […]}')
    for key in ("session_hash", "event_id"):
        if values.get(key) is not None and not (isinstance(values[key], str) and len(values[key]) <= 100):
            raise Refused(422, f"{key} is a short text")
    return values


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` for a body that has been read already."""
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return parts.pop() if parts else await receive()

    return receiving
