"""The page under a path of another host."""

import pytest

pytest.importorskip("gradio")

from dfine.page.subpath import Subpath, prefix


def ended(coroutine):
    """Run one that waits for nothing; a browser's loop may run in this thread."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


@pytest.mark.parametrize(
    "root, wanted",
    [
        ("", ""),
        ("/", ""),
        ("/lens", "/lens"),
        ("lens/", "/lens"),
        ("/a/lens", "/a/lens"),
        ("https://example.org", ""),
        ("https://example.org/lens/", "/lens"),
    ],
)
def test_the_root_is_given_as_a_path_or_an_address(root, wanted):
    assert prefix(root) == wanted


@pytest.mark.parametrize(
    "root, path, wanted",
    [
        ("", "/config", "/config"),
        ("/lens", "/config", "/config"),  # the proxy took the prefix off
        ("/lens", "/lens/config", "/config"),  # it did not
        ("/lens", "/lens", "/"),
        ("/lens", "/lens/", "/"),
        ("/lens", "/lens/lens/gradio_api/upload", "/gradio_api/upload"),  # Gradio takes it off once more
        ("/lens", "/lenses/config", "/lenses/config"),
    ],
)
def test_what_stands_behind_sees_the_path_without_the_prefix(root, path, wanted):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    ended(Subpath(app, prefix(root))({"type": "http", "path": path, "raw_path": path.encode()}, None, None))
    assert (seen[0]["path"], seen[0]["raw_path"]) == (wanted, wanted.encode())


def test_what_has_no_path_passes():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    ended(Subpath(app, "/lens")({"type": "lifespan"}, None, None))
    assert seen == [{"type": "lifespan"}]
