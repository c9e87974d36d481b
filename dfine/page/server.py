"""Serves the page: binds the port, stands guard before Gradio's application, and says how it is."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware
from starlette.routing import Route

from dfine.page import modules, preview, zerogpu
from dfine.page.calls import Calls, Limits
from dfine.page.connections import AT_ONCE, Connections, Impatient
from dfine.page.endpoints import PUBLIC
from dfine.page.guard import Guard, Hosts, Quota
from dfine.page.layout import CSS, KEYS, THEME
from dfine.page.pending import Pending
from dfine.page.static import Static
from dfine.page.subpath import Subpath, prefix

SESSIONS = 64  # visitors whose last result is remembered
WAITING = 32  # visitors who may wait for the network
REST = 0.02  # seconds between two looks into the queue; Gradio's own 0.001 keep 8 % of a core busy while nobody asks
LARGEST = "40mb"  # of an uploaded file
PORTS = range(7860, 7960)  # of which the first free one is taken where none is named
SILENT = dict(docs_url=None, redoc_url=None, openapi_url=None)  # nothing about FastAPI's routes
GRACE = 3  # seconds that open connections get when the page is stopped


@dataclass(frozen=True)
class Serving:
    """Where and for whom the page is served.

    Attributes:
        host: the address to listen on.
        port: the port; None for the first free one of `PORTS`.
        hosts: further names under which the page may be asked for, with commas; "*" for all.
        auth: NAME:PASSWORD of those who may enter, with commas; empty for everybody.
        quota: of uploads.
        limits: of calls.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    hosts: str = ""
    auth: str = ""
    quota: Quota = field(default_factory=Quota)
    limits: Limits = field(default_factory=Limits)


def logins(auth: str) -> list[tuple[str, str]] | None:
    """The names and passwords of DFINE_AUTH; None for a page that everybody may see.

    Raises:
        ValueError: an entry is not NAME:PASSWORD; the message does not repeat it.
    """
    entries = [entry.strip() for entry in auth.split(",") if entry.strip()]
    pairs = [tuple(entry.split(":", 1)) for entry in entries]
    for place, pair in enumerate(pairs, 1):
        if len(pair) != 2 or not all(pair):
            raise ValueError(f"entry {place} of DFINE_AUTH is not NAME:PASSWORD; several are separated by commas")
    return pairs or None


def bound(host: str, port: int | None) -> socket.socket:
    """A socket that listens on the port, or on the first free one of `PORTS`.

    Raises:
        OSError: the port is taken, or the address is not one of this machine's; the message says so.
    """
    for number in PORTS if port is None else [port]:
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            if os.name != "nt":  # where it means to share a port with whoever listens to it already
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host.strip("[]"), number))
            listening.listen(128)
            return listening
        except OSError as error:
            listening.close()
            reason = error
        if port is not None:
            raise OSError(f"port {port} of {host} cannot be used ({reason.strerror}); choose another with --port")
    raise OSError(f"none of the ports {PORTS[0]} to {PORTS[-1]} of {host} is free; choose one with --port")


def serve(page: gr.Blocks, serving: Serving, ready: Callable[[], bool] = lambda: True) -> None:
    """Serve the page until it is stopped.

    Args:
        page: made by `dfine.page.app.build`.
        serving: where, and for whom.
        ready: whether the page can answer at once; what `/readyz` says.

    Raises:
        ValueError, OSError: it cannot be served so; the message says why.
    """
    auth, root = logins(serving.auth), os.environ.get("GRADIO_ROOT_PATH", "").rstrip("/")
    page.queue(max_size=WAITING, api_open=False)
    page._queue.sleep_when_free = max(REST, getattr(page._queue, "sleep_when_free", REST))
    page.state_session_capacity = SESSIONS
    options = dict(
        theme=THEME,
        css=CSS,
        js=KEYS,
        ssr_mode=False,
        max_file_size=LARGEST,
        run_history=False,
        enable_monitoring=False,  # its summary of calls would stand on the page that documents the API
        footer_links=["api", "settings"],
        auth=auth,
        favicon_path=str(preview.ICON),
        root_path=root,
    )
    if zerogpu.spaces:
        _launch(page, serving, ready, options)
        return
    with bound(serving.host, serving.port) as listening:
        port = listening.getsockname()[1]
        application = FastAPI(**SILENT, routes=_routes(ready))
        options["app_kwargs"] = dict(routes=modules.routes())
        gr.mount_gradio_app(application, page, "/", serving.host, port, show_error=False, **options)
        guard, space = _guarded(application, page, serving, root), _space()
        config = uvicorn.Config(
            guard,
            http=Impatient,
            ws="none",  # the page has no web sockets
            limit_concurrency=AT_ONCE,
            log_level="warning",
            lifespan="on",
            timeout_graceful_shutdown=GRACE,
            forwarded_allow_ips="*" if space else None,  # a Space is reached through its proxy only
        )
        host = f"[{serving.host}]" if ":" in serving.host else serving.host
        with suppress(KeyboardInterrupt):  # raised once more after everything has been closed
            _Server(config, page, f"http://{host}:{port}").run([listening])


def _launch(page: gr.Blocks, serving: Serving, ready: Callable[[], bool], options: dict) -> None:
    """Serve the page by Gradio's own launch, which `spaces` waits for, behind the same guard.

    What this project's own server adds has no place there: limits on connections as such, and on how long a head takes.
    A Space's proxy stands before it.
    """
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "*")  # a Space is reached through its proxy only, which says who asks
    options["app_kwargs"] = dict(
        **SILENT,
        routes=[*_routes(ready), *modules.routes()],
        middleware=[Middleware(_guarded, page=page, serving=serving, root=options["root_path"])],
    )
    where = dict(server_name=serving.host, server_port=serving.port)
    page.launch(**where, state_session_capacity=SESSIONS, show_error=False, **options)


def _guarded(app: Callable, page: gr.Blocks, serving: Serving, root: str) -> Subpath:
    """The page's application behind everything that stands before it."""
    space, uploads = _space(), partial(Path, get_upload_folder())
    calls = Calls(Pending(app, page), page, PUBLIC, serving.limits, uploads, framed=bool(space))
    guard = Guard(
        Static(Connections(preview.Preview(calls, f"https://{space}" if space else "", prefix(root)))),
        Hosts.of(serving.host, space, serving.hosts),
        serving.quota,
        uploads,
        framed_by=["https://huggingface.co"] if space else [],
    )
    return Subpath(guard, prefix(root))


def _space() -> str:
    """The host under which a Space is known; empty elsewhere."""
    return os.environ.get("SPACE_HOST", "")


def _routes(ready: Callable[[], bool]) -> list[Route]:
    """What is served besides Gradio's page and the browser's modules."""
    health = Route("/healthz", lambda _: JSONResponse({"status": "ok"}))
    return [health, Route("/readyz", lambda _: _readiness(ready())), *preview.routes()]


def _readiness(ready: bool) -> JSONResponse:
    return JSONResponse({"status": "ready" if ready else "starting"}, 200 if ready else 503)


class _Server(uvicorn.Server):
    """Says where the page is once it answers."""

    def __init__(self, config: uvicorn.Config, page: gr.Blocks, address: str):
        super().__init__(config)
        self.page, self.address = page, address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.page.is_running = True
            print(f"* Running on local URL:  {self.address}", flush=True)
