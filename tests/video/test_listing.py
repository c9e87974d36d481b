"""The list of a video: what the model says of each frame, and valid JSON however it ends."""

import pytest

av = pytest.importorskip("av")

from dfine.video.filming import Options, film
from dfine.video.reading import Video
from tests.video.clips import BASE, UNEVEN, clip, content


def test_the_list_says_what_the_model_says_of_each_frame(model, tmp_path):
    path, out = clip(tmp_path / "a.mp4", times=UNEVEN), tmp_path / "new" / "found.json"
    done = film(model, path, Options(threshold=0.4, json=out))
    found = content(out)
    assert done.files == [out]
    assert (found["schema"], found["model"], found["digest"]) == (1, model.source, model.digest)
    assert (found["engine"], found["precision"]) == ("torch on cpu", "float32")
    assert (found["count"], found["complete"], found["troubles"]) == (12, True, [])
    assert found["calibrated"] is False
    assert found["video"]["size"] == [64, 48]
    base = found["video"]["time_base"]
    with Video(path) as video:
        for entry, frame, time in zip(found["frames"], video, UNEVEN, strict=True):
            assert entry["pts"] * base[0] / base[1] == pytest.approx(float(time * BASE))
            assert entry["time"] == pytest.approx(float(time * BASE), abs=1e-6)
            alone = model(frame.picture, 0.4)
            assert [d["query"] for d in entry["detections"]] == alone.detections.query.tolist()
            for i, d in enumerate(entry["detections"]):
                history = alone.history(i)
                assert d["name"] == model.names[d["label"]] == alone.detections.class_names[i]
                assert d["score"] == pytest.approx(float(alone.detections.scores[i]), abs=1e-4)
                assert d["box"] == pytest.approx(alone.detections.boxes[i].tolist(), abs=0.02)
                assert d["deviation"] == pytest.approx(history.deviations[-1].tolist(), abs=0.02)
                assert sum(d["interval"], []) == pytest.approx(history.intervals()[-1].flatten().tolist(), abs=0.02)
                assert d["track"] is None


def test_a_clip_in_which_nothing_is_found_is_listed_too(model, tmp_path):
    done = film(model, clip(tmp_path / "a.mp4"), Options(threshold=1.0, json=tmp_path / "a.json"))
    assert [f["detections"] for f in content(tmp_path / "a.json")["frames"]] == [[]] * 12
    assert done.found.total() == 0
    assert "12 frames" in str(done)


def test_a_frame_of_another_size_says_so(model, tmp_path):
    """Its boxes count its own pixels."""
    parts = [clip(tmp_path / f"{size[0]}.ts", 3, size=size) for size in ((64, 48), (96, 80))]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    film(model, path, Options(threshold=0.4, json=tmp_path / "a.json"))
    found = content(tmp_path / "a.json")
    assert found["video"]["size"] == [64, 48]
    assert [frame.get("size") for frame in found["frames"]] == [None] * 3 + [[96, 80]] * 3
