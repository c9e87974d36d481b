"""What a link to the page shows elsewhere: title, description, picture, icon.

Gradio writes its own into the document that it serves. A page's own `head` is added in the browser only, where no
reader of links sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HERE = Path(__file__).parent
ICON, PICTURE = HERE / "favicon.svg", HERE / "preview.jpg"
SHAPE = (1200, 630)  # width and height of the picture in pixels, as readers of links want it
TITLE = "D-FINE Lens"
DESCRIPTION = (
    "An object detector that you can look inside: click a box and see how each decoder layer moved its four edges, "
    "and how sure it is of each, in pixels."
)
FOREIGN = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')  # what Gradio says of the page


@dataclass(frozen=True)
class Preview:
    """An application whose front page says what this project is.

    Attributes:
        app: the application behind it.
        origin: scheme and host under which the page is known, without a slash at the end; empty where nobody knows, and
            the picture's address is a path then.
        prefix: the path of the page on that host, see `dfine.page.subpath`.
    """

    app: ASGIApp
    origin: str = ""
    prefix: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; the document of the front page gets its tags."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def collect(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
            elif start is None or not _is_page(start):
                await self._pass_on(start, message, send)
                start = None
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    changed = self.tagged(body.decode("utf-8")).encode("utf-8")
                    await send(start | {"headers": _with_length(start["headers"], len(changed))})
                    await send({"type": "http.response.body", "body": changed})

        plain = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]
        await self.app(scope | {"headers": plain}, receive, collect)

    @staticmethod
    async def _pass_on(start: Message | None, message: Message, send: Send) -> None:
        if start is not None:
            await send(start)
        await send(message)

    def tagged(self, document: str) -> str:
        """A document whose head describes this page, and nothing else."""
        return FOREIGN.sub("", document).replace("<head>", f"<head>\n{self.tags()}", 1)

    def tags(self) -> str:
        """Title, description and picture, for browsers and readers of links."""
        picture, icon = f"{self.origin}{self.prefix}/{PICTURE.name}", f"{self.prefix}/{ICON.name}"
        named = {"description": DESCRIPTION, "twitter:card": "summary_large_image"}
        properties = {
            "og:type": "website",
            "og:title": TITLE,
            "og:description": DESCRIPTION,
            "og:image": picture,
            "og:image:width": str(SHAPE[0]),
            "og:image:height": str(SHAPE[1]),
        }
        lines = [f"<title>{escape(TITLE)}</title>", f'<link rel="icon" type="image/svg+xml" href="{icon}">']
        lines += [f'<meta name="{key}" content="{escape(value)}">' for key, value in named.items()]
        lines += [f'<meta property="{key}" content="{escape(value)}">' for key, value in properties.items()]
        return "\n".join(lines)


def routes() -> list[Route]:
    """The addresses of icon and picture."""
    return [Route(f"/{file.name}", lambda _, file=file: FileResponse(file)) for file in (ICON, PICTURE)]


def _is_page(start: Message) -> bool:
    headers = {name.lower(): value for name, value in start["headers"]}
    return headers.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in headers


def _with_length(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    return [*kept, (b"content-length", str(length).encode())]
