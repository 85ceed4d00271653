"""Trades, bars, features, labels and splits as functions on tables. `sofia` has all of them at its top."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from . import _arrow
from ._config import Config, config_file, sets_of
from ._load import core
from ._on_ray import FeaturesOnRay
from .errors import UsageError

DEFAULT_TIMEFRAMES = ("1m", "5m", "15m", "1h", "4h")


def trades(data_dir: str | os.PathLike[str], *, skip_bad_rows: bool = False, kind: str = "arrow") -> Any:
    """All trades of a data folder or of one file, in order of time, read as every verb reads them.

    Parameters
    ----------
    data_dir : path
        A folder of one symbol's trade files (CSV, plain, ``.gz`` or ``.zst``, or Parquet), or one of them.
    skip_bad_rows : bool
        Leaves malformed rows out, and logs them, instead of raising the first one.
    kind : str
        ``arrow``, ``pandas``, ``polars`` or ``numpy``.

    Returns
    -------
    table
        A row a trade: ``timestamp`` (timestamp[ns, UTC]), ``price`` (quote units), ``size`` (base units or contracts), ``side`` (``Buy``, ``Sell``: the aggressor),
        ``tickDirection`` (from the file, else by the tick rule). What `bars` and `labels` take.

    Raises
    ------
    DataError : a malformed row, with its file and line.
    IoError : a file that cannot be read.
    UsageError : the folder holds bars, or minute rows of a feature store.
    """
    return _arrow.as_kind(_arrow.trade_table(core.trades_in(os.fspath(data_dir), skip_bad_rows)), _arrow.wanted_kind(kind))


def bars(trades: Any, timeframes: str | Sequence[str] = DEFAULT_TIMEFRAMES, *, session: str = "24x7") -> Any:
    """Closed bars of one or several timeframes, from trades or from smaller bars.

    Parameters
    ----------
    trades : table
        Either trades, with the columns ``timestamp`` (or ``ts``), ``price`` (quote units, above 0), ``size`` (base units or contracts), ``side``
        (``Buy`` or ``Sell``: the aggressor) and perhaps ``tickDirection``, in any order of rows; or bars, with ``open_time`` (or ``timestamp``: the
        START of the bar), ``open``, ``high``, ``low``, ``close``, ``volume`` and perhaps the further columns below, ascending. A pyarrow Table, a
        pandas or polars DataFrame, a dict of NumPy arrays, or anything with ``__arrow_c_stream__``. Left as it is.
    timeframes : str or sequence of str
        ``30s``, ``1m``, ``15m``, ``4h``, ``1d``; multiples of the smallest one.
    session : str
        When the market is open: ``24x7``, or ``13:30-20:00`` in UTC on weekdays. Outside it there are no bars.

    Returns
    -------
    table, or dict of str to table
        One table where ``timeframes`` is a str, else one a timeframe, of the kind that came in. A row is a bar over [open_time, close_time),
        known at close_time: ``open_time``, ``close_time`` (timestamp[ns, UTC]), ``open``, ``high``, ``low``, ``close``, ``volume``, ``vwap``,
        ``trades``, ``buy_volume``, ``sell_volume``, ``plus_ticks``, ``minus_ticks`` (float64) and ``filled`` (bool: no print, the last close
        carried on). What bars as input do not carry is missing. A bar that has not provably closed is left out.

    Raises
    ------
    DataError : a missing column, or an impossible value, with its row from 0.
    ConfigError : a timeframe or a session that is none.
    """
    kind = _arrow.kind_of(trades)
    table = _arrow.arrow_table(trades)
    wanted = [timeframes] if isinstance(timeframes, str) else list(timeframes)
    if _arrow.is_trades(table):
        made = core.bars_from_trades(_arrow.trade_columns(table), wanted, session)
    else:
        made = core.bars_from_bars(_arrow.bar_columns(table), wanted, session)
    tables = {timeframe: _arrow.as_kind(_arrow.bar_table(columns), kind) for timeframe, columns in made.items()}
    return next(iter(tables.values())) if isinstance(timeframes, str) else tables


def _sets(timeframes: Sequence[str] | None, overrides: Mapping[str, Any] | None) -> list[str]:
    sets = sets_of(overrides)
    if timeframes is not None:
        # The strategy's own timeframes do not matter to a table of features.
        first = timeframes[0] if not isinstance(timeframes, str) else timeframes
        every = [timeframes] if isinstance(timeframes, str) else list(timeframes)
        sets += sets_of({"bars.timeframes": every, "touch.timeframes": [first]})
    return sets


class _Features(FeaturesOnRay):
    """`sofia.features(...)`: see `__call__`."""

    def __call__(
        self,
        bars: Any,
        config: Config = None,
        *,
        timeframes: Sequence[str] | None = None,
        funding: Any = None,
        threads: int = 0,
        overrides: Mapping[str, Any] | None = None,
    ) -> Any:
        """Feature columns as of the close of each base bar.

        Parameters
        ----------
        bars : table
            Bars of the smallest timeframe, as `bars` returns them or takes them. Larger timeframes are made of them.
        config : path, mapping or None
            A configuration file, or a mapping with its keys (``{"features": {"columns": ["m15.*"]}}``); None: the defaults.
        timeframes : sequence of str, optional
            In place of ``bars.timeframes`` of the configuration.
        funding : table, optional
            ``ts`` and ``rate`` (a fraction of the notional), ascending: adds the funding columns.
        threads : int
            0: all cores. Changes no number.
        overrides : mapping, optional
            Single keys, as ``--set`` takes them: ``{"features.rsi_length": 9}``.

        Returns
        -------
        table
            One row a base bar: ``known_at`` (timestamp[ns, UTC], the bar's close) and one float64 column a feature, named as in docs/features.md, missing until
            it has warmed up. The same numbers as ``sofia features``.
        """
        kind = _arrow.kind_of(bars)
        columns = _arrow.bar_columns(bars)
        ts = rate = None
        if funding is not None:
            rates = _arrow.arrow_table(funding)
            ts_name, rate_name = _arrow.need(rates, "funding", "ts", "timestamp"), _arrow.need(rates, "funding", "rate", "fundingrate")
            ts, rate = _arrow.times(rates.column(ts_name), ts_name), _arrow.doubles(rates.column(rate_name), rate_name)
        with config_file(config) as path:
            names, known_at, values, digest = core.features_of(columns, path, _sets(timeframes, overrides), ts, rate, threads)
        arrays = {"known_at": _arrow.time_array(known_at)}
        arrays.update((name, _arrow.number_array(values[i])) for i, name in enumerate(names))
        table = pa.table(arrays).replace_schema_metadata({"feature_hash": digest})
        return _arrow.as_kind(table, kind)

    def __repr__(self) -> str:
        return "<function sofia.features>"


features = _Features()
features.__doc__ = _Features.__call__.__doc__


def feature_catalogue(
    config: Config = None, *, timeframes: Sequence[str] | None = None, overrides: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """What each feature column of a configuration is: name, formula, unit, source, warm_up (closed bars of its own timeframe), version, needs."""
    with config_file(config) as path:
        return core.catalogue_of(path, _sets(timeframes, overrides))


@dataclass(frozen=True)
class LeakReport:
    """What an audit found. True when every column passed."""

    passed: bool
    failing: list[str]  #: names of the columns that leak
    text: str
    rows: int

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self.text


def audit_leaks(bars: Any, producer: Callable[[Any], Any], *, cuts: int = 48, seed: int = 1) -> LeakReport:
    """Whether a function from bars to feature rows looks ahead.

    Calls ``producer`` with the bars cut off at many moments and with another future after them, and compares every row before each moment bit for bit.

    Parameters
    ----------
    bars : table
        Base bars, ascending.
    producer : callable
        Takes a table of bars of the kind that came in (the columns of `bars`) and returns a table with ``known_at`` and number columns, a row at most for
        each bar. It must not keep anything between calls.
    cuts : int
        Moments at which the data is cut, at least 1.
    """
    kind = _arrow.kind_of(bars)

    def made(columns: dict[str, np.ndarray]) -> tuple[list[str], np.ndarray, np.ndarray]:
        table = _arrow.arrow_table(producer(_arrow.as_kind(_arrow.bar_table(columns), kind)))
        name = _arrow.need(table, "features", "knownat", "closetime")
        names = [column for column in table.column_names if column != name]
        known_at = _arrow.times(table.column(name), name)
        values = np.empty((len(names), len(known_at)))
        for i, column in enumerate(names):
            values[i] = _arrow.doubles(table.column(column), column)
        return names, known_at, values

    return LeakReport(*core.audit_leaks(_arrow.bar_columns(bars), made, cuts, seed))


def labels(data: Any, config: Config = None, *, features: bool = False, overrides: Mapping[str, Any] | None = None) -> Any:
    """The touches of a strategy and what became of each, by the decision core's own entry and barriers.

    Parameters
    ----------
    data : table
        Trades (prints fill the orders) or base bars (bars do), as for `bars`.
    config : path, mapping or None
        The strategy's configuration: sections ``touch``, ``barriers``, ``execution``, ``costs``, ``instrument``, ...
    features : bool
        Adds the feature columns as known at each touch.

    Returns
    -------
    table
        One row a touch, in the order of ``known_at``: ``timeframe``, ``direction`` (long, short), ``close``, ``ema``, ``atr`` (quote units), ``state`` (labeled,
        unfilled, no_levels, cut), and for labeled ones ``y`` (1: target before stop and timeout), ``entry_time``, ``end_time`` (when the outcome was
        known), ``gross_r``, ``net_r``, ``mae_r``, ``mfe_r`` (multiples of the risk), ``reason`` (target, stop, timeout, ...).
    """
    kind = _arrow.kind_of(data)
    table = _arrow.arrow_table(data)
    columns = _arrow.trade_columns(table) if _arrow.is_trades(table) else _arrow.bar_columns(table)
    with config_file(config) as path:
        made, names, values = core.labels_of(columns, path, sets_of(overrides))
    arrays = {}
    for name, column in made.items():
        if name in ("entry_time", "end_time"):
            arrays[name] = _arrow.time_array(column, missing=0)
        elif name == "known_at":
            arrays[name] = _arrow.time_array(column)
        elif isinstance(column, list):
            arrays[name] = _arrow.text_array(column, missing="")
        else:
            arrays[name] = _arrow.number_array(column)
    if features:
        arrays.update((name, _arrow.number_array(values[i])) for i, name in enumerate(names))
    return _arrow.as_kind(pa.table(arrays), kind)


def nanoseconds(moment: Any) -> int:
    """int64 nanoseconds since 1970 in UTC, of a datetime (without a zone: UTC), a NumPy or pandas time, an ISO text, or an int that is just that."""
    if isinstance(moment, (int, np.integer)):
        return int(moment)
    if hasattr(moment, "value") and not isinstance(moment, np.datetime64):  # a pandas Timestamp keeps nanoseconds
        return int(moment.tz_convert("UTC").as_unit("ns").value if moment.tzinfo else moment.as_unit("ns").value)
    if isinstance(moment, dt.datetime) and moment.tzinfo is not None:
        moment = moment.astimezone(dt.timezone.utc).replace(tzinfo=None)
    if isinstance(moment, str):
        moment = moment.removesuffix("Z")
    try:
        return int(np.datetime64(moment).astype("datetime64[ns]").astype(np.int64))
    except ValueError as problem:
        raise UsageError(f"{moment!r} is no time") from problem


@dataclass(frozen=True)
class Window:
    """[start, end) in nanoseconds since 1970, UTC. Empty where both are equal."""

    start: int
    end: int

    def __bool__(self) -> bool:
        return self.end > self.start

    def __contains__(self, moment: Any) -> bool:
        return self.start <= nanoseconds(moment) < self.end

    def __repr__(self) -> str:
        return f"Window({np.datetime64(self.start, 'ns')}, {np.datetime64(self.end, 'ns')})"


@dataclass(frozen=True)
class Fold:
    train: Window
    validation: Window


@dataclass(frozen=True)
class Splits:
    """Where in time a model may learn and where it is judged: windows for tuning, test and shadow, and walk-forward folds inside tuning."""

    tuning: Window
    test: Window
    shadow: Window
    folds: list[Fold]
    embargo: int  #: nanoseconds

    def rows(self, known_at: Any, end_time: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each fold the rows to learn from and the rows to judge (int64 indices), as scikit-learn's ``cv`` takes them.

        ``known_at`` and ``end_time`` are times, one a row: when it was known and when its label ended. Training rows whose label does not end before the
        validation, less the embargo, are left out. Without ``end_time`` a label is known with its row.
        """
        known = _time_values(known_at)
        ends = known if end_time is None else _time_values(end_time)
        for fold in self.folds:
            yield core.split_rows(
                known, ends, (fold.train.start, fold.train.end), (fold.validation.start, fold.validation.end), self.embargo
            )

    def _repr_html_(self) -> str:
        rows = [("tuning", self.tuning), ("test", self.test), ("shadow", self.shadow)]
        rows += [(f"fold {i} validation", fold.validation) for i, fold in enumerate(self.folds)]
        cells = "".join(
            f"<tr><td>{name}</td><td>{np.datetime64(w.start, 'ns')}</td><td>{np.datetime64(w.end, 'ns')}</td></tr>" for name, w in rows
        )
        return f"<table><tr><th></th><th>from</th><th>to</th></tr>{cells}</table>"


def _time_values(values: Any) -> np.ndarray:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return _arrow.times(values, "of times")
    if isinstance(values, np.ndarray) and values.dtype.kind == "i":
        return np.ascontiguousarray(values, dtype=np.int64)
    return _arrow.times(pa.array(values, from_pandas=True), "of times")


def splits(start: Any, end: Any, config: Config = None, *, overrides: Mapping[str, Any] | None = None) -> Splits:
    """Cuts a history [start, end) by the section ``split`` of a configuration, as ``sofia tune`` does: datetimes, texts or nanoseconds in UTC."""
    with config_file(config) as path:
        made = core.splits_of(nanoseconds(start), nanoseconds(end), path, sets_of(overrides))
    return Splits(
        tuning=Window(*made["tuning"]),
        test=Window(*made["test"]),
        shadow=Window(*made["shadow"]),
        folds=[Fold(Window(*train), Window(*validation)) for train, validation in made["folds"]],
        embargo=made["embargo"],
    )


def average_uniqueness(start: Any, end: Any) -> np.ndarray:
    """Weights of overlapping labels in (0, 1]: the mean over each life of 1 / (labels alive) (López de Prado 2018, ch. 4.4). Times, one a label."""
    return np.asarray(core.average_uniqueness(_time_values(start), _time_values(end)))
