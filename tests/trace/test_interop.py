import pytest

from tests.trace.test_detections import some


def test_to_coco():
    first, second, third = some().to_coco(image_id=7)
    assert first == {"image_id": 7, "category_id": 2, "bbox": [10, 20, 20, 40], "score": pytest.approx(0.9)}
    assert third["bbox"] == [1.5, 2, 2, 3]
    assert [d["category_id"] for d in some().to_coco(category_ids=[17, 18, 90])] == [18, 17, 90]
    with pytest.raises(ValueError, match="there are 3 classes, but category_ids= has 2"):
        some().to_coco(category_ids=[17, 18])


@pytest.mark.parametrize("count", [0, 3])
def test_to_supervision(count):
    pytest.importorskip("supervision")
    found = some(count).to_supervision()
    assert len(found) == count
    assert found.xyxy.tolist() == some(count).boxes.tolist()
    assert found.class_id.tolist() == some(count).labels.tolist()
    assert found.confidence.tolist() == some(count).scores.tolist()
    assert list(found.data["class_name"]) == some(count).class_names
    assert found.data["query"].tolist() == some(count).query.tolist()
    assert len(found[found.confidence > 0.4]) == (2 if count else 0)


@pytest.mark.parametrize("count", [0, 3])
def test_to_pandas(count):
    pytest.importorskip("pandas")
    table = some(count).to_pandas()
    assert list(table.columns) == ["label", "name", "score", "x1", "y1", "x2", "y2", "query"]
    assert len(table) == count
    if count:
        assert table.iloc[0][["name", "x1", "y1", "x2", "y2", "query"]].tolist() == ["dog", 10, 20, 30, 60, 4]


@pytest.mark.parametrize("count", [0, 3])
def test_to_fiftyone(count):
    pytest.importorskip("fiftyone")
    found = some(count).to_fiftyone().detections
    assert [d.label for d in found] == some(count).class_names
    if count:
        assert found[0].bounding_box == pytest.approx([10 / 64, 20 / 48, 20 / 64, 40 / 48])
        assert found[0].confidence == pytest.approx(0.9)
        assert found[0].query == 4


@pytest.mark.parametrize("package", ["supervision", "pandas", "fiftyone"])
def test_a_conversion_names_the_package_it_needs(package, monkeypatch):
    import importlib

    def absent(name, *args):
        if name == package:
            raise ImportError(name)
        return real(name, *args)

    real = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        getattr(some(), f"to_{package}")()
