"""Hostile values, files and addresses: thousands, of every kind. Some of each are run here, all of them by command."""

from collections import Counter
from itertools import groupby

import pytest

pytest.importorskip("gradio")

from benchmarks import hostile_values

CASES = list(hostile_values.cases())
KINDS = {kind: list(cases) for kind, cases in groupby(sorted(CASES, key=lambda c: c.kind), key=lambda c: c.kind)}
RUN = 15  # of each kind


def test_there_are_thousands_and_no_two_alike():
    assert len(CASES) > 5_000 and len(KINDS) == 19
    assert Counter((case.kind, case.name) for case in CASES).most_common(1)[0][1] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_costs_a_sentence_at_most(kind):
    cases = KINDS[kind]
    wrong = {c.name: said for c in cases[:: max(1, len(cases) // RUN)] if (said := hostile_values.fault(c))}
    assert not wrong


@pytest.mark.parametrize(
    "run, refused, said",
    [
        (lambda _: {}["a"], False, "KeyError: 'a'"),
        (lambda _: open(""), False, None),
        (lambda _: int(""), True, None),
        (lambda _: int("1"), True, "it is not refused"),
        (lambda _: [][0], True, "IndexError"),
    ],
)
def test_what_is_no_sentence_is_a_fault(run, refused, said):
    found = hostile_values.fault(hostile_values.Case("a", "b", run, refused))
    assert (found is None) if said is None else found.startswith(said)
