"""The browser's modules, as the page serves them."""

import re

import pytest

pytest.importorskip("gradio")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from dfine.page import modules

FILES = sorted(modules.FOLDER.glob("*.js"))


def test_every_module_is_served_as_a_script():
    client = TestClient(FastAPI(routes=modules.routes()), root_path="/lens")  # as under a path of a proxy
    for path in FILES:
        answer = client.get(f"/{modules.ADDRESS}/{path.name}")
        assert answer.status_code == 200 and answer.text == path.read_text(encoding="utf-8")
        assert answer.headers["content-type"].startswith("text/javascript"), "a browser runs no other type"
    assert client.get(f"/{modules.ADDRESS}/package.json").status_code == 404
    assert client.get(f"/{modules.ADDRESS}/../app.py").status_code == 404


def test_modules_need_each_other_and_nobody_else():
    names, used = {path.name for path in FILES}, {"main.js"}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        wanted = re.findall(r"^import .*? from '(.*?)';", text, re.MULTILINE | re.DOTALL)
        assert all(name.removeprefix("./") in names and name.startswith("./") for name in wanted), path.name
        assert "://" not in text.replace("http://www.w3.org/2000/svg", ""), f"{path.name} names another host"
        used |= {name.removeprefix("./") for name in wanted}
        assert text.startswith("/**"), f"{path.name} says what it is for"
        assert len(text.splitlines()) <= 300 and max(map(len, text.splitlines())) <= 160, path.name
    assert used == names, "a module that nobody imports"


def test_a_part_names_its_view_and_what_it_may_tell_the_server():
    part = modules.part("setting", "need", "ask", value={})
    assert part.elem_id == "setting" and part.value == {} and modules.ADDRESS in part.js_on_load
    assert callable(part.need) and callable(part.ask)
    with pytest.raises(AttributeError):
        part.other  # noqa: B018
