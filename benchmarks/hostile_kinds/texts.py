"""Lists of names, JSON and YAML that are broken, and videos that are none."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.hostile_kinds.base import ODD, Case, as_json, written
from benchmarks.hostile_kinds.pictures import STRANGE
from dfine.data import texts
from dfine.video.clip import plan
from dfine.weights.names import read_names

BOMBS = {
    "a hundred thousand brackets": b"[" * 100_000,
    "a number of 5,000 digits": b'{"images": ' + b"9" * 5_000 + b"}",
    "half a letter": b'{"images": "\\ud800"}',
    "UTF-16 without a mark": '{"images": []}'.encode("utf-16-le"),
    "UTF-16": '{"images": []}'.encode("utf-16"),
    "Latin-1": '{"images": "\u00e9"}'.encode("latin-1"),
    "null bytes": bytes(1_000),
    "cut off": b'{"images": [',
    "twice": b"{}{}",
    "NaN": b"NaN",
    "nothing": b"",
}
YAML_BOMBS = {
    "a billion laughs": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (97 + i, 97 + i, b",".join([b"*%c" % (96 + i)] * 9)) for i in range(1, 9)),
    "a call": b"!!python/object/apply:os.system ['true']",
    "an object": b"!!python/object:os.path {}",
    "an anchor in itself": b"a: &a [*a]",
    "a merge with itself": b"a: &a\n  <<: *a\n",
    "a hundred lists deep": b"[" * 100 + b"]" * 100,
    "a tab": b"\tnames: [cup]",
    "names that count": b"names: {0: 1, 1: 2}",
    "a date": b"names: 2001-01-01",
    "binary": b"names: !!binary aGk=",
    "no": b"names: [no, yes, on, off, ~, 1e3, 0x10]",
}


def files() -> Iterator[Case]:
    """Lists of names, JSON, YAML and videos that are broken."""
    for name, data in (BOMBS | YAML_BOMBS).items():
        yield Case("names", f"{name} as JSON", written("n.json", data, lambda path: read_names(str(path))))
        yield Case("names", f"{name} as YAML", written("n.yaml", data, lambda path: read_names(str(path))))
        yield Case("names", f"{name} as lines", written("n.txt", data, lambda path: read_names(str(path))))
        yield Case("JSON", name, written("x.json", data, texts.content))
        yield Case("YAML", name, written("x.yaml", data, texts.yaml_content))
    for name, odd in ODD.items():
        yield Case("names", name, written("n.json", as_json(odd), lambda path: read_names(str(path))))
        yield Case("names", f"a list of {name}", written("n.json", as_json([odd]), lambda path: read_names(str(path))))
    lists = {"HLS": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "concat": b"ffconcat version 1.0\nfile /etc/passwd\n"}
    for name, data in (STRANGE | BOMBS | lists).items():
        for ending in (".mp4", ".mkv", ".m3u8"):
            yield Case("videos", f"{name} called a{ending}", written(f"a{ending}", data, plan), True)
