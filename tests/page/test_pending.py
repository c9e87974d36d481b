"""What is kept of answers: until they are fetched, and no longer."""

import json
import time

import pytest

gr = pytest.importorskip("gradio")
testclient = pytest.importorskip("starlette.testclient")

from fastapi import FastAPI

from dfine.page.pending import Pending
from tests.page.test_server import asked


@pytest.fixture
def page():
    with gr.Blocks() as page:
        number, answer = gr.Number(), gr.JSON()
        gr.Button().click(lambda n: {"twice": 2 * n}, number, answer, api_name="twice")
    return page.queue()


@pytest.fixture
def client(page):
    app = FastAPI()
    gr.mount_gradio_app(app, page, "/")
    pending = Pending(app, page, patience=60, most=2)
    with testclient.TestClient(pending) as client:
        client.pending = pending
        yield client


def asks(client, number):
    job = client.post("/gradio_api/call/twice", json={"data": [number]}).json()["event_id"]
    queue = client.pending.page._queue
    for _ in range(6000):
        if job not in queue.event_ids_to_events:
            return job
        time.sleep(0.02)
    raise AssertionError("it is never done")


def held(page):
    return [*page._queue.pending_messages_per_session], [*page._queue.pending_event_ids_session]


def test_nothing_is_kept_of_an_answer_that_was_fetched(page, client):
    for number in range(3):
        said = client.get(f"/gradio_api/call/twice/{asks(client, number)}").text
        assert "event: complete" in said and json.loads(said.split("data: ")[1])[0] == {"twice": 2 * number}
    assert held(page) == ([], [])


def test_an_answer_is_given_once(client):
    job = asks(client, 1)
    assert client.get(f"/gradio_api/call/twice/{job}").status_code == 200
    for number in (job, "nobody's"):
        answer = client.get(f"/gradio_api/call/twice/{number}")
        assert answer.status_code == 404 and "ask again" in answer.json()["error"]


def test_what_nobody_fetches_is_forgotten_after_a_while(page, client):
    job, now = asks(client, 1), 1000.0
    client.pending.sweep(now)
    client.pending.sweep(now + 59)
    assert held(page) == ([job], [job])
    client.pending.sweep(now + 60)
    assert held(page) == ([], []) and not client.pending._done


def test_the_oldest_of_too_many_go_first(page, client):
    jobs = []
    for number in range(4):
        jobs.append(asks(client, number))
        client.pending.sweep(time.monotonic())
    assert held(page) == (jobs[2:], jobs[2:])
    assert client.get(f"/gradio_api/call/twice/{jobs[3]}").status_code == 200


def test_a_job_at_work_is_kept_however_long_it_takes(page, client):
    queue = page._queue
    queue.pending_messages_per_session["s"] = queue.pending_event_ids_session["s"] = {"j"}
    queue.event_ids_to_events["j"] = object()
    for now in (0, 1000):
        client.pending.sweep(now)
    assert "s" in queue.pending_event_ids_session
    del queue.event_ids_to_events["j"]


def test_the_served_page_says_so_of_a_number_that_it_does_not_know(url):
    status, said = asked(url, "/gradio_api/call/detect/0123456789")
    assert status == 404 and "no answer waits" in said
