"""What stands before the page: hosts, names of endpoints, uploads, headers."""

import asyncio
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

testclient = pytest.importorskip("starlette.testclient")

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dfine.page import guard as guards
from dfine.page.guard import Guard, Hosts, Quota
from tests.helpers import run

LOCAL = Hosts.of("127.0.0.1")


async def echo(request):
    body = await request.body()
    headers = {"Access-Control-Allow-Origin": request.headers.get("origin", ""), "X-Content-Type-Options": "other"}
    return PlainTextResponse(f"{request.method} {len(body)}", headers=headers)


@pytest.fixture
def ask(tmp_path):
    """A function that makes a guard, and gives a client that speaks to it."""

    def made(hosts=LOCAL, quota=None, framed_by=()):
        app = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])
        guard = Guard(app, hosts, quota or Quota(), lambda: tmp_path, framed_by)
        return testclient.TestClient(guard, base_url="http://127.0.0.1:7860")

    return made


@pytest.mark.parametrize(
    "bound, space, more, host, allowed",
    [
        ("127.0.0.1", "", "", "127.0.0.1:7860", True),
        ("127.0.0.1", "", "", "localhost", True),
        ("127.0.0.1", "", "", "LOCALHOST:1", True),
        ("127.0.0.1", "", "", "[::1]:7860", True),
        ("127.0.0.1", "", "", "evil.example", False),
        ("127.0.0.1", "", "", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "", "", "localhost@evil.example", False),
        ("127.0.0.1", "", "", "192.168.0.7", False),
        ("127.0.0.1", "", "", "", False),
        ("127.0.0.1", "", "", "[::1", False),
        ("0.0.0.0", "", "", "192.168.0.7:7860", True),
        ("0.0.0.0", "", "", "evil.example", False),
        ("0.0.0.0", "me-lens.hf.space", "", "me-lens.hf.space", True),
        ("127.0.0.1", "", "lens.example, other.example", "other.example", True),
        ("127.0.0.1", "", "*", "anything.example", True),
    ],
)
def test_which_hosts_are_allowed(bound, space, more, host, allowed):
    assert Hosts.of(bound, space, more).allow(host) is allowed


def test_another_host_is_refused_and_health_is_not(ask):
    client = ask()
    assert client.get("/").text == "GET 0"
    for headers in ({"host": "evil.example"}, {"x-forwarded-host": "evil.example"}):
        answer = client.get("/", headers=headers)
        assert answer.status_code == 421 and "does not answer for that host" in answer.json()["error"]
        assert client.get("/healthz", headers=headers).status_code == 200


def test_other_sites_get_no_access(ask):
    client = ask()
    same = client.get("/", headers={"origin": "http://localhost:7860"})
    assert same.headers["access-control-allow-origin"] == "http://localhost:7860"
    for origin in ("http://evil.example", "http://evil.example:7860"):
        assert "access-control-allow-origin" not in client.get("/", headers={"origin": origin}).headers


def test_every_answer_carries_the_headers_once(ask):
    for answer in (ask().get("/"), ask().get("/", headers={"host": "evil.example"})):
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "same-origin"
    framed = ask(framed_by=["https://huggingface.co"]).get("/")
    assert "frame-ancestors 'self' https://huggingface.co" in framed.headers["content-security-policy"]


def test_an_upload_too_large_for_one_request_is_refused(ask):
    client = ask(quota=Quota(request=1000))
    assert client.post("/gradio_api/upload", content=b"x" * 1000).text == "POST 1000"
    answer = client.post("/gradio_api/upload", content=b"x" * 1001)
    assert answer.status_code == 413 and "allowed at once" in answer.json()["error"]
    assert client.post("/gradio_api/run/predict", content=b"x" * 1001).status_code == 200, "no upload"


def test_an_upload_has_to_say_how_long_it_is(ask):
    assert ask().post("/gradio_api/upload", content=iter([b"x"])).status_code == 411


