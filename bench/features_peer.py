"""The peer of `sofia features` and features_bench: minutes to 150 columns over five timeframes with polars, TA-Lib and join_asof.

    features_peer.py memory rows             random minutes in memory to one table in memory; prints {"seconds": …}, the median of three
    features_peer.py file BARS.csv OUT       a file of minutes to a Parquet file; prints {"seconds": …} without the start of Python
    features_peer.py compare OURS THEIRS     exit 1 unless the columns of both files agree wherever both are numbers

30 columns a timeframe with the definitions of the catalogue where TA-Lib or polars has them.
"""

import json
import statistics
import sys
import time

import numpy as np
import polars as pl
import talib

FRAMES = {"m1": "1m", "m5": "5m", "m15": "15m", "h1": "1h", "h4": "4h"}


def minutes(rows):
    random = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(0.001 * random.standard_normal(rows)))
    opening = np.concatenate([[100.0], close[:-1]])
    return pl.DataFrame({
        "open_time": np.datetime64("2020-01-01", "ns") + np.arange(rows) * np.timedelta64(60, "s"),
        "open": opening,
        "high": np.maximum(opening, close) * (1 + 0.0005 * random.random(rows)),
        "low": np.minimum(opening, close) * (1 - 0.0005 * random.random(rows)),
        "close": close,
        "volume": 20.0 * random.exponential(size=rows),
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
    out["macd12_26"], out["macd12_26_9_hist"] = macd / atr, hist / atr
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


def read(path):
    """Minutes of a file. Opens outside low and high widen the bar, as on our side; a minute without volume has no vwap and adds none."""
    return (pl.read_csv(path)
            .select((pl.col("timestamp").cast(pl.Int64) * 1_000_000_000).cast(pl.Datetime("ns")).alias("open_time"),
                    pl.col("open", "high", "low", "close", "volume", "vwap").cast(pl.Float64))
            .with_columns(pl.max_horizontal("high", "open").alias("high"), pl.min_horizontal("low", "open").alias("low"),
                          pl.col("vwap").fill_null(pl.col("close"))))


def frames(base):
    return {prefix: base if every == "1m" else resample(base, every) for prefix, every in FRAMES.items()}


def memory(rows):
    series = frames(minutes(rows))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        whole = table(series)
        seconds.append(time.perf_counter() - start)
        columns = whole.width - 1
        del whole
    print(json.dumps({"seconds": statistics.median(seconds), "columns": columns, "polars": pl.__version__, "talib": talib.__version__}))


def file(bars, out):
    start = time.perf_counter()
    whole = table(frames(read(bars)))
    whole.write_parquet(out, compression="zstd", compression_level=1)  # the level of our writer
    print(json.dumps({"seconds": time.perf_counter() - start, "columns": whole.width - 1, "rows": whole.height}))


def compare(ours, theirs):
    """Windows and averages start differently, so the second half counts, by when every start has faded from the 4h columns too."""
    a, b = pl.read_parquet(ours), pl.read_parquet(theirs)
    if a.height != b.height or a.columns != b.columns:
        print(f"{a.shape} against {b.shape}, columns of one side only: {sorted(set(a.columns) ^ set(b.columns))}", file=sys.stderr)
        return 1
    half = a.height // 2
    differ = 0
    for name in a.columns[1:]:
        x, y = a[name][half:].to_numpy(), b[name][half:].to_numpy()
        both = np.isfinite(x) & np.isfinite(y)
        bad = both & (np.abs(x - y) > 1e-6 * np.maximum(1.0, np.abs(x)))
        if bad.any() or both.mean() < 0.5:
            differ += 1
            first = int(np.argmax(bad)) + half
            print(f"{name}: {bad.mean():.5%} of rows differ, first row {first}: {a[name][first]} against {b[name][first]}", file=sys.stderr)
    print(json.dumps({"columns": a.width - 1, "agree": a.width - 1 - differ, "rows": a.height - half}))
    return 1 if differ else 0


if __name__ == "__main__":
    if sys.argv[1] == "memory":
        memory(int(sys.argv[2]))
    elif sys.argv[1] == "file":
        file(sys.argv[2], sys.argv[3])
    else:
        sys.exit(compare(sys.argv[2], sys.argv[3]))
