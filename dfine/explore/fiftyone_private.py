"""All that is asked of FiftyOne beyond its documented API; a test of its own says when a version changes it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from types import SimpleNamespace

import fiftyone as fo
import fiftyone.core.odm as foo
import fiftyone.core.odm.database as food
import fiftyone.core.service as fosv
import fiftyone.core.session as fos
import fiftyone.core.session.client as fosc
from bson import ObjectId
from pymongo import UpdateOne

# The database that comes with it


def own_database_runs() -> bool:
    """Whether FiftyOne has started its own MongoDB already; it leaves the port to processes that this one starts."""
    return bool(os.environ.get("FIFTYONE_PRIVATE_DATABASE_PORT"))


def find_mongod() -> str:
    """The program that FiftyOne would start as its database.

    Raises:
        FileNotFoundError: there is none, or it cannot be started; FiftyOne's own words say why.
    """
    try:
        return fosv.DatabaseService.find_mongod()
    except (fosv.ServiceExecutableNotFound, PermissionError) as error:
        raise FileNotFoundError(str(error)) from None


def start_database() -> None:
    """Start FiftyOne's own MongoDB, or join the one that another process has started.

    Raises:
        RuntimeError: it did not start in the time that FiftyOne gives it, twice.
    """
    for last in (False, True):
        try:
            foo.get_db_conn()
            return
        except fosv.ServiceListenTimeout:  # another was started on the same files meanwhile, or the machine is busy
            food._db_service = None
            if last:
                raise RuntimeError(
                    f"FiftyOne's database in {fo.config.database_dir} did not start; try again when the machine is "
                    "less busy"
                ) from None


def database():
    """FiftyOne's database, as pymongo has it."""
    return foo.get_db_conn()


def with_info(key: str) -> list[str]:
    """The names of the data sets whose `info` has a key, the oldest first: clones come after what they are made from.

    None of them is loaded, which FiftyOne would take for a use of it.
    """
    there, found = set(fo.list_datasets()), database().datasets.find({f"info.{key}": {"$exists": True}}, {"name": True})
    return [one["name"] for one in found.sort("created_at", 1) if one.get("name") in there]


def hide_notices() -> None:
    """Keep back what FiftyOne logs of versions to come and of options that are gone, which nobody here can act on.

    It hands its App's configuration on with options that it then says were removed.
    """
    for name in ("fiftyone.core.odm.database", "fiftyone.core.config"):
        logging.getLogger(name).addFilter(concerns_us)


def concerns_us(record: logging.LogRecord) -> bool:
    """Whether a message is none of these notices."""
    said = record.getMessage()
    return "deprecation notices" not in said and "App config option has been removed" not in said


# What is stored of samples


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


def attributes_of_detections() -> frozenset[str]:
    """The names that a `fiftyone.Detection` uses itself."""
    return frozenset(fo.Detection._fields)


# Its evaluation, of labels without documents


class Label(SimpleNamespace):
    """A box with what FiftyOne's matching asks of it, and room for what it writes."""

    def __getitem__(self, key: str):
        return self.__dict__[key]

    def __setitem__(self, key: str, value) -> None:
        self.__dict__[key] = value

    def get_attribute_value(self, key: str, default=None):
        """An attribute, as a `fiftyone.Label` gives it."""
        return self.__dict__.get(key, default)


class Labels:
    """Several of them, as a `fiftyone.Detections` holds them."""

    _LABEL_LIST_FIELD = "detections"

    def __init__(self, detections: list[Label]):
        self.detections = detections

    @staticmethod
    def of(row: dict, field: str, attributes: tuple[str, ...]) -> Labels:
        """The labels of one row of `dfine.explore.columns.chunks`."""
        columns = [row[f"{field}.{a}"] for a in attributes]
        return Labels([Label(**dict(zip(attributes, values))) for values in zip(*columns)])

    def __getitem__(self, key: str) -> list[Label]:
        return self.detections

    def copy(self) -> Labels:
        """The same labels in new objects."""
        return Labels([Label(**label.__dict__) for label in self.detections])


class PlainSamples:
    """What the precision-recall sweep asks of a collection besides its public methods."""

    def _handle_frame_field(self, name: str) -> tuple[str, bool]:
        return name, False


@contextmanager
def quiet_evaluation() -> Iterator[None]:
    """Without FiftyOne's announcement of each step."""
    logger = logging.getLogger("fiftyone.utils.eval.coco")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


# The App


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


@contextmanager
def quiet_app() -> Iterator[None]:
    """While the block runs, FiftyOne greets nobody, nor tells how to reach its App from elsewhere, nor that it waits.

    Where there is no display it takes every App for a remote one, and explains how to forward its port, also where
    the App cannot be seen from outside.
    """
    logger = logging.getLogger("fiftyone.core.session.session")
    level = logger.level
    logger.setLevel(logging.WARNING)
    fosc.print = lambda *_, **__: None  # all that this module prints is that it tries again in 10 seconds
    try:
        yield
    finally:
        logger.setLevel(level)
        del fosc.print


def end_without_waiting(session: fos.Session) -> None:
    """Keep a session that ends at once from asking for `session.wait()`."""
    session._disable_wait_warning = True
