"""Several pictures at once: a strip of thumbnails with their boxes and counts, each of which opens on the page.

A session keeps of every picture its path, its detections and a thumbnail: some kilobytes. Opening one runs the network
on it once more, as if it had been uploaded by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import gradio as gr

from dfine.figures import style
from dfine.page import cached_files, modules
from dfine.page.answer import Answer
from dfine.trace.detections import Detections

MOST = 24  # pictures of an upload
DRAWN = 60  # boxes of a thumbnail, the best; all are counted
SIDE = 320  # longest side of a thumbnail in pixels
TEMPLATE = '<p class="note"></p><div class="strip" role="group" aria-label="Your pictures"></div>'


@dataclass(frozen=True)
class Thumbnail:
    """One picture of several: what was found in it, or the sentence that says why nothing could be."""

    path: str
    name: str  # as the visitor calls it
    jpeg: bytes = b""
    file: str = ""  # the same in the page's cache
    found: Detections | None = None  # all from the lowest threshold on
    trouble: str = ""

    def value(self) -> dict:
        """What the browser shows of it, whichever threshold is set there."""
        if self.found is None:
            return dict(name=self.name, trouble=self.trouble)
        boxes = [
            dict(box=[round(v, 1) for v in d["box"]], colour=style.class_colour(d["label"]))
            for d in self.found[:DRAWN].to_list()
        ]
        picture = cached_files.described(self.file, lambda: self.jpeg)
        return dict(
            name=self.name,
            picture=picture,
            size=list(self.found.size),
            boxes=boxes,
            scores=[round(score, 6) for score in self.found.scores.tolist()],
        )


@dataclass(frozen=True)
class Thumbnails:
    """The pictures of one upload, as far as the network has seen them."""

    pictures: tuple[Thumbnail, ...] = ()
    asked: int = 0  # how many files were sent

    def value(self, path: str = "") -> dict | None:
        """What the component shows, with the picture of `path` marked as the one that is open; None for no upload."""
        if not self.asked:
            return None
        chosen = next((i for i, one in enumerate(self.pictures) if one.path == path), None)
        shown = dict(pictures=[one.value() for one in self.pictures], note=self.note(), chosen=chosen)
        return shown | dict(looking=len(self.pictures) < self.wanted)

    @property
    def wanted(self) -> int:
        """How many pictures will be shown."""
        return min(self.asked, MOST)

    def note(self) -> str:
        """How far it is, what could not be read, and what was left out, in a sentence each."""
        failed = [one for one in self.pictures if one.found is None]
        if len(self.pictures) < self.wanted:
            said = [f"Looking at picture {len(self.pictures) + 1} of {self.wanted} …"]
        else:
            read = self.wanted - len(failed)
            said = [f"{read} picture{'' if read == 1 else 's'}: click one to look inside."] if read else []
        said += [f"Left out: {one.trouble}." for one in failed]
        if self.asked > MOST:
            left = self.asked - MOST
            said.append(
                f"At most {MOST} pictures are taken at once: the last {left} of {self.asked} files were left out."
            )
        return " ".join(said)

    @property
    def first(self) -> str | None:
        """The path of the first picture that could be read."""
        return next((one.path for one in self.pictures if one.found is not None), None)


def thumbnails() -> gr.HTML:
    """The component. Its event `select` carries `index`, the place of a picture; its value is `Thumbnails.value`."""
    return modules.part("thumbnails", "select", template=TEMPLATE)


def filled(files: Sequence[tuple[str, str]], answer: Callable[[str], Answer]) -> Iterator[Thumbnails]:
    """The thumbnails of some files, (path, name) each, one picture more each time; those beyond `MOST` are left out.

    Args:
        files: the visitor's pictures.
        answer: runs the network on the picture at a path; raises as `Runner.answer` does.
    """
    yield Thumbnails(asked=len(files))
    pictures: tuple[Thumbnail, ...] = ()
    for path, name in files[:MOST]:
        pictures += (_thumbnail(path, name, answer),)
        yield Thumbnails(pictures, len(files))


def _thumbnail(path: str, name: str, answer: Callable[[str], Answer]) -> Thumbnail:
    """Run the network on one picture of several; if it cannot be read, its thumbnail says so."""
    try:
        answered = answer(path)
    except (ValueError, OSError, RuntimeError) as error:
        return Thumbnail(path, name, trouble=str(error))
    small = answered.picture.copy()
    small.thumbnail((SIDE, SIDE))
    data = cached_files.jpeg(small)
    return Thumbnail(path, name, data, cached_files.write(data, "thumbnail.jpg"), answered.result.detections)
