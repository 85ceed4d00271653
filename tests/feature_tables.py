"""Tables for the tests of the feature store, and how they are compared."""

import numpy
import pandas

from binaries import sofia


def table(first, count, seed, **more):
    ts = pandas.Timestamp("2024-01-01", tz="UTC") + pandas.to_timedelta(numpy.arange(first, first + count), unit="min")
    frame = pandas.DataFrame({"ts": ts, "known_at": ts + pandas.Timedelta("1min")})
    frame["close"] = numpy.random.default_rng(seed).normal(size=count)
    return frame.assign(**more)


def append(store, frame, tmp_path, symbol="BTCUSDT", *words, expect=0):
    file = tmp_path / "input.parquet"
    frame.to_parquet(file)
    return sofia("store", "append", "--store", store, "--symbol", symbol, *words, file, "--quiet", expect=expect)


def same(frame, expected):
    frame = frame.sort_values("ts").reset_index(drop=True)
    assert len(frame) == len(expected)
    for column in ("ts", "known_at"):
        assert (pandas.to_datetime(frame[column], utc=True).astype("datetime64[ns, UTC]") == expected[column].astype("datetime64[ns, UTC]")).all()
    for column in ("close", "ret1"):
        numpy.testing.assert_array_equal(frame[column].to_numpy(dtype=float), expected[column].to_numpy(dtype=float))
