"""A file from the network: whole or not at all, resumed where it broke off, and given up when next to nothing comes."""

from __future__ import annotations

import http.client
import json
import os
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout
from tqdm import tqdm

from dfine.files import digest, put
from dfine.weights.exceptions import CheckpointError, OfflineError

PATIENCE = 8.0  # seconds to wait for a first answer before saying that there is no network
SILENCE = 6.0  # seconds that a block may take; PATIENCE and this together stay below 15
BLOCK = 128 << 10  # bytes: with SILENCE, the slowest download that goes on (20 kB/s)
TRIES = 5  # connections that may break off one after the other, each of which brought something


class Refused(CheckpointError):
    """The server answered, with an error. `code` is that of HTTP."""

    def __init__(self, message: str, code: int):
        super().__init__(message)
        self.code = code


@dataclass
class _Transfer:
    """A download in a thread of its own, because neither a look-up of a host nor a drip can be given a time limit."""

    url: str
    part: Path
    headers: Mapping[str, str]
    patience: float
    moved: threading.Event = field(default_factory=threading.Event)  # set whenever a block has come
    answered: bool = False
    done: bool = False
    stopped: bool = False  # nothing more may be written
    file: IO[bytes] | None = None
    error: BaseException | None = None
    about: dict = field(default_factory=dict)  # headers of all answers on the way, lower case
    total: int | None = None

    def run(self) -> None:
        try:
            self._receive()
        except BaseException as error:  # told by the thread that waits
            self.error = self.error or error
        self.done = True
        self.moved.set()

    def _receive(self) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        tag = _tag(self.part)
        request = urllib.request.Request(self.url, headers=dict(self.headers))
        if have and tag:
            request.add_header("Range", f"bytes={have}-")
            request.add_header("If-Range", tag)
        with urllib.request.build_opener(_Redirects(self.about)).open(request, timeout=self.patience) as answer:
            self.about |= {key.lower(): value for key, value in answer.headers.items()}
            self.answered = True
            self.moved.set()
            if self.stopped:
                return
            if "text/html" in self.about.get("content-type", ""):
                raise CheckpointError("a web page came in its place, as from a network that asks for a login")
            resumed = answer.status == 206 and self.about.get("content-range", "").startswith(f"bytes {have}-")
            length = self.about.get("content-length", "")
            self.total = int(length) + (have if resumed else 0) if length.isdigit() else None
            _keep_tag(self.part, self.about.get("etag", ""))
            with self.part.open("ab" if resumed else "wb") as self.file:
                self._copy(answer, self.file, have if resumed else 0)
        if self.total is not None and self.part.stat().st_size != self.total and not self.stopped:
            raise ConnectionError("the connection broke off")

    def stop(self) -> None:
        """Write nothing more, and close the file: its thread may wait for long, and Windows moves none that is open."""
        self.stopped = True
        if self.file:
            with suppress(OSError):
                self.file.close()

    def _copy(self, answer: http.client.HTTPResponse, file, have: int) -> None:
        since = 0
        name = urllib.parse.urlparse(self.url).path.rsplit("/", 1)[-1]
        with tqdm(
            total=self.total, initial=have, unit="B", unit_scale=True, desc=name, disable=None, leave=False
        ) as bar:
            while not self.stopped and (block := answer.read1(BLOCK)):
                if self.stopped:
                    return
                file.write(block)
                bar.update(len(block))
                since += len(block)
                if since >= BLOCK:
                    since = 0
                    self.moved.set()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, keeps what their headers say, and tells a token only to the host that it is for."""

    def __init__(self, about: dict):
        self.about = about

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        self.about |= {key.lower(): value for key, value in headers.items() if key.lower().startswith("x-")}
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None and new.host != req.host:
            new.headers.pop("Authorization", None)
        return new


def download(
    url: str,
    file: Path,
    *,
    what: str,
    advice: str,
    headers: Mapping[str, str] | None = None,
    patience: float | None = None,
) -> dict:
    """Bring a file here, going on where an earlier try broke off.

    Args:
        url: where it is.
        file: where it goes. Beside it, `.part` and `.etag` files keep what a broken try has brought.
        what: what it is called in messages.
        advice: what else one could do, as the end of a sentence.
        headers: of the request.
        patience: seconds to wait for a first answer; by default PATIENCE.

    Returns:
        The headers of the answers, by their names in lower case.

    Raises:
        OfflineError: the server cannot be reached.
        Refused: it answers with an error.
        CheckpointError: the download broke off, or something else came.
    """
    part = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(file.name + ".lock"), timeout=0):
            about = _tried(_Transfer(url, part, headers or {}, patience or PATIENCE), what, advice)
            _verify(part, about, what, advice)
            put(part, file)
            part.with_suffix(".etag").unlink(missing_ok=True)
            return about
    except Timeout:
        raise CheckpointError(f"another process is downloading {what}; wait until it is done") from None
    except OSError as error:
        raise _unwritable(error, what, file.parent, advice) from None


@contextmanager
def in_turn(lock: Path, folder: Path, what: str, advice: str) -> Iterator[None]:
    """Let one process at a time fetch something; the others wait for it, as long as something comes into a folder.

    Raises:
        CheckpointError: nothing comes, or the lock cannot be written.
    """
    own, before = FileLock(lock), _sizes(folder)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        while not own.is_locked:
            try:
                own.acquire(timeout=PATIENCE + SILENCE)
            except Timeout:
                now = _sizes(folder)
                if now == before:
                    raise CheckpointError(
                        f"another process is downloading {what} and gets nothing; end it and try again, {advice}"
                    ) from None
                before = now
    except OSError as error:
        raise _unwritable(error, what, lock.parent, advice) from None
    try:
        yield
    finally:
        own.release()


def _sizes(folder: Path) -> dict[str, int]:
    """The files in a folder, which need not be there, and how long each is."""
    with suppress(OSError):
        return {entry.name: entry.stat().st_size for entry in os.scandir(folder)}
    return {}


def _unwritable(error: OSError, what: str, folder: Path, advice: str) -> CheckpointError:
    return CheckpointError(
        f"{what} cannot be written to {folder}: {error.strerror or error}; choose another cache (HF_HOME for what is "
        f"on the Hub, TORCH_HOME for files of the official release), {advice}"
    )


def _tried(first: _Transfer, what: str, advice: str) -> dict:
    """The headers, once all of it lies in its `part`; a transfer that breaks off is followed by others like it."""
    part = first.part
    for left in reversed(range(TRIES)):
        have = part.stat().st_size if part.exists() else 0
        transfer = _Transfer(first.url, part, first.headers, first.patience)
        threading.Thread(target=transfer.run, daemon=True, name=f"download {what}").start()
        while not transfer.done:
            transfer.moved.clear()
            if not transfer.done and not transfer.moved.wait(SILENCE if transfer.answered else transfer.patience):
                transfer.stop()
                transfer.error = transfer.error or TimeoutError()
                break
        if transfer.error is None:
            return transfer.about
        came = part.stat().st_size if part.exists() else 0
        again = isinstance(transfer.error, urllib.error.HTTPError) and transfer.error.code == 416 and have
        if again:  # what is there is no beginning of what the server has now
            part.unlink()
        elif not (left and came > have and _broken(transfer.error)):
            raise _said(transfer, what, advice, came) from None
    raise _said(transfer, what, advice, came)


def _broken(error: BaseException) -> bool:
    return isinstance(error, (ConnectionError, http.client.HTTPException))


def _said(transfer: _Transfer, what: str, advice: str, came: int) -> CheckpointError:
    """What went wrong, in a sentence."""
    error, host = transfer.error, urllib.parse.urlparse(transfer.url).netloc
    if isinstance(error, CheckpointError):
        return CheckpointError(f"{what} could not be downloaded from {host}: {error}; try again, {advice}")
    if isinstance(error, urllib.error.HTTPError):
        phrase = http.client.responses.get(error.code, "unknown")  # what the server calls it may be any text
        return Refused(f"{host} answers {error.code} ({phrase}) for {what}; try again later, {advice}", error.code)
    if not transfer.answered:
        reason = getattr(error, "reason", error)
        reason = "no answer" if isinstance(reason, TimeoutError) else str(reason) or type(error).__name__
        return OfflineError(
            f"{what} is not in the local cache and {host} cannot be reached ({reason}); check the network, {advice}"
        )
    if isinstance(error, OSError) and not isinstance(error, (ConnectionError, TimeoutError)) and error.errno:
        return _unwritable(error, what, transfer.part.parent, advice)
    of = f" of {transfer.total / 1e6:.1f}" if transfer.total else ""
    how = "stands still" if isinstance(error, TimeoutError) else "broke off"
    return CheckpointError(
        f"the download of {what} {how} after {came / 1e6:.1f}{of} MB, which are kept: try again to go on from there, "
        f"{advice}"
    )


def _verify(part: Path, about: dict, what: str, advice: str) -> None:
    """Compare with the digest that the server names, where it names one. Raises CheckpointError."""
    want = re.fullmatch(r'(?:W/)?"?([0-9a-f]{64})"?', about.get("x-linked-etag") or about.get("etag", ""))
    if want and digest(part) != want[1]:
        part.unlink()
        raise CheckpointError(f"{what} came damaged; try again, {advice}")


def _tag(part: Path) -> str:
    """The ETag of what lies in `part`, "" where none is known: then nothing can be resumed."""
    try:
        return str(json.loads(part.with_suffix(".etag").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return ""


def _keep_tag(part: Path, tag: str) -> None:
    part.with_suffix(".etag").write_text(json.dumps("" if tag.startswith("W/") else tag), encoding="utf-8")
