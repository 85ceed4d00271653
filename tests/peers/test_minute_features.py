"""The direction strategy's columns, as `sofia features --minute` writes them, against the same in pandas; klines in JSON; joins as of a moment."""

import json

import numpy
import pandas
import pytest

from binaries import answer, sofia

HORIZON = 5


def random_bars(rows=3000, seed=1):
    random = numpy.random.default_rng(seed)
    bars = pandas.DataFrame({"timestamp": 1704067200 + 60 * numpy.arange(rows)})
    bars["close"] = (100 + random.normal(0, 0.05, rows).cumsum()).round(2)
    bars["open"] = bars["close"].shift(fill_value=bars["close"][0])
    bars["high"] = bars[["open", "close"]].max(axis=1) + 0.01
    bars["low"] = bars[["open", "close"]].min(axis=1) - 0.01
    bars["volume"] = random.exponential(10, rows).round(3)
    return bars


def in_pandas(bars):
    close, volume = bars["close"], bars["volume"]
    table = pandas.DataFrame({"close": close, "ret1": close.pct_change()})
    table["sma20_gap"] = close - close.rolling(20).mean()
    table["sma50_gap"] = close - close.rolling(50).mean()
    table["vol_z"] = (volume - volume.rolling(50).mean()) / volume.rolling(50).std()
    later = close.shift(-HORIZON)
    table["y"] = (later > close).astype(float).where(later.notna())
    return table


def minutes(folder, *words):
    sofia("features", "--data-dir", folder, "--out", folder.parent / "m.parquet", "--minute", *words, "--quiet")
    return pandas.read_parquet(folder.parent / "m.parquet")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "X").mkdir()
    return tmp_path / "X"


def test_columns_are_those_of_pandas(folder):
    bars = random_bars()
    bars.to_csv(folder / "bars.csv", index=False)
    table = minutes(folder, "--horizon", HORIZON)
    assert list(table.columns) == ["ts", "known_at", "close", "ret1", "sma20_gap", "sma50_gap", "vol_z", "y"]
    expected = in_pandas(bars)
    for column in expected:
        numpy.testing.assert_allclose(table[column], expected[column], rtol=1e-9, atol=1e-9, err_msg=column)
    assert (table["known_at"] - table["ts"] == pandas.Timedelta("1min")).all()
    assert table["ts"][0] == pandas.Timestamp("2024-01-01", tz="UTC")


def test_a_hole_is_filled_with_the_last_close_and_no_volume(folder):
    bars = random_bars(400)
    whole = bars.drop(range(200, 210))
    whole.to_csv(folder / "bars.csv", index=False)
    table = minutes(folder)
    filled = bars.copy()
    filled.loc[200:209, ["close", "volume"]] = [bars["close"][199], 0.0]
    expected = in_pandas(filled)
    for column in expected:
        numpy.testing.assert_allclose(table[column], expected[column], rtol=1e-9, atol=1e-9, err_msg=column)


@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize("form", ["objects", "lists"])
def test_klines_in_json_are_the_same_bars(tmp_path, unit, form):
    bars = random_bars(300)
    for name in ("CSV", "JSON"):
        (tmp_path / name).mkdir()
    bars.to_csv(tmp_path / "CSV/bars.csv", index=False)
    rows = [[int(r.timestamp) * unit, r.open, r.high, r.low, r.close, r.volume] for r in bars.itertuples()]
    klines = rows if form == "lists" else [dict(zip("ts o h l c v".split(), row)) for row in rows]
    (tmp_path / "JSON/X_1m.json").write_text(json.dumps(klines))
    pandas.testing.assert_frame_equal(minutes(tmp_path / "JSON"), minutes(tmp_path / "CSV"))


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_joined_columns_are_those_of_merge_asof(folder, tmp_path, form):
    bars = random_bars(600)
    bars.to_csv(folder / "bars.csv", index=False)
    random = numpy.random.default_rng(3)
    moments = pandas.to_datetime(1704067200 + numpy.sort(random.integers(0, 600 * 60, 40)), unit="s", utc=True).astype("datetime64[ns, UTC]")
    series = pandas.DataFrame({"known_at": moments, "active": random.normal(size=40)})
    if form == "parquet":
        series.to_parquet(tmp_path / "chain.parquet", index=False)
    else:  # in any order
        rows = series.assign(ts=series["known_at"] - pandas.Timedelta("1h"), note="text is left out").sample(frac=1, random_state=1)
        rows.to_csv(tmp_path / "chain.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    table = minutes(folder, "--set", f"features.joined=[{tmp_path}/chain.{form}]")
    times = table[["known_at"]].astype("datetime64[ns, UTC]")
    expected = pandas.merge_asof(times, series, on="known_at")
    numpy.testing.assert_array_equal(table["active"], expected["active"])
    assert "note" not in table


def test_order_flow_is_that_of_the_bars(folder):
    bars = random_bars(200)
    bars["buy_volume"] = (bars["volume"] * 0.25).round(3)
    bars["sell_volume"] = bars["volume"] - bars["buy_volume"]
    bars.to_csv(folder / "bars.csv", index=False)
    table = minutes(folder, "--set", "features.order_flow=true")
    net, both = bars["buy_volume"] - bars["sell_volume"], bars["buy_volume"] + bars["sell_volume"]
    numpy.testing.assert_allclose(table["flow"], net / both, rtol=1e-9)
    numpy.testing.assert_allclose(table["flow20"], net.rolling(20).sum() / both.rolling(20).sum(), rtol=1e-9)


def test_the_answer_says_what_was_written(folder):
    random_bars(100).to_csv(folder / "bars.csv", index=False)
    told = answer("features", "--data-dir", folder, "--out", folder.parent / "m.parquet", "--minute", "--horizon", 3)
    assert told["rows"] == 100 and told["horizon_minutes"] == 3 and told["columns"] == 5
