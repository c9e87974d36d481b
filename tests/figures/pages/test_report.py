import html
import json
import re

import pytest
from PIL import Image

from dfine.figures.pages.report import report, sections, sentences
from tests.figures.pages.test_calibration import measured
from tests.figures.pages.test_errors import summary
from tests.figures.pages.test_object_page import Balance
from tests.figures.pages.test_reporting import found

CALIBRATION = measured() | {
    "layers": [measured()["coverage"]] * 2,
    "outside": [0.0] * 4,
    "groups": {
        "size": {
            "large": {"objects": 4, "coverage": measured()["coverage"]},
            "small": {"objects": 6, "coverage": measured()["coverage"]},
        }
    },
}
STUDY = {"temperature": [0.5, 1, 2, 3], "fitted": 60, "before": measured(), "after": measured()}


def stage(name, ap):
    return {"stage": name, "AP": ap, "AP50": ap, "AP75": ap, "APs": None, "APm": ap, "APl": ap, "AR100": ap}


def numbers(**changes):
    return {
        "head": {"data": "few", "model": "mini", "digest": "ab", "threshold": 0.05, "pictures": 3, "objects": 9},
        "stages": [stage("initial", 0.4), stage("layer 1", 0.35), stage("layer 2", 0.5)],
        "thresholds": [0.5, 0.75],
        "by_threshold": {"initial": [0.4, 0.3], "layer 1": [0.4, 0.3], "layer 2": [0.5, 0.5]},
        "classes": [{"name": "cat", "objects": 9, "ap": {"initial": 0.4, "layer 2": 0.5}}],
        "errors": {
            "all": summary(Loc=0.2),
            "cases": {"clean": summary(), "low_light": summary()},
            "sizes": {},
            "classes": {"cat": summary()},
        },
        "calibration": {"measured": CALIBRATION, "study": STUDY, "note": ""},
        "worst": [],
    } | changes


NOTHING = numbers(
    stages=[stage("initial", None), stage("layer 1", None)],
    by_threshold={"initial": [None] * 2, "layer 1": [None] * 2},
    classes=[],
    errors={"all": summary(None), "cases": {}, "sizes": {}, "classes": {}},
    calibration={"measured": CALIBRATION | {"objects": 0}, "study": None, "note": "No temperature was fitted."},
)


def test_what_was_not_measured_is_left_out():
    assert sections(NOTHING) == []
    assert sentences(NOTHING) == ["On 3 pictures with 9 objects there is nothing to measure."]
    assert sections(numbers(calibration=None))[-1].title.startswith("What goes wrong")
    assert "<h2>The words</h2>" in report(NOTHING)


def test_the_sections_and_what_they_show():
    tabs = {section.title: [panel.name for panel in section.panels] for section in sections(numbers())}
    assert list(tabs.values()) == [
        ["AP of every stage", "Gain by IoU threshold", "By class"],
        ["What it costs", "By hard case"],
        ["Reliability", "By layer", "By size", "Where the truth lies"],
    ]


def test_the_diagrams_before_and_after_can_stand_below_one_another():
    panel = sections(numbers())[2].panels[0]
    assert len(panel.beside) == 1 and not panel.wide
    assert report(numbers()).count('<div class="beside">') == 1
    alone = numbers(calibration={"measured": CALIBRATION, "study": None, "note": ""})
    assert sections(alone)[2].panels[0].beside == []


def test_what_was_cut_off_is_said():
    text = html.unescape(report(numbers()))
    assert "Only boxes with a score of 0.05 or more count here. dfine evaluate counts all boxes" in text
    assert "Boxes count from" not in report(numbers(head={"data": "few", "model": "mini", "pictures": 3, "objects": 9}))


def test_the_classes_that_cost_most_are_counted():
    few = {f"class {i}": summary(Loc=0.1) for i in range(2)}
    many = {f"class {i}": summary(Loc=0.1) for i in range(30)}
    errors = numbers()["errors"]
    assert "All 2 classes, the costliest first." in report(numbers(errors=errors | {"classes": few}))
    assert "The 24 classes of 30 whose errors cost most" in report(numbers(errors=errors | {"classes": many}))


