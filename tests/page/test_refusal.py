import json

import pytest

pytest.importorskip("gradio")

from dfine.page.refusal import Refused
from tests.helpers import run


def answered(refused):
    sent = []

    async def send(message):
        sent.append(message)

    run(refused.answer(send))
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]


@pytest.mark.parametrize("wait, told", [(None, None), (0.2, b"1"), (5, b"5"), (2.6, b"3")])
def test_a_refusal_is_a_status_a_sentence_and_when_to_come_again(wait, told):
    status, headers, body = answered(Refused(429, "too much – wait", wait))
    assert status == 429 and headers.get(b"retry-after") == told
    assert json.loads(body)["error"] == json.loads(body)["detail"] == "too much – wait"
    assert int(headers[b"content-length"]) == len(body)
