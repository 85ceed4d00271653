"""Bars, features and labels from Python: the numbers of the command, every kind of table in and out, no copy where none is claimed."""

import datetime as dt
import sys
import threading
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import sofia
from sofia import _arrow
from sofia._load import core


@pytest.fixture(scope="module")
def trades(market):
    options = pyarrow.csv.ConvertOptions(column_types={"timestamp": pa.string()})
    table = pyarrow.csv.read_csv(market / "data/SIMUSDT/trades.csv", convert_options=options)
    whole = [text.partition(".") for text in table.column("timestamp").to_pylist()]
    ns = pa.array([int(head) * 10**9 + int(tail.ljust(9, "0") or 0) for head, _, tail in whole], pa.int64())
    return table.set_column(table.column_names.index("timestamp"), "timestamp", ns.view(pa.timestamp("ns", "UTC")))


@pytest.fixture(scope="module")
def minutes(market):
    return pq.read_table(market / "tables/bars_1m.parquet")


def same(left, right):
    """Equal columns, types and values to the last bit; both kinds of missing are one."""
    assert left.column_names == right.column_names
    for name in left.column_names:
        a, b = left.column(name).combine_chunks(), right.column(name).combine_chunks()
        assert a.type == b.type, name
        assert a.equals(b), name


def test_trades_are_those_of_the_folder(market, trades, tmp_path):
    read = sofia.trades(market / "data/SIMUSDT")
    for name in ("timestamp", "price", "size"):
        assert read.column(name).combine_chunks().equals(trades.column(name).combine_chunks().cast(read.column(name).type)), name
    assert read.column("side").to_pylist() == trades.column("side").to_pylist()
    for timeframe, table in sofia.bars(read, ["1m", "15m"]).items():
        same(table, pq.read_table(market / f"tables/bars_{timeframe}.parquet").replace_schema_metadata(None))
    assert sofia.trades(market / "data/SIMUSDT", kind="pandas")["side"].iloc[0] in ("Buy", "Sell")
    (tmp_path / "T.csv").write_text("timestamp,price,size,side\n1700000000,2,1,Buy\n1700000001,x,1,Buy\n")
    with pytest.raises(sofia.DataError, match="line 3"):
        sofia.trades(tmp_path / "T.csv")
    assert sofia.trades(tmp_path / "T.csv", skip_bad_rows=True).num_rows == 1
    with pytest.raises(sofia.UsageError, match="holds no trades"):
        sofia.trades(market / "tables/bars_1m.parquet")


def test_bars_are_those_of_the_command(market, trades):
    made = sofia.bars(trades, ["1m", "5m", "15m", "1h", "4h"])
    assert list(made) == ["1m", "5m", "15m", "1h", "4h"]
    for timeframe, table in made.items():
        same(table, pq.read_table(market / f"tables/bars_{timeframe}.parquet").replace_schema_metadata(None))
    # Alone, a larger timeframe is made of the prints themselves: sums of volume round otherwise, all else is the same.
    alone = sofia.bars(trades, "15m")
    for name in ("open_time", "open", "high", "low", "close", "trades"):
        assert alone.column(name).equals(made["15m"].column(name)), name
    np.testing.assert_allclose(alone.column("volume").to_numpy(), made["15m"].column("volume").to_numpy(), rtol=1e-12)


def test_larger_bars_out_of_smaller_ones(market, minutes):
    made = sofia.bars(minutes, ["5m", "4h"])
    for timeframe, table in made.items():
        expected = pq.read_table(market / f"tables/bars_{timeframe}.parquet").replace_schema_metadata(None)
        same(table, expected)


def test_features_are_those_of_the_command(market, minutes):
    expected = pq.read_table(market / "tables/features.parquet")
    made = sofia.features(minutes)
    same(made.replace_schema_metadata(None), expected.replace_schema_metadata(None))
    same(sofia.features(minutes, threads=1), made)
    assert made.schema.metadata[b"feature_hash"].decode() == sofia.features(minutes.slice(0, 100)).schema.metadata[b"feature_hash"].decode()


def test_a_configuration_chooses_columns(minutes, tmp_path):
    file = tmp_path / "features.yaml"
    file.write_text("features:\n  columns: [m15.rsi9]\n  rsi_length: 9\n")
    from_file = sofia.features(minutes, file)
    assert from_file.column_names == ["known_at", "m15.rsi9"]
    same(sofia.features(minutes, {"features": {"columns": ["m15.rsi9"], "rsi_length": np.int64(9)}}), from_file)
    same(sofia.features(minutes, {"features.columns": ("m15.rsi9",)}, overrides={"features.rsi_length": 9}), from_file)
    assert [column["name"] for column in sofia.feature_catalogue(file)] == ["m15.rsi9"]
    assert sofia.features(minutes, timeframes=["1m", "30m"], config={"features": {"columns": ["m30.return_1"]}}).column_names == ["known_at", "m30.return_1"]


