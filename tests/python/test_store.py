"""The feature store from Python: what goes in comes out, the command and other readers see the same, and rows written twice are there once."""

import datetime as dt
import pickle
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import s3
import sofia
from binaries import answer, sofia as command

DAY = 1440
BEGIN = np.datetime64("2024-01-01T00:00", "ns")
MINUTE = np.timedelta64(1, "m")


def rows(first=0, count=DAY, close=100.0):
    """Minutes from 2024-01-01 on; every seventh `vol_z` is missing."""
    ts = BEGIN + (first + np.arange(count)) * MINUTE
    vol_z = np.where(np.arange(count) % 7 == 0, np.nan, 0.5)
    return {"ts": ts, "known_at": ts + MINUTE, "close": close + np.arange(count) * 0.25, "vol_z": vol_z, "y": np.arange(count) % 2 * 1.0}


def arrow(table):
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in table.items()})


@pytest.fixture
def store(tmp_path):
    return sofia.FeatureStore(tmp_path / "store")


def same(found, expected):
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.parametrize("kind", ["arrow", "pandas", "polars", "numpy"])
def test_a_table_of_any_kind_comes_back_as_the_kind_that_is_asked_for(store, kind):
    given = rows(count=3000)
    made = {"arrow": arrow, "pandas": pd.DataFrame, "polars": pl.DataFrame, "numpy": dict}[kind](given)
    done = store.append("BTC/USDT:USDT", made)
    assert (done.rows, done.days, done.repeated, done.new_columns) == (3000, 3, 0, ["close", "vol_z", "y"])
    assert store.symbols == ["BTC/USDT:USDT"] and store.columns("BTC/USDT:USDT") == {"close": "float64", "vol_z": "float64", "y": "float64"}
    found = store.read("BTC/USDT:USDT", kind=kind)
    assert type(found) is type(made) and (kind == "numpy" or "UTC" in str(found.schema if kind != "pandas" else found.dtypes))
    same(store.read("BTC/USDT:USDT", kind="numpy"), given)


def test_every_type_is_kept_with_what_is_missing(store):
    moments = np.array(["2024-01-05T01:02:03.000000004", "NaT", "2024-01-06"], "datetime64[ns]")
    table = pa.table({
        "open_time": pa.array([1704067200, 1704067260, 1704067320]),  # unix seconds
        "close_time": pa.array([1704067260, 1704067320, 1704067380]),
        "i": pa.array([2**62, None, -3], pa.int64()),
        "small": pa.array([1, 2, 3], pa.int8()),
        "b": pa.array([True, None, False]),
        "s": pa.array(["héllo", None, ""]),
        "d": pa.array(["a", "b", None]).dictionary_encode(),
        "t": pa.array(moments),
        "f": pa.array([1.5, None, float("nan")], pa.float32()),
        "nothing": pa.nulls(3),
    })  # fmt: skip
    assert store.append("X", table).rows == 3
    found = store.read("X")
    assert found.column_names == ["ts", "known_at", "i", "small", "b", "s", "d", "t", "f"]
    assert store.columns("X") == {"i": "int64", "small": "int64", "b": "boolean", "s": "text", "d": "text", "t": "timestamp", "f": "float64"}
    assert found["ts"].to_pylist()[0] == dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    assert [found[name].to_pylist() for name in "ibsdf"] == [
        [2**62, None, -3], [True, None, False], ["héllo", None, ""], ["a", "b", None], [1.5, None, None],
    ]  # fmt: skip
    np.testing.assert_array_equal(found["t"].to_numpy(), moments)


def test_the_command_sees_the_same_store(store, tmp_path):
    store.append("B", rows(), bar="1m")
    assert answer("store", "describe", "--store", store.root) == store.describe().document
    command("store", "read", "--store", store.root, "--symbol", "B", "--out", tmp_path / "b.parquet", "--quiet")
    command("store", "append", "--store", store.root, "--symbol", "C", tmp_path / "b.parquet", "--quiet")
    assert store.symbols == ["B", "C"]
    same(store.read("C", kind="numpy"), store.read("B", kind="numpy"))
    both = store.read(["C", "B"])
    assert both.column_names[0] == "symbol" and both["symbol"].to_pylist() == ["C"] * DAY + ["B"] * DAY
    assert store.read(None, last=2)["symbol"].to_pylist() == ["B", "B", "C", "C"]


