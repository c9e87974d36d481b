"""Data sets as many tools write them, and hostile files, where the folder that holds them is at hand: each gives what
it should."""

import os
from pathlib import Path

import pytest

pytest.importorskip("faster_coco_eval")

from benchmarks import cases, hostile

CASES = Path(os.environ.get("DFINE_CASES", Path(__file__).parents[2] / "shared" / "cases")) / "data"


@pytest.mark.parametrize("name", cases.DATA)
def test_a_data_set_gives_what_it_should(name):
    if not (CASES / name).is_dir():
        pytest.skip(f"no data set in {CASES / name}; DFINE_CASES names the folder around data/")
    assert cases.differences(CASES / name, cases.DATA[name]) == []


def test_every_data_set_has_an_expectation():
    if not CASES.is_dir():
        pytest.skip(f"no data sets in {CASES}; DFINE_CASES names the folder around data/")
    assert {p.name for p in CASES.iterdir() if p.is_dir()} == {name.split("/")[0] for name in cases.DATA}


@pytest.mark.parametrize("name", hostile.HOSTILE)
def test_hostile_files_cost_a_sentence(name):
    path = CASES.parent / "hostile" / name
    if not path.is_file():
        pytest.skip(f"no {path}; DFINE_CASES names the folder around hostile/")
    assert hostile.HOSTILE[name](path) == []
