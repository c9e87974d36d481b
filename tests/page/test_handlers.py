"""What stands behind the page, without a browser."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

gr = pytest.importorskip("gradio")

from dfine.figures import picture as pictures
from dfine.page import cached_files
from dfine.page import shown as telling
from dfine.page.answer import Refusal, Wanted
from dfine.page.models import EVERYDAY, Models
from dfine.page.settings import Settings
from dfine.page.tabs import TABS
from dfine.page.thumbnails import Thumbnail, Thumbnails
from tests.page.conftest import handlers_of
from tests.page.visitor import EXAMPLES, LOW

CONTROLS = {tab.key: dict.fromkeys(tab.controls) for tab in TABS}
SERVED = [tab for tab in TABS if tab.draw]


def settings(outcome, tab="shape", **changed):
    """What a visitor has set who has touched nothing but what is `changed`."""
    fresh = Settings(outcome, None, threshold=0.5, classes=[], top=300, chosen=None, tab=tab, controls=CONTROLS)
    return replace(fresh, **changed)


def detected(handlers, path, name="", before=None):
    """The outcome of asking a model about a picture."""
    return handlers.detect(str(path), name, before or Refusal(), Wanted())[handlers.v.outcome]


@pytest.fixture
def looked(runner):
    """Run the network without the page: the sentence that it would show, and what a session would keep."""

    def look(path):
        kept = runner.answer(str(path))
        width, height = kept.size
        return f"{width} × {height} pixels", kept

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
)
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
    monkeypatch.setattr("dfine.page.answer.AT_ONCE", 3600)  # a slow machine may take seconds to ask again
    refused = detected(handlers, tmp_path / "gone.png")
    assert refused.sentence.startswith("That did not work: ") and "gone.png" in refused.sentence
    assert detected(handlers, tmp_path / "gone.png", "", refused) is refused
    assert detected(handlers, tmp_path / "other.png", "", refused) != refused
    monkeypatch.setattr("dfine.page.answer.AT_ONCE", 0)
    Image.new("RGB", (40, 30)).save(tmp_path / "gone.png")  # later it may well be there
    assert detected(handlers, tmp_path / "gone.png", "", refused).size == (40, 30)


@pytest.mark.parametrize("later", ["example.jpg", None], ids=["another picture", "no picture"])
def test_a_slow_picture_never_replaces_what_was_asked_for_after_it(handlers, checkpoint, monkeypatch, later):
    """An example is answered at once, while the picture of before is still being read, or waits for the network."""
    v, wanted, told, known = handlers.v, Wanted(), [], detected(handlers, EXAMPLES[0], checkpoint)

    def overtaken(path, name):
        if path == "slow.jpg":
            told.append(handlers.detect(later, checkpoint, Refusal(), wanted))
        return replace(known, path=path, model=name)

    monkeypatch.setattr(handlers.cache, "answer", overtaken)
    slow = handlers.detect("slow.jpg", checkpoint, Refusal(), wanted)
    assert told[0][v.outcome].path == (later or "")
    assert slow and not {v.outcome, v.model} & set(slow), "what was asked for last stays"


@pytest.mark.parametrize("tab", [tab.key for tab in TABS])
def test_no_picture_is_no_error_in_any_tab(handlers, tab):
    v = handlers.v
    nothing = handlers.detect(None, "", Refusal(), Wanted())[v.outcome]
    assert "choose a picture" in nothing.sentence
    answer = handlers.begin(settings(nothing, tab))
    assert answer[v.answer] == dict(sentence=nothing.sentence)
    late = handlers.draw_slowly(settings(nothing, tab))
    assert not any(isinstance(value, str) and value.startswith("That did not work") for value in late.values())


@pytest.mark.parametrize("tab", SERVED, ids=lambda tab: tab.key)
def test_every_tab_of_the_server_draws_an_object_and_the_lack_of_one(handlers, tab):
    """Once by the callback of fast tabs, once by that of slow ones: exactly one of them draws."""
    answer = detected(handlers, EXAMPLES[0])
    mine = set(handlers.v.parts[tab.key].values())
    for chosen in (0, None):
        s = settings(answer, tab.key, chosen=chosen, threshold=LOW)
        fast, slow = handlers.draw(s), handlers.draw_slowly(s)
        drawn = slow if tab.slow else fast
        assert drawn and set(drawn) <= mine
        assert tab.emptied or not (fast if tab.slow else slow)


def test_files_of_what_was_shown_before_cannot_be_taken_while_new_ones_are_written(handlers):
    answer, buttons = detected(handlers, EXAMPLES[0]), set(handlers.v.parts["files"].values())
    fast = handlers.draw(settings(answer, "files", chosen=0, threshold=LOW))
    assert set(fast) == buttons and not any(button.interactive or button.value for button in fast.values())


def test_a_picture_that_is_shown_already_keeps_what_was_chosen(handlers, checkpoint):
    """Tab past the list of models asks for the same picture again; other pictures and models begin anew."""
    v, first = handlers.v, detected(handlers, EXAMPLES[0], checkpoint)
    answer = handlers.begin(settings(first))
    assert answer[v.shown] == first.subject and answer[v.answer]["example"] == Path(EXAMPLES[0]).stem
    assert detected(handlers, first.path, checkpoint, first) is first
    assert handlers.begin(settings(first, shown=first.subject)) == {v.shown: first.subject}
    other = detected(handlers, EXAMPLES[1], checkpoint, first)
    for new, shown in ((other, first.subject), (replace(first, model="another"), first.subject), (first, None)):
        answer = handlers.begin(settings(new, shown=shown))
        assert answer[v.shown] == new.subject and answer[v.answer]["compact"]["labels"]
    assert handlers.begin(settings(Refusal("That did not work"), shown=first.subject))[v.shown] is None


def test_a_place_that_is_asked_about_is_answered_wherever_it_lies(handlers):
    v, answer = handlers.v, detected(handlers, EXAMPLES[0])
    asked = handlers.asked(settings(answer), gr.EventData(None, dict(point=(-5.0, 3.0))))
    assert asked[v.parts["why"]["point"]] == (0.0, 3.0)
    assert (asked[v.parts["why"]["x"]], asked[v.parts["why"]["y"]]) == (0, 3)
    refused = settings(Refusal("That did not work", answer.subject))
    assert handlers.asked(refused, gr.EventData(None, dict(point=(1, 1)))) == {}


@pytest.mark.parametrize("tab", SERVED, ids=lambda tab: tab.key)
def test_who_comes_back_after_the_answer_was_forgotten_is_told_so(handlers, tab):
    """Gradio then gives the state that a visitor begins with, and tabs would stay empty without a word."""
    forgotten = settings(Refusal(), tab.key, chosen=0)
    asked = gr.EventData(None, dict(point=(1, 1)))
    for act in (handlers.draw, handlers.draw_by(tab, tab.draw), lambda s: handlers.asked(s, asked)):
        with pytest.raises(gr.Error, match="load the page again"):
            act(forgotten)


def test_a_link_leads_to_its_example_and_to_no_model_that_is_not_here(handlers, checkpoint):
    v = handlers.v
    example = next(e for e in handlers.cache.offered().values() if e.drawn)
    stem = Path(example.path).stem
    for model in ("", "nonsense", "/etc/passwd", "xlarge-obj365"):
        arrived = handlers.arrive(dict(link=f"#example={stem}&model={model}"))
        assert Path(arrived[v.source]).name == Path(example.path).name
        assert arrived[v.model].value == handlers.models.suited(True)
    handlers.models(checkpoint)
    assert handlers.arrive(dict(link=f"#example={stem}&model={checkpoint}"))[v.model].value == checkpoint
    nowhere = handlers.arrive(dict(link="#example=../../secret&tab=edge"))
    assert nowhere[v.source] == handlers.arrive()[v.source]
    back = handlers.linked("mine.jpg", checkpoint, gr.EventData(None, dict(link="#object=3")))
    assert back == {v.source: "mine.jpg", v.model: checkpoint}, "a link without an example changes nothing"


def test_a_model_that_cannot_be_had_changes_nothing_but_a_sentence(handlers, checkpoint, monkeypatch, tmp_path):
    """The picture and its boxes stay, and the choice of the model before is put back, in the list and as the wish."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("dfine.weights.cache.hub_folder", lambda hub: None)
    v, before = handlers.v, detected(handlers, EXAMPLES[0], checkpoint)
    answer = handlers.detect(EXAMPLES[0], "small-coco", before, Wanted())
    assert answer[v.outcome] is before
    assert answer[v.model].value == checkpoint and answer[v.wish] == checkpoint
    assert any("out of reach" in words for words, name in answer[v.model].choices if name == "small-coco")
    other = handlers.detect(EXAMPLES[1], "small-coco", before, Wanted())
    assert other[v.outcome].subject == (EXAMPLES[1], checkpoint)
    first = handlers.detect(EXAMPLES[1], "small-coco", Refusal(), Wanted())
    assert first[v.outcome].subject == (EXAMPLES[1], handlers.models.default)


