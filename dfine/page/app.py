"""The page: a picture goes in, boxes come out, and behind every box are the layers that drew it."""

from __future__ import annotations

import argparse
import os
import sys

import gradio as gr

from dfine.engines.heap import share_heaps
from dfine.page import cached_files, sessions
from dfine.page.endpoints import endpoints
from dfine.page.example_cache import ExampleCache
from dfine.page.examples import examples
from dfine.page.handlers import Handlers
from dfine.page.layout import layout
from dfine.page.models import DRAWINGS, PHOTOS, Models, wanted
from dfine.page.runner import Runner
from dfine.page.server import Serving, bound, logins, serve
from dfine.page.wiring import ONE, Wiring

SWITCH = 0.001  # seconds after which a thread that computes lets the one in that answers; Python has five times that
ABOUT = "D-FINE Lens: look inside an object detector."
LOGIN = "DFINE_AUTH=NAME:PASSWORD,... asks visitors for a login; a password has no place on a command line."


def build(model: str | None = None, device: str = "auto", fetch: bool = False, swift: bool = False) -> gr.Blocks:
    """The page, with its model loaded.

    Args:
        model: anything that `dfine.load` takes; offered besides the shipped ones and the zoo. None for a shipped one.
        device: auto, cuda, mps or cpu.
        fetch: get a model of everyday things in the background; it becomes the default, unless `model` is another than
            the shipped ones.
        swift: once the page is up, export models, and use ONNX Runtime or OpenVINO where that is the faster engine.

    Raises:
        ValueError, OSError: the model cannot be loaded; the message says why.
    """
    models, page = Models(model, device), gr.Blocks(title="D-FINE Lens", fill_width=True, delete_cache=(3600, 3600))
    if swift:
        models.faster_once(lambda: page.is_running)
    models()
    runner = Runner(models)
    cache = ExampleCache(runner, examples())
    with page:
        components = layout(models)
        endpoints(models, ONE)  # before the page's own events, which would take their names
        Wiring(page, components, Handlers(components, runner, cache)).connect()
    cache.fill(ready=lambda: page.is_running)  # so that the first click on an example need not wait
    if fetch:
        models.fetch_in_background(done=cache.fill, become_default=model in (None, DRAWINGS, PHOTOS))
    return page


def main(arguments: list[str] | None = None, program: str = "app.py") -> None:
    """Serve the page until it is stopped. Options win over the environment, the environment over the defaults.

    Args:
        arguments: those of the command line; None for this process's own.
        program: what the command is called, for its help and its error sentences.
    """
    options = parser(program).parse_args(arguments)
    share_heaps()  # before there are threads
    sys.setswitchinterval(SWITCH)
    sessions.keep_less()
    serving = Serving(options.host, options.port, options.hosts, os.environ.get("DFINE_AUTH", ""))
    try:
        logins(serving.auth)  # says at once what is wrong with them, and that a port is taken, before models are read
        bound(serving.host, serving.port).close()
        with cached_files.own_folder():
            page = build(options.model, options.device, options.fetch, options.swift)
            serve(page, serving, ready=lambda: page.is_running)
    except (ValueError, OSError) as error:
        sys.exit(f"{program}: {error}")
    sys.stdout.flush()
    os._exit(0)  # threads in the background may be in native code, which aborts when the interpreter goes away under it


def parser(program: str) -> argparse.ArgumentParser:
    """The command's options; their defaults come from the environment."""
    env = os.environ.get
    options = argparse.ArgumentParser(prog=program, description=ABOUT, epilog=LOGIN)
    options.add_argument("--model", default=env("DFINE_MODEL"), help="name, folder or file (DFINE_MODEL)")
    options.add_argument("--host", default=env("DFINE_HOST", env("GRADIO_SERVER_NAME", "127.0.0.1")), help="DFINE_HOST")
    options.add_argument(
        "--port",
        type=int,
        default=env("DFINE_PORT", env("GRADIO_SERVER_PORT")),
        help="DFINE_PORT; by default the first free one from 7860",
    )
    options.add_argument(
        "--hosts",
        default=env("DFINE_HOSTS", ""),
        help="further names under which the page may be asked for, with commas; * for all (DFINE_HOSTS)",
    )
    options.add_argument("--device", default=env("DFINE_DEVICE", "auto"), help="auto, cuda, mps or cpu (DFINE_DEVICE)")
    options.add_argument(
        "--fetch",
        action=argparse.BooleanOptionalAction,
        default=wanted("DFINE_FETCH"),
        help="get a model of everyday things in the background at start-up (DFINE_FETCH=0 turns it off)",
    )
    options.add_argument(
        "--swift",
        action=argparse.BooleanOptionalAction,
        default=wanted("DFINE_SWIFT"),
        help="export models for a faster engine in the background (DFINE_SWIFT=0 turns it off)",
    )
    return options
