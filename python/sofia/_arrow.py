"""Tables in and out. Any kind that speaks Arrow's C interface comes in; a table goes out as the kind that came in.

| in | out |
|---|---|
| pyarrow Table, RecordBatch, or anything else with `__arrow_c_stream__` (DuckDB's relations, for instance) | pyarrow Table |
| pandas DataFrame | pandas DataFrame |
| polars DataFrame, LazyFrame | polars DataFrame |
| dict of NumPy arrays | dict of NumPy arrays |

A float64 column without nulls, in one piece, is read where it lies, and columns that come out of C++ are handed on as they are. Times are
`timestamp[ns, UTC]` (NumPy: `datetime64[ns]` in UTC); a time without a zone is taken as UTC. NaN and null are both a missing number; out of C++ a missing
number is null where the kind has one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ._load import core
from .errors import DataError, UsageError

TIME = pa.timestamp("ns", "UTC")

# What a column may be called, plainly: without regard to case, blanks, `_` and `-`.
_TS = ("timestamp", "ts", "time", "opentime")


def plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def kind_of(data: Any) -> str:
    """`pandas`, `polars`, `numpy` or `arrow`, without importing what is not loaded."""
    for package in ("pandas", "polars"):
        module = sys.modules.get(package)
        if module is None:
            continue
        if isinstance(data, module.DataFrame) or (package == "polars" and isinstance(data, module.LazyFrame)):
            return package
    if isinstance(data, Mapping):
        return "numpy"
    return "arrow"


def arrow_table(data: Any) -> pa.Table:
    """Any table as one of pyarrow's, its columns where they were."""
    kind = kind_of(data)
    if kind == "polars" and not hasattr(data, "to_arrow"):
        data = data.collect()
    if isinstance(data, pa.Table):
        return data
    if kind == "pandas":
        index = data.index
        if type(index).__name__ == "DatetimeIndex" and not any(plain(str(column)) in _TS for column in data.columns):
            data = data.reset_index(names=index.name or "timestamp")
        return pa.Table.from_pandas(data, preserve_index=False)
    if kind == "numpy":
        return pa.table({str(name): pa.array(column) for name, column in data.items()})
    if hasattr(data, "__arrow_c_stream__") or isinstance(data, pa.RecordBatch):
        return pa.table(data)
    raise UsageError(f"a {type(data).__name__} is no table", "give a pyarrow Table, a pandas or polars DataFrame, or a dict of NumPy arrays")


def wanted_kind(kind: str) -> str:
    """The kind of table that is asked for by name."""
    if kind not in ("arrow", "pandas", "polars", "numpy"):
        raise UsageError(f"there is no kind of table {kind!r}", "arrow, pandas, polars or numpy")
    return kind


def as_kind(table: pa.Table, kind: str) -> Any:
    if kind == "pandas":
        return table.to_pandas()
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    if kind == "numpy":
        return {name: _to_numpy(table.column(name)) for name in table.column_names}
    return table


def _to_numpy(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ns")).to_numpy()
    return column.to_numpy()


def one_piece(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column in one piece: as it is where it has one, copied where it has several."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks() if column.num_chunks else pa.array([], column.type)


def doubles(column: pa.ChunkedArray | pa.Array, name: str) -> np.ndarray:
    """float64, null as NaN. No copy of a float64 column without nulls that lies in one piece."""
    array = one_piece(column)
    if pa.types.is_boolean(array.type) or pa.types.is_integer(array.type) or pa.types.is_decimal(array.type) or pa.types.is_float32(array.type):
        array = array.cast(pa.float64(), safe=False)
    elif pa.types.is_null(array.type):
        return np.full(len(array), np.nan)
    elif not pa.types.is_float64(array.type):
        raise DataError(f"column {name} is {array.type}, not a number")
    if array.null_count == 0:
        return array.to_numpy(zero_copy_only=True)
    return array.to_numpy(zero_copy_only=False)


def times(column: pa.ChunkedArray | pa.Array, name: str) -> np.ndarray:
    """int64 nanoseconds since 1970 in UTC. No copy of a `timestamp[ns]` or int64 column in one piece. Integers are nanoseconds."""
    array = one_piece(column)
    if pa.types.is_timestamp(array.type):
        array = array.cast(TIME if array.type.tz else pa.timestamp("ns")).view(pa.int64())
    elif pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("ns")).view(pa.int64())
    elif pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = pc.cast(array, TIME).view(pa.int64())
    elif not pa.types.is_int64(array.type):
        raise DataError(f"column {name} is {array.type}, not a time", "times are timestamps, or int64 nanoseconds")
    if array.null_count:
        row = pc.index(array.is_null(), True).as_py()
        raise DataError(f"column {name}: row {row} has no time")
    return array.to_numpy(zero_copy_only=True)


def unix_times(column: pa.ChunkedArray | pa.Array, name: str) -> np.ndarray:
    """As `times`, and numbers are unix times in the unit that the size of the first one shows: s, ms, us or ns."""
    array = one_piece(column)
    numbers = pa.types.is_integer(array.type) or pa.types.is_floating(array.type)
    if not numbers or len(array) == 0 or array.null_count:
        return times(array, name)
    starts = array.to_numpy(zero_copy_only=False)
    unit = core.unix_unit(float(starts[0]))
    # Whole numbers stay exact; fractions of a unit are rounded to nanoseconds.
    return starts.astype(np.int64) * unit if starts.dtype.kind in "iu" else np.round(starts * unit).astype(np.int64)


def codes(column: pa.ChunkedArray | pa.Array, name: str, words: Sequence[str]) -> np.ndarray:
    """The place of each text in `words` (plain names), as uint8."""
    array = one_piece(column)
    if pa.types.is_dictionary(array.type):
        known = codes(array.dictionary, name, words)
        if array.indices.null_count:
            raise DataError(f"column {name}: row {pc.index(array.is_null(), True).as_py()} is empty")
        return known[array.indices.to_numpy(zero_copy_only=False)]
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type)):
        raise DataError(f"column {name} is {array.type}, not text", f"one of {', '.join(words)}")
    encoded = array.cast(pa.string()).dictionary_encode()
    seen = [plain(text) if text is not None else "" for text in encoded.dictionary.to_pylist()]
    places = {word: place for place, word in enumerate(words)}
    if encoded.null_count or any(text not in places for text in seen):
        bad = [i for i, text in enumerate(encoded.to_pylist()) if text is None or plain(text) not in places][0]
        raise DataError(f"column {name}: row {bad} has {array[bad].as_py()!r}", f"one of {', '.join(words)}")
    return np.array([places[text] for text in seen], dtype=np.uint8)[encoded.indices.to_numpy()]


