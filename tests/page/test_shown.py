"""What the browser is told of an outcome."""

import json
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from dfine.page.answer import Refusal
from dfine.page.compact import compact
from dfine.page.shown import shown
from dfine.page.view import known, mistaken, notes
from tests.page.visitor import EXAMPLES


def test_why_there_is_no_answer_is_told_and_nothing_else():
    assert shown(Refusal("That did not work: no picture")) == dict(sentence="That did not work: no picture")


def test_an_answer_is_told_with_its_picture_and_all_that_is_said_of_it(runner):
    answer = runner.answer(EXAMPLES[0])
    told = json.loads(json.dumps(shown(answer, "1-clean")))
    assert Path(told["picture"]["path"]).read_bytes().startswith(b"\xff\xd8")
    assert told["compact"] == json.loads(json.dumps(compact(answer.result)))
    assert (told["example"], told["model"], told["caption"]) == ("1-clean", answer.model, answer.caption)
    assert (told["known"], told["notes"], told["mistaken"]) == (known(answer), notes(answer), mistaken(answer))


def test_a_picture_that_was_deleted_is_written_again(runner):
    answer = runner.answer(EXAMPLES[0])
    Path(answer.file).unlink()
    assert Path(shown(answer)["picture"]["path"]).is_file()
