"""Figures and a report of trades, wherever they come from: a backtest's folder, an account's statement, another program's table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from . import _arrow
from ._load import core
from ._result import Result, result_of
from .errors import DataError, IoError, UsageError
from .tables import nanoseconds

_SIDES = {"long": 0, "buy": 0, "short": 1, "sell": 1}
_NUMBERS = ("contracts", "entry_price", "exit_price", "stop", "target", "probability", "expected_value_r", "mae_r", "mfe_r", "notional")
_COSTS = ("fee", "slip", "funding", "ops")
_MONEY_COSTS = ("fees", "funding", "ops")


def _doubles(table: pa.Table, name: str) -> np.ndarray | None:
    found = _arrow.find(table, _arrow.plain(name))
    return None if found is None else _arrow.doubles(table.column(found), found)


def _texts(table: pa.Table, name: str) -> list[str] | None:
    found = _arrow.find(table, name)
    return None if found is None else [str(text) for text in table.column(found).to_pylist()]


def _results(table: pa.Table, starting_equity: float) -> dict[str, np.ndarray]:
    """What each trade earned, in R and in money, with what can be missing made of the rest."""
    out: dict[str, np.ndarray] = {}
    zeros = np.zeros(table.num_rows)
    net, net_r = _doubles(table, "net"), _doubles(table, "net_r")
    if net is None and net_r is None:
        raise DataError("the table of trades has no column net_r", f"net_r (multiples of the risk) or net (money); it has {', '.join(table.column_names)}")
    if net_r is None:
        net_r = np.asarray(net) / starting_equity
    if net is None:
        net = net_r * starting_equity
    costs_r = {f"{cost}_r": given if (given := _doubles(table, f"{cost}_r")) is not None else zeros for cost in _COSTS}
    costs = {cost: given if (given := _doubles(table, cost)) is not None else zeros for cost in _MONEY_COSTS}
    gross_r, pnl = _doubles(table, "gross_r"), _doubles(table, "pnl")
    out |= {"net_r": net_r, "net": net, **costs_r, **costs}
    out["gross_r"] = net_r + sum(costs_r.values()) if gross_r is None else gross_r
    out["pnl"] = net + sum(costs.values()) if pnl is None else pnl
    for name in ("net_r", "net"):
        if not np.isfinite(out[name]).all():
            raise DataError(f"trades: row {int(np.flatnonzero(~np.isfinite(out[name]))[0])} has no {name}")
    return out


def _columns(table: pa.Table, starting_equity: float) -> tuple[dict[str, np.ndarray], list[str]]:
    """As C++ takes them, and the names of the timeframes."""
    out = _results(table, starting_equity)
    exits = _arrow.need(table, "trades", "exittime", "time", "timestamp", "ts")
    entries = _arrow.find(table, "entrytime") or exits
    out |= {"entry_time": _arrow.unix_times(table.column(entries), entries), "exit_time": _arrow.unix_times(table.column(exits), exits)}
    for name in _NUMBERS:
        values = _doubles(table, name)
        if values is not None:
            out[name] = values
    sides = _texts(table, "direction") or _texts(table, "side")
    if sides is not None:
        wrong = next((side for side in sides if side.lower() not in _SIDES), None)
        if wrong is not None:
            raise DataError(f"trades: direction {wrong!r}", "long or short")
        out["direction"] = np.array([_SIDES[side.lower()] for side in sides], np.uint8)
    reasons = _texts(table, "reason")
    places = {word: place for place, word in enumerate(core.exit_reasons)}
    if reasons is not None:
        out["reason"] = np.array([places.get(reason, places["close"]) for reason in reasons], np.uint8)
    ambiguous = _arrow.find(table, "ambiguous")
    if ambiguous is not None:
        out["ambiguous"] = _arrow.flags(table.column(ambiguous), ambiguous)
    frames = _texts(table, "timeframe")
    if frames is None:
        return out, ["all"]
    names = list(dict.fromkeys(frames))
    if len(names) > 255:
        raise DataError(f"trades: {len(names)} timeframes", "at most 255")
    out["timeframe"] = np.array([names.index(frame) for frame in frames], np.uint8)
    return out, names or ["all"]


def _read(path: Path) -> pa.Table:
    import pyarrow.csv
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
    except FileNotFoundError:
        raise IoError(f"cannot read {path}: no such file", "a backtest's folder holds trades.csv") from None
    except pa.ArrowInvalid as problem:
        raise DataError(f"{path}: {problem}") from None


def _trades(trades: Any, start: Any, end: Any, starting_equity: float | None) -> tuple[dict[str, np.ndarray], list[str], int, int, float]:
    """Columns, timeframes, window and starting equity; of a backtest's folder as its metrics.json says."""
    facts: dict[str, Any] = {}
    if isinstance(trades, (str, os.PathLike)):
        place = Path(trades)
        metrics = place / "metrics.json"
        if metrics.exists():
            facts = json.loads(metrics.read_text(encoding="utf-8"))
        table = _read(place / "trades.csv" if place.is_dir() else place)
    else:
        table = _arrow.arrow_table(trades)
    start = facts.get("from") if start is None else start
    end = facts.get("to") if end is None else end
    if starting_equity is None:
        starting_equity = facts.get("starting_equity", 1.0)
    if (start is None) != (end is None):
        raise UsageError("start and end are given together", "neither: from the first entry to the last exit")
    if not starting_equity > 0:
        raise UsageError(f"a starting equity of {starting_equity}", "above 0")
    columns, timeframes = _columns(table, starting_equity)
    first, last = (0, 0) if start is None else (nanoseconds(start), nanoseconds(end))
    return columns, timeframes, first, last, float(starting_equity)


