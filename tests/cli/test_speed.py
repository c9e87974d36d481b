"""`dfine export` and `dfine benchmark`."""

from tests.cli.runner import run, sentence


def test_a_benchmark_of_nothing_is_refused():
    assert "name at least one size of n, s" in sentence(run("benchmark", "--sizes", ",", code=1))
    assert "name at least one engine of" in sentence(run("benchmark", "--engines", " ", code=1))
