"""Several pictures in one go: a strip of thumbnails with their boxes and counts, each of which opens on the page.

Of every picture a session keeps its path, its detections and a thumbnail, some kilobytes; who opens one has the network
run on it once more, as if it had been uploaded alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import gradio as gr

from dfine.figures import style
from dfine.page import served
from dfine.page.session import Look
from dfine.trace.detections import Detections

MOST = 24  # pictures of an album
SIDE = 320  # longest side of a thumbnail in pixels
TEMPLATE = '<p class="note" role="status"></p><div class="strip" role="group" aria-label="Your pictures"></div>'


@dataclass(frozen=True)
class Shot:
    """One picture of an album: what was found in it, or the sentence that says why nothing could be."""

    path: str
    name: str  # as the visitor calls it
    thumbnail: bytes = b""  # a JPEG
    file: str = ""  # the same among the files that the page serves
    found: Detections | None = None  # all from the lowest threshold on
    trouble: str = ""

    def told(self, threshold: float) -> dict:
        """What the browser shows of it."""
        if self.found is None:
            return dict(name=self.name, trouble=self.trouble)
        seen = self.found.above(threshold)
        boxes = [dict(box=d["box"], colour=style.class_colour(d["label"])) for d in seen.to_list()]
        picture = served.sent(self.file, lambda: self.thumbnail)
        return dict(name=self.name, picture=picture, size=list(seen.size), boxes=boxes, count=counted(len(seen)))


@dataclass(frozen=True)
class Album:
    """The pictures of one upload, as far as they have been looked at."""

    shots: tuple[Shot, ...] = ()
    asked: int = 0  # how many files were sent

    def value(self, threshold: float, path: str = "") -> dict | None:
        """What the component shows, with the picture of `path` marked as the one that is open; None for no album."""
        if not self.asked:
            return None
        chosen = next((i for i, shot in enumerate(self.shots) if shot.path == path), None)
        return dict(shots=[shot.told(threshold) for shot in self.shots], note=self.note(), chosen=chosen)

    def note(self) -> str:
        """How far it is, what could not be read, and what was left out, in a sentence each."""
        wanted, failed = min(self.asked, MOST), [shot for shot in self.shots if shot.found is None]
        if len(self.shots) < wanted:
            said = [f"Looking at picture {len(self.shots) + 1} of {wanted} …"]
        else:
            read = wanted - len(failed)
            said = [f"{read} picture{'' if read == 1 else 's'}: click one to look inside."] if read else []
        said += [f"Left out: {shot.trouble}." for shot in failed]
        if self.asked > MOST:
            left = self.asked - MOST
            said.append(f"An album holds {MOST} pictures: the last {left} of {self.asked} files were left out.")
        return " ".join(said)

    @property
    def first(self) -> str | None:
        """The path of the first picture that could be read."""
        return next((shot.path for shot in self.shots if shot.found is not None), None)


def album() -> gr.HTML:
    """The component. Its event `select` carries `index`, the place of a picture; its value is `Album.value`."""
    return gr.HTML(html_template=TEMPLATE, js_on_load=served.text("album.js"), apply_default_css=False, elem_id="album")


def filled(files: Sequence[tuple[str, str]], look: Callable[[str], Look]) -> Iterator[Album]:
    """The album of some files, (path, name) each, as it grows picture by picture; files beyond `MOST` are left out."""
    yield Album(asked=len(files))
    shots: tuple[Shot, ...] = ()
    for path, name in files[:MOST]:
        shots += (_taken(path, name, look),)
        yield Album(shots, len(files))


def _taken(path: str, name: str, look: Callable[[str], Look]) -> Shot:
    """Run the network on one picture of many; one that cannot be read becomes a shot that says so."""
    try:
        seen = look(path)
    except (ValueError, OSError, RuntimeError) as error:
        return Shot(path, name, trouble=str(error))
    small = seen.picture.copy()
    small.thumbnail((SIDE, SIDE))
    data = served.jpeg(small)
    return Shot(path, name, data, served.keep(data, "thumbnail.jpg"), seen.result.detections)


def counted(number: int) -> str:
    """So many objects, in words."""
    return f"{number} object{'' if number == 1 else 's'}" if number else "nothing"
