"""A lent GPU where there is one, behind the same guard; elsewhere functions stay as they are."""

import os
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

pytest.importorskip("gradio")
gradio_client = pytest.importorskip("gradio_client")

from dfine.page import modules, zerogpu
from tests.page.conftest import ROOT, served

# A package of the same form as `spaces` on ZeroGPU: it wants to come before torch, reports when Gradio launches the
# page, runs each call in a process of its own, pickles what goes in and out, and keeps back what an exception says.
LENDER = """
import os, pickle, sys
from functools import wraps

def note(what):
    with open(os.environ["LENT"], "a") as file:
        print(what, file=file)

note(f"imported {'after' if 'torch' in sys.modules else 'before'} torch")
import gradio

launch = gradio.Blocks.launch
def reported(*given, **named):
    note("launched")
    return launch(*given, **named)
gradio.Blocks.launch = reported

def GPU(duration):
    def lend(fn):
        @wraps(fn)
        def run(*given, **named):
            asked, (ours, theirs) = pickle.dumps((given, named)), os.pipe()
            child = os.fork()
            if not child:
                note(f"lent for {duration} s")
                try:
                    given, named = pickle.loads(asked)
                    said = pickle.dumps((True, fn(*given, **named)))
                except BaseException as error:
                    said = pickle.dumps((False, type(error).__name__))
                with os.fdopen(theirs, "wb") as file:
                    file.write(said)
                os._exit(0)
            os.close(theirs)
            with os.fdopen(ours, "rb") as file:
                fine, answer = pickle.loads(file.read())
            os.waitpid(child, 0)
            if fine:
                return answer
            raise gradio.Error(f"worker error: {answer}")
        return run
    return lend
"""


def double(value):
    if value < 0:
        raise FileNotFoundError(f"{value} is too small")
    return 2 * value


def test_without_a_lender_nothing_changes(monkeypatch):
    monkeypatch.setattr(zerogpu, "spaces", None)
    assert zerogpu.gpu(double) is double


def test_a_lender_is_told_how_long_it_takes_and_sentences_come_through(monkeypatch):
    asked = []

    def lend(duration):
        asked.append(duration)
        return lambda fn: fn

    monkeypatch.setattr(zerogpu, "spaces", SimpleNamespace(GPU=lend))
    assert zerogpu.gpu(double)(4) == 8 and zerogpu.gpu(double, 30)(1) == 2
    assert asked == [15, 30]
    with pytest.raises(OSError, match="-1 is too small"):
        zerogpu.gpu(double)(-1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the stand-in forks, as the real package does")
def test_the_page_on_zerogpu_stands_behind_its_guard(checkpoint, tmp_path):
    (tmp_path / "spaces.py").write_text(LENDER)
    notes = tmp_path / "notes"
    lent = dict(SPACES_ZERO_GPU="true", LENT=str(notes), PYTHONPATH=str(tmp_path), OMP_NUM_THREADS="1")
    with served(checkpoint, DFINE_FETCH="0", **lent) as url:
        assert asked(url, "/readyz")[0] == 200
        assert asked(url, "/config", {"Host": "evil.example"})[0] == 421
        assert asked(url, "/gradio_api/run/predict", {"Content-Type": "application/json"}, b"{}")[0] in (404, 422)
        assert asked(url, "/openapi.json")[0] == asked(url, "/gradio_api/dev/reload")[0] == 404
        status, headers = asked(url, "/")
        assert (
            status == 200 and headers["x-content-type-options"] == "nosniff" and "dfine_visit" in headers["set-cookie"]
        )
        assert asked(url, f"/{modules.ADDRESS}/main.js")[0] == asked(url, "/favicon.svg")[0] == 200

        client = gradio_client.Client(url, verbose=False, httpx_kwargs=dict(timeout=120))
        picture = gradio_client.handle_file(str(ROOT / "assets" / "examples" / "1-clean.jpg"))
        found = client.predict(picture, api_name="/detect")
        assert found["detections"]
        with pytest.raises(Exception, match="there is no detection 9999"):
            client.predict(picture, index=9999, api_name="/inspect")
    lines = notes.read_text().splitlines()
    assert lines[0] == "imported before torch" and lines.count("launched") == 1
    assert set(lines[2:]) == {"lent for 15 s"} and len(lines) >= 4


def asked(url, path, headers=None, data=None):
    """Status and headers of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, data, headers or {}), timeout=60) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers
