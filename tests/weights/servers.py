"""A server on loopback that sends files badly, in ways that servers and networks have."""

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Sends:
    """What it sends, and how.

    Attributes:
        files: by the last part of their address; others are answered 404.
        stop: bytes after which a connection is closed, or held without a word where `hold` is set.
        ranges: whether a download can go on where it broke off.
        code: an error for everything.
        page: a web page in place of everything, as networks send that ask for a login.
        pause: seconds between bytes.
        elsewhere: an address that everything is to be had from.
        asked: the headers of all requests for files, in order.
    """

    files: dict = field(default_factory=dict)
    stop: int | None = None
    hold: bool = False
    ranges: bool = True
    code: int | None = None
    page: bool = False
    pause: float = 0.0
    elsewhere: str | None = None
    asked: list = field(default_factory=list)


@contextmanager
def serving(sends: Sends):
    """The address of a server that sends like that."""
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            name = self.path.rsplit("/", 1)[-1]
            sends.asked.append(dict(self.headers))
            if sends.elsewhere:
                self._answer(302, b"", Location=sends.elsewhere + self.path, **{"X-Repo-Commit": "b" * 40})
            elif sends.page:
                self._answer(200, b"<html>Please log in</html>", **{"Content-Type": "text/html"})
            elif sends.code or name not in sends.files:
                self._answer(sends.code or 404, b"")
            else:
                self._file(sends.files[name])

        def _answer(self, code, body, **headers):
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def _file(self, content):
            tag = f'"{hashlib.sha256(content).hexdigest()}"'
            start = 0
            if sends.ranges and self.headers.get("Range") and self.headers.get("If-Range") == tag:
                start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("ETag", tag)
            self.send_header("X-Repo-Commit", "a" * 40)
            self.end_headers()
            rest = content[start : None if sends.stop is None else start + sends.stop]
            try:
                for at in range(0, len(rest), 1 if sends.pause else max(1, len(rest))):
                    self.wfile.write(rest[at : at + 1] if sends.pause else rest)
                    if closing.wait(sends.pause):
                        break
                self.wfile.flush()
                if sends.hold:
                    closing.wait(60)
            except OSError:
                pass
            if sends.stop is not None:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
