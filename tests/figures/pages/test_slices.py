"""Slices and comparisons in the report: nothing, tables by field, the worst slice, wins and losses."""

from dfine.figures.pages import slices


def one(value, ap, objects=40, by="tags", coverage=0.8):
    return {"by": by, "value": value, "pictures": 3, "objects": objects, "ap": ap, "coverage": coverage}


def compared(low=-0.02, **changes):
    ap = {"first": 0.5, "second": 0.47, "ap": 0.03, "low": low, "high": 0.08, "mass": 0.95, "repeats": 400}
    lists = {"better": [["<a>.jpg", 3], ["b.jpg", 1]], "worse": [["c.jpg", -2]]}
    return {"name": "new", "other": "old", "pictures": 10, "ap": ap} | lists | changes


def test_nothing():
    assert slices.section(None) is None and slices.section([]) is None


def test_every_field_has_a_table_and_the_worst_slice_is_named():
    found = [one("night", 0.2, objects=29), one("<day>", 0.4), one("small", None, by="size", coverage=None)]
    section = slices.section(found)
    assert [p.name for p in section.panels] == ["By tag", "By size"]
    assert "tags <day>, AP 0.400" in section.lead, "of few objects AP is chance"
    assert "&lt;day&gt;" in section.panels[0].text and "80.0\u00a0%" in section.panels[0].text
    assert section.panels[1].text.count("<td>–</td>") == 2 and "linear-gradient" not in section.panels[1].text
    assert "worst" not in slices.section([one("night", 0.2, objects=29)]).lead


def test_a_comparison_says_who_wins_where_and_whether_it_may_be_chance():
    (panel,) = slices.section(None, compared()).panels
    assert panel.name == "Against old"
    assert "fewer mistakes than <b>old</b> in 2 pictures, more in 1, and as many in 7" in panel.text
    assert "<b>+0.030</b>, 95\u00a0% interval −0.020 to +0.080" in panel.text and "may be chance" in panel.text
    assert "&lt;a&gt;.jpg</th><td>3</td>" in panel.text and "c.jpg</th><td>2</td>" in panel.text
    assert "chance" not in slices.comparison_html(compared(low=0.01))
    nothing = compared(ap=dict.fromkeys(compared()["ap"]), better=[], worse=[])
    assert "<table" not in slices.comparison_html(nothing) and "AP" not in slices.comparison_html(nothing)
