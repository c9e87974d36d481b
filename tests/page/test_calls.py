"""Which calls reach the page's callbacks, how many of one visitor, and what is superseded."""

import json
import socket
import threading
import time
import urllib.request

import pytest

gr = pytest.importorskip("gradio")
testclient = pytest.importorskip("starlette.testclient")

from fastapi import FastAPI

from dfine.page.calls import COOKIE, Calls, Limits
from tests.page.test_server import asked

JSON = {"Content-Type": "application/json"}


def test_a_visitor_has_a_rate_that_time_gives_back():
    limits = Limits(jobs=2, calls=3, period=10)
    assert [limits.too_many("a", True, now) for now in (0, 1)] == [None, None]
    assert limits.too_many("a", True, 4) == 6
    assert limits.too_many("b", True, 4) is None, "others have their own"
    assert [limits.too_many("a", False, 4) for _ in range(4)] == [None, None, None, 10], "quick calls count apart"
    assert limits.too_many("a", True, 10.5) is None
    assert limits.too_many("c", True, 100) is None and set(limits._made) == {("c", True)}, "nobody is kept who left"


def sent(url, path, body, headers=()):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return asked(url, path, JSON | dict(headers), data)


@pytest.fixture(scope="module")
def functions(url):
    """Of the served page: name or number -> its entry in the page's description."""
    there = json.loads(asked(url, "/config")[1])["dependencies"]
    return {d["id"]: d for d in there}


def test_callers_get_what_the_api_documents_and_nothing_else(url, functions):
    """By name and by number, in the queue and past it, under a public name too."""
    private = [number for number, d in functions.items() if d["api_visibility"] != "public" and d["backend_fn"]]
    assert len(private) > 20
    for number in private:
        named = functions[number]["api_name"]
        call = {"fn_index": number, "data": [], "session_hash": "x"}
        for path in ("queue/join", "run/predict", "api/predict/", "run/models", f"run/{named}", f"call/{named}"):
            status, said = sent(url, f"/gradio_api/{path}", call)
            assert status == 404 and "there are detect, inspect, models" in said
    for path in ("component_server", "vibe-edit", "run-history/connect", "process_recording", "stream/x"):
        assert sent(url, f"/gradio_api/{path}", {})[0] == 404


def test_the_page_calls_with_its_cookie(url, functions):
    with urllib.request.urlopen(url) as page:
        cookie = page.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith(COOKIE)
    quick = next(n for n, d in functions.items() if d["api_name"] == "arrive")
    call = {"fn_index": quick, "data": [None], "session_hash": "x"}
    assert sent(url, "/gradio_api/run/predict", call, {"Cookie": cookie})[0] == 200
    for forged in (cookie[:-1] + ("0" if cookie[-1] != "0" else "1"), f"{COOKIE}=x.y", f"{COOKIE}=", f"{COOKIE}=ü"):
        status, said = sent(url, "/gradio_api/run/predict", call, {"Cookie": forged.encode().decode("latin-1")})
        assert status == 403 and "load it again" in said


@pytest.mark.parametrize(
    "path, body, status",
    [
        ("call/detect", {"data": [None]}, 422),
        ("call/detect", {"data": [{"path": "/etc/passwd"}]}, 422),
        ("call/detect", {}, 422),
        ("call/detect", [1], 422),
        ("call/v2/detect", {"foo": 1}, 422),
        ("queue/join", {"fn_index": "x", "data": []}, 404),
        ("queue/join", {"fn_index": 10**6, "data": []}, 404),
        ("queue/join", {"data": []}, 404),
        ("run/models", {"data": [1]}, 422),
        ("run/models", {"data": [], "session_hash": "x" * 200}, 422),
        ("call/detect", b"{", 400),
        ("call/detect", b"[" * 100_000, 400),
        ("call/detect", b"9" * 5000, 400),
        ("call/detect", b"\xff\xfe", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_wrong_shape_gets_a_sentence(url, path, body, status):
    got, said = sent(url, f"/gradio_api/{path}", body)
    assert got == status and len(json.loads(said)["error"]) > 20


@pytest.fixture
def slow():
    """A page with one slow private callback, and what it was called with; (client, its number, calls, go)."""
    calls, go = [], threading.Event()

    def work(value):
        calls.append(value)
        go.wait(120)
        return value

    with gr.Blocks() as page:
        given, shown, button = gr.Textbox(), gr.Textbox(), gr.Button()
        button.click(work, given, shown, concurrency_limit=1, api_visibility="private")
    page.queue(max_size=8, api_open=False)
    app = gr.mount_gradio_app(FastAPI(), page, "/")
    guarded = Calls(app, page, ("none",), Limits(waiting=3), lambda: None)
    with testclient.TestClient(guarded, base_url="http://127.0.0.1") as client:
        number = next(n for n, f in page.fns.items() if f.fn is not None and f.name == "work")
        yield client, number, calls, go
        go.set()


def test_a_call_that_is_too_long_is_refused(slow):
    client = slow[0]
    answers = [
        client.post("/gradio_api/call/none", content=body) for body in (b" " * 4_000_001, iter([b" " * 4_000_001]))
    ]
    assert [answer.status_code for answer in answers] == [413, 413]
    assert "send pictures to /gradio_api/upload" in answers[1].json()["error"]


def join(client, number, value, session):
    return client.post("/gradio_api/queue/join", json={"fn_index": number, "data": [value], "session_hash": session})


def until(what):
    for _ in range(6000):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in two minutes")


def test_what_a_newer_job_supersedes_is_not_run(slow):
    client, number, calls, go = slow
    assert client.get("/").cookies[COOKIE]
    for value in "abcd":
        assert join(client, number, value, "mine").status_code == 200
        until(lambda: calls)  # the first one runs, and stays
    assert join(client, number, "other", "another page").status_code == 200
    go.set()
    until(lambda: len(calls) == 3)
    assert calls == ["a", "d", "other"]
    messages = client.get("/gradio_api/queue/data", params={"session_hash": "mine"}).text
    ends = [json.loads(line[5:]) for line in messages.splitlines() if "process_completed" in line]
    values = sorted(str(end["output"]["data"][0]) for end in ends)
    assert values == ["a", "d", "{'__type__': 'update'}", "{'__type__': 'update'}"], "the page hears of all four"


def test_one_visitor_does_not_fill_the_queue(slow):
    client, number, calls, go = slow
    client.get("/")
    answers = [join(client, number, str(i), f"page {i}") for i in range(6)]
    until(lambda: calls)
    kept = [answer.status_code for answer in answers]
    assert kept.count(200) in (3, 4) and set(kept) == {200, 429}, "one may run already"
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert "of your pictures wait already" in refused.json()["error"] and refused.headers["retry-after"] == "2"


def test_long_calls_on_their_way_are_counted_and_short_ones_have_room(url):
    """Calls that are announced and never sent hold no more memory than all calls may."""
    port = int(url.rpartition(":")[2])
    head = "POST /gradio_api/run/models HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{{"
    lines = []
    try:
        for _ in range(Limits().reading // Limits().body):
            lines.append(socket.create_connection(("127.0.0.1", port), timeout=30))
            lines[-1].sendall(head.format(Limits().body).encode())
        for _ in range(1000):
            status, said = sent(url, "/gradio_api/run/models", b" " * 100_000)
            if status == 503:
                break
            time.sleep(0.05)
        assert status == 503 and "too much is being sent" in said
        assert sent(url, "/gradio_api/run/models", {"data": []})[0] == 200
    finally:
        for line in lines:
            line.close()
