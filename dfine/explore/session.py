"""The FiftyOne App for a session: on this machine only, with the panel; afterwards everything is as it was."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fiftyone as fo
import fiftyone.core.session as fos

from dfine.explore.fiftyone_private import end_without_waiting, patient, quiet_app

PLUGIN = Path(__file__).parent / "plugin"
LOCAL = "127.0.0.1"
PORT = 5151  # FiftyOne's own; the first free one from here on is taken
TRIES = 50
_VARIABLE = "FIFTYONE_PLUGINS_DIR"


@contextmanager
def app(
    dataset: fo.Dataset, *, address: str = LOCAL, port: int | None = None, browser: bool = False, **options
) -> Iterator[fos.Session]:
    """The App, open on a data set while the block runs; its server ends with the block.

    Args:
        dataset: what it shows.
        address: to which it is bound; by default it can only be reached from this machine.
        port: by default the first free one from 5151 on.
        browser: whether to open a browser, too.
        options: further arguments of `fiftyone.launch_app`, as `spaces`.

    Raises:
        ValueError: the address is not one of this machine, or the port is taken.
        RuntimeError: the server does not start.
    """
    port = find_port(address, port)
    with plugins(), quiet_app():
        with patient():
            session = fo.launch_app(dataset, address=address, port=port, remote=not browser, auto=False, **options)
        try:
            yield session
        finally:
            end_without_waiting(session)
            fo.close_app()


def serve(dataset: fo.Dataset, say: Callable[[str], None], **options) -> None:
    """Keep the App open until Ctrl-C; `say` is told where it is. Takes the options of `app`."""
    with app(dataset, **options) as session:
        host = f"[{session.server_address}]" if ":" in session.server_address else session.server_address
        say(f"The App is at http://{host}:{session.server_port}/datasets/{dataset.slug} - Ctrl-C ends it.")
        try:
            session.wait(-1)
        except KeyboardInterrupt:
            say("The App is closed; the data set stays.")


def stored(name: str) -> fo.Dataset:
    """The data set of a name."""
    return fo.load_dataset(name)


@contextmanager
def plugins() -> Iterator[Path]:
    """A folder that links a person's own plugins and ours, which FiftyOne uses while the block runs."""
    theirs, variable = fo.config.plugins_dir, os.environ.get(_VARIABLE)
    folder = Path(tempfile.mkdtemp(prefix="dfine-plugins-"))
    try:
        others = sorted(Path(theirs).iterdir()) if theirs and os.path.isdir(theirs) else []
        for other in others:
            if not _is_ours(other):
                _link(other, folder / other.name)
        _link(PLUGIN, folder / "dfine-edges")
        fo.config.plugins_dir = os.environ[_VARIABLE] = str(folder)
        yield folder
    finally:
        fo.config.plugins_dir = theirs
        os.environ.pop(_VARIABLE) if variable is None else os.environ.update({_VARIABLE: variable})
        shutil.rmtree(folder, ignore_errors=True)  # links are removed, not what they point to


def find_port(address: str = LOCAL, port: int | None = None) -> int:
    """The port, if nobody listens to it; without one, the first free one from FiftyOne's own on.

    FiftyOne itself would talk to whatever server it finds at a port, and show that one's data.

    Raises:
        ValueError: the port is taken, or the address is not one of this machine.
    """
    if port is None:
        free = next((p for p in range(PORT, PORT + TRIES) if _is_free(address, p)), None)
        if free is None:
            raise ValueError(f"ports {PORT} to {PORT + TRIES - 1} of {address} are all in use; choose one with --port")
        return free
    if not _is_free(address, port):
        raise ValueError(f"port {port} of {address} is in use, perhaps by another session; choose another with --port")
    return port


def _is_free(address: str, port: int) -> bool:
    try:
        family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise ValueError(f"{address!r} is no address of this machine") from None
    with socket.socket(family) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        try:
            probe.bind(where)
        except OSError as error:
            if isinstance(error, PermissionError) or error.errno in _TAKEN:
                return False
            raise ValueError(f"{address!r} is no address of this machine") from None
    return True


_TAKEN = {98, 48, 10048}  # "address in use" on Linux, macOS and Windows


def _is_ours(folder: Path) -> bool:
    """Whether this is the panel, installed for good: the session brings its own, and a name counts once."""
    mine = (PLUGIN / "fiftyone.yml").read_text(encoding="utf-8").splitlines()[0]
    return any(mine in f.read_text(encoding="utf-8", errors="ignore") for f in _descriptions(folder))


def _descriptions(folder: Path) -> list[Path]:
    return [f for name in ("fiftyone.yml", "fiftyone.yaml") if (f := folder / name).is_file()]


def _link(source: Path, target: Path) -> None:
    """A link, or where the system allows none, a copy."""
    try:
        target.symlink_to(source.resolve(), target_is_directory=source.is_dir())
    except OSError:
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
