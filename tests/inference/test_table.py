"""Rows hold together with the history of each object, and come back from a file as they were."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from dfine.inference.table import LEVELS, LISTS, PLAIN, columns, rows, write_parquet
from tests.helpers import small_predictor


@pytest.fixture(scope="module")
def model():
    return small_predictor(("cat", "dog", "fish"))


@pytest.fixture(scope="module")
def result(model):
    noise = np.random.default_rng(0).integers(0, 255, (6, 9, 3), np.uint8)
    return model(Image.fromarray(noise).resize((120, 80)), threshold=0)


CALIBRATIONS = {
    "uncalibrated": {},
    "by a temperature": dict(temperature=torch.tensor([0.5, 1.0, 1.5, 3.0])),
    "by levels": dict(levels=torch.tensor([[0, 0.1, 0.5, 0.9], [0, 0.2, 0.5, 0.8], [0.05, 0.05, 0.4, 0.97]])),
}


@pytest.mark.parametrize("fitted", CALIBRATIONS)
def test_a_row_says_what_the_history_says(result, fitted):
    result = replace(result, trace=replace(result.trace, **CALIBRATIONS[fitted]))
    table = rows("a.jpg", result)
    assert len(table) == len(result.detections) > 3
    for i in (0, 3):
        row, history = table[i], result.history(i)
        assert (row["file"], row["width"], row["height"]) == ("a.jpg", 120, 80)
        assert (row["query"], row["label"]) == (history.query, history.label)
        torch.testing.assert_close(torch.tensor(row["layers"]), history.xyxy_pixels)
        ends = torch.tensor(row["quantiles"])[:, [LEVELS.index(0.1), LEVELS.index(0.9)]]
        torch.testing.assert_close(ends, history.intervals(0.8)[-1], atol=1e-3, rtol=1e-4)
        assert all(edge == sorted(edge) for edge in row["quantiles"])


def test_nothing_found_is_no_row_and_keeps_the_columns(result):
    empty = columns([])
    assert list(empty) == [*PLAIN, *LISTS] and not any(len(column) for column in empty.values())
    full = columns(rows("a.jpg", result))
    assert {name: column.dtype.kind for name, column in full.items()}["layers"] == "O"
    assert {len(column) for column in full.values()} == {len(result.detections)}


@pytest.mark.parametrize("count", [0, 5])
def test_a_file_comes_back(model, result, tmp_path, count):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = rows("a.jpg", result)[:count]
    file = tmp_path / "a new folder" / "a.parquet"
    write_parquet(str(file) if count else file, table, model)
    back = parquet.read_table(file)
    assert back.column_names == [*PLAIN, *LISTS] and back.num_rows == count
    about = json.loads(back.schema.metadata[b"dfine"])
    assert about == model.card.provenance() | {"engine": "torch on cpu", "precision": "float32", "levels": list(LEVELS)}
    for row, again in zip(table, back.to_pylist()):
        assert again["name"] == row["name"]
        np.testing.assert_allclose(again["layers"], row["layers"], rtol=1e-6)
        np.testing.assert_allclose(again["quantiles"], row["quantiles"], rtol=1e-6)
    frame = pytest.importorskip("pandas").read_parquet(file)
    assert len(frame) == count and list(frame.columns) == back.column_names


def test_duckdb_asks_a_file(model, result, tmp_path):
    """As docs/python.md says: lists are lists there, and the layers of a row can be counted."""
    duckdb = pytest.importorskip("duckdb")
    table, file = rows("a.jpg", result), tmp_path / "a.parquet"
    write_parquet(file, table, model.card)
    asked = duckdb.sql(f"select name, query, len(layers), layers[-1] from read_parquet('{file}') where score >= 0")
    found = asked.fetchall()
    assert [(name, query) for name, query, *_ in found] == [(row["name"], row["query"]) for row in table]
    for (*_, count, last), row in zip(found, table):
        assert count == len(row["layers"])
        np.testing.assert_allclose(last, row["layers"][-1], rtol=1e-6)


def test_a_name_that_is_no_utf8_stands_in_the_table_as_it_is_printed(model, result, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(tmp_path / "a.parquet", rows("caf\udce9.jpg", result)[:1], model.card)
    assert parquet.read_table(tmp_path / "a.parquet")["file"].to_pylist() == ["caf\\udce9.jpg"]


def test_without_pyarrow_it_says_what_to_install(model, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        write_parquet(tmp_path / "a.parquet", [], model.card)
    assert not list(tmp_path.iterdir())
