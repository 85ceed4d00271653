"""The peer of `sofia bars`: trades to bars of five timeframes with polars, and the comparison of both results.

    bars_peer.py make TRADES.csv OUT      writes OUT/bars_<timeframe>.parquet, prints {"seconds": …} without the start of Python
    bars_peer.py compare OURS THEIRS      exit 1 unless both hold the same bars

One pass over the file in the streaming engine gives the minutes; the larger timeframes are made of them, which is faster than five passes. The
key of a group is whole seconds cut to the minute: on these files faster than group_by_dynamic over datetimes.
"""

import json
import sys
import time
from pathlib import Path

import polars as pl

SECONDS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400}
TICKS = pl.Enum(["PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick"])
SIDES = pl.Enum(["Buy", "Sell"])
SCHEMA = {"timestamp": pl.Float64, "price": pl.Float64, "size": pl.Float64, "side": SIDES, "tickDirection": TICKS}


def start(seconds):
    return (pl.col("open_time") // seconds * seconds).alias("open_time")


def minutes(path):
    size, price = pl.col("size"), pl.col("price")
    return (pl.scan_csv(path, schema=SCHEMA)
            .with_columns((pl.col("timestamp").cast(pl.Int64) // 60 * 60).alias("open_time"))
            .group_by("open_time")
            .agg(price.first().alias("open"), price.max().alias("high"), price.min().alias("low"), price.last().alias("close"),
                 size.sum().alias("volume"), (price * size).sum().alias("notional"), pl.len().cast(pl.Float64).alias("trades"),
                 (size * (pl.col("side") == "Buy")).sum().alias("buy_volume"), (size * (pl.col("side") == "Sell")).sum().alias("sell_volume"),
                 (pl.col("tickDirection") == "PlusTick").sum().cast(pl.Float64).alias("plus_ticks"),
                 (pl.col("tickDirection") == "MinusTick").sum().cast(pl.Float64).alias("minus_ticks"))
            .collect(engine="streaming").sort("open_time"))


def larger(base, seconds):
    sums = ["volume", "notional", "trades", "buy_volume", "sell_volume", "plus_ticks", "minus_ticks"]
    return (base.group_by(start(seconds), maintain_order=True)
            .agg(pl.col("open").first(), pl.col("high").max(), pl.col("low").min(), pl.col("close").last(), pl.col(sums).sum()))


def finish(bars, seconds):
    time_of = lambda shift: ((pl.col("open_time") + shift) * 1_000_000_000).cast(pl.Datetime("ns", "UTC"))  # noqa: E731
    return bars.select(time_of(0).alias("open_time"), time_of(seconds).alias("close_time"), "open", "high", "low", "close", "volume",
                       (pl.col("notional") / pl.col("volume")).alias("vwap"), "trades", "buy_volume", "sell_volume", "plus_ticks", "minus_ticks")


def make(trades, out):
    begin = time.perf_counter()
    base = minutes(trades)
    rows = 0
    for name, seconds in SECONDS.items():
        bars = base if name == "1m" else larger(base, seconds)
        finish(bars, seconds).write_parquet(out / f"bars_{name}.parquet")
        rows += bars.height
    print(json.dumps({"seconds": time.perf_counter() - begin, "bars": rows, "version": pl.__version__}))


def nanoseconds(frame, name):
    return frame.with_columns(pl.col(name).dt.cast_time_unit("ns").cast(pl.Int64).alias(name))


def differences(ours, theirs):
    """What differs between two tables of bars. Ours also carries minutes without a print and leaves out the last bar, which has not closed."""
    ours = nanoseconds(ours.filter(~pl.col("filled")), "open_time")
    theirs = nanoseconds(theirs, "open_time")
    both = ours.join(theirs, on="open_time", how="left", suffix="_peer").sort("open_time")
    if ours.height not in (theirs.height, theirs.height - 1):
        yield f"{ours.height} bars against {theirs.height}"
    exact = ("open", "high", "low", "close", "trades", "plus_ticks", "minus_ticks")
    for name in (*exact, "volume", "vwap", "buy_volume", "sell_volume"):
        # Sums of up to a million terms in another order.
        tolerance = 0.0 if name in exact else 1e-9
        gap = (pl.col(name) - pl.col(name + "_peer")).abs()
        bad = both.filter((gap > tolerance * pl.col(name).abs().clip(1.0)).fill_null(True))
        if bad.height:
            yield f"{name} differs in {bad.height} bars, first {bad.select('open_time', name, name + '_peer').row(0)}"


def compare(ours, theirs):
    found = [f"{name}: {text}" for name in SECONDS
             for text in differences(pl.read_parquet(ours / f"bars_{name}.parquet"), pl.read_parquet(theirs / f"bars_{name}.parquet"))]
    for text in found:
        print(text, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    if sys.argv[1] == "make":
        Path(sys.argv[3]).mkdir(parents=True, exist_ok=True)
        make(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(compare(Path(sys.argv[2]), Path(sys.argv[3])))
