"""The version that is written into files is the one that is packed and told to others."""

import re
from pathlib import Path

from dfine.version import VERSION

ROOT = Path(__file__).parents[1]


def test_it_is_a_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc|\.dev)\d+)?", VERSION)


def test_the_package_is_built_with_it():
    """Hatchling looks for it by a pattern, which must go on finding it."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    path = re.search(r'^path = "(.+)"$', project, re.MULTILINE)[1]
    pattern = re.search(r"^pattern = '(.+)'$", project, re.MULTILINE)[1]
    assert re.search(pattern, (ROOT / path).read_text(encoding="utf-8"))["version"] == VERSION


def test_who_cites_the_software_cites_this_version():
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited[1] == VERSION
