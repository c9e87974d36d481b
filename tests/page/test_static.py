"""Scripts and styles from memory."""

import pytest

testclient = pytest.importorskip("starlette.testclient")

from starlette.applications import Starlette  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

from dfine.page import modules  # noqa: E402
from dfine.page.static import LARGEST, Static  # noqa: E402

SCRIPT = "/assets/index-DphvyggB.js"


@pytest.fixture
def served():
    """A client, what reached the application behind, and the cache."""
    asked = []

    async def answer(request):
        asked.append(request.url.path)
        packed = request.headers.get("accept-encoding", "")
        if "missing" in request.url.path:
            return Response("no", 404)
        size = LARGEST + 1 if "large" in request.url.path else 20
        head = {"etag": '"1"', "access-control-allow-origin": "http://127.0.0.1", "set-cookie": "a=b"}
        return Response(packed.ljust(size), headers=head, media_type="text/javascript")

    cache = Static(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])]), most=100)
    return testclient.TestClient(cache), asked, cache


def test_nothing_is_kept_at_first(served):
    client, asked, cache = served
    assert not cache._kept
    client.get(SCRIPT)
    assert asked == [SCRIPT]


@pytest.mark.parametrize("path", [SCRIPT, "/assets/Index-C71TU_Uc.css", f"/{modules.ADDRESS}/main.js"])
def test_the_second_visitor_gets_the_same_from_memory(served, path):
    client, asked, _ = served
    first, second = client.get(path), client.get(path)
    assert first.content == second.content and asked == [path]
    for answer in (first, second):
        assert answer.status_code == 200 and answer.headers["etag"] == '"1"'
        assert "immutable" in answer.headers["cache-control"]
        assert int(answer.headers["content-length"]) == len(answer.content)
    assert not {"set-cookie", "access-control-allow-origin"} & set(second.headers)  # those were the first one's


def test_packed_and_plain_are_two_things(served):
    client, asked, _ = served
    for _ in range(2):
        assert client.get(SCRIPT, headers={"accept-encoding": "gzip, br"}).text.strip() == "br"
        assert client.get(SCRIPT, headers={"accept-encoding": "gzip"}).text.strip() == "identity"
    assert asked == [SCRIPT] * 2


@pytest.mark.parametrize(
    "path", ["/", "/config", "/theme.css?v=1", "/assets/plain.js", "/assets/../index-DphvyggB.js/x", "/gradio_api/info"]
)
def test_what_may_change_is_asked_for_each_time(served, path):
    client, asked, _ = served
    for _ in range(2):
        assert "cache-control" not in client.get(path).headers
    assert len(asked) == 2


@pytest.mark.parametrize("path", ["/assets/missing-DphvyggB.js", "/assets/large-DphvyggB.js"])
def test_failures_and_large_files_are_not_kept(served, path):
    client, asked, cache = served
    assert client.get(path).status_code == client.get(path).status_code
    assert len(asked) == 2 and not cache._kept


def test_other_requests_pass(served):
    client, asked, _ = served
    client.get(SCRIPT)
    client.post(SCRIPT)
    client.get(SCRIPT, headers={"range": "bytes=0-1"})
    assert len(asked) == 3


def test_it_stays_within_its_size(served):
    client, asked, cache = served
    paths = [f"/assets/index-{i:08d}.js" for i in range(20)]
    for path in paths:
        client.get(path)
    assert sum(len(kept.body) for kept in cache._kept.values()) <= cache.most
    client.get(paths[-1])
    assert len(asked) == 20
    client.get(paths[0])
    assert len(asked) == 21