def test_funding_adds_its_columns(minutes):
    start = minutes.column("open_time")[0].value
    funding = {"ts": np.arange(5) * 8 * 3600 * 10**9 + start, "rate": np.array([1e-4, -2e-4, 3e-4, 0.0, 1e-4])}
    names = set(sofia.features(minutes, funding=funding).column_names) - set(sofia.features(minutes).column_names)
    assert names and all("funding" in name for name in names)


@pytest.mark.parametrize("kind", ["arrow", "pandas", "polars", "lazy", "numpy", "capsule"])
def test_a_table_comes_back_as_the_kind_that_came_in(minutes, kind):
    class Capsule:
        def __arrow_c_stream__(self, requested_schema=None):
            return minutes.__arrow_c_stream__(requested_schema)

    given = {
        "arrow": lambda: minutes,
        "pandas": minutes.to_pandas,
        "polars": lambda: pl.from_arrow(minutes),
        "lazy": lambda: pl.from_arrow(minutes).lazy(),
        "numpy": lambda: {name: minutes.column(name).to_numpy() for name in minutes.column_names},
        "capsule": Capsule,
    }[kind]()
    made = sofia.bars(given, "1h")
    expected = sofia.bars(minutes, "1h")
    wanted = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "lazy": pl.DataFrame, "numpy": dict}.get(kind, pa.Table)
    assert type(made) is wanted
    for name in expected.column_names:
        numbers = np.asarray(made[name] if wanted is not pa.Table else made.column(name))
        other = expected.column(name).to_numpy()
        if numbers.dtype.kind == "M" or other.dtype.kind == "M":
            assert (pd.DatetimeIndex(numbers).tz_localize(None) == pd.DatetimeIndex(other).tz_localize(None)).all(), name
        else:
            np.testing.assert_array_equal(numbers, other, err_msg=name)
    if kind == "pandas":
        assert str(made["open_time"].dtype) == "datetime64[ns, UTC]"
    if kind == "polars":
        assert made.schema["open_time"] == pl.Datetime("ns", "UTC")


def test_pandas_with_its_index_of_times(minutes):
    frame = minutes.to_pandas().set_index("open_time").drop(columns=["close_time"])
    frame.index.name = None
    expected = sofia.bars(minutes, "1h").to_pandas()
    pd.testing.assert_frame_equal(sofia.bars(frame, "1h"), expected)


def test_a_double_column_is_read_where_it_lies(minutes):
    close = minutes.column("close").combine_chunks()
    address = close.buffers()[1].address
    assert _arrow.doubles(close, "close").__array_interface__["data"][0] == address
    array = np.arange(1000.0)
    assert _arrow.doubles(_arrow.arrow_table({"close": array}).column("close"), "close").__array_interface__["data"][0] == array.ctypes.data
    frame = pl.DataFrame({"close": array})
    seen = _arrow.doubles(_arrow.arrow_table(frame).column("close"), "close")
    assert seen.__array_interface__["data"][0] == frame["close"].to_numpy(allow_copy=False).__array_interface__["data"][0]
    own = pd.DataFrame({"close": array}, copy=False)
    seen = _arrow.doubles(_arrow.arrow_table(own).column("close"), "close")
    assert seen.__array_interface__["data"][0] == own["close"].to_numpy().__array_interface__["data"][0]
    times = pa.array(np.arange(10), pa.int64()).view(pa.timestamp("ns", "UTC"))
    assert _arrow.times(times, "ts").__array_interface__["data"][0] == times.buffers()[1].address


def test_what_comes_out_of_cpp_is_handed_on_as_it_is(minutes):
    """The columns of one call lie in one block that C++ has made, one after the other."""
    made = sofia.features(minutes, {"features": {"columns": ["m1.*"]}})
    addresses = [made.column(name).chunk(0).buffers()[1].address for name in made.column_names[1:]]
    assert np.diff(addresses).tolist() == [8 * made.num_rows] * (len(addresses) - 1)


def test_missing_numbers_are_null(minutes):
    made = sofia.features(minutes, {"features": {"columns": ["h4.rsi14"]}}).column("h4.rsi14")
    assert made.null_count > 1000
    assert not np.isnan(made.drop_null().to_numpy()).any()