def test_reads_are_of_a_span_and_as_of_a_moment(store):
    store.append("B", rows())
    late = {**rows(60, 1, close=7.0), "known_at": np.array(["2024-01-03"], "datetime64[ns]")}
    store.append("B", late)
    hour = store.read("B", "2024-01-01T01:00", dt.datetime(2024, 1, 1, 2), columns=["y", "close"], kind="pandas")
    assert list(hour.columns) == ["ts", "known_at", "y", "close"] and len(hour) == 60 and hour["close"][0] == 7.0
    then = store.read("B", as_of="2024-01-01T01:01", last=1, written_at=True)
    assert then["close"].to_pylist() == [115.0] and then.column_names[2] == "written_at"
    assert store.read("B", as_of=np.datetime64("2024-01-01T00:00")).num_rows == 0
    with pytest.raises(sofia.UsageError, match="no_such"):
        store.read("B", columns=["no_such"])
    with pytest.raises(sofia.DataError, match="NOBODY"):
        store.read("NOBODY")
    with pytest.raises(sofia.UsageError, match="kind of table"):
        store.read("B", kind="spark")


def test_the_same_rows_twice_are_there_once_for_every_reader(tmp_path):
    import duckdb

    frame = pd.DataFrame(rows(count=3000))
    place = sofia.to_parquet(frame, tmp_path / "store", "BTC/USDT")
    assert place == str(tmp_path / "store" / "BTC%2FUSDT")
    files = sorted((tmp_path / "store/BTC%2FUSDT").rglob("*.parquet"))
    assert sofia.to_parquet(frame, tmp_path / "store", "BTC/USDT") == place
    assert sorted((tmp_path / "store/BTC%2FUSDT").rglob("*.parquet")) == files
    # The day goes on, and what was not known yet has become known.
    more = pd.DataFrame(rows(count=3100))
    frame.loc[2990:, "y"] = np.nan
    sofia.to_parquet(frame, tmp_path / "store", "BTC/USDT")
    sofia.to_parquet(more, str(tmp_path / "store"), "BTC/USDT")
    for found in (
        pd.read_parquet(place).sort_values("ts"),
        pl.read_parquet(f"{place}/**/*.parquet").sort("ts").to_pandas(),
        duckdb.sql(f"SELECT * FROM read_parquet('{place}/*/*.parquet') ORDER BY ts").df(),
        sofia.FeatureStore(tmp_path / "store").read("BTC/USDT", kind="pandas"),
    ):
        assert len(found) == 3100
        for name in ("close", "vol_z", "y"):
            np.testing.assert_array_equal(found[name], more[name])
    # A correction that became known later hides nothing.
    late = more.iloc[[10]].assign(known_at=pd.Timestamp("2024-01-04"), close=1.0)
    sofia.to_parquet(late, tmp_path / "store", "BTC/USDT")
    store = sofia.FeatureStore(tmp_path / "store")
    assert store.read("BTC/USDT", last=3090)["close"][0].as_py() == 1.0
    assert store.read("BTC/USDT", as_of="2024-01-03", end="2024-01-01T00:11", last=1)["close"][0].as_py() == 102.5
    assert store.check().exit_code == 0


