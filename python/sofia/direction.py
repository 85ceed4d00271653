"""The direction strategy: will the close be higher in some minutes? Columns, splits, and models while they are in use."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from . import _arrow
from ._load import core
from ._result import html_of
from .errors import BlockedError, FutureLeakError, IoError, SofiaError, UsageError

_MINUTE = 60_000_000_000
Features = Mapping[str, float | None]


def _with_times(bars: pa.Table) -> pa.Table:
    """Starts that are numbers become timestamps."""
    name = _arrow.find(bars, "opentime", "timestamp", "ts", "time")
    if name is None:
        return bars
    return bars.set_column(bars.column_names.index(name), name, _arrow.time_array(_arrow.unix_times(bars.column(name), name)))


def minute_features(bars: Any, horizon: int = 5, *, custom: Sequence[str] = ()) -> Any:
    """The five columns of each minute, and whether the close is higher ``horizon`` minutes later.

    Parameters
    ----------
    bars : table
        Bars of one minute, ascending: ``open_time`` (or ``ts``, ``timestamp``: the START of the minute), ``open``, ``high``, ``low``, ``close``,
        ``volume``; also the exchange's names ``ts``, ``o``, ``h``, ``l``, ``c``, ``v``. Starts are timestamps, or numbers in s, ms, us or ns, as the size of
        the first one says. A pyarrow Table, a pandas or polars DataFrame, a dict of arrays.
    horizon : int
        Minutes, from 1.
    custom : sequence of str
        Registered features (`feature`), whose columns stand behind the five: what a model that was trained with them is asked with. They are not audited here.

    Returns
    -------
    table, of the kind that came in
        ``ts`` (the bar's start) and ``known_at`` (its close), timestamp[ns, UTC]; ``close``, ``ret1`` (close / last close - 1), ``sma20_gap`` and
        ``sma50_gap`` (close - mean of 20 and 50 closes), ``vol_z`` (z-score of the volume over 50 bars, divisor n - 1), float64, missing until they have
        warmed up; ``y``, 1.0 where the close ``horizon`` minutes later is higher, else 0.0, missing where there is no such close. ``y`` is known
        ``horizon`` minutes after ``known_at``, not before.

    Raises
    ------
    DataError : a missing column, a bar that is not one minute long, with its row or time.
    """
    kind = _arrow.kind_of(bars)
    table = _arrow.arrow_table(bars)
    short = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
    if "open" not in table.column_names and set(short) <= set(table.column_names):
        table = table.rename_columns([short.get(name, name) for name in table.column_names])
    table = _with_times(table)
    columns = _arrow.bar_columns(table)
    ts, known_at, names, values, y = core.minute_features(columns, horizon)
    arrays = {"ts": _arrow.time_array(ts), "known_at": _arrow.time_array(known_at)}
    arrays.update((name, _arrow.number_array(values[i])) for i, name in enumerate(names))
    if custom:
        from .custom import feature_columns

        arrays.update((name, _arrow.number_array(column)) for name, column in feature_columns(columns, custom).items())
    arrays["y"] = _arrow.number_array(y)
    return _arrow.as_kind(pa.table(arrays).replace_schema_metadata({"horizon": str(horizon)}), kind)


def _starts(table: pa.Table) -> np.ndarray:
    return _arrow.times(table.column(_arrow.need(table, "the table", "ts")), "ts")


def time_based_split(df: Any, val_days: float, horizon: int = 5) -> tuple[Any, Any]:
    """Training and validation rows: the last ``val_days`` days, and what lies before them and has a label that ended before they begin.

    ``df`` has ``ts``, in any order, and perhaps ``known_at`` (else a row is a minute long); the days count back from the last row's close. Both parts are of its
    kind. ``horizon`` in minutes, as given to `minute_features`. Raises DataError where one of the two is empty.
    """
    kind = _arrow.kind_of(df)
    table = _arrow.arrow_table(df)
    ts = _starts(table)
    closes = _arrow.find(table, "knownat")
    end = 0
    if len(ts):
        end = int(_arrow.times(table.column(closes), closes).max()) if closes else int(ts.max()) + _MINUTE
    train, validation = (pa.array(part.view(np.bool_)) for part in core.time_based_split(ts, end, val_days, horizon))
    return _arrow.as_kind(table.filter(train), kind), _arrow.as_kind(table.filter(validation), kind)


def guard_no_future_leak(train: Any, val: Any, horizon: int = 5) -> None:
    """Raises FutureLeakError (an AssertionError) unless the last ``ts`` of training plus ``horizon`` minutes lies before the first of validation."""
    train_ts, val_ts = _starts(_arrow.arrow_table(train)), _starts(_arrow.arrow_table(val))
    try:
        core.guard_no_future_leak(train_ts, val_ts, horizon)
    except BlockedError as error:
        raise FutureLeakError(error.message, error.hint) from None


def _place(path: str | os.PathLike[str]) -> str:
    """``best_lgbm.pkl``, which other programs expect, means the link ``best_lgbm`` beside it, which is followed when it moves; any other pickle its own folder."""
    place = Path(path)
    if place.suffix != ".pkl":
        return str(place)
    link = place.with_suffix("")
    return str(link if (link / "lgbm.txt").exists() else place.resolve().parent)


class DirectionModel:
    """A model in use: read when it is first asked, followed when its link moves. Safe under any number of threads.

    Parameters
    ----------
    path : path
        ``models/<SYMBOL>/best_lgbm``, a dated folder with ``lgbm.txt``, or a text file of LightGBM.
    check_seconds : float
        How often the link is looked at while predictions are asked for; 0: with `refresh` only.

    Each feature has to be given once; their order does not matter. NaN and None are missing values. A feature that is missing or unknown raises
    UsageError with its name; a model that cannot be read raises IoError or DataError, unless an older one can answer (`trouble`).
    """

    def __init__(self, path: str | os.PathLike[str], *, check_seconds: float = 1.0) -> None:
        self.path = _place(path)
        self._model = core.DirectionModel(self.path, check_seconds)

    def predict_proba_up(self, features: Features) -> float:
        """P(up) of one row."""
        return float(self._model.predict_one(dict(features)))

    def predict_proba(self, rows: Any) -> np.ndarray:
        """P(up) of each row of a table, by one state of the model; other columns than the features (``ts``, ``y``) are left aside."""
        table = _arrow.arrow_table(rows)
        names = [name for name in self.features if name in table.column_names]
        values = np.ascontiguousarray(np.column_stack([_arrow.doubles(table.column(name), name) for name in names]) if names else np.empty((table.num_rows, 0)))
        return np.asarray(self._model.predict_rows(names, values))

    def refresh(self) -> None:
        """Looks at the link now."""
        self._model.refresh()

    def _state(self) -> dict[str, Any]:
        return dict(self._model.state())

    @property
    def version(self) -> str:
        """The name of the dated folder."""
        return str(self._state()["version"])

    @property
    def features(self) -> list[str]:
        """In the model's order."""
        return list(self._state()["features"])

    @property
    def card(self) -> dict[str, Any] | None:
        """model_card.json, where there is one."""
        text = self._state()["card"]
        return dict(json.loads(text)) if text else None

    @property
    def trouble(self) -> str | None:
        """Why the newest state of the link could not be read, while an older model answers."""
        text = self._state()["trouble"]
        return None if text is None else str(text)

    def __repr__(self) -> str:
        return f"DirectionModel({self.path!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the model that answers now, or why there is none."""
        try:
            state = self._state()
        except SofiaError as problem:
            return html_of("direction model", {"path": self.path, "trouble": problem.message})
        card = json.loads(state["card"]) if state["card"] else {}
        shown = {"path": self.path, "version": state["version"], "features": ", ".join(state["features"]), "megabytes": state["bytes"] / 1e6}
        for window in ("validation", "test"):
            accuracy = card.get("metrics", {}).get(window, {}).get("accuracy", {})
            if accuracy.get("value") is not None:
                shown[f"{window} accuracy"] = accuracy["value"]
        return html_of("direction model", {**shown, **({"trouble": state["trouble"]} if state["trouble"] else {})})


@dataclass(frozen=True)
class Answer:
    """A probability and who stands for it."""

    probability: float  #: NaN where `abstained`
    abstained: bool
    answered: list[str]
    failed: dict[str, str]  #: name -> reason
    spread: float  #: largest less smallest probability


class EnsemblePredictor:
    """Several models as one.

    Parameters
    ----------
    models : mapping of str to DirectionModel
    weights : mapping of str to float, optional
        For ``mean``; above 0, 1 where not given.
    combination : ``mean`` or ``stacking``
        The weighted mean of those that answer, or a logistic regression on the log odds of all (`fit_stacking`).
    spread_max : float
        Abstain where the probabilities differ by more.
    answers_min : int
        Fewer answers raise UnavailableError. Stacking needs all.
    coefficients : sequence of float, optional
        Of stacking: intercept first, as `fit_stacking` returns them.
    """

    def __init__(
        self,
        models: Mapping[str, DirectionModel],
        *,
        weights: Mapping[str, float] | None = None,
        combination: str = "mean",
        spread_max: float = 1.0,
        answers_min: int = 1,
        coefficients: Sequence[float] = (),
    ) -> None:
        weights = weights or {}
        for name in weights:
            if name not in models:
                raise UsageError(f"weight of {name!r}, which is no member")
        members = [(name, model._model, float(weights.get(name, 1.0))) for name, model in models.items()]
        numbers = [float(value) for value in coefficients]
        self._names = list(models)
        self._ensemble = core.ensemble(members, combination, spread_max, answers_min, numbers[0] if numbers else 0.0, numbers[1:])

    def __repr__(self) -> str:
        return f"EnsemblePredictor({', '.join(self._names)})"

    def predict_proba(self, features: Features) -> Answer:
        """P(up) of one row, and whose it is. A row that is wrong raises UsageError; too few answers UnavailableError."""
        probability, abstained, answered, failed, spread = self._ensemble.ask(dict(features))
        return Answer(probability, abstained, list(answered), dict(failed), spread)


def fit_stacking(probabilities: Sequence[Iterable[float]], outcomes: Iterable[float], penalty: float = 1.0) -> list[float]:
    """Intercept and a coefficient a member, from out-of-sample probabilities (a sequence a member) and outcomes of 0 and 1."""
    return list(core.fit_stacking([[float(p) for p in member] for member in probabilities], [float(y) for y in outcomes], penalty))


class LGBMProd:
    """The one model of a process, as programs expect it that were written for it: loaded once, asked from anywhere."""

    _lock = threading.Lock()
    _model: DirectionModel | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str] = "models/best_lgbm") -> DirectionModel:
        """The model of ``path``; the same object until another path is asked for. A model that is not there is told now, not at the first prediction."""
        with cls._lock:
            if cls._model is None or cls._model.path != _place(path):
                model = DirectionModel(path)
                model.refresh()
                cls._model = model
            return cls._model

    @classmethod
    def predict_proba_up(cls, features: Features) -> float:
        """P(up) of one row, by the model that was loaded last. Raises IoError where none was."""
        model = cls._model
        if model is None:
            raise IoError("no model is loaded", "call LGBMProd.load(path) first")
        return model.predict_proba_up(features)


class LGBMPredictor:
    """A model behind the interface of an ensemble's member: ``load`` and ``predict_proba`` of one row."""

    def __init__(self, model_path: str | os.PathLike[str] = "models/best_lgbm") -> None:
        self.model_path = model_path
        self.model = DirectionModel(model_path)
        self.loaded = False

    def __repr__(self) -> str:
        return f"LGBMPredictor({str(self.model_path)!r})"

    def load(self) -> None:
        """Reads the model now, where it would be read at the first prediction. Raises IoError or DataError."""
        self.model.refresh()
        self.loaded = True

    def predict_proba(self, features: Features) -> float:
        """P(up) of one row."""
        return self.model.predict_proba_up(features)