def test_what_is_wrong_is_named_with_its_row(trades, minutes):
    with pytest.raises(sofia.DataError, match="no column price"):
        sofia.bars(trades.drop_columns(["price"]).append_column("cost", trades.column("price")), "1m")
    prices = trades.column("price").to_numpy().astype(float)
    prices[17] = 0.0
    with pytest.raises(sofia.DataError, match="row 17 has price 0"):
        sofia.bars(trades.set_column(1, "price", pa.array(prices)), "1m")
    with pytest.raises(sofia.DataError, match="row 2 has 'hold'"):
        sofia.bars({"ts": np.arange(3), "price": np.ones(3), "size": np.ones(3), "side": np.array(["buy", "Sell", "hold"])}, "1m")
    with pytest.raises(sofia.DataError, match="row 1 starts at"):
        sofia.bars(minutes.take([1, 0]), "1m")
    with pytest.raises(sofia.ConfigError, match="7m"):
        sofia.bars(trades, "7m")
    with pytest.raises(sofia.ConfigError, match="30s"):
        sofia.bars(minutes, "30s")
    with pytest.raises(sofia.DataError, match="of 5m"):
        sofia.features(sofia.bars(minutes, "5m"))
    with pytest.raises(sofia.UsageError, match="is no table"):
        sofia.bars(3, "1m")


def test_trades_in_any_order_of_rows(trades):
    some = trades.slice(0, 5000)
    distinct = some.take(pa.array(np.unique(some.column("timestamp").to_numpy().astype(np.int64), return_index=True)[1]))
    shuffled = distinct.take(np.random.default_rng(3).permutation(distinct.num_rows))
    same(sofia.bars(shuffled, "1m"), sofia.bars(distinct, "1m"))


def test_labels_of_touches(trades, minutes):
    config = {"touch": {"timeframes": ["15m"]}, "features": {"columns": ["m15.rsi14", "m15.return_1"]}}
    made = sofia.labels(trades, config, features=True)
    assert made.num_rows > 20 and set(made.column_names[-2:]) == {"m15.return_1", "m15.rsi14"}
    frame = made.to_pandas()
    known = frame[frame["state"] == "labeled"]
    assert (known["end_time"] >= known["known_at"]).all() and known["y"].isin([0.0, 1.0]).all()
    assert ((known["y"] == 1) == (known["reason"] == "target")).all()
    assert (known["net_r"] < known["gross_r"]).all()
    assert frame.loc[frame["state"] != "labeled", ["y", "net_r"]].isna().all(axis=None)
    # The feature row of a touch is the one known at its time.
    rows = sofia.features(minutes, config).to_pandas().set_index("known_at")
    pd.testing.assert_series_equal(
        frame["m15.rsi14"], rows.loc[frame["known_at"], "m15.rsi14"].reset_index(drop=True), check_exact=True
    )  # fmt: skip


def test_splits_keep_the_future_out():
    made = sofia.splits("2020-01-01", dt.datetime(2021, 1, 1), {"split": {"folds": 4, "embargo_hours": 2.0}})
    assert made.tuning.start == sofia.tables.nanoseconds("2020-01-01") and made.shadow.end == sofia.tables.nanoseconds("2021-01-01T00:00:00Z")
    assert made.tuning.end == made.test.start and made.test.end == made.shadow.start and len(made.folds) == 4
    known = np.arange(made.tuning.start, made.tuning.end, 6 * 3600 * 10**9)
    ends = known + 24 * 3600 * 10**9
    for fold, (train, judged) in zip(made.folds, made.rows(known, ends)):
        assert len(train) and len(judged)
        assert ends[train].max() < fold.validation.start - made.embargo
        assert all(known[i] in fold.validation for i in judged)
        assert set(train).isdisjoint(judged)
    assert "fold 0 validation" in made._repr_html_()


def test_uniqueness_of_overlapping_labels():
    weights = sofia.average_uniqueness(np.array([0, 0, 10]), np.array([10, 10, 20]))
    np.testing.assert_allclose(weights, [0.5, 0.5, 1.0])


def test_the_audit_finds_a_leak_in_a_python_function(minutes):
    some = minutes.slice(0, 600)

    def honest(bars):
        close = bars.column("close").to_numpy()
        return pa.table({"known_at": bars.column("close_time"), "mean": np.cumsum(close) / np.arange(1, len(close) + 1)})

    def leaking(bars):
        close = bars.column("close").to_numpy()
        return pa.table({"known_at": bars.column("close_time"), "mean": np.cumsum(close), "next": np.append(close[1:], np.nan)})

    assert sofia.audit_leaks(some, honest, cuts=12)
    report = sofia.audit_leaks(some, leaking, cuts=12)
    assert not report and report.failing == ["next"] and "next" in str(report)
    with pytest.raises(ZeroDivisionError):
        sofia.audit_leaks(some, lambda bars: 1 / 0, cuts=2)


def test_other_threads_go_on_while_cpp_works(minutes):
    """A thread that counts in Python gets on while another is inside one long call. Nobody is made to give Python's lock up in this test, so
    it gets on only because the call has let go of it."""
    columns = _arrow.bar_columns(minutes)
    counted, working, done = [0], threading.Event(), threading.Event()

    def count():
        working.set()
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.0005)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=count)
        thread.start()
        working.wait()
        before = counted[0]
        core.features_of(columns, "", [], None, None, 1)
        after = counted[0]
    finally:
        sys.setswitchinterval(interval)
        done.set()
        thread.join()
    assert after - before > 5
