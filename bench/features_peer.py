"""The peer of features_bench: one year of random minutes to 150 columns over five timeframes with polars, TA-Lib and join_asof.

30 columns a timeframe with the definitions of the catalogue where TA-Lib or polars has them. Prints seconds and peak memory of the best of three
runs, bars in memory beforehand, one joined table afterwards: what
`bars_to_columns/peer_columns/large` (one table) and `bars_to_row_groups/peer_columns/large` (handed out in groups) time on our side.
"""

import resource
import time

import numpy as np
import polars as pl
import talib

ROWS = 525_600
FRAMES = {"m1": "1m", "m5": "5m", "m15": "15m", "h1": "1h", "h4": "4h"}


def minutes():
    random = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(0.001 * random.standard_normal(ROWS)))
    opening = np.concatenate([[100.0], close[:-1]])
    return pl.DataFrame({
        "open_time": np.datetime64("2020-01-01", "ns") + np.arange(ROWS) * np.timedelta64(60, "s"),
        "open": opening,
        "high": np.maximum(opening, close) * (1 + 0.0005 * random.random(ROWS)),
        "low": np.minimum(opening, close) * (1 - 0.0005 * random.random(ROWS)),
        "close": close,
        "volume": 20.0 * random.exponential(size=ROWS),
        "vwap": close,
    })


def resample(base, every):
    return (base.group_by_dynamic("open_time", every=every)
            .agg(pl.col("open").first(), pl.col("high").max(), pl.col("low").min(), pl.col("close").last(), pl.col("volume").sum(),
                 ((pl.col("vwap") * pl.col("volume")).sum() / pl.col("volume").sum()).alias("vwap")))


def features(bars, every, prefix):
    high, low, close, volume = (bars[c].to_numpy() for c in ("high", "low", "close", "volume"))
    atr = talib.ATR(high, low, close, 14)
    out = {}
    for lag in (1, 3, 12):
        out[f"return_{lag}"] = talib.ROCP(close, lag)
    for n in (20, 50):
        ema = talib.EMA(close, n)
        out[f"ema{n}_gap"] = close / ema - 1
        out[f"ema{n}_slope"] = talib.MOM(ema, 5) / (5 * atr)
        out[f"ema{n}_touch"] = (np.where(close >= ema, low, high) - ema) / atr
    out["sma50_gap"] = close / talib.SMA(close, 50) - 1
    out["rsi14"] = talib.RSI(close, 14)
    out["atr14"] = atr / close
    out["adx14"] = talib.ADX(high, low, close, 14)
    out["plus_di14"] = talib.PLUS_DI(high, low, close, 14)
    out["minus_di14"] = talib.MINUS_DI(high, low, close, 14)
    macd, _, hist = talib.MACD(close, 12, 26, 9)
    out["macd"], out["macd_hist"] = macd / atr, hist / atr
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    out["bb20_position"], out["bb20_width"] = (close - lower) / (upper - lower), (upper - lower) / middle
    out["stoch14_k"], out["stoch14_d"] = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    out["cci20"] = talib.CCI(high, low, close, 20)
    out["willr14"] = talib.WILLR(high, low, close, 14)
    out["mfi14"] = talib.MFI(high, low, close, volume, 14)
    out["obv20_change"] = talib.MOM(talib.OBV(close, volume), 20) / talib.SUM(volume, 20)
    top, bottom = talib.MAX(high, 20), talib.MIN(low, 20)
    out["donchian20_position"] = (close - bottom) / (top - bottom)
    frame = pl.DataFrame({prefix + k: v for k, v in out.items()})
    # What TA-Lib has not, in polars.
    rest = bars.select(
        ((pl.col("volume") - pl.col("volume").rolling_mean(20)) / pl.col("volume").rolling_std(20, ddof=0)).alias(prefix + "volume20_z"),
        (pl.col("close") / pl.col("close").shift(1)).log().pow(2).rolling_mean(20).sqrt().alias(prefix + "volatility20"),
        ((pl.col("high") / pl.col("low")).log().pow(2).rolling_mean(20) / (4 * np.log(2))).sqrt().alias(prefix + "parkinson20"),
        (pl.col("close") / ((pl.col("vwap") * pl.col("volume")).rolling_sum(20) / pl.col("volume").rolling_sum(20)) - 1).alias(prefix + "vwap20_gap"),
    )
    known = bars.select(pl.col("open_time").dt.offset_by(every).alias("known_at"))
    return pl.concat([known, frame, rest], how="horizontal")


def table(series):
    whole = None
    for prefix, every in FRAMES.items():
        made = features(series[prefix], every, prefix + ".")
        whole = made if whole is None else whole.join_asof(made, on="known_at")
    return whole.rechunk()


def main():
    base = minutes()
    series = {prefix: base if every == "1m" else resample(base, every) for prefix, every in FRAMES.items()}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        whole = table(series)
        best = min(best, time.perf_counter() - start)
        columns = whole.width - 1
        del whole
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"polars {pl.__version__} + TA-Lib {talib.__version__}: {columns} columns, {best:.3f} s, peak {peak / 1024:.0f} MiB ({before / 1024:.0f} MiB before)")


if __name__ == "__main__":
    main()
