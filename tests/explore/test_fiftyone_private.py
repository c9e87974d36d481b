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


def test_the_app_keeps_to_itself_how_to_reach_it_from_elsewhere(fo, monkeypatch):
    """Its own client cannot connect here; what FiftyOne would say of both is kept back, but no warnings."""
    import logging
    import time

    import fiftyone.core.session.client as client
    import fiftyone.core.session.session as session

    from dfine.explore.fiftyone_private import quiet_app

    said = []
    monkeypatch.setattr("builtins.print", lambda *words, **_: said.append(str(words)))
    monkeypatch.setattr(client, "_ping", client._ping.__wrapped__)  # without trying again for ten seconds

    def complaints(seconds):
        """How often a client to whom nobody listens complains before its ten seconds' sleep."""
        one = client.Client(address="127.0.0.1", auto=False, port=1, remote=True, start_time=0)
        before, end = sum("Could not connect" in words for words in said), time.monotonic() + 60
        one.open(None)
        while one._connected and time.monotonic() < end:
            time.sleep(0.01)
        assert not one._connected
        end = time.monotonic() + seconds
        while (found := sum("Could not connect" in words for words in said) - before) == 0 and time.monotonic() < end:
            time.sleep(0.01)
        one.close()
        return found

    assert complaints(60) == 1
    level = session.logger.level
    with quiet_app():
        assert complaints(1) == 0
        assert not session.logger.isEnabledFor(logging.INFO) and session.logger.isEnabledFor(logging.WARNING)
    assert session.logger.level == level and not hasattr(client, "print")


def test_the_server_of_the_app_has_longer_than_a_minute_to_start(fo):
    import fiftyone.core.service as fosv

    from dfine.explore.fiftyone_private import patient

    theirs = fosv.Service._wait_for_child_port
    with pytest.raises(RuntimeError, match="did not start within 0 seconds"), patient(0):
        assert fosv.Service._wait_for_child_port is not theirs
        raise fosv.ServiceListenTimeout("server", 1)
    assert fosv.Service._wait_for_child_port is theirs


def test_the_database_that_comes_with_it_is_found_where_it_says(fo, monkeypatch, tmp_path):
    import inspect

    import fiftyone.core.odm.database as odm

    from dfine.explore.fiftyone_private import find_mongod, own_database_runs

    monkeypatch.setenv("FIFTYONE_PRIVATE_DATABASE_PORT", "27017")
    assert own_database_runs() and '"FIFTYONE_PRIVATE_DATABASE_PORT"' in inspect.getsource(odm.establish_db_conn)
    monkeypatch.delenv("FIFTYONE_PRIVATE_DATABASE_PORT")
    assert not own_database_runs()
    monkeypatch.setattr("fiftyone.constants.FIFTYONE_DB_BIN_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="mongod"):
        find_mongod()


def test_notices_on_versions_are_kept_back_and_warnings_are_not(fo):
    import logging

    import fiftyone.core.config as config
    import fiftyone.core.odm.database as odm
    import fiftyone.utils.eval.coco as coco

    from dfine.explore.fiftyone_private import concerns_us, hide_notices, quiet_evaluation

    texts = ("See … for deprecation notices.", "The `x` App config option has been removed", "no space is left")
    assert [concerns_us(logging.makeLogRecord({"msg": text})) for text in texts] == [False, False, True]
    hide_notices()
    hide_notices()
    assert odm.logger.filters.count(concerns_us) == config.logger.filters.count(concerns_us) == 1
    before = coco.logger.level
    with quiet_evaluation():
        assert coco.logger.level == logging.WARNING
    assert coco.logger.level == before


def test_labels_and_samples_have_the_names_that_the_evaluation_asks_for(fo, dataset):
    from dfine.explore.fiftyone_private import Label, Labels, PlainSamples

    assert fo.Detections._LABEL_LIST_FIELD == Labels._LABEL_LIST_FIELD
    assert dataset._handle_frame_field("found") == PlainSamples()._handle_frame_field("found")
    label = Label(id="a", label="cup")
    label["iou"] = 0.5
    assert (label["label"], label.iou, label.get_attribute_value("score", 1)) == ("cup", 0.5, 1)
    (copied,) = (two := Labels([label]).copy()).detections
    assert copied == label and copied is not label and two[Labels._LABEL_LIST_FIELD] == [label]