def test_the_sentences_have_their_numbers():
    first, second, third = sentences(numbers())
    assert "<b>AP 0.500</b>, +0.100 over the initial boxes" in first
    assert "<b>loose box</b> (Loc): without it AP50 would be 0.200 higher" in second
    assert "(uncalibrated) holds the true edge in <b>82" in third
    warm = CALIBRATION | {"temperature": [1, 1, 1, 1]}
    assert "(calibrated)" in sentences(numbers(calibration={"measured": warm, "study": None}))[2]
    assert "−0.100" in sentences(numbers(stages=[stage("initial", 0.5), stage("layer 1", 0.4)]))[0]


def test_classes_that_the_model_does_not_have_are_told_first_and_counted_apart():
    lacking = {"classes": ["<dog>", "bird"], "of": 3, "objects": 6, "known": 0.75}
    head = numbers()["head"] | {"unknown": lacking["classes"]}
    errors = numbers()["errors"] | {"known": summary(Dupe=0.4)}
    slices = [
        {"by": "class", "value": value, "pictures": 3, "objects": 40, "ap": ap, "coverage": None}
        for value, ap in (("bird", 0.0), ("cat", 0.5))
    ]
    with_them = numbers(unknown=lacking, head=head, errors=errors, slices=slices)
    told, kind = sentences(with_them)[1:3]
    assert "no class for &lt;dog&gt;, bird: 2 of 3 classes and 6 of 9 objects, which count as missed" in told
    assert "Over the other classes AP is <b>0.750</b>" in told
    assert "<b>second box</b> (Dupe): without it AP50 would be 0.400 higher" in kind
    parts = {section.title: section for section in sections(with_them)}
    assert "Only classes that the model knows" in parts["What goes wrong, and what it costs"].lead
    slicing = parts["Where it does well, and where not"]
    assert "class cat, AP 0.500" in slicing.lead
    assert slicing.panels[0].text.index("cat") < slicing.panels[0].text.index("bird")
    assert not any("the model knows" in section.lead for section in sections(numbers()))


def test_the_temperature_is_told_with_where_it_comes_from():
    text = report(numbers())
    assert "fitted on 60 objects and tested on other pictures: left 0.50, top 1.00, right 2.00, bottom 3.00" in text
    note = "No temperature was fitted: too few."
    assert note in report(numbers(calibration={"measured": CALIBRATION, "study": None, "note": note}))


@pytest.mark.parametrize("name", ["few", "<script>alert(1)</script>", '"&amp;'])
def test_a_whole_page_whatever_the_names(name):
    entry = {
        "picture": name,
        "size": [40, 30],
        "why": f"1 mistake ({name}).",
        "mistakes": 1,
        "objects": 0,
        "boxes": [{"role": "wrong", "box": [1, 2, 20, 20], "label": name}],
    }
    head = numbers()["head"] | {"data": name, "model": name}
    classes = [{"name": name, "objects": 9, "ap": {"initial": None, "layer 2": 0.5}}]
    found = numbers(head=head, classes=classes, worst=[entry])
    found["errors"]["cases"] = {name: summary(), "b": summary()}
    text = report(found, [(Image.new("RGB", (40, 30)), entry)])
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    assert "<script>alert" not in text
    assert json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1]) == found
    assert text.count("<img ") == 1


def test_every_figure_has_its_place_and_nothing_is_fetched():
    text = report(numbers())
    places = re.findall(r'data-figure="(figure-\d+)"', text)
    assert places == re.findall(r'<script type="application/json" id="(figure-\d+)"', text)
    panels = [panel for s in sections(numbers()) for panel in s.panels if panel.figure is not None]
    assert len(places) == sum(1 + len(panel.beside) for panel in panels)
    assert "default-src 'none'" in html.unescape(text)
    assert not re.findall(r'(?:src|href)="(?!data:)', text)


def test_errors_that_are_reported_come_before_those_that_only_rank_low():
    (wrong,) = [s for s in sections(numbers(reporting=found("cat"))) if s.title.startswith("What goes wrong")]
    first, second, *_ = wrong.panels
    assert (first.name, second.name) == ("Reported, from 0.5 on", "What it costs")
    assert "boxes from 0.5 on" in first.text and "wrong class" in first.text
