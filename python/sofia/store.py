"""The feature store: rows of many symbols as Parquet, on disk or in a bucket, appended whole or not at all, read as of any moment. docs/store.md."""

from __future__ import annotations

import datetime as dt
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from . import _arrow
from ._load import core
from ._result import Result, result_of
from .errors import ConflictError, DataError, UnavailableError, UsageError
from .tables import nanoseconds

_TIMES = ("ts", "known_at", "written_at")
_NO_TIME = np.iinfo(np.int64).min
_ATTEMPTS = 5  # of a query while compactions take files away
_UNITS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}

Column = tuple[str, str, Any, Any]  # name, type, values, valid: as python/glue/store.cpp has them


def _duration(bar: Any) -> int:
    """Nanoseconds of a timedelta, of pandas or NumPy too, or of a text such as ``1m``."""
    if isinstance(bar, str) and (found := re.fullmatch(r"(\d+)([smhd])", bar)):
        return int(found[1]) * _UNITS[found[2]]
    if isinstance(bar, dt.timedelta):  # pandas' own is one
        return (bar.days * 86_400 + bar.seconds) * 10**9 + bar.microseconds * 1000 + getattr(bar, "nanoseconds", 0)
    if isinstance(bar, np.timedelta64):
        return int(bar.astype("timedelta64[ns]").astype(np.int64))
    raise UsageError(f"bar {bar!r} is no length of a bar", "a timedelta, or a text such as 1m, 15m, 4h, 1d")


def _time_columns(table: pa.Table, bar: Any) -> tuple[np.ndarray, np.ndarray, set[str]]:
    """ts, known_at, and the names of the columns that said so."""
    ts, known_at = _arrow.find(table, "ts", "opentime", "timestamp"), _arrow.find(table, "knownat", "closetime")
    if ts is None and known_at is None:
        raise DataError("the table has no column ts", f"ts is the start of a row's bar, known_at when it could be known; it has {', '.join(table.column_names)}")
    if (ts is None or known_at is None) and bar is None:
        raise DataError(f"the table has no column {'ts' if ts is None else 'known_at'}", "bar='1m' says how long after ts a row is known")
    made = {name: _arrow.unix_times(table.column(name), name) for name in (ts, known_at) if name is not None}
    if ts is None:
        starts = made[str(known_at)] - _duration(bar)
        return starts, made[str(known_at)], set(made)
    return made[ts], made[ts] + _duration(bar) if known_at is None else made[known_at], set(made)


def _valid(array: pa.Array) -> np.ndarray | None:
    return None if array.null_count == 0 else array.is_valid().cast(pa.uint8()).to_numpy()


def _column(name: str, column: pa.ChunkedArray) -> Column | None:
    """As C++ takes it; nothing for a column without a type and a value."""
    array = _arrow.one_piece(column)
    kind = array.type
    if pa.types.is_null(kind):
        return None
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return name, "float64", _arrow.doubles(array.cast(pa.float64()), name), None
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments = array.cast(pa.timestamp("ns", kind.tz) if pa.types.is_timestamp(kind) else pa.timestamp("ns")).view(pa.int64())
        return name, "timestamp", moments.fill_null(_NO_TIME).to_numpy(), None
    if pa.types.is_boolean(kind):
        return name, "boolean", array.fill_null(False).cast(pa.uint8()).to_numpy(), _valid(array)
    if pa.types.is_integer(kind):
        try:
            return name, "int64", array.cast(pa.int64()).fill_null(0).to_numpy(), _valid(array)
        except pa.ArrowInvalid:
            raise DataError(f"column {name} holds an integer that has no place in 64 bits with sign") from None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return name, "text", array.cast(pa.string()).fill_null("").to_pylist(), _valid(array)
    raise DataError(f"column {name} is {kind}, which a feature store cannot hold", "it takes floats, integers, booleans, text and timestamps")


def _stored(data: Any, bar: Any) -> tuple[np.ndarray, np.ndarray, list[Column]]:
    table = _arrow.arrow_table(data)
    ts, known_at, times = _time_columns(table, bar)
    made = [_column(name, table.column(name)) for name in table.column_names if name not in times and name != "written_at"]
    return ts, known_at, [column for column in made if column is not None]


def _array(kind: str, values: Any, valid: np.ndarray | None) -> pa.Array:
    mask = None if valid is None else valid == 0
    if kind == "float64":
        return _arrow.number_array(values)
    if kind == "timestamp":
        return _arrow.time_array(values, missing=_NO_TIME)
    if kind == "boolean":
        return pa.array(values.view(np.bool_), mask=mask)
    return pa.array(values, pa.string() if kind == "text" else pa.int64(), mask=mask)


