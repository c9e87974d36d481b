"""How many connections one address has, and for how long."""

import asyncio
import socket
import threading

import pytest

testclient = pytest.importorskip("starlette.testclient")

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dfine.page import connections
from dfine.page.connections import Connections, Impatient, Most
from tests.helpers import run
from tests.page.test_server import asked


def client(most):
    async def answer(request):
        return PlainTextResponse("here")

    behind = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    return testclient.TestClient(Connections(behind, most))


@pytest.mark.parametrize(
    "path",
    [
        "dev/reload",
        "deep_link?session_hash=x",
        "proxy=http://127.0.0.1/",
        "proxy=/",
        "stream/a/b/c/playlist.m3u8",
        "vibe-code",
        "runs",
        "profiling/traces",
    ],
)
def test_the_served_page_has_nothing_for_builders(url, path):
    """`dev/reload` looked for news twenty times a second, for everybody and for ever."""
    status, said = asked(url, f"/gradio_api/{path}")
    assert status == 404 and "nothing there" in said


@pytest.mark.parametrize("path", ["openapi.json", "monitoring", "monitoring/summary"])
def test_it_describes_its_routes_to_nobody(url, path):
    assert asked(url, f"/{path}")[0] == 404


def test_descriptions_of_the_page_have_a_rate():
    ask = client(Most(pages=3))
    assert [ask.get(path).status_code for path in ("/", "/config", "/gradio_api/info", "/")] == [200, 200, 200, 429]
    assert int(ask.get("/").headers["retry-after"]) > 0
    assert ask.get("/assets/a.js").status_code == ask.post("/").status_code == 200, "nothing else counts"


def test_answers_that_stay_open_are_counted_and_given_back():
    """Three are open of the two that are allowed to stay; when one ends, there is room again."""

    async def tried():
        going, statuses = asyncio.Event(), []

        async def behind(scope, receive, send):
            await going.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def send(message):
            statuses.append(message.get("status"))

        app = Connections(behind, Most(streams=2))
        scope = {"type": "http", "method": "GET", "path": "/gradio_api/heartbeat/x", "client": ("a", 1), "headers": []}
        open_now = [asyncio.create_task(app(scope, None, send)) for _ in range(2)]
        await asyncio.sleep(0)
        await app(scope, None, send)
        other = asyncio.create_task(app(scope | {"client": ("b", 1)}, None, send))
        refused = list(statuses)
        going.set()
        await asyncio.gather(*open_now, other)
        await app(scope, None, send)
        return refused, statuses[len(refused) :], app._open

    refused, answered, left = run(tried())
    assert refused[0] == 429 and answered == [200] * 4 and not left


@pytest.fixture
def line(monkeypatch):
    """A connection to a server that soon loses its patience, and what lets it begin.

    What is sent before lies there when it accepts the connection, however long the machine takes to send it.
    """
    monkeypatch.setattr(connections, "PATIENCE", 0.3)

    async def answer(scope, receive, send):
        await asyncio.sleep(1.0)  # longer than its patience: who waits for an answer is not hung up on
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(answer, http=Impatient, log_level="critical", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, args=([listening],))
        with socket.create_connection(listening.getsockname(), timeout=120) as connection:
            yield connection, thread.start
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nA: "])
def test_half_a_request_is_not_waited_for(line, sent):
    connection, begin = line
    connection.sendall(sent)
    begin()
    assert connection.recv(100) == b""  # it hung up


def test_a_slow_answer_may_take_its_time(line):
    connection, begin = line
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    begin()
    assert connection.recv(100).startswith(b"HTTP/1.1 200")