def test_an_example_brings_its_model_and_a_picture_of_ones_own_takes_it_back(handlers, checkpoint):
    number = next(i for i, example in enumerate(handlers.cache.examples) if example.drawn)
    v, event = handlers.v, gr.EventData(None, dict(index=number))
    chosen = handlers.example("small-coco", event)
    assert Path(chosen[v.source]).name == Path(handlers.cache.examples[number].path).name
    assert chosen[v.model] == handlers.models.suited(True, "small-coco")
    assert handlers.own("small-coco") == "small-coco" and handlers.own("") == handlers.models.default
    brought = detected(handlers, EXAMPLES[0], checkpoint)
    assert handlers.wish(checkpoint, "small-coco", brought) == "small-coco", "it was brought, not wished for"
    assert handlers.wish("nano-coco", "small-coco", brought) == "nano-coco"


def test_who_arrives_sees_an_example_in_which_something_is_found(handlers):
    v, answer = handlers.v, handlers.arrive()
    offered = handlers.cache.offered()
    assert Path(answer[v.source]).name in [Path(example.path).name for example in offered.values()]
    assert [(shown["index"], shown["label"]) for shown in answer[v.examples]] == [
        (number, example.label) for number, example in offered.items()
    ]
    assert all(Path(shown["picture"]["path"]).is_file() for shown in answer[v.examples])


