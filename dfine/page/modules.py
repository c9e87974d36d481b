"""The browser's modules: where they are served, and how a component of the page is handed to them."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import gradio as gr
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from dfine.files import short_digest

FOLDER = Path(__file__).parent / "browser"


def _version() -> str:
    """A name that changes with the modules, so that no browser keeps old ones beside new ones."""
    return short_digest(b"".join(path.read_bytes() for path in sorted(FOLDER.glob("*.js"))), 12)


ADDRESS = f"browser/{_version()}"


def routes() -> list[Mount]:
    """What the application serves besides the page."""
    mimetypes.add_type("text/javascript", ".js")  # some systems say otherwise, and a browser runs no other type
    return [Mount(f"/{ADDRESS}", StaticFiles(directory=FOLDER))]


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
