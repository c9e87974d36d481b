"""What a link to the page shows elsewhere."""

import re
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.testclient import TestClient
from PIL import Image

from dfine.page import preview
from dfine.page.preview import Preview

PAGE = """<!doctype html><html><head><meta charset="utf-8">
<meta property="og:title" content="Gradio" />
<meta
    property="og:image"
    content="https://elsewhere.example/picture.png"
/>
<meta name="twitter:title" content="Gradio" /><style>p > q { color: red }</style></head><body>ü</body></html>"""


class Tags(HTMLParser):
    """The meta tags of a document by name or property, and its title."""

    def __init__(self, document):
        super().__init__()
        self.metas, self.icons = [], []
        self.feed(document)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "meta" and "content" in found:
            self.metas.append((found.get("property") or found.get("name"), found["content"]))
        if tag == "link":
            self.icons.append(found["href"])


def client(answer, origin="", prefix=""):
    application = FastAPI(routes=preview.routes())
    application.add_api_route("/", lambda: answer)
    application.add_api_route("/other", lambda: answer)
    return TestClient(Preview(application, origin, prefix))


def test_the_front_page_describes_this_project_once_and_names_nobody_else():
    document = client(HTMLResponse(PAGE), "https://space.example").get("/").text
    metas = Tags(document).metas
    said = dict(metas)
    assert len(said) == len(metas), "a tag twice"
    assert said["og:title"] == preview.TITLE and said["description"] == said["og:description"] == preview.DESCRIPTION
    assert said["og:image"] == "https://space.example/preview.jpg"
    assert "elsewhere" not in document and "Gradio" not in document
    assert f"<title>{preview.TITLE}</title>" in document and document.endswith("<body>ü</body></html>")
    assert "<style>p > q { color: red }</style>" in document


def test_under_a_path_of_another_host_icon_and_picture_stand_under_it_too():
    tags = Tags(client(HTMLResponse(PAGE), prefix="/lens").get("/").text)
    assert dict(tags.metas)["og:image"] == "/lens/preview.jpg" and tags.icons == ["/lens/favicon.svg"]


def test_its_icon_and_picture_are_there():
    page = client(HTMLResponse(PAGE))
    document = page.get("/").text
    icon, picture = Tags(document).icons[0], dict(Tags(document).metas)["og:image"]
    assert page.get(icon).headers["content-type"].startswith("image/svg") and b"<svg" in page.get(icon).content
    assert page.get(picture).headers["content-type"] == "image/jpeg"
    with Image.open(preview.PICTURE) as image:
        assert image.size == preview.SHAPE


def test_the_length_is_that_of_what_is_sent():
    answer = client(HTMLResponse(PAGE)).get("/")
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", JSONResponse({"og:title": "Gradio"})),
        ("/", Response(status_code=401)),
        ("/", HTMLResponse("")),
        ("/other", HTMLResponse(PAGE)),
    ],
)
def test_everything_else_passes_as_it_is(path, answer):
    got = client(answer).get(path)
    assert got.content == answer.body and got.status_code == answer.status_code


def test_a_head_request_has_no_body():
    assert not re.search("<title>", client(HTMLResponse(PAGE)).head("/").text)
