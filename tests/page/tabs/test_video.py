"""The tab for a short video."""

import pytest

pytest.importorskip("gradio")
av = pytest.importorskip("av")

from PIL import Image, ImageDraw

from dfine.page import cached_files
from dfine.page.tabs import video
from tests.page.visitor import EXAMPLES, open_tab


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A drawn scene, over whose mushroom a patch moves."""
    path = tmp_path_factory.mktemp("film") / "scene.mp4"
    scene = Image.open(EXAMPLES[0]).convert("RGB").resize((320, 320))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 320, "yuv420p"
        for i in range(4):
            frame = scene.copy()
            ImageDraw.Draw(frame).rectangle((30, 280 - 15 * i, 130, 319), fill=(90, 110, 100))
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def ticket(film):
    """As the tab keeps an upload."""
    return dict(ticket=(str(film), film.name, "ticket"))


def drawn(values):
    return [value["drawn"] for value in values]


def test_what_will_be_looked_at_is_said_first(runner, ticket):
    (told,) = drawn(video.uploaded(runner, ticket, {}))
    assert told["plan"] == dict(size=[320, 320], seconds=0.4, every=1, frames=4, cut=False)
    assert told["model"] in [name for _, name in told["models"]] and told["name"] == "scene.mp4"
    assert all(limit in video.HELP for limit in ("40 MB", "30 seconds", "150 frames", "8.4 million pixels"))


@pytest.mark.parametrize(
    "name, want",
    [("clip.mp4", "clip"), ("12:30 “a”?*.mp4", "1230 “a”"), ("", "video"), ("???.mov", "video"), ("ü" * 99, "ü" * 60)],
)
def test_the_result_has_a_name_that_windows_can_write(name, want):
    assert video.file_name(name) == f"{want}-lens.mp4"


def test_a_video_comes_back_with_the_spread_of_its_tracks(runner, ticket):
    *steps, result = drawn(video.started(runner, ticket, dict(model="demo", threshold=0.5)))
    assert steps == [dict(done=i + 1, of=4) for i in range(4)]
    assert cached_files.uploaded(result["video"]["path"]), "it lies among the uploads, and is deleted with them"
    longest = result["tracks"][0]
    assert len(longest["times"]) == 4 and len(longest["spreads"][0]) == 4 and result["count"] >= 3
    assert not video._stops


def test_a_stopped_video_ends_with_the_next_frame_and_leaves_nothing(runner, ticket):
    looking = video.started(runner, ticket, dict(threshold=0.5))
    next(looking)
    video.stopped(("", "", "another"))
    video.stopped(ticket["ticket"])
    assert drawn(looking) == [dict(sentence="Stopped after 2 of 4 frames.")] and not video._stops
    video.stopped(ticket["ticket"])
    video.stopped(None)


def test_another_upload_ends_what_is_looked_at_of_the_one_before(runner, ticket):
    """Its button to stop would stop the new one; of the old one nothing is said in the new one's place."""
    looking = video.started(runner, ticket, dict(threshold=0.5))
    next(looking)
    kept = video.taken([("/uploads/b.mp4", "b.mp4")], ticket["ticket"])
    assert kept[:2] == ("/uploads/b.mp4", "b.mp4") and kept[2] != ticket["ticket"][2]
    assert drawn(looking) == [] and not video._stops
    assert video.taken(None, None) is None


@pytest.mark.parametrize("threshold", [None, "x", float("inf"), 10**400, True])
@pytest.mark.parametrize("model", [None, "/etc/passwd", "xlarge-obj365", ["x"]])
def test_what_callers_make_up_is_put_into_bounds(runner, ticket, threshold, model):
    looking = video.started(runner, ticket, dict(model=model, threshold=threshold))
    assert drawn([next(looking)]) == [dict(done=1, of=4)]
    looking.close()


def test_what_is_no_video_gets_a_sentence(runner, tmp_path):
    path = tmp_path / "no.mp4"
    path.write_text("#EXTM3U\nfile:///etc/passwd\n")
    kept = dict(ticket=(str(path), path.name, "ticket"))
    for function in (video.uploaded, video.started):
        (told,) = drawn(function(runner, kept, {}))
        assert "is no video that can be read" in told["sentence"]
    (told,) = drawn(video.started(runner, dict(ticket=None), {}))
    assert "no longer there" in told["sentence"]


def test_a_visitor_uploads_stops_and_watches(page, film):
    open_tab(page, "video")
    page.locator("#panel-video input[type=file]").set_input_files(film)
    page.wait_for_selector("#video .outcome:has-text('4 in all')")
    page.get_by_role("button", name="Look at it").click()
    page.wait_for_selector("#video .outcome:has-text('tracks')")
    page.wait_for_function("document.querySelector('#video video').readyState > 0")
    assert page.locator("#video path.spread").count() == 4
    letters = page.locator("#video .chart .letter").all_text_contents()
    assert sorted(letters) == ["b", "l", "r", "t"], "lines are not told apart by colours only"
    page.select_option("#video-track", index=1)
    page.locator("#video .chart").click(position=dict(x=60, y=100))
    page.wait_for_function("document.querySelector('#video .result .caption').textContent.includes('score')")
    second = film.with_name("second.mp4")
    second.write_bytes(film.read_bytes())
    page.locator("#panel-video input[type=file]").set_input_files(second)
    page.wait_for_selector("#video .outcome:has-text('second.mp4')")  # it is taken as the first one was
