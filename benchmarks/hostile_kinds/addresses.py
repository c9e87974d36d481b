"""Hosts, names of models and names of pictures that mean something else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dfine
from benchmarks.hostile_kinds.base import Case
from dfine.data.pictures import read
from dfine.page.guard import Hosts

HOSTS = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example:7860",
    "127.0.0.1@evil.example",
    "",
    " ",
    ".",
    "..",
    "localhost.",
    "0",
    "0x7f000001",
    "2130706433",
    "[",
    "[::",
    "[::1",
    "]",
    "@",
    "a@b@c",
    "127.1",
    "localhost#.evil.example",
    "evil.example#localhost",
    "evil.example?localhost",
    "evil.example/localhost",
    "\u24db\u24de\u24d2",
    "localhost\0.evil.example",
    "localhost evil.example",
    "evil.example,localhost",
    "*",
    "xn--localhost-",
    "169.254.169.254",
)
MODELS = (
    "http://127.0.0.1:9/a.pth",
    "https://127.0.0.1:9/a",
    "file:///etc/passwd",
    "ftp://127.0.0.1/a",
    "//127.0.0.1/a",
    "\\\\127.0.0.1\\a",
    "/etc/passwd",
    "../../etc/passwd",
    "~root",
    "~",
    ".",
    "..",
    "/",
    "",
    " ",
    "a/b/c",
    "a//b",
    "a/..",
    "../a",
    "a/b.pth",
    "/dev/zero",
    "/dev/null",
    "a\0b",
    "\ud800",
    "a/" + "b" * 200,
    "x" * 300,
    "nano-coco\n",
    "$(true)",
    "`true`",
    "%2e%2e",
    "con",
    "nul",
    "demo/../demo",
    "data:text/plain,a",
    "javascript:1",
    "s3://a/b",
    "hf://a/b",
    "git+https://127.0.0.1/a",
    "a:b",
    "C:\\a.pth",
    "*.pth",
    "{}",
    "[]",
)
PICTURES = (
    "http://127.0.0.1:9/a.png",
    "https://127.0.0.1:9/a.png",
    "file:///etc/passwd",
    "ftp://127.0.0.1/a",
    "//a/b",
    "/etc/passwd",
    "/dev/zero",
    "/dev/random",
    "/dev/stdin",
    "/proc/self/mem",
    "/proc/self/environ",
    "..",
    ".",
    "",
    "a\0b",
    "\ud800",
    "x" * 300,
    "a/" * 3_000,
    "~",
    "*.png",
    "data:image/png;base64,AAAA",
    "-",
    "|true",
    "$(true)",
    "con",
    "\n",
    "\u202egnp.a",
)


def addresses() -> Iterator[Case]:
    """Hosts, names of models and names of pictures that mean something else."""
    hosts = Hosts.of("127.0.0.1")
    for host in HOSTS:
        fine = host in ("localhost.",)

        def asked(_: Path, host: str = host) -> None:
            if not hosts.allow(host):
                raise ValueError(f"not {host}")

        yield Case("hosts", repr(host), asked, refused=not fine)
    for name in MODELS:
        yield Case(
            "models", repr(name[:40]), lambda _, name=name: dfine.load(name, device="cpu"), refused="demo" not in name
        )
    for name in PICTURES:
        yield Case("addresses", repr(name[:40]), lambda _, name=name: read(name), refused=True)
