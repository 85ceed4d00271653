"""Our indicator steps against TA-Lib's, relative 1e-9, on random and on nasty bars.

Runs `math_dump`, found in SOFIA_BIN_DIR or build/release/bin, on a bar CSV and compares each column with TA-Lib's function. Both must be missing
on the same bars. Relative means relative to the size of the indicator (100 for oscillators, the price for averages), since zero has no size.
"""

import subprocess

import numpy as np
import pytest

from binaries import BIN

talib = pytest.importorskip("talib", reason="TA-Lib is not installed in this environment (tools/setup)")

DUMP = BIN / "math_dump"


def walk(seed, count=3000, price=100.0, volatility=0.01, volume=1000.0):
    random = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(volatility * random.standard_normal(count)))
    opening = np.concatenate([[price], close[:-1]])
    high = np.maximum(opening, close) * (1 + 0.3 * volatility * random.random(count))
    low = np.minimum(opening, close) * (1 - 0.3 * volatility * random.random(count))
    return high, low, close, volume * random.exponential(size=count)


def constant(count=500):
    price = np.full(count, 100.0)
    return price, price, price, np.full(count, 10.0)


def without_volume():
    high, low, close, volume = walk(3)
    return high, low, close, np.zeros_like(volume)


def standing_still_in_the_middle():
    high, low, close, volume = (x.copy() for x in walk(4))
    for column in (high, low, close):
        column[1000:1400] = 128.0
    volume[1000:1400] = 0.0
    return high, low, close, volume


def on_a_coarse_grid():
    """Prices that repeat: equal closes, ties in highs and lows, frames without height."""
    random = np.random.default_rng(5)
    close = 64.0 + 0.5 * np.cumsum(random.integers(-1, 2, 3000))
    high = close + 0.5 * random.integers(0, 2, 3000)
    low = close - 0.5 * random.integers(0, 2, 3000)
    return high, low, close, random.integers(0, 3, 3000).astype(float)


def rising_without_a_pause():
    close = 100.0 + np.arange(500.0)
    return close + 1.0, close - 1.0, close, np.full(500, 5.0)


def with_a_jump():
    high, low, close, volume = (x.copy() for x in walk(6))
    for column in (high, low, close):
        column[1500:] *= 8.0
    return high, low, close, volume


SERIES = {
    "random": lambda: walk(1),
    "wild": lambda: walk(2, volatility=0.1),
    "large prices": lambda: walk(7, price=60000.0, volatility=0.001),
    "small prices": lambda: walk(8, price=0.25, volume=1e6),
    "constant": constant,
    "without volume": without_volume,
    "standing still in the middle": standing_still_in_the_middle,
    "coarse grid": on_a_coarse_grid,
    "rising without a pause": rising_without_a_pause,
    "with a jump": with_a_jump,
    "shorter than any warm-up": lambda: walk(9, count=10),
}


def columns(high, low, close, volume):
    """Each column with TA-Lib's value and the size to which an error is relative."""
    price = np.nanmax(np.abs(high))
    lines = {}
    lines["ema20"] = talib.EMA(close, 20), price
    lines["ema1"] = close, price  # TA-Lib takes EMA from length 2
    lines["sma50"] = talib.SMA(close, 50), price
    lines["rsi14"] = talib.RSI(close, 14), 100.0
    lines["atr14"] = talib.ATR(high, low, close, 14), 0.0
    lines["plus_di14"] = talib.PLUS_DI(high, low, close, 14), 100.0
    lines["minus_di14"] = talib.MINUS_DI(high, low, close, 14), 100.0
    lines["adx14"] = talib.ADX(high, low, close, 14), 100.0
    lines["macd"] = talib.MACD(close, 12, 26, 1)[0], 0.01 * price
    lines["macd_signal"], lines["macd_hist"] = ((x, 0.01 * price) for x in talib.MACD(close, 12, 26, 9)[1:])
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    lines["bb_upper"], lines["bb_middle"], lines["bb_lower"] = (upper, price), (middle, price), (lower, price)
    lines["stoch_k"] = talib.STOCH(high, low, close, 14, 3, 0, 1, 0)[0], 100.0
    lines["stoch_d"] = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)[1], 100.0
    lines["cci20"] = talib.CCI(high, low, close, 20), 100.0
    lines["willr14"] = talib.WILLR(high, low, close, 14), 100.0
    lines["mfi14"] = talib.MFI(high, low, close, volume, 14), 100.0
    lines["obv"] = talib.OBV(close, volume), max(np.nansum(volume), 1.0)
    # The textbook formula that TA-Lib uses cancels: its error is of the size of the squared price.
    lines["var30"] = talib.VAR(close, 30), price * price * 1e-4
    lines["sum30"] = talib.SUM(close, 30), price
    lines["max14"], lines["min14"] = (talib.MAX(high, 14), 0.0), (talib.MIN(low, 14), 0.0)
    return lines


def ours(bars):
    text = "high,low,close,volume\n" + "".join(",".join(map(repr, map(float, row))) + "\n" for row in zip(*bars))
    done = subprocess.run([DUMP], input=text, capture_output=True, text=True, check=True)
    header, *rows = done.stdout.splitlines()
    values = np.array([[float(x) for x in row.split(",")] for row in rows])
    return dict(zip(header.split(","), values.T))


@pytest.mark.parametrize("name", SERIES)
def test_indicators_equal_talib(name):
    assert DUMP.exists(), f"{DUMP} is missing: build the target math_dump or set SOFIA_BIN_DIR"
    bars = SERIES[name]()
    mine = ours(bars)
    theirs = columns(*bars)
    assert set(mine) == set(theirs)
    for column, (expected, size) in theirs.items():
        found = mine[column]
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected), err_msg=f"{column}: missing on other bars")
        known = ~np.isnan(expected)
        error = np.abs(found[known] - expected[known]) / np.maximum(np.maximum(np.abs(expected[known]), size), 1e-300)
        assert error.size == 0 or error.max() <= 1e-9, f"{column}: relative error {error.max():.3g} at bar {np.flatnonzero(known)[error.argmax()]}"