def test_columns_may_come_and_never_change_their_type(store):
    first = rows(count=10)
    store.append("B", first)
    assert store.append("B", {**rows(10, 10), "flow": np.arange(10.0)}).new_columns == ["flow"]
    assert store.read("B")["flow"].to_pylist() == [None] * 10 + list(range(10))
    with pytest.raises(sofia.DataError, match="close is text, but float64"):
        store.append("B", {**rows(20, 2), "close": np.array(["1", "2"])})
    with pytest.raises(sofia.DataError, match="no column known_at") as caught:
        store.append("B", {name: values for name, values in first.items() if name != "known_at"})
    assert "bar=" in caught.value.hint
    assert store.append("D", {name: values for name, values in first.items() if name != "known_at"}, bar=dt.timedelta(minutes=1)).rows == 10
    same(store.read("D", kind="numpy"), first)
    with pytest.raises(sofia.DataError, match="no column ts"):
        store.append("B", {"close": np.arange(3.0)})
    with pytest.raises(sofia.DataError, match="64 bits"):
        store.append("B", {**rows(20, 1), "n": np.array([2**63], np.uint64)})
    with pytest.raises(sofia.DataError, match="cannot hold"):
        store.append("B", arrow(rows(20, 1)).append_column("l", pa.array([[1]])))
    with pytest.raises(sofia.UsageError, match="bar"):
        store.append("B", {"ts": first["ts"], "close": first["close"]}, bar="often")
    with pytest.raises(sofia.UsageError):
        store.append("", first)
    assert store.read("B").num_rows == 20


def test_upkeep(store):
    store.append("B", rows(count=3 * DAY))
    store.append("B", rows(count=DAY, close=50.0))
    assert store.describe("B").symbols[0]["duplicates"] == DAY and "BTC" not in store.describe("B").text
    assert store.compact("B").symbols[0]["rows_before"] == 2 * DAY
    kept = store.retain(days=2)
    assert kept.symbols == [{"symbol": "B", "before": "2024-01-02", "days": 1, "rows": DAY}]
    assert store.compact(drop_history=True, before="2024-01-02").symbols[0]["days"] == 0
    with pytest.raises(sofia.UsageError):
        store.retain("B")
    part = next(Path(store.root).glob("B/date=2024-01-02/*.parquet"))
    part.write_bytes(part.read_bytes()[:-8])
    broken = store.check()
    assert broken.exit_code == 4 and len(broken.symbols[0]["problems"]) == 1


def test_sql_sees_what_reads_give(store):
    store.append("B", rows())
    store.append("B", {**rows(0, 1, close=7.0), "known_at": np.array(["2024-01-03"], "datetime64[ns]")})
    store.append("C/D", rows(count=10, close=1.0))
    count = store.sql("SELECT symbol, count(*) AS n, min(close) AS least FROM features GROUP BY symbol ORDER BY symbol")
    assert isinstance(count, pa.Table) and count.to_pylist() == [{"symbol": "B", "n": DAY, "least": 7.0}, {"symbol": "C/D", "n": 10, "least": 1.0}]
    assert store.sql('SELECT min(close) AS m FROM "B"', as_of="2024-01-02", kind="numpy")["m"].tolist() == [100.0]
    frame = store.sql("SELECT ts, close FROM B ORDER BY ts", kind="pandas")
    np.testing.assert_array_equal(frame["close"], store.read("B", kind="pandas")["close"])
    with pytest.raises(sofia.UsageError, match="query failed"):
        store.sql("SELECT nothing FROM B")


def test_writers_at_once_lose_nothing_and_a_store_travels(store):
    again = pickle.loads(pickle.dumps(store))
    assert again.root == store.root and repr(again) == f"FeatureStore({store.root!r})"
    writers = [threading.Thread(target=again.append, args=("B", rows(60 * i, 60))) for i in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    same(store.read("B", columns=["close"], kind="numpy"), {
        "ts": rows(0, 480)["ts"], "known_at": rows(0, 480)["known_at"], "close": np.concatenate([rows(60 * i, 60)["close"] for i in range(8)]),
    })  # fmt: skip


def test_a_bucket_is_a_store_like_any_other():
    reason = s3.missing()
    if reason:
        pytest.skip(reason)
    with s3.Server() as server:
        url = server.bucket("python")
        place = sofia.to_parquet(pl.DataFrame(rows()), url, "B")
        store = sofia.FeatureStore(url)
        assert not store.is_local and s3.KEY not in repr(store) + place and place.endswith("features/B")
        assert sofia.to_parquet(rows(), url, "B") == place and store.describe("B").symbols[0]["duplicates"] == 0
        same(store.read("B", kind="numpy"), rows())
        assert store.sql("SELECT count(*) AS n FROM B").to_pylist() == [{"n": DAY}]
