"""Curves and confusion in the report: nothing, one dot a best threshold, few and many classes."""

import re

from dfine.figures.pages import reporting

COUNTS = dict.fromkeys(reporting.KINDS, 3)


def curve(name, objects=4, best=True):
    return {
        "name": name,
        "objects": objects,
        "best": dict(threshold=0.4, f1=0.8, precision=0.9, recall=0.7, objects=objects) if best else None,
        "scores": [0.0, 0.5, 1.0],
        "precision": [0.5, 1.0, None],
        "recall": [1.0, 0.5, 0.0],
        "f1": [0.6, 0.7, 0.0],
    }


def found(*names, **changes):
    matrix = [[10 * (i == j) + (i < j) for j in range(len(names) + 1)] for i in range(len(names) + 1)]
    confusion = {"names": [*names, ""], "counts": matrix}
    curves = [curve("all classes"), *map(curve, names)]
    return {
        "score": 0.5,
        "errors": {"reported": COUNTS, "all": COUNTS},
        "curves": curves,
        "confusion": confusion,
    } | changes


def test_without_objects_there_is_nothing_to_say():
    assert reporting.section(None) is None
    assert reporting.section(found(curves=[curve("all classes", 0, best=False)])) is None


def test_every_class_has_a_line_and_a_dot_at_its_best():
    section = reporting.section(found("<cat>", "dog"))
    assert [panel.name for panel in section.panels] == [
        "Precision and recall",
        "Which is taken for which",
    ]
    figures = [section.panels[0].figure, *section.panels[0].beside]
    for figure in figures:
        assert [len(t.x) for t in figure.data if t.mode == "markers"] == [1, 1, 1]
        assert len([t for t in figure.data if t.mode == "lines"]) == 3
    lines = [t for t in figures[0].data if t.mode == "lines"]
    assert lines[-1].name == "all classes" and lines[-1].line.width > 2 * lines[0].line.width
    assert list(lines[0].x) == [1.0, 0.5] and list(lines[0].y) == [0.5, 1.0], "no precision where nothing is reported"
    assert figures[1].data[1].x == (0.4,) and figures[1].data[1].y == (0.8,)
    assert "&lt;cat&gt;" in section.panels[0].text and "<cat>" not in section.panels[0].text


def test_what_was_never_right_has_no_best():
    figure = reporting.f1_by_score([curve("all classes", best=False)])
    assert [t.mode for t in figure.data] == ["lines"]
    assert reporting.best_html([curve("all classes", best=False)]).count("<td>–</td>") == 4


def test_the_matrix_shades_the_diagonal_and_the_mixed_up():
    text = reporting.confusion_html(found("cat", "dog")["confusion"], 0.5)
    assert text.count("<tr>") == 4 and "no object" in text and "not reported" in text
    assert "those on an object that another box stands for" in text, "in the last row, of whatever class"
    assert len(re.findall("rgba", text)) == 2 + 1 + 3, "no cell without a count is shaded"


def test_of_many_classes_the_mix_ups_are_listed():
    names = [f"class {i}" for i in range(reporting.MOST + 1)]
    text = reporting.confusion_html(found(*names)["confusion"], 0.5)
    assert "true class" in text and text.count("<tr>") == 1 + reporting.MOST
    assert "most frequent mix-ups" in text and "last row" not in text, "the sentence is about what is shown"
