"""What the browser is told of an outcome, once: the picture and the compact answer, or why there is none."""

from __future__ import annotations

from dfine.page import cached_files
from dfine.page.answer import Answer, Outcome
from dfine.page.compact import compact, remainder
from dfine.page.view import known, mistaken, notes


def shown(outcome: Outcome, example: str = "") -> dict:
    """The value of the component `answer`.

    Args:
        outcome: of the network.
        example: the name of the example whose picture this is, "" for a visitor's own, which no link can carry.
    """
    if not isinstance(outcome, Answer):
        return dict(sentence=outcome.sentence)
    return dict(
        picture=cached_files.described(outcome.file, lambda: cached_files.jpeg(outcome.picture)),
        example=example,
        name=outcome.where.picture,
        model=outcome.model,
        seconds=outcome.seconds,
        notes=notes(outcome),
        known=known(outcome),
        mistaken=mistaken(outcome),
        caption=outcome.caption,
        about=outcome.about,
        kept=None if example else dict(path=outcome.path, model=outcome.model),
        of=_named(outcome),
        compact=compact(outcome.result),
    )


def rest(answer: Answer) -> dict:
    """The value of the component `rest`: the distributions that `compact` left out, and of which answer."""
    return dict(of=_named(answer), distributions=remainder(answer.result))


def _named(answer: Answer) -> str:
    return f"{answer.model} {answer.file}"