def flags(column: pa.ChunkedArray | pa.Array, name: str) -> np.ndarray:
    array = one_piece(column)
    if not (pa.types.is_boolean(array.type) or pa.types.is_integer(array.type)):
        raise DataError(f"column {name} is {array.type}, neither true nor false")
    return array.cast(pa.bool_()).fill_null(False).cast(pa.uint8()).to_numpy()


def find(table: pa.Table, *names: str) -> str | None:
    """The table's own name of the column that is plainly called one of `names`, in the order of `names`."""
    own: dict[str, str] = {}
    for column in table.column_names:
        own.setdefault(plain(column), column)
    return next((own[name] for name in names if name in own), None)


def need(table: pa.Table, what: str, *names: str) -> str:
    found = find(table, *names)
    if found is None:
        raise DataError(f"the table of {what} has no column {names[0]}", f"its columns are {', '.join(table.column_names)}")
    return found


def is_trades(table: pa.Table) -> bool:
    """Else it is taken as bars, and told what it misses."""
    return find(table, "open") is None and (find(table, "price") is not None or find(table, "side") is not None)


def trade_columns(data: Any) -> dict[str, np.ndarray]:
    table = arrow_table(data)
    ts, price, size, side = (need(table, "trades", *names) for names in (_TS, ("price",), ("size", "qty", "amount"), ("side",)))
    out = {
        "ts": times(table.column(ts), ts),
        "price": doubles(table.column(price), price),
        "size": doubles(table.column(size), size),
        "side": codes(table.column(side), side, ("buy", "sell")),
    }
    tick = find(table, "tickdirection")
    if tick is not None:
        out["tick"] = codes(table.column(tick), tick, ("plustick", "zeroplustick", "minustick", "zerominustick"))
    return out


def trade_table(columns: Mapping[str, np.ndarray]) -> pa.Table:
    sides = pa.array(["Buy", "Sell"])
    ticks = pa.array(["PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick"])
    return pa.table(
        {
            "timestamp": time_array(columns["ts"]),
            "price": number_array(columns["price"]),
            "size": number_array(columns["size"]),
            "side": pa.DictionaryArray.from_arrays(columns["side"].view(np.int8), sides),
            "tickDirection": pa.DictionaryArray.from_arrays(columns["tick"].view(np.int8), ticks),
        }
    )


_BAR_NUMBERS = ("open", "high", "low", "close", "volume")
_BAR_OPTIONAL = ("vwap", "trades", "buy_volume", "sell_volume", "plus_ticks", "minus_ticks")


def bar_columns(data: Any) -> dict[str, np.ndarray]:
    table = arrow_table(data)
    ts = need(table, "bars", "opentime", "timestamp", "ts", "time")
    out = {"open_time": times(table.column(ts), ts)}
    for name in _BAR_NUMBERS:
        own = need(table, "bars", name)
        out[name] = doubles(table.column(own), own)
    for name in _BAR_OPTIONAL:
        found = find(table, plain(name))
        if found is not None:
            out[name] = doubles(table.column(found), found)
    filled = find(table, "filled")
    if filled is not None:
        out["filled"] = flags(table.column(filled), filled)
    return out


def time_array(values: np.ndarray, missing: int | None = None) -> pa.Array:
    """int64 nanoseconds as timestamps, without a copy; `missing` becomes null."""
    made = pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])
    if missing is not None:
        made = pc.if_else(pc.equal(made, missing), pa.scalar(None, pa.int64()), made)
    return made.view(TIME)


def number_array(values: np.ndarray) -> pa.Array:
    """float64, NaN as null; the numbers are not copied."""
    missing = np.isnan(values)
    count = int(missing.sum())
    valid = None if count == 0 else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(pa.float64(), len(values), [valid, pa.py_buffer(values)], null_count=count)


def text_array(values: list[str], missing: str | None = None) -> pa.Array:
    return pa.array([None if text == missing else text for text in values], pa.string())


def bar_table(columns: Mapping[str, np.ndarray]) -> pa.Table:
    arrays = {}
    for name, values in columns.items():
        if name in ("open_time", "close_time"):
            arrays[name] = time_array(values)
        elif name == "filled":
            arrays[name] = pa.array(values.view(np.bool_))
        else:
            arrays[name] = number_array(values)
    return pa.table(arrays)