def figures(trades: Any, start: Any = None, end: Any = None, *, starting_equity: float | None = None) -> Result:
    """What trades earned, in the figures of a backtest: Sharpe ratio, drawdowns, expectancy, profit factor, exposure, costs, months.

    Parameters
    ----------
    trades : table or path
        A row a trade: ``exit_time`` (or ``time``), ``entry_time`` (else equal), and ``net_r`` (multiples of the risk) or ``net`` (money): where one lacks, a risk
        is the starting equity. Perhaps the other columns of a backtest's trades.csv: ``direction`` (long, short), ``gross_r``, ``fee_r``, ``slip_r``,
        ``funding_r``, ``ops_r``, ``pnl``, ``fees``, ``funding``, ``ops``, ``reason``, ``timeframe``, ``contracts``, prices, ``mae_r``, ``mfe_r``, ``notional``.
        Or a backtest's folder, or a CSV or Parquet file.
    start, end : time, optional
        The window, which counts for days without trades; None: that of the folder, or from the first entry to the last exit.
    starting_equity : float, optional
        In the coin of ``net``; None: that of the folder, or 1.

    Returns
    -------
    Result
        The members of metrics.json that trades tell: ``net_r``, ``win_rate``, ``profit_factor``, ``sharpe_annual``, ``psr``, ``max_drawdown_percent``, ``months``,
        ``daily_net_r``, ...; None where a figure does not exist.
    """
    return result_of("figures", core.figures(core.CallOptions(42, 1, False), *_trades(trades, start, end, starting_equity)))


def report(
    out: str | os.PathLike[str],
    trades: Any,
    start: Any = None,
    end: Any = None,
    *,
    starting_equity: float | None = None,
    bars: Any = None,
    symbol: str = "",
    title: str = "",
    subtitle: str = "",
    simulated: bool = False,
    warnings: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Result:
    """Writes the report of trades: ``.html``, one file that opens offline, with figures, equity, months, trades and candles; or ``.png``, equity and drawdown.

    ``trades``, ``start``, ``end``, ``starting_equity`` as `figures` takes them. ``bars``: a table as `bars` returns it, for the candles. ``warnings`` stand above
    everything else, ``notes`` at the end. Returns the figures, and ``report``, the path. Raises UnavailableError for a PNG without gnuplot.
    """
    columns, timeframes, first, last, equity = _trades(trades, start, end, starting_equity)
    candles = {} if bars is None else _arrow.bar_columns(bars)
    texts = {"title": title or symbol or "Trades", "subtitle": subtitle, "symbol": symbol, "simulated": simulated}
    options = core.CallOptions(42, 1, False)
    lines = {"warnings": [str(line) for line in warnings], "notes": [str(line) for line in notes]}
    return result_of("report", core.report(options, os.fspath(out), columns, timeframes, first, last, equity, candles, {**texts, **lines}))


__all__ = ["figures", "report"]
