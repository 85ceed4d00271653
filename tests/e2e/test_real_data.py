"""Ingestion, bars and features on the real files of ../shared/data, against the totals that its README states."""

import os
from pathlib import Path

import pytest

from binaries import ROOT, answer

DATA = Path(os.environ.get("SOFIA_SHARED", ROOT.parent / "shared")) / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here: the real files are not tested")


@pytest.mark.parametrize(
    "symbol, rows, volume",
    [
        ("SPY", 250_601 + 451_545 + 439_677 + 460_022, 97_062_721 + 178_346_557 + 165_525_328 + 185_127_624),
        ("AIG", 25_351 + 43_342 + 52_008 + 54_318, 5_300_449 + 8_774_223 + 10_371_011 + 11_388_781),
        ("BTCUSDT", 21_313, 2429.366),
        ("ETHUSDT", 12_015, 10142.211),
    ],
)
def test_trades_are_all_there_from_the_file_to_the_bars(tmp_path, symbol, rows, volume):
    polars = pytest.importorskip("polars")
    found = answer("data", "check", DATA / "trades" / symbol)
    assert found["rows"] == rows and found["bad_rows"] == 0 and found["out_of_order"] == 0
    assert found["volume"] == pytest.approx(volume, rel=1e-12)
    answer("bars", "--data-dir", DATA / "trades" / symbol, "--out", tmp_path)
    minutes = polars.read_parquet(tmp_path / "bars_1m.parquet")
    five = polars.read_parquet(tmp_path / "bars_5m.parquet")
    # Only the last minute has not closed; the windows of five minutes lose a sixth with it.
    assert 0.75 * rows < minutes["trades"].sum() <= rows
    assert ((minutes["low"] <= minutes["open"]) & (minutes["open"] <= minutes["high"])).all()
    closed = minutes.filter(polars.col("close_time") <= five["close_time"].max())
    assert closed["trades"].sum() == five["trades"].sum()
    assert closed["volume"].sum() == pytest.approx(five["volume"].sum(), rel=1e-12)
    table = answer("features", "--data-dir", DATA / "trades" / symbol, "--out", tmp_path / "features.parquet")
    assert table["rows"] == minutes.height and table["columns"] >= 130


def test_three_years_of_bars_are_read_whole_and_their_carried_opens_found(tmp_path):
    polars = pytest.importorskip("polars")
    found = answer("data", "check", DATA / "bars" / "XBTUSD")
    assert found["rows"] == 525_600 + 525_600 + 527_040
    assert found["volume"] == 853_145_596_138 + 920_347_656_572 + 738_551_931_291
    assert found["opens_widened"] == 8_514 + 8_661 + 4_849 + 4_965 + 8_283 + 8_982
    assert found["carried_open_share"] > 0.9999 and found["gaps"] == 0
    assert set(found["missing_columns"]) == {"buy_volume", "sell_volume", "plus_ticks", "minus_ticks"}
    table = answer("features", "--data-dir", DATA / "bars" / "XBTUSD", "--out", tmp_path / "f.parquet", "--set", "features.columns=h1.*")
    assert table["rows"] == 1_578_240
    frame = polars.read_parquet(tmp_path / "f.parquet", columns=["known_at", "h1.rsi14", "h1.flow_imbalance"])
    assert frame["h1.flow_imbalance"].null_count() == frame.height
    # An hour's column changes at the hour only.
    changed = frame.filter(polars.col("h1.rsi14") != polars.col("h1.rsi14").shift(1))["known_at"]
    assert changed.len() > 20_000 and (changed.dt.minute() == 0).all()
