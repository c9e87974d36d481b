"""What is asked of FiftyOne beyond its documented API, on a real data set: a new version that changes it fails here."""

import pytest


@pytest.fixture
def dataset(fo):
    dataset = fo.Dataset()
    dataset.add_samples(
        fo.Sample(filepath=f"/{name}.png", found=fo.Detections(detections=[fo.Detection(label="cup")])) for name in "ab"
    )
    yield dataset
    dataset.delete()


def test_a_schema_grows_by_fields_and_by_attributes_of_labels(fo, dataset):
    from dfine.explore.fiftyone_private import extend_schema

    extend_schema(dataset, {})
    before = set(dataset.get_field_schema(flat=True))
    schema = {"run": fo.StringField, "stage": fo.Detections, "stage.detections.query": fo.IntField}
    extend_schema(dataset, schema | {"found.detections.doubt": fo.FloatField})
    extend_schema(dataset, schema)  # there already
    dataset.reload()
    added = set(dataset.get_field_schema(flat=True)) - before
    assert {"run", "stage", "stage.detections.query", "found.detections.doubt"} <= added
    assert isinstance(dataset.get_field("stage.detections.query"), fo.IntField)
    assert dataset.get_field("stage").document_type is fo.Detections


def test_single_values_are_written_and_the_rest_stays(fo, dataset):
    from dfine.explore.fiftyone_private import extend_schema, update_samples

    extend_schema(dataset, {"found.detections.doubt": fo.FloatField, "run": fo.StringField})
    first, second = dataset.values("id")
    update_samples(dataset, {first: {"found.detections.0.doubt": 0.5, "run": "x"}, second: {}})
    update_samples(dataset.view(), {})
    dataset.reload()
    assert dataset.values("found.detections.doubt") == [[0.5], [None]]
    assert dataset.values("found.detections.label") == [["cup"], ["cup"]]
    assert dataset.values("run") == ["x", None]
    assert dataset[first].last_modified_at > dataset[first].created_at


def test_the_attributes_of_detections_are_known(fo):
    from dfine.explore.fiftyone_private import attributes_of_detections

    assert {"id", "label", "bounding_box", "confidence", "tags", "attributes"} <= attributes_of_detections()


def test_a_session_knows_the_warning_that_is_kept_back(fo):
    import inspect

    import fiftyone.core.session as fos

    assert "_disable_wait_warning" in inspect.getsource(fos.Session)


def test_the_server_of_the_app_has_longer_than_a_minute_to_start(fo):
    import fiftyone.core.service as fosv

    from dfine.explore.fiftyone_private import patient

    theirs = fosv.Service._wait_for_child_port
    with pytest.raises(RuntimeError, match="did not start within 0 seconds"), patient(0):
        assert fosv.Service._wait_for_child_port is not theirs
        raise fosv.ServiceListenTimeout("server", 1)
    assert fosv.Service._wait_for_child_port is theirs
