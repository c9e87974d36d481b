"""How sure the edges of every track are over time."""

import json

from dfine.video.spreads import track_spreads


def found(track, score, name="cup", length=4.0):
    return dict(track=track, score=score, name=name, interval=[[10.0, 10.0 + length * (k + 1)] for k in range(4)])


def test_no_frames_and_frames_without_tracks_have_no_spreads():
    assert track_spreads([]) == []
    assert track_spreads([dict(time=0.0, detections=[found(None, 0.9)])]) == []


def test_tracks_are_read_off_frames_the_longest_first():
    frames = [
        dict(time=0.0, detections=[found(1, 0.9)]),
        dict(time=0.5, detections=[found(2, 0.8, "key", 1.0), found(1, 0.7, "cup", 2.0)]),
        dict(time=1.0, detections=[found(2, 0.6, "cup", 3.0), found(2, 0.9, "key", 5.0)]),
        dict(time=1.5, detections=[found(2, 0.9, "key", 6.0)]),
    ]
    longest, other = track_spreads(json.loads(json.dumps(frames)))
    assert (longest.number, longest.name, longest.times) == (2, "key", [0.5, 1.0, 1.5])
    assert longest.scores == [0.8, 0.9, 0.9], "of several in a frame the best counts"
    assert longest.spreads[1] == [5.0, 10.0, 15.0, 20.0]
    assert other.to_dict() == dict(
        number=1, name="cup", times=[0.0, 0.5], scores=[0.9, 0.7], spreads=[[4, 8, 12, 16], [2, 4, 6, 8]]
    )
