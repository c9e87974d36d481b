"""All that is asked of FiftyOne beyond its documented API; a test of its own says when a version changes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import fiftyone as fo
import fiftyone.core.service as fosv
import fiftyone.core.session as fos
from bson import ObjectId
from pymongo import UpdateOne


def extend_schema(dataset: fo.Dataset | fo.DatasetView, schema: dict[str, type]) -> None:
    """Add fields and attributes of labels that are not there yet, all at once.

    One by one, as by `dataset.add_sample_field`, each would read and write the data set's whole schema again.

    Args:
        dataset: the data set, or a view of it.
        schema: path -> kind of field, or kind of label.
    """
    missing = {path: kind for path, kind in schema.items() if dataset.get_field(path) is None}
    made = {p: fo.EmbeddedDocumentField(k) if issubclass(k, fo.Label) else k() for p, k in missing.items()}
    for inside in (False, True):  # a label's attributes can be declared only where the label is known
        part = {path: f for path, f in made.items() if ("." in path) == inside}
        if part:
            dataset._dataset._merge_sample_field_schema(part)


def update_samples(samples: fo.Dataset | fo.DatasetView, pictures: dict[str, dict]) -> None:
    """Write single values of some samples, with one operation a sample.

    FiftyOne's own `set_values` updates label by label, and each update makes MongoDB write the whole sample again.

    Args:
        samples: the data set, or a view of it.
        pictures: sample id -> path ("field.detections.3.name") -> value.
    """
    now = datetime.now(timezone.utc)
    operations = [
        UpdateOne({"_id": ObjectId(id)}, {"$set": values | {"last_modified_at": now}})
        for id, values in pictures.items()
        if values
    ]
    if operations:
        samples._dataset._bulk_write(operations, ids=list(pictures))


@contextmanager
def patient(seconds: int = 300) -> Iterator[None]:
    """While the block runs, the App's server has so long to start: a busy machine needs more than FiftyOne's minute."""
    theirs = fosv.Service._wait_for_child_port

    def wait(self, port=None, timeout=seconds):
        return theirs(self, port, max(timeout, seconds))

    fosv.Service._wait_for_child_port = wait
    try:
        yield
    except fosv.ServiceListenTimeout:
        raise RuntimeError(
            f"the App's server did not start within {seconds} seconds; try again when the machine is less busy"
        ) from None
    finally:
        fosv.Service._wait_for_child_port = theirs


def end_without_waiting(session: fos.Session) -> None:
    """Keep a session that ends at once from asking for `session.wait()`."""
    session._disable_wait_warning = True


def attributes_of_detections() -> frozenset[str]:
    """The names that a `fiftyone.Detection` uses itself."""
    return frozenset(fo.Detection._fields)
