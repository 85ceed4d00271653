"""Figures and reports of a table of trades are those of the backtest that the table comes from."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

import sofia

CONFIG = {
    "touch": {"timeframes": ["15m"]},
    "features": {"columns": ["m15.*"]},
    "split": {"folds": 3},
    "score.min_trades": 1,
    "fit.min_train_rows": 20,
    "model": {"rounds": 20, "min_data_in_leaf": 5},
    "costs": {"fee_percent": 0.001, "maker_fee_percent": 0.001, "max_fee_r": 1},
    "search": {"stop_atr": {"type": "float", "low": 1, "high": 3}},
}

@pytest.fixture(scope="module")
def tested(market, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    tuned = sofia.tune(CONFIG, data_dir=market / "data/SIMUSDT", model_dir=folder / "m", study="s", trials=1, seed=11, progress=False)
    return Path(sofia.backtest(sofia.train(tuned.best_summary, progress=False).train_config, progress=False)["folder"])


def test_the_figures_are_those_of_the_backtest(tested):
    expected = json.loads((tested / "metrics.json").read_text())
    found = sofia.figures(tested)
    assert expected["trades"] > 0 and found["trades"] == expected["trades"]
    table = pyarrow.csv.read_csv(tested / "trades.csv")
    for given in (table, table.to_pandas(), tested / "trades.csv"):
        again = sofia.figures(given, expected["from"], expected["to"], starting_equity=expected["starting_equity"])
        assert again.document == found.document
    # Of signals and of a trade's value, which no trades.csv has, nothing is known.
    unknown = {"signals", "unfilled", "refusals", "unfilled_why", "mean_leverage", "max_leverage", "turnover"}
    for name in set(found) - unknown:
        assert found[name] == expected[name], name


def made(net_r):
    """A trade a day from 2024-01-01, an hour long."""
    start = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(len(net_r)), unit="D")
    return pd.DataFrame({"entry_time": start, "exit_time": start + pd.Timedelta("1h"), "net_r": net_r})


def test_the_figures_of_a_few_trades_are_what_they_are_by_hand():
    net_r = np.array([1.0, -0.5, 2.0, -1.0])
    found = sofia.figures(made(net_r), "2024-01-01", "2024-01-05")
    daily = net_r.mean() / net_r.std(ddof=1)
    assert (found.trades, found.days, found.win_rate, found.net_r, found.profit_factor) == (4, 4, 0.5, 1.5, 2.0)
    assert found.sharpe_daily == pytest.approx(daily, rel=1e-12) and found.sharpe_annual == pytest.approx(daily * math.sqrt(365.25), rel=1e-12)
    assert found.max_drawdown_r == 1.0 and found.exposure == pytest.approx(4 / 96) and found.return_percent == 150.0
    assert found.by_direction[0]["trades"] == 4 and "Sharpe" in found.text
    money = made(net_r).rename(columns={"net_r": "net"}).assign(net=net_r * 50.0, side=["buy", "sell", "buy", "sell"])
    same = sofia.figures(money, "2024-01-01", "2024-01-05", starting_equity=50.0)
    assert (same.net_r, same.net_pnl, same.return_percent, same.by_direction[1]["net_r"]) == (1.5, 75.0, 150.0, -1.5)
    assert sofia.figures(made(net_r)).days == 4 and sofia.figures(made(net_r)[::-1]).document == sofia.figures(made(net_r)).document
    assert sofia.figures({"time": np.array(["2024-01-01"], "datetime64[ns]"), "net": np.array([1.0])}).trades == 1


def test_what_a_table_of_trades_has_to_be(tmp_path):
    frame = made([1.0, 2.0])
    for wrong, error in (
        (frame.drop(columns="net_r"), "net_r"),
        (frame.drop(columns=["exit_time", "entry_time"]), "exittime"),
        (frame.assign(net_r=[1.0, math.nan]), "row 1 has no net_r"),
        (frame.assign(exit_time=frame.entry_time - pd.Timedelta("1h")), "before it enters"),
        (frame.assign(direction="up"), "direction"),
        (frame.assign(net=[1e12, 0.0]), "1e"),
    ):
        with pytest.raises(sofia.DataError, match=error):
            sofia.figures(wrong)
    with pytest.raises(sofia.DataError, match="outside"):
        sofia.figures(frame, "2024-01-01", "2024-01-01T12:00")
    with pytest.raises(sofia.UsageError):
        sofia.figures(frame[:0])
    with pytest.raises(sofia.UsageError, match="together"):
        sofia.figures(frame, "2024-01-01")
    with pytest.raises(sofia.IoError):
        sofia.figures(tmp_path / "nothing.csv")
    with pytest.raises(sofia.UsageError, match="neither .html nor .png"):
        sofia.report(tmp_path / "r.pdf", frame)


def test_the_report_shows_the_trades_and_opens_offline(tmp_path):
    ts = np.datetime64("2024-01-01T00:00", "ns") + np.arange(4 * 1440) * np.timedelta64(1, "m")
    price = 100 + np.sin(np.arange(len(ts)) / 100)
    bars = pa.table({"ts": ts, "open": price, "high": price, "low": price, "close": price, "volume": np.ones(len(ts))})
    trades = made([1.0, -0.5, 2.0]).assign(entry_price=100.0, exit_price=101.0, direction="long", contracts=1.0)
    done = sofia.report(tmp_path / "r.html", trades, bars=bars, symbol="B<T>C", title="An account", notes=["From a statement."], warnings=["in-sample"])
    page = (tmp_path / "r.html").read_text()
    assert done["report"] == str(tmp_path / "r.html") and done.trades == 3
    assert "An account" in page and "B&lt;T&gt;C" in page and "<T>" not in page and "From a statement." in page and "in-sample" in page
    assert "src=\"http" not in page and "href=\"http" not in page
    sofia.report(tmp_path / "again.html", trades, bars=bars, symbol="B<T>C", title="An account", notes=["From a statement."], warnings=["in-sample"])
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "r.html").read_bytes()
    if shutil.which("gnuplot"):
        sofia.report(tmp_path / "r.png", trades)
        assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
