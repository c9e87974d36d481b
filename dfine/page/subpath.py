"""The page under a path of somebody else's host, behind a proxy: https://example.org/lens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

Message = dict


def prefix(root: str) -> str:
    """The path of a page's root, without a slash at its end; "" for a page at the top of its host.

    Args:
        root: what GRADIO_ROOT_PATH says: a path, or the whole address of the page.

    >>> prefix("/lens/"), prefix("lens"), prefix("https://example.org/a/lens"), prefix("/")
    ('/lens', '/lens', '/a/lens', '')
    """
    path = (urlsplit(root).path if "://" in root else root).strip("/")
    return f"/{path}" if path else ""


@dataclass(frozen=True)
class Subpath:
    """An application that knows its paths without the prefix, whether the proxy takes it off or leaves it.

    It stands before everything that looks at paths: otherwise limits that hold for `/x` would not hold for `/lens/x`,
    which Gradio takes for the same.

    Attributes:
        app: the application behind it.
        prefix: as `prefix` gives it.
    """

    app: Callable[..., Awaitable[None]]
    prefix: str

    async def __call__(self, scope: Message, receive: Callable, send: Callable) -> None:
        """Pass everything on, without the prefix, however often it stands there."""
        path = scope.get("path", "")
        while self.prefix and f"{path}/".startswith(f"{self.prefix}/"):
            path = path[len(self.prefix) :] or "/"
        if path != scope.get("path", ""):
            scope = scope | {"path": path, "raw_path": path.encode()}
        await self.app(scope, receive, send)
