"""FiftyOne's matching on plain labels against faster-coco-eval, on made-up pictures."""

import numpy as np
import pytest

from dfine.evaluation.coco import measure

CLASSES = ["a", "b"]


class Made:
    """Pictures of 100 x 100 as the sweep wants them, and the same as a COCO dict with rows."""

    def __init__(self, seed, ties):
        from dfine.explore.fiftyone_private import Labels

        rng = np.random.default_rng(seed)
        self.pictures, self.rows, annotations = [], [], []
        for image in range(1, 13):
            truth, found = [], []
            for _ in range(rng.integers(0, 6)):
                crowd, label = int(rng.random() < 0.3), str(rng.choice(CLASSES))
                x, y, w, h = *(rng.random(2) * 0.6), *((0.4 if crowd else 0.05) + 0.3 * rng.random(2))
                box = [x, y, w, h]
                truth.append(self.label(f"t{len(annotations)}", label, box, None, crowd))
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image,
                        "category_id": 1 + CLASSES.index(label),
                        "bbox": [100 * v for v in box],
                        "area": 1e4 * w * h,
                        "iscrowd": crowd,
                    }
                )
                for _ in range(rng.integers(0, 4)):
                    near = np.array(box) + 0.1 * rng.normal(size=4) * [w, h, w, h]
                    if crowd:
                        near = np.array([x + w * rng.random() * 0.6, y + h * rng.random() * 0.6, 0.3 * w, 0.3 * h])
                    score = round(rng.random(), 1) if ties else rng.random()
                    found.append((label if rng.random() < 0.9 else "a", near.tolist(), score))
            self.rows += [[image, *(100 * np.array(b)), s, 1 + CLASSES.index(c)] for c, b, s in found]
            labels = [self.label(f"d{image}-{i}", c, b, s, 0) for i, (c, b, s) in enumerate(found)]
            self.pictures.append({"truth": Labels(truth), "found": Labels(labels)})
        images = [{"id": i, "file_name": f"{i}.png", "width": 100, "height": 100} for i in range(1, 13)]
        categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
        self.truth = {"images": images, "annotations": annotations, "categories": categories}

    @staticmethod
    def label(id, name, box, score, crowd):
        from dfine.explore.fiftyone_private import Label

        return Label(id=id, label=name, bounding_box=box, confidence=score, iscrowd=crowd)

    def select_fields(self, names):
        return self

    def _handle_frame_field(self, name):
        return name, False

    def iter_samples(self, progress=None):
        return iter(self.pictures)

    def difference(self):
        """FiftyOne's mAP less faster-coco-eval's AP."""
        from dfine.explore.fiftyone_coco import evaluation

        method = evaluation("found", "truth")
        matches = [m for p in self.pictures for m in method.evaluate(p, eval_key="e")]
        swept = method.generate_results(self, matches, eval_key="e", classes=CLASSES, progress=False)
        return swept.mAP() - measure(self.truth, np.array(self.rows))[0]["AP"]


@pytest.mark.usefixtures("fo")
def test_the_two_evaluations_agree_crowds_included():
    differences = [Made(seed, ties=False).difference() for seed in range(8)]
    assert sum(a["iscrowd"] for a in Made(0, ties=False).truth["annotations"]) > 2
    np.testing.assert_allclose(differences, 0, atol=1e-9)


@pytest.mark.usefixtures("fo")
def test_equal_scores_are_the_cause_of_what_differs():
    """FiftyOne puts the right ones of equal scores first, and so never says less."""
    differences = np.array([Made(seed, ties=True).difference() for seed in range(8)])
    assert (differences > -1e-9).all() and differences.max() > 1e-3


@pytest.mark.parametrize(
    "matches, counts",
    [
        ([], (0, 0, 0)),
        ([("a", "a"), ("a", "a")], (2, 0, 0)),
        ([(None, "a"), ("a", None)], (0, 1, 1)),
        ([("a", "b"), ("a", "a"), (None, "a")], (1, 2, 1)),
    ],
)
def test_tally(fo, matches, counts):
    from dfine.explore.fiftyone_coco import tally

    assert tally([(*m, None, None, None, None) for m in matches]) == counts
