"""The browser's modules: where they are served, and how a component of the page is handed to them."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

from dfine.files import short_digest

FOLDER = Path(__file__).parent / "browser"


def _version() -> str:
    """A name that changes with the modules, so that no browser keeps old ones beside new ones."""
    return short_digest(b"".join(path.read_bytes() for path in sorted(FOLDER.glob("*.js"))), 12)


ADDRESS = f"browser/{_version()}"


def routes() -> list[Route]:
    """What the application serves besides the page. A mounted folder would not be found under another root path."""
    files = {path.name: path for path in FOLDER.glob("*.js")}

    async def script(request: Request) -> FileResponse:
        path = files.get(request.path_params["name"])
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, media_type="text/javascript")  # a browser runs no other type

    return [Route(f"/{ADDRESS}/{{name}}", script)]


def part(name: str, *events: str, template: str = "", value: object = None) -> gr.HTML:
    """A component that the browser's modules draw.

    Args:
        name: which of them (see `VIEWS` in main.js); also its `elem_id`.
        events: names of what it may tell the server.
        template: what it shows until then.
        value: what it holds at first.
    """
    heard = ", ".join(f"'{event}'" for event in events)
    script = f"""const from = (base) => import(new URL('{ADDRESS}/main.js', base));
from(document.baseURI).catch(() => from(`${{location.origin}}${{location.pathname}}/`)).then(({{mount}}) =>
  mount('{name}', {{element, trigger, props, watch, events: [{heard}]}})).catch(() =>
  element.replaceChildren('This part of the page could not be loaded. Reload the page.'));"""
    return gr.HTML(
        value, html_template=template or "<span></span>", js_on_load=script, apply_default_css=False, elem_id=name
    )