def test_who_is_here_already_keeps_the_model_and_is_offered_the_one_that_arrives(checkpoint, model, monkeypatch):
    models = Models(checkpoint, "cpu")
    models()
    handlers = handlers_of(models)
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


def test_several_pictures_open_the_first_unless_their_visitor_has_moved_on(handlers):
    found = detected(handlers, EXAMPLES[0]).result.detections
    several = Thumbnails(tuple(Thumbnail(f"/uploads/{name}.jpg", name, found=found) for name in "ab"))
    assert handlers.first(several, "/before.jpg", "/before.jpg") == several.first == "/uploads/a.jpg"
    assert handlers.first(several, "/uploads/b.jpg", "/before.jpg") == "/uploads/b.jpg"
    assert handlers.first(Thumbnails(), "/before.jpg", "/before.jpg") == "/before.jpg"


def test_a_picture_of_ones_own_is_there_again_and_nothing_that_lies_elsewhere(handlers, checkpoint, tmp_path):
    v, mine = handlers.v, cached_files.copy(EXAMPLES[0])
    back = handlers.arrive(dict(link="#object=2", kept=dict(path=mine, model=checkpoint)))
    assert back[v.source] == mine and back[v.model].value == checkpoint
    begins = handlers.arrive()[v.source]
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"")
    link = Path(mine).with_name("link.jpg")
    link.symlink_to(secret)
    paths = [
        str(secret),
        str(Path(mine).parent / ".." / ".." / ".." / secret),
        str(link),
        "",
        "a" * 9999,
        "\0",
        7,
        None,
    ]
    for kept in [*(dict(path=path, model=checkpoint) for path in paths), {}, [], "x", None]:
        assert handlers.arrive(dict(kept=kept))[v.source] == begins, kept
    named = handlers.arrive(dict(link=f"#example={Path(EXAMPLES[1]).stem}", kept=dict(path=mine, model="")))
    assert Path(named[v.source]).stem == Path(EXAMPLES[1]).stem, "a link comes first"
    assert handlers.arrive(dict(kept=dict(path=mine, model="small-coco")))[v.model].value == handlers.models.default
    link.unlink()


def test_own_pictures_are_told_of_as_kept_and_examples_are_not(handlers):
    outcome = detected(handlers, EXAMPLES[0])
    assert telling.shown(outcome, "1-clean")["kept"] is None
    assert telling.shown(outcome)["kept"] == dict(path=EXAMPLES[0], model=handlers.models.default)
    more = handlers.rest(settings(outcome))[handlers.v.rest]
    assert more == dict(of=telling.shown(outcome)["of"], distributions="")
    assert handlers.rest(settings(Refusal())) == {}
