"""What stands behind the page, without a browser."""

from dataclasses import replace

import pytest
from PIL import Image

gr = pytest.importorskip("gradio")

from dfine.figures import picture as pictures  # noqa: E402
from dfine.page import layout, objects, scene, session, views  # noqa: E402
from dfine.page.handlers import Handlers  # noqa: E402
from dfine.page.models import EVERYDAY, Models  # noqa: E402
from tests.page.visitor import LOW  # noqa: E402


@pytest.fixture
def looked(models):
    """Look at a picture without the page: the sentence it would show, and what a session would keep."""

    def look(path):
        kept = session.looker(models)(str(path), "")
        return session.summary(kept, session.in_sight(kept, LOW)), kept

    return look


def turned():
    """The EXIF of a camera that was held on its side."""
    exif = Image.Exif()
    exif[274] = 6
    return exif


@pytest.mark.parametrize(
    "name, picture, options",
    [
        ("cmyk.jpg", Image.new("CMYK", (50, 40), (0, 90, 90, 0)), {}),
        ("sixteen.png", Image.new("I;16", (50, 40), 30000), {}),
        ("palette.gif", Image.new("P", (50, 40), 3), {}),
        ("moves.gif", Image.new("RGB", (50, 40)), dict(save_all=True, append_images=[Image.new("L", (50, 40), 200)])),
        ("turned.jpg", Image.new("RGB", (40, 50)), dict(exif=turned())),
        ("clear.png", Image.new("RGBA", (50, 40), (0, 0, 0, 0)), {}),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)  # fmt: skip
def test_odd_pictures_are_pictures_all_the_same(looked, tmp_path, name, picture, options):
    picture.save(tmp_path / name, **options)
    sentence, kept = looked(tmp_path / name)
    assert "50 × 40 pixels" in sentence
    assert kept.picture.mode == "RGB" and kept.picture.size == (640, 512)


def test_a_single_pixel_is_a_picture_too(looked, tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert "1 × 1 pixels" in looked(tmp_path / "dot.png")[0]


def test_what_a_session_keeps_is_small_and_on_the_cpu(looked, tmp_path):
    Image.new("RGB", (4000, 2000)).save(tmp_path / "large.png")
    sentence, kept = looked(tmp_path / "large.png")
    assert "4000 × 2000 pixels" in sentence
    assert kept.picture.size == (pictures.LIMIT, pictures.LIMIT // 2) and kept.result.picture is kept.picture
    assert kept.result.trace.last.boxes.device.type == "cpu"


def test_what_was_refused_just_now_is_not_tried_again(handlers, monkeypatch, tmp_path):
    refused = handlers.detect(str(tmp_path / "gone.png"), "")
    assert refused.startswith("That did not work: ") and "gone.png" in refused
    assert handlers.detect(str(tmp_path / "gone.png"), "", refused) is refused
    assert handlers.detect(str(tmp_path / "other.png"), "", refused) != refused
    monkeypatch.setattr("dfine.page.handlers.AT_ONCE", 0)
    Image.new("RGB", (40, 30)).save(tmp_path / "gone.png")  # later it may well be there
    assert handlers.detect(str(tmp_path / "gone.png"), "", refused).size == (40, 30)


@pytest.mark.parametrize("tab", layout.TABS)
def test_no_picture_is_no_error_in_any_tab(handlers, tab):
    v, nothing = handlers.v, handlers.detect(None, "")
    assert "choose a picture" in nothing
    answer = handlers.begin(nothing, None, 0.5, 300, tab, "left", None)
    assert answer[v.status] == nothing and answer[v.table]["rows"] == [] and answer[v.chosen] is None
    assert answer[v.scene] is None and answer[v.object] is None and "No object" in answer[v.headline]
    late = handlers.slow(nothing, 0.5, [], 300, None, tab, "left", None, None)
    assert not any(isinstance(value, str) and value.startswith("That did not work") for value in late.values())


def test_a_picture_that_is_shown_already_keeps_what_was_chosen(handlers, checkpoint):
    """Tab past the list of models asks for the same picture again; other pictures and models begin anew."""
    v, look = handlers.v, handlers.detect(str(layout.EXAMPLES[0]), checkpoint)
    settings = (0.5, 300, "shape", "left", None)
    answer = handlers.begin(look, None, *settings)
    assert answer[v.shown] == look.subject and answer[v.chosen] == 0
    assert handlers.detect(look.path, checkpoint, look) is look
    assert handlers.begin(look, look.subject, *settings) == {v.shown: look.subject}
    other = handlers.detect(str(layout.EXAMPLES[1]), checkpoint)
    for new, shown in ((other, look.subject), (replace(look, model="another"), look.subject), (look, None)):
        answer = handlers.begin(new, shown, *settings)
        assert answer[v.shown] == new.subject and answer[v.chosen] == 0 and answer[v.scene]
    assert handlers.begin("That did not work", look.subject, *settings)[v.shown] is None


def test_the_page_says_which_model_is_shown_and_which_could_not_be(checkpoint, monkeypatch):
    models = Models(checkpoint, "cpu")
    assert views.state(models, None) == views.state(models, checkpoint) == models.sentence()
    assert views.state(models, "small-coco") == "Showing small-coco."
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("dfine.weights.cache.hub_folder", lambda hub: None)
    with pytest.raises(ValueError, match="not in the local cache"):
        models("small-coco")
    assert "could not be opened" in views.state(models, "small-coco")
    assert len(views.zoo(models)) == len(models.table()) and len(views.zoo(models)[0]) == len(layout.ZOO)


def test_who_is_here_already_keeps_the_model_and_is_offered_the_one_that_arrives(checkpoint, model, monkeypatch):
    models = Models(checkpoint, "cpu")
    models()
    with gr.Blocks():
        handlers = Handlers(layout.layout(models), models)
    v = handlers.v
    before = handlers.offer(checkpoint)
    assert before[v.state] == models.sentence() and "is here now" not in before[v.state]
    monkeypatch.setattr("dfine.page.models.load", lambda name, device: model)
    monkeypatch.setattr("dfine.weights.cache.hub_folder", lambda hub: "cached")
    models.fetch_in_background().join(60)
    assert models.default == EVERYDAY
    after = handlers.offer(checkpoint)
    assert f"**{EVERYDAY} is here now**" in after[v.state]
    offered = after[v.model]
    assert EVERYDAY == offered.choices[0][1], "listed first"
    assert "value" not in offered.constructor_args, "what was chosen stays chosen"
    assert handlers.arrive()[v.model].value == EVERYDAY, "who comes later meets it"
    assert "is here now" not in handlers.watch(checkpoint)[v.state], "told once"


def test_settings_select_and_numbers_stay_with_their_objects(looked):
    _, kept = looked(layout.EXAMPLES[1])
    everything = session.in_sight(kept, session.FLOOR)
    assert everything.numbers == list(range(len(kept.result.detections)))
    assert session.in_sight(kept, session.FLOOR, top=2).numbers == [0, 1]
    name = everything.found.class_names[-1]
    mine = session.in_sight(kept, session.FLOOR, [name])
    assert set(mine.found.class_names) == {name} and len(mine.found) == everything.found.class_names.count(name)
    assert everything.numbers[-1] in mine.numbers and mine.place(everything.numbers[-1]) == len(mine.found) - 1
    assert session.in_sight(kept, 1.1).numbers == [] and mine.place(None) is None
    for shown in (objects.value(mine)["rows"], scene.value(kept, mine, None)["objects"]):
        assert [row["number"] for row in shown] == mine.numbers
    assert objects.value(None) == dict(rows=[], chosen=None)


def test_the_scene_is_sent_in_pixels_of_the_visitors_picture(looked, tmp_path):
    Image.open(layout.EXAMPLES[1]).resize((1900, 1900)).save(tmp_path / "large.jpg")
    _, kept = looked(tmp_path / "large.jpg")
    sight = session.in_sight(kept, LOW)
    shown = scene.value(kept, sight, sight.numbers[0])
    assert shown["size"] == [1900, 1900] and shown["chosen"] == 0
    for told, box in zip(shown["objects"], sight.found.boxes.tolist()):
        assert told["box"] == pytest.approx(box, abs=0.051)
    assert shown["alt"] == session.spoken(sight)


def test_frames_come_along_in_the_arguments():
    go = pytest.importorskip("plotly.graph_objects")
    now, later = dict(mode="immediate"), dict(mode="immediate", fromcurrent=True)
    buttons = [dict(method="animate", args=[None, later]), dict(method="animate", args=[[None], now])]
    figure = go.Figure(
        data=[dict(type="scatter", y=[0])],
        frames=[dict(name=name, data=[dict(type="scatter", y=[i])]) for i, name in enumerate("ab")],
        layout=dict(
            sliders=[dict(steps=[dict(method="animate", args=[["b"], now])])], updatemenus=[dict(buttons=buttons)]
        ),
    )
    plain = views.framed(figure).to_plotly_json()
    assert "frames" not in plain or not plain["frames"]
    step = plain["layout"]["sliders"][0]["steps"][0]["args"]
    play, stop = (button["args"] for button in plain["layout"]["updatemenus"][0]["buttons"])
    assert [frame["data"][0]["y"] for frame in step[0]] == [[1]] and step[1] == now
    assert [frame["data"][0]["y"] for frame in play[0]] == [[0], [1]] and "fromcurrent" not in play[1]
    assert stop[0] == [None]