def test_a_visitor_has_a_quota_that_time_gives_back():
    quota = Quota(request=100, visitor=150, period=10)
    assert quota.refusal("a", 100, now=0) is None
    assert quota.refusal("a", 60, now=1)[0] == 429
    assert quota.refusal("a", 50, now=1) is None
    assert quota.refusal("b", 100, now=1) is None, "others have their own"
    assert quota.refusal("a", 100, now=10.5) is None
    assert quota.refusal("c", 1, now=100) is None and set(quota._sent) == {"c"}, "nothing is kept of those who left"


def test_the_oldest_uploads_go_first(ask, tmp_path):
    for age, name in enumerate(["new", "middle", "old"]):
        path = tmp_path / name / "file.bin"
        path.parent.mkdir()
        path.write_bytes(b"x" * 100)
        os.utime(path, (time.time() - age * 60,) * 2)
    client = ask(quota=Quota(total=210))
    assert client.post("/gradio_api/upload", content=b"x").status_code == 200
    assert sorted(p.parent.name for p in tmp_path.rglob("*.bin")) == ["middle", "new"]
    Quota().trim(tmp_path / "not there")


def test_an_upload_that_is_in_use_stays_and_the_next_one_goes(tmp_path, monkeypatch):
    """Windows deletes no file that somebody has open."""
    for age, name in enumerate(("new", "old", "used")):
        (tmp_path / name).write_bytes(b"x" * 10)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    unlink = Path.unlink

    def held(path, **how):
        if path.name == "used":
            raise PermissionError(13, "it is being used by another process", str(path))
        unlink(path, **how)

    monkeypatch.setattr(Path, "unlink", held)
    Quota(total=20).trim(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "used"]


def test_who_sends_nothing_is_given_up(tmp_path):
    sent = []

    async def app(scope, receive, send):
        sent.append(await receive())

    async def never():
        await asyncio.sleep(60)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "client": ("127.0.0.1", 1)}
    scope["headers"] = [(b"host", b"localhost"), (b"content-length", b"10")]
    guard = Guard(app, LOCAL, Quota(patience=0.05), lambda: tmp_path)
    run(guard(scope, never, never))
    assert sent == [{"type": "http.disconnect"}]


def test_who_sends_drop_by_drop_is_given_up(tmp_path, monkeypatch):
    """Each drop comes in time; all of them together do not. The guard's clock is moved by them alone."""
    got, now = [], [0.0]
    monkeypatch.setattr(guards, "time", SimpleNamespace(monotonic=lambda: now[0]))

    async def app(scope, receive, send):
        while len(got) < 10 and (not got or got[-1]["type"] == "http.request"):
            got.append(await receive())

    async def drop():
        await asyncio.sleep(0 if now[0] < 60 else 1)
        now[0] += 20
        return {"type": "http.request", "body": b"x", "more_body": True}

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/run/models", "client": ("127.0.0.1", 1)}
    scope["headers"] = [(b"host", b"localhost")]
    guard = Guard(app, LOCAL, Quota(patience=60, pace=1000), lambda: tmp_path)
    run(guard(scope, drop, drop))
    assert got[-1] == {"type": "http.disconnect"} and len(got) == 4


def test_whoever_has_sent_all_may_wait_as_long_as_they_like(tmp_path):
    got = []

    async def app(scope, receive, send):
        got.append(await receive())
        got.append(await receive())

    messages = [{"type": "http.request", "body": b"x", "more_body": False}, {"type": "http.disconnect"}]

    async def slowly():
        if len(messages) == 1:
            await asyncio.sleep(0.3)
        return messages.pop(0)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/run/models", "client": ("127.0.0.1", 1)}
    scope["headers"] = [(b"host", b"localhost")]
    guard = Guard(app, LOCAL, Quota(patience=0.1), lambda: tmp_path)
    begin = time.monotonic()
    run(guard(scope, slowly, slowly))
    assert [message["type"] for message in got] == ["http.request", "http.disconnect"]
    assert time.monotonic() - begin > 0.25