def _optional_time(moment: Any) -> int | None:
    return None if moment is None else nanoseconds(moment)


class FeatureStore:
    """Feature rows of many symbols: the store that ``sofia store`` works on, which DuckDB, polars and pandas read as a folder of Parquet.

    Parameters
    ----------
    url : path or str
        A folder, or a URL such as ``s3://bucket/prefix?region=eu-central-1`` with the credentials of the environment or in the URL. Nothing is read or made
        by naming it; the first `append` makes the folder.
    threads : int
        0: all cores. Changes no result.

    A row has ``ts`` (start of its bar), ``known_at`` (when it could be known) and columns of float64, int64, boolean, text or timestamp. Times are given
    as datetimes, texts in ISO form, NumPy's or pandas' times, or nanoseconds; without a zone they are UTC. Safe under any number of threads and processes;
    can be pickled. Raises UsageError (symbol, column, URL), DataError (bad rows, a changed type, damage), IoError, ConflictError (another writer for more
    than a minute), UnavailableError (the bucket does not answer).
    """

    def __init__(self, url: str | os.PathLike[str], *, threads: int = 0) -> None:
        self._url = os.fspath(url)
        self.threads = threads
        self.root, self.is_local = core.store_place(self._url)  #: as it may be shown: of a URL without user, password and options

    def _options(self) -> Any:
        return core.CallOptions(42, self.threads, False)

    def __repr__(self) -> str:
        return f"FeatureStore({self.root!r})"

    @property
    def symbols(self) -> list[str]:
        """Sorted; none where there is no store yet."""
        return list(core.store_symbols(self._options(), self._url))

    def columns(self, symbol: str) -> dict[str, str]:
        """Name and type (``float64``, ``int64``, ``boolean``, ``text``, ``timestamp``) of each column beside the three times."""
        return dict(core.store_columns(self._options(), self._url, symbol))

    def append(self, symbol: str, rows: Any, *, bar: Any = None) -> Result:
        """Adds a table of rows, in any order, whole or not at all: as ``sofia store append``.

        ``ts`` may also be called ``open_time`` or ``timestamp``, ``known_at`` also ``close_time``; where one of them lacks, ``bar`` (a timedelta, or ``"1m"``)
        says how far they are apart. Numbers are unix times whose unit the first one shows. ``written_at`` is left out, as is a column of nothing but nulls
        that has no type. A further row of a ``ts`` is a new version; `to_parquet` writes changes only. Returns ``rows`` written, ``repeated`` (left out: a
        later row of the table says the same moment), ``days``, ``new_columns``, ``written_at``.
        """
        return self._append(symbol, rows, bar, versions=True)

    def _append(self, symbol: str, rows: Any, bar: Any, *, versions: bool) -> Result:
        ts, known_at, columns = _stored(rows, bar)
        done = core.store_append(self._options(), self._url, symbol, ts, known_at, columns, versions)
        written, repeated, unchanged, days, rewritten, new_columns, written_at = done
        document = {"store": self.root, "symbol": symbol, "rows": written, "repeated": repeated, "unchanged": unchanged, "days": days}
        document |= {"days_rewritten": rewritten, "new_columns": list(new_columns)}
        document["written_at"] = str(np.datetime64(written_at, "ns")) + "Z" if written_at else None
        text = "".join(f"{name:<15} {', '.join(value) or '-' if isinstance(value, list) else value}\n" for name, value in document.items())
        return Result("store append", text, document)

    def read(
        self,
        symbol: str | Iterable[str] | None,
        start: Any = None,
        end: Any = None,
        *,
        as_of: Any = None,
        columns: Sequence[str] = (),
        last: int | None = None,
        written_at: bool = False,
        kind: str = "arrow",
    ) -> Any:
        """Rows with ascending ``ts``, one a ``ts``, the last written.

        Parameters
        ----------
        symbol : str, several, or None
            Several, or all (None): one table with a column ``symbol`` in front; a column that a symbol does not have is missing there.
        start, end : time, optional
            Rows with start <= ts < end.
        as_of : time, optional
            Only what was known then: known_at <= as_of.
        columns : sequence of str
            In this order; empty: all.
        last : int, optional
            Only the last so many rows (of each symbol).
        written_at : bool
            With the time at which each row came into the store.
        kind : ``arrow``, ``pandas``, ``polars`` or ``numpy``
        """
        _arrow.wanted_kind(kind)
        if isinstance(symbol, str):
            return _arrow.as_kind(self._table(symbol, start, end, as_of, columns, last, written_at), kind)
        wanted = self.symbols if symbol is None else list(symbol)
        tables = []
        for one in wanted:
            table = self._table(one, start, end, as_of, columns, last, written_at)
            tables.append(table.add_column(0, "symbol", pa.array([one] * table.num_rows, pa.string())))
        if not tables:
            raise DataError(f"{self.root}: no symbol to read", "FeatureStore.append writes the first rows")
        return _arrow.as_kind(pa.concat_tables(tables, promote_options="default"), kind)

    def _table(self, symbol: str, start: Any, end: Any, as_of: Any, columns: Sequence[str], last: int | None, written_at: bool) -> pa.Table:
        made = core.store_read(
            self._options(), self._url, symbol, list(columns), _optional_time(start), _optional_time(end), _optional_time(as_of), last
        )
        arrays = {name: _arrow.time_array(values) for name, values in zip(_TIMES, made) if name != "written_at" or written_at}
        arrays.update((name, _array(kind, values, valid)) for name, kind, values, valid in made[3])
        return pa.table(arrays)

    def describe(self, symbol: str | None = None) -> Result:
        """Rows, days, columns with types, ranges and missing values, sizes, duplicates: of one symbol or of all. ``symbols`` holds one of each."""
        return result_of("store describe", core.store_describe(self._options(), self._url, symbol or ""))

    def compact(self, symbol: str | None = None, *, before: Any = None, drop_history: bool = False) -> Result:
        """Brings the parts of each day together and drops rows that no read can see. ``drop_history``: one row a ts; ``as_of`` may then find nothing."""
        return result_of("store compact", core.store_compact(self._options(), self._url, symbol or "", _optional_time(before), drop_history))

    def retain(self, symbol: str | None = None, *, days: int | None = None, before: Any = None) -> Result:
        """Drops old days: ``days`` stay, back from each symbol's last one, or those from ``before`` on."""
        return result_of("store retain", core.store_retain(self._options(), self._url, symbol or "", days, _optional_time(before)))

    def check(self, symbol: str | None = None) -> Result:
        """Reads everything and compares it with the log. ``exit_code`` is 4 when something is damaged or missing; ``symbols`` has the problems."""
        return result_of("store check", core.store_check(self._options(), self._url, symbol or ""))

    def sql(self, query: str, *, as_of: Any = None, kind: str = "arrow") -> Any:
        """A query in DuckDB, in this process, over one view a symbol and ``features``, all of them with a column ``symbol``.

        Views hold what `read` gives, with ``as_of`` of those known then. Needs the package duckdb. Raises UsageError with DuckDB's own words.
        """
        _arrow.wanted_kind(kind)
        try:
            import duckdb
        except ImportError as problem:
            raise UnavailableError(f"sql needs DuckDB: {problem}", "pip install duckdb; without it any reader of Parquet opens the folder") from None
        for _ in range(_ATTEMPTS):
            with tempfile.TemporaryDirectory(prefix="sofia-sql-") as folder, duckdb.connect() as connection:
                try:
                    connection.execute("SET TimeZone='UTC'")
                    for view in core.store_views(self._options(), self._url, query, _optional_time(as_of), folder):
                        connection.execute(view)
                    found = connection.sql(query)
                    return _arrow.as_kind(pa.table({}) if found is None else pa.table(found), kind)
                except duckdb.IOException as problem:
                    gone = problem  # a compaction took files away
                except duckdb.Error as problem:
                    raise UsageError(f"the query failed: {problem}") from None
        raise ConflictError(f"{self.root}: {gone}", "parts are removed faster than they can be read: try again")


def to_parquet(df: Any, out_dir: str | os.PathLike[str], symbol: str, *, bar: Any = None) -> str:
    """Writes a symbol's rows into a feature store: what ``sofia store append`` does, but only with what is new.

    Parameters
    ----------
    df : table
        As `minute_features` returns it, or any other with ``ts`` and ``known_at`` (see `FeatureStore.append`).
    out_dir : path or URL
        The store; made where there is none.
    symbol : str
    bar : timedelta or str, optional
        ``"1m"``: how far ``known_at`` is from ``ts``, in a table without one of them.

    Returns
    -------
    str
        The symbol's folder, ``out_dir/<symbol>``: pandas, polars and DuckDB read it, and so does `train_from_parquet`.

    Rows that the store holds already, equal in every column, are left out, and a row that replaces one which was known no earlier takes its place. So the same
    rows written twice are there once, for every reader. A version that was known earlier stays, for reads as of then. All or nothing, whatever
    happens to the process; writers at once lose nothing.
    """
    store = FeatureStore(out_dir)
    store._append(symbol, df, bar, versions=False)
    return os.path.join(os.fspath(out_dir) if store.is_local else store.root, core.symbol_folder(symbol))


__all__ = ["FeatureStore", "to_parquet"]
