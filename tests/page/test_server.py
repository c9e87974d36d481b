"""The page as it is served: its port, its health, and what it does not tell."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from assets.ports import free_port
from dfine.page import app, modules, server
from tests.page.conftest import ROOT


def asked(url, path, headers=None, data=None):
    """Status and text of an answer."""
    request = urllib.request.Request(url + path, data, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(
    "auth, pairs",
    [("", None), (" , ", None), ("me:secret", [("me", "secret")]), ("a:b:c, d:e", [("a", "b:c"), ("d", "e")])],
)
def test_logins(auth, pairs):
    assert server.logins(auth) == pairs


@pytest.mark.parametrize("auth, place", [("me", 1), (":secret", 1), ("a:b,secretive", 2), ("a:", 1)])
def test_a_login_that_is_none_is_refused_without_being_repeated(auth, place):
    with pytest.raises(ValueError, match=f"entry {place} of DFINE_AUTH is not NAME:PASSWORD") as error:
        server.logins(auth)
    assert "secret" not in str(error.value)


def test_a_port_that_is_taken_is_said_at_once(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} of 127.0.0.1 cannot be used .*choose another with --port"):
            server.bound("127.0.0.1", port)
        with pytest.raises(SystemExit) as stop:  # before any model is read: there is none of that name
            app.main(["--model", "no-such-model", "--port", str(port)], program="dfine app")
    assert str(stop.value).startswith(f"dfine app: port {port} of 127.0.0.1 cannot be used")


def test_without_a_port_the_first_free_one_is_taken(monkeypatch):
    begin = free_port()  # of its own: other pages that come and go have the usual ones
    monkeypatch.setattr(server, "PORTS", range(begin, begin + len(server.PORTS)))
    with server.bound("127.0.0.1", None) as first, server.bound("127.0.0.1", None) as second:
        assert first.getsockname()[1] < second.getsockname()[1] and second.getsockname()[1] in server.PORTS


def test_on_windows_a_port_is_shared_with_nobody(monkeypatch):
    """There SO_REUSEADDR lets two programs listen at one port, and one of them answers, nobody knows which."""
    monkeypatch.setattr(server.os, "name", "nt")
    with server.bound("127.0.0.1", None) as listening:
        assert not listening.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


def test_the_page_says_how_it_is(url):
    assert asked(url, "/healthz") == (200, '{"status":"ok"}')
    assert asked(url, "/readyz") == (200, '{"status":"ready"}')


def test_another_host_is_refused(url):
    assert asked(url, "/", {"Host": "evil.example"})[0] == 421
    assert asked(url, "/config", {"X-Forwarded-Host": "evil.example"})[0] == 421


def test_a_private_endpoint_cannot_be_called_by_name(url):
    dependencies = json.loads(asked(url, "/config")[1])["dependencies"]
    private = {d["api_name"] for d in dependencies if d["api_name"] and d["api_visibility"] != "public"}
    assert len(private) > 5
    body = json.dumps({"data": ["x"] * 3}).encode()
    for name in sorted(private):
        for way in ("call", "run"):
            status, text = asked(url, f"/gradio_api/{way}/{name}", {"Content-Type": "application/json"}, body)
            assert status == 404 and "there are detect, inspect, models" in text


def test_no_path_of_the_server_is_told(url):
    for path in ("/config", "/", "/gradio_api/info"):
        text = asked(url, path)[1]
        for place in (ROOT, Path(sys.prefix), Path.home()):
            assert str(place) not in re.sub(r"https?://[^\"'\s]+", "", text), path


def test_the_api_page_counts_nobodys_calls(url):
    assert asked(url, "/monitoring/summary")[0] == 404


def woken(process):
    """How often the process's main thread is woken in a second."""
    counts = []
    for pause in (1, 0):
        status = Path(f"/proc/{process.pid}/status").read_text()
        counts.append(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)[1]))
        time.sleep(pause)
    return counts[1] - counts[0]


def test_a_login_keeps_others_out_also_under_a_path_and_an_interrupt_ends_it_without_a_traceback(checkpoint, tmp_path):
    port = free_port()
    command = [sys.executable, "app.py", "--model", checkpoint, "--port", str(port), "--no-fetch", "--no-swift"]
    own = {"DFINE_AUTH": "me:open sesame", "GRADIO_ROOT_PATH": "/lens", "GRADIO_TEMP_DIR": str(tmp_path)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        assert process.stdout.readline() == f"* Running on local URL:  {url}\n"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for root in ("", "/lens"):  # a proxy takes its path off, or leaves it
            assert asked(url, f"{root}/healthz")[0] == 200
            assert asked(url, f"{root}/config")[0] == 401
            assert asked(url, f"{root}/{modules.ADDRESS}/main.js")[0] == 200
            assert asked(url, f"{root}/login", form, b"username=me&password=wrong")[0] == 400
            assert asked(url, f"{root}/login", form, b"username=me&password=open+sesame")[0] == 200
            assert asked(url, f"{root}/gradio_api/upload", form, b"x")[0] == 401
        if sys.platform == "linux":  # once the examples are looked at, it rests
            assert any(woken(process) < 250 for _ in range(60))
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in err, err


def test_a_login_that_is_none_stops_the_start(monkeypatch):
    monkeypatch.setenv("DFINE_AUTH", "nonsense")
    with pytest.raises(SystemExit) as stop:  # before any model is read: there is none of that name
        app.main(["--model", "no-such-model", "--port", "0"])
    assert str(stop.value).startswith("app.py: entry 1 of DFINE_AUTH")
