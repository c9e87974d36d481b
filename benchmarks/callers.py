"""Callers of the page's API, and what is seen of everybody who uses it: for `benchmarks/load.py`."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from dataclasses import dataclass, field

BUSY = (429, 503)
PATIENCE = 60.0  # seconds within which an answer is complete


@dataclass
class Seen:
    """What was seen in a round, by all who work in it.

    Attributes:
        waits: seconds of each answer.
        pages: seconds until a page stood that was opened while all were at work.
        held: megabytes of the page's process and of those that decode for it, about once a second.
        busy: how often somebody was told to come again.
        errors: everything else that was no answer, by what was said.
        actions: what visitors did, by name.
    """

    waits: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    held: list[tuple[float, float]] = field(default_factory=list)
    busy: int = 0
    errors: Counter = field(default_factory=Counter)
    actions: Counter = field(default_factory=Counter)


def uploaded(url: str, picture: bytes) -> str:
    """The path that the page gives an uploaded picture."""
    edge = uuid.uuid4().hex
    head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    body = head.encode() + picture + f"\r\n--{edge}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    request = urllib.request.Request(f"{url}/gradio_api/upload", body, kind)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.loads(answer.read())[0]


def asked(url: str, name: str, data: list, patience: float = PATIENCE) -> str:
    """The last event of an endpoint's answer.

    Raises:
        TimeoutError: it is not complete in time. A job that waits sends a sign of life every 15 seconds, so that a
            limit on each read by itself would never be reached.
    """
    call, end = f"{url}/gradio_api/call/{name}", time.monotonic() + patience
    request = urllib.request.Request(call, json.dumps({"data": data}).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=patience) as answer:
        event = json.loads(answer.read())["event_id"]
    said = []
    with urllib.request.urlopen(f"{call}/{event}", timeout=max(0.1, end - time.monotonic())) as answer:
        for line in answer:
            said = [line] if line.startswith(b"event:") else [*said, line]
            if time.monotonic() > end:
                raise TimeoutError(f"/{name} is not answered within {patience:.0f} s")
    return b"".join(said).decode()


def calling(url: str, picture: bytes, path: str, end: float, seen: Seen) -> None:
    """One caller, until `end` on the monotonic clock: the three endpoints in turn, and sometimes another upload first.

    A caller to whom the page is busy waits for as long as it is told, as a client should.
    """
    turn = 0
    while time.monotonic() < end:
        name, rest = (("detect", ["", 0.5]), ("inspect", ["", 0]), ("models", None))[turn % 3]
        turn, start = turn + 1, time.monotonic()
        try:
            path = uploaded(url, picture) if turn % 30 == 0 else path
            said = asked(url, name, [] if rest is None else [{"path": path}, *rest])
        except urllib.error.HTTPError as error:
            if error.code in BUSY:
                seen.busy += 1
                time.sleep(min(float(error.headers.get("retry-after") or 1), max(0, end - time.monotonic())))
            else:
                seen.errors[f"{error.code} {error.read(200)!r}"] += 1
            continue
        except (OSError, http.client.HTTPException) as error:
            seen.errors[f"/{name}: {error!r}"[:120]] += 1
            continue
        if said.startswith("event: complete"):
            seen.waits.append(time.monotonic() - start)
        else:
            seen.errors[said[:120]] += 1


def callers(number: int, *given: object) -> list[threading.Thread]:
    """So many callers, at work; none of them keeps this process from ending."""
    work = [threading.Thread(target=calling, args=given, daemon=True) for _ in range(number)]
    for thread in work:
        thread.start()
    return work
