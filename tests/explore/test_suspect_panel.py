"""The review in the App: what the panel says of what is open, and decisions on one and on many."""

import pytest

fiftyone = pytest.importorskip("fiftyone")

from fiftyone.operators.executor import ExecutionContext, Executor

from dfine.explore import suspect_panel, suspect_store


@pytest.fixture
def opened(suspected):
    """A data set with suspects, all of them open, whatever the test before has decided."""
    suspect_panel.ReopenSuspects().execute(context(suspected))
    return suspected


def context(dataset, view=None, **request):
    """What the App sends with every event."""
    view = dataset.view() if view is None else view
    request |= {"dataset_name": dataset.name, "view": view._serialize()}
    return ExecutionContext(request, executor=Executor())


def reviews(dataset):
    return [one["review"] for one in suspect_store.listed(dataset)]


def test_many_at_once(opened):
    view = opened.load_saved_view("suspects")
    accept, reject = suspect_panel.AcceptSuspects(), suspect_panel.RejectSuspects()
    total = len(reviews(opened))
    assert accept.execute(context(opened, view.limit(3))) == {"count": 3}
    assert reviews(opened) == ["accepted"] * 3 + ["open"] * (total - 3)
    ids = opened.load_saved_view("suspects").values("id")
    assert reject.execute(context(opened, opened.load_saved_view("suspects"), selected=ids[:2])) == {"count": 2}
    assert reviews(opened)[3:6] == ["rejected", "rejected", "open"]
    said = str(accept.resolve_input(context(opened)).to_json())
    assert f"Accept {total - 5} suspects: all that this view shows and that are open." in said
    assert accept.execute(context(opened)) == {"count": total - 5}
    assert reviews(opened)[3:6] == ["rejected", "rejected", "accepted"], "what was decided stays"
    assert accept.execute(context(opened)) == {"count": 0}
    assert suspect_panel.ReopenSuspects().execute(context(opened)) == {"count": total}
    assert set(reviews(opened)) == {"open"}


def test_a_box_that_is_no_suspect_decides_nothing(opened):
    box = {"label_id": opened.first().dfine.detections[0].id, "sample_id": opened.first().id, "field": "dfine"}
    clicked = context(opened, selected_labels=[box])
    assert "No suspects are shown or selected." in str(suspect_panel.AcceptSuspects().resolve_input(clicked).to_json())
    assert suspect_panel.AcceptSuspects().execute(clicked) == {"count": 0}
    assert set(reviews(opened)) == {"open"}


def test_the_panel_says_what_is_open_and_takes_a_decision(opened):
    panel, view = suspect_panel.SuspectsPanel(), opened.load_saved_view("suspects")
    first = suspect_store.listed(opened)[0]
    patch = context(opened, view, current_sample=view.first().id)
    (one,) = suspect_panel.here(patch, "dfine")
    assert one.id == first["id"] and first["reason"] in suspect_panel.described(one)
    assert first["reason"] in str(panel.render(patch).to_json())
    drawn = panel.render(patch).to_json()
    assert "data:image/jpeg;base64," in str(drawn) and suspect_panel.SCORE in str(drawn)
    assert f"({first['review']}, score {first['confidence']:.2f})" in suspect_panel.described(one)
    panel.accept(patch)
    assert reviews(opened)[:2] == ["accepted", "open"]
    label = {"label_id": first["id"], "sample_id": first["sample"], "field": "dfine_suspects"}
    panel.reject(context(opened, selected_labels=[label]))
    assert reviews(opened)[:2] == ["rejected", "open"]
    whole = suspect_panel.here(context(opened, current_sample=first["sample"]), "dfine")
    assert first["id"] in [d.id for d in whole]


def test_the_detail_is_the_reports(opened):
    pairs = list(zip(suspect_store.details(opened, most=20), suspect_store.listed(opened)))
    assert len({one["kind"] for _, one in pairs}) >= 3
    for (image, about), one in pairs:
        mine = suspect_panel.detail(opened, "dfine", one["id"])
        assert about["rank"] == one["rank"] and mine.tobytes() == image.tobytes()


def test_what_was_rejected_stays_when_a_whole_picture_is_accepted(opened):
    panel, every = suspect_panel.SuspectsPanel(), suspect_store.listed(opened)
    sample = max((one["sample"] for one in every), key=[one["sample"] for one in every].count)
    mine = [at for at, one in enumerate(every) if one["sample"] == sample]
    assert len(mine) > 1
    label = {"label_id": every[mine[0]]["id"], "sample_id": sample, "field": "dfine_suspects"}
    whole, one = context(opened, current_sample=sample), context(opened, selected_labels=[label])
    assert "for those that are open" not in str(panel.render(whole).to_json())
    panel.reject(one)
    panel.accept(whole)
    assert [reviews(opened)[at] for at in mine] == ["rejected", *["accepted"] * (len(mine) - 1)]
    assert "for those that are open" in str(panel.render(whole).to_json())
    panel.reopen(whole)
    assert {reviews(opened)[at] for at in mine} == {"open"}


def test_without_suspects_it_says_how_to_get_them(explored):
    said = str(suspect_panel.SuspectsPanel().render(context(explored)).to_json())
    assert "dfine explore --suspects FILE.csv" in said
    assert suspect_panel.AcceptSuspects().execute(context(explored)) == {"count": 0}
