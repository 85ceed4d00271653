"""The feature store's folder in DuckDB, polars and pandas, and `sofia store` around it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy
import pandas
import polars
import pyarrow.dataset
import pyarrow.parquet
import pytest

from binaries import SOFIA, answer, sofia
from feature_tables import append, same, table

MINUTES = 3 * 1440
NEWEST = "QUALIFY row_number() OVER (PARTITION BY ts ORDER BY written_at DESC) = 1"


@pytest.fixture(autouse=True)
def python_with_duckdb(monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.fixture
def filled(tmp_path):
    """Three days, then the second day again with a column more, then compacted or not; and what a read must give."""
    store = tmp_path / "store"
    old, new = table(0, MINUTES, 1), table(1440, 1440, 2, ret1=0.5)
    append(store, old, tmp_path)
    append(store, new, tmp_path)
    expected = pandas.concat([old, new]).drop_duplicates("ts", keep="last").sort_values("ts").reset_index(drop=True)
    return store, expected


def newest(frame):
    return frame.sort_values(["ts", "written_at"]).drop_duplicates("ts", keep="last")


@pytest.mark.parametrize("compacted", [False, True])
def test_duckdb_reads_the_folder(filled, compacted):
    store, expected = filled
    if compacted:
        sofia("store", "compact", "--store", store)
    found = duckdb.sql(f"SELECT * FROM read_parquet('{store}/BTCUSDT/*/*.parquet', hive_partitioning=true, union_by_name=true) {NEWEST}")
    types = dict(zip(found.columns, map(str, found.types)))
    assert types["date"] == "DATE" and types["close"] == "DOUBLE" and types["ts"].startswith("TIMESTAMPTZ")
    same(found.to_arrow_table().to_pandas(), expected)
    one = duckdb.sql(f"SELECT count(*) FROM read_parquet('{store}/*/*/*.parquet', hive_partitioning=true) WHERE date = '2024-01-02'").fetchall()
    assert one == [(1440 if compacted else 2880,)]


@pytest.mark.parametrize("compacted", [False, True])
def test_polars_reads_the_folder(filled, compacted):
    store, expected = filled
    if compacted:
        sofia("store", "compact", "--store", store)
    schema = pyarrow.parquet.read_schema(sorted((store / "BTCUSDT").glob("date=2024-01-02/*.parquet"))[-1])
    assert schema.names[:3] == ["ts", "known_at", "written_at"]
    # A folder is read by its first file's columns; the newest file knows them all.
    names = {"close": polars.Float64, "ret1": polars.Float64} | {name: polars.Datetime("ns", "UTC") for name in ("ts", "known_at", "written_at")}
    scan = polars.scan_parquet(store / "BTCUSDT", hive_partitioning=True, missing_columns="insert", schema=names | {"date": polars.Date})
    frame = scan.sort("written_at").unique("ts", keep="last").collect()
    assert frame.schema["date"] == polars.Date
    same(frame.to_pandas(), expected)


@pytest.mark.parametrize("compacted", [False, True])
def test_pandas_reads_the_folder(filled, compacted):
    store, expected = filled
    if compacted:
        sofia("store", "compact", "--store", store)
    newest_file = sorted((store / "BTCUSDT").glob("date=2024-01-02/*.parquet"))[-1]
    frame = pandas.read_parquet(store / "BTCUSDT", schema=pyarrow.parquet.read_schema(newest_file))
    same(newest(frame), expected)
    assert len(pandas.read_parquet(store / "BTCUSDT", filters=[("date", "=", "2024-01-03")])) == 1440
    assert pyarrow.dataset.dataset(store / "BTCUSDT", partitioning="hive").count_rows() == len(expected) + (0 if compacted else 1440)


def test_files_are_zstd_parquet_and_nothing_else_lies_there(filled):
    store, _ = filled
    files = [path for path in (store / "BTCUSDT").rglob("*") if path.is_file()]
    assert len(files) == 4
    for file in files:
        meta = pyarrow.parquet.read_metadata(file)
        assert {meta.row_group(0).column(i).compression for i in range(meta.num_columns)} == {"ZSTD"}


def test_read_gives_what_pandas_has(filled, tmp_path):
    store, expected = filled
    sofia("store", "read", "--store", store, "--symbol", "BTCUSDT", "--out", tmp_path / "o.parquet")
    same(pandas.read_parquet(tmp_path / "o.parquet"), expected)
    text = sofia("store", "read", "--store", store, "--symbol", "BTCUSDT", "--from", "2024-01-02", "--to", "2024-01-03", "--columns", "ret1,close").stdout
    (tmp_path / "o.csv").write_text(text)
    frame = pandas.read_csv(tmp_path / "o.csv", parse_dates=["ts", "known_at"])
    assert list(frame.columns) == ["ts", "known_at", "ret1", "close"]
    same(frame, expected[1440:2880].reset_index(drop=True))
    data = answer("store", "read", "--store", store, "--symbol", "BTCUSDT", "--last", "2")["data"]
    assert data["close"] == list(expected["close"][-2:]) and data["ret1"] == [None, None]


def test_a_csv_goes_in_as_it_came_out(filled, tmp_path):
    store, expected = filled
    (tmp_path / "o.csv").write_text(sofia("store", "read", "--store", store, "--symbol", "BTCUSDT").stdout)
    sofia("store", "append", "--store", tmp_path / "other", "--symbol", "X", tmp_path / "o.csv", "--quiet")
    sofia("store", "read", "--store", tmp_path / "other", "--symbol", "X", "--out", tmp_path / "o.parquet")
    same(pandas.read_parquet(tmp_path / "o.parquet"), expected)


def test_as_of_gives_the_version_of_then(tmp_path):
    store = tmp_path / "store"
    first = table(0, 10, 1)
    second = first.assign(close=first["close"] + 1, known_at=first["known_at"] + pandas.Timedelta("1D"))
    append(store, first, tmp_path)
    append(store, second, tmp_path)
    for _ in range(2):
        then = answer("store", "read", "--store", store, "--symbol", "BTCUSDT", "--as-of", "2024-01-01T12:00")["data"]["close"]
        now = answer("store", "read", "--store", store, "--symbol", "BTCUSDT")["data"]["close"]
        assert then == list(first["close"]) and now == list(second["close"])
        rows = answer("store", "sql", "--store", store, "--as-of", "2024-01-01T12:00", "SELECT close FROM BTCUSDT ORDER BY ts")["rows"]
        assert [row[0] for row in rows] == then
        sofia("store", "compact", "--store", store)


def test_sql_sees_resolved_rows_of_every_symbol(filled, tmp_path):
    store, expected = filled
    append(store, table(0, 5, 3), tmp_path, "ETH/USDT")
    got = answer("store", "sql", "--store", store, "SELECT symbol, count(*) AS n, sum(close) AS s FROM features GROUP BY symbol ORDER BY symbol")
    assert got["columns"] == ["symbol", "n", "s"]
    assert [row[:2] for row in got["rows"]] == [["BTCUSDT", MINUTES], ["ETH/USDT", 5]]
    assert got["rows"][0][2] == pytest.approx(expected["close"].sum(), rel=1e-9)
    text = sofia("store", "sql", "--store", store, 'SELECT date, count(*) AS n FROM "ETH/USDT" GROUP BY date').stdout
    assert text.splitlines()[-1].split() == ["2024-01-01", "5"]
    sofia("store", "sql", "--store", store, "--out", tmp_path / "q.parquet", "SELECT * FROM BTCUSDT")
    same(pandas.read_parquet(tmp_path / "q.parquet"), expected)
    sofia("store", "sql", "--store", store, "--out", tmp_path / "q.csv", "SELECT 1 AS a")
    assert (tmp_path / "q.csv").read_text() == "a\n1\n"
    wrong = sofia("store", "sql", "--store", store, "SELECT nothing FROM BTCUSDT", expect=2)
    assert "the query failed" in wrong.stderr and "nothing" in wrong.stderr
    sofia("store", "retain", "--store", store, "--before", "2025-01-01")
    assert answer("store", "sql", "--store", store, "SELECT ts, close FROM BTCUSDT")["rows"] == []


def test_sql_without_duckdb_says_what_to_do(filled, monkeypatch, tmp_path):
    store, _ = filled
    copy = tmp_path / "sofia"  # away from any .venv
    copy.write_bytes(SOFIA.read_bytes())
    copy.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    done = subprocess.run([copy, "store", "sql", "--store", store, "SELECT 1"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "no Python with the package duckdb" in done.stderr and "pip install duckdb" in done.stderr


def test_a_changed_type_is_refused_by_name(filled, tmp_path):
    store, _ = filled
    refused = append(store, table(0, 5, 1).assign(close=7), tmp_path, expect=3)
    assert "column close is int64, but float64 in the rows that BTCUSDT has" in refused.stderr


def test_describe_retain_and_check(filled, tmp_path):
    store, _ = filled
    about = answer("store", "describe", "--store", store)["symbols"][0]
    assert (about["rows"], about["duplicates"], about["days"], about["parts"]) == (MINUTES, 1440, 3, 4)
    assert [(c["name"], c["type"], c["missing"]) for c in about["columns"]] == [("close", "float64", 0), ("ret1", "float64", 2880)]
    assert about["bytes"] == sum(path.stat().st_size for path in (store / "BTCUSDT").rglob("*.parquet"))
    assert answer("store", "retain", "--store", store, "--days", "2")["symbols"][0]["days"] == 1
    assert answer("store", "describe", "--store", store)["symbols"][0]["ts_first"] == "2024-01-02T00:00:00Z"
    sofia("store", "retain", "--store", store, expect=2)
    assert answer("store", "check", "--store", store)["symbols"][0]["problems"] == []
    part = next((store / "BTCUSDT").glob("date=2024-01-03/*.parquet"))
    part.write_bytes(part.read_bytes()[:1000])
    assert len(answer("store", "check", "--store", store, expect=4)["symbols"][0]["problems"]) == 1


def test_others_never_see_a_file_that_is_not_whole(tmp_path):
    """While a process appends and compacts and is killed, DuckDB reads the folder: it gets whole files, or one that has just gone."""
    store = tmp_path / "store"
    for part in range(4):
        table(1440 * part, 1440, part).to_parquet(tmp_path / f"{part}.parquet")
    append(store, table(0, 1440, 9), tmp_path)
    loop = f"while true; do for i in 0 1 2 3; do {SOFIA} store append --store {store} --symbol BTCUSDT {tmp_path}/$i.parquet; done; {SOFIA} store compact --store {store}; done"
    reads = 0
    for _ in range(3):
        writer = subprocess.Popen(["bash", "-c", loop], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            try:
                days = duckdb.sql(f"SELECT date, count(*) AS n FROM read_parquet('{store}/BTCUSDT/*/*.parquet', hive_partitioning=true) GROUP BY date").fetchall()
                assert all(n % 1440 == 0 for _, n in days)
                reads += 1
            except duckdb.IOException as gone:
                assert "No such file" in str(gone) or "No files found" in str(gone), gone
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
        assert json.loads(sofia("store", "check", "--store", store, "--json").stdout)["symbols"][0]["problems"] == []
    assert reads > 0
