"""Features, labels and models that are written in Python and join the direction strategy's pipeline by name.

    @sofia.feature(formula="(high - low) / close", unit="fraction")
    def bar_range(bars):
        return (bars["high"] - bars["low"]) / bars["close"]

    sofia.tune({"strategy": "direction", "features.custom": ["bar_range"], ...}, ...)

Before they are used they pass the leak audit that the library's own columns pass (`sofia.audit_leaks`): on bars cut off at many moments, and on bars with
another future.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import pickle
import re
import textwrap
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from . import _arrow
from .errors import ConfigError, ConflictError, DataError, SofiaError, UsageError, from_code

if TYPE_CHECKING:
    from .tables import LeakReport

Bars = dict[str, np.ndarray]
_F = TypeVar("_F", bound=Callable[..., Any])


def _without_words(tree: ast.AST) -> str:
    """The code without comments, layout, docstrings and the outermost decorators."""
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = node.body[1:] or [ast.Pass()]
    if isinstance(tree, ast.Module) and tree.body and hasattr(tree.body[0], "decorator_list"):
        tree.body[0].decorator_list = []
    return ast.unparse(tree)


def source_sha256(function: Any) -> str:
    """SHA-256 of a function's or class's own code, whatever its comments and layout; what it calls is not part of it. Empty where Python cannot tell."""
    if isinstance(function, functools.partial):
        inner = source_sha256(function.func)
        text = f"{inner}({function.args!r}, {sorted(function.keywords.items())!r})" if inner else ""
    else:
        try:
            text = _without_words(ast.parse(textwrap.dedent(inspect.getsource(function))))
        except (OSError, TypeError, SyntaxError, IndentationError):
            return ""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _file_of(function: Any) -> str | None:
    try:
        return inspect.getsourcefile(inspect.unwrap(function))
    except TypeError:
        return None


def _fail(what: str, function: Any, problem: Exception) -> NoReturn:
    """A SofiaError with the place of `problem`, chained from it."""
    if isinstance(problem, SofiaError) and not isinstance(problem, _Misfit):
        raise from_code(problem.code, f"{what}: {problem.message}", problem.hint) from problem
    if isinstance(problem, _Misfit):
        raise UsageError(f"{what} {problem.message}", problem.hint)
    own = _file_of(function)
    frames = traceback.extract_tb(problem.__traceback__)
    frame = next((one for one in reversed(frames) if one.filename == own), frames[-1])
    raise UsageError(f"{what}: {type(problem).__name__}: {problem} ({frame.filename} line {frame.lineno}, in {frame.name})") from problem


class _Misfit(SofiaError):
    """What a function returned cannot be used."""


def _table(columns: Mapping[str, np.ndarray]) -> Bars:
    """The columns of bars as the functions see them."""
    out = dict(columns)
    for name in ("open_time", "close_time"):
        out[name] = out[name].view("datetime64[ns]")
    out["filled"] = out["filled"].view(np.bool_)
    return out


def _names_of(table: Any) -> list[str] | None:
    """Of a mapping, a pandas or polars DataFrame, a pyarrow Table."""
    for attribute in ("keys", "column_names", "columns"):
        names = getattr(table, attribute, None)
        if names is not None:
            return [str(name) for name in (names() if callable(names) else names)]
    return None


def _plain(values: Any) -> np.ndarray:
    """A column of numbers: NumPy, pandas, polars, pyarrow, a list."""
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "biuf":
        values = np.ma.filled(values.astype(np.float64), np.nan)
    return np.asarray(values)


def _numbers(values: Any, count: int, what: str) -> np.ndarray:
    array = _plain(values)
    if array.dtype == object:
        array = np.array([np.nan if value is None else value for value in array.ravel()], dtype=np.float64).reshape(array.shape)
    if array.shape != (count,):
        raise _Misfit(f"returned {what} of shape {array.shape} for {count} bars", "give one number a bar, NaN where there is none")
    if array.dtype.kind not in "biuf":
        raise _Misfit(f"returned {what} of {array.dtype}", "give one real number a bar, NaN where there is none")
    return np.ascontiguousarray(array, dtype=np.float64)


@dataclass(frozen=True, repr=False)
class Registered:
    """Something written in Python that a configuration can name."""

    kind: str  #: feature, label, model
    name: str
    version: int
    function: Any
    sha256: str  #: of its own code; empty where it cannot be known
    options: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<sofia {self.kind} {self.name}, version {self.version}>"


class _Feature(Registered):
    def specs(self) -> list[tuple[str, str, str, int, int]]:
        return [(name, formula, unit, self.options["warm_up"], self.version) for name, (formula, unit) in self.options["columns"].items()]

    def compute(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        what = f"feature {self.name}"
        names = list(self.options["columns"])
        count = len(columns["close"])
        try:
            made = self.function(_table(columns))
            if not self.options["several"]:
                return _numbers(made, count, "an array")
            given = _names_of(made)
            if given is None:
                raise _Misfit(f"returned a {type(made).__name__}", f"give a mapping with the columns {', '.join(names)}")
            if set(given) != set(names):
                raise _Misfit(f"returned the columns {', '.join(given)}", f"it was registered with {', '.join(names)}")
            return np.column_stack([_numbers(made[name], count, name) for name in names]).ravel()
        except Exception as problem:
            _fail(what, self.function, problem)


    def audit(self, bars: Any, *, cuts: int = 48, seed: int = 1) -> LeakReport:
        """The leak audit over bars of yours, to see what `tune` would say: as `sofia.audit_leaks`, with more moments than `tune` takes."""
        from ._load import core
        from .tables import LeakReport

        def made(columns: Mapping[str, np.ndarray]) -> tuple[list[str], np.ndarray, np.ndarray]:
            names = list(self.options["columns"])
            values = self.compute(columns).reshape(len(columns["close"]), len(names))
            return names, columns["close_time"], np.ascontiguousarray(values.T)

        return LeakReport(*core.audit_leaks(_arrow.bar_columns(bars), made, cuts, seed))


class _Label(Registered):
    @property
    def formula(self) -> str:
        return str(self.options["formula"])

    def compute(self, columns: Mapping[str, np.ndarray], horizon: int) -> tuple[np.ndarray, np.ndarray]:
        count = len(columns["close"])
        try:
            made = self.function(_table(columns), horizon)
            if not isinstance(made, tuple) or len(made) != 2:
                raise _Misfit(f"returned a {type(made).__name__}", "give (y, end_time), two arrays with one entry a bar")
            ends = _plain(made[1])
            if ends.dtype.kind not in "Mi" or ends.shape != (count,):
                raise _Misfit(f"returned end times {ends.dtype} of shape {ends.shape} for {count} bars", "give a datetime64 (or nanoseconds) a bar")
            nanoseconds = ends.astype("datetime64[ns]").view(np.int64) if ends.dtype.kind == "M" else ends.astype(np.int64)
            return _numbers(made[0], count, "y"), np.ascontiguousarray(nanoseconds)
        except Exception as problem:
            _fail(f"label {self.name}", self.function, problem)


class _Fitted:
    """A fitted model as the pipeline asks it."""

    def __init__(self, owner: "_Model", estimator: Any) -> None:
        self.owner = owner
        self.estimator = estimator

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.owner.predict(self.estimator, rows)

    def dump(self) -> bytes:
        return self.owner.dump(self.estimator)


class _Model(Registered):
    @property
    def description(self) -> str:
        return str(self.options["description"])

    def make(self, parameters: Mapping[str, Any], seed: int | None = None) -> Any:
        estimator = self.function(**parameters)
        if not hasattr(estimator, "fit") or not hasattr(estimator, "predict_proba"):
            raise _Misfit("has no fit and predict_proba", "register a class with scikit-learn's manners")
        if seed is not None and "random_state" not in parameters and hasattr(estimator, "get_params"):
            known = estimator.get_params()
            if "random_state" in known and known["random_state"] is None:
                estimator.set_params(random_state=seed % 2**31)
        return estimator

    def check(self, parameters: Mapping[str, Any]) -> None:
        try:
            self.make(parameters)
        except _Misfit as problem:
            _fail(f"model {self.name}", self.function, problem)
        except Exception as problem:
            raise ConfigError(f"learner.params: model {self.name}: {type(problem).__name__}: {problem}", "its constructor takes them") from problem

    def fit(
        self, rows: np.ndarray, y: np.ndarray, validation: np.ndarray, validation_y: np.ndarray, columns: list[str], parameters: Mapping[str, Any],
        seed: int,
    ) -> _Fitted:  # fmt: skip
        try:
            estimator = self.make(parameters, seed)
            more = {"eval_set": [(validation, validation_y)]} if self.options["eval_set"] else {}
            fitted = estimator.fit(rows, y, **more)
            return _Fitted(self, estimator if fitted is None else fitted)
        except Exception as problem:
            _fail(f"model {self.name}", self.function, problem)

    def predict(self, estimator: Any, rows: np.ndarray) -> np.ndarray:
        try:
            made = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
            if made.ndim == 2:
                classes = list(getattr(estimator, "classes_", [0, 1]))
                if made.shape[1] != len(classes) or 1 not in classes:
                    raise _Misfit(f"predicts {made.shape[1]} classes, and knows {classes}", "the labels are 0 and 1")
                made = made[:, classes.index(1)]
            if made.shape != (len(rows),):
                raise _Misfit(f"predicts an array of shape {made.shape} for {len(rows)} rows", "predict_proba gives a row of probabilities each")
            return np.ascontiguousarray(made)
        except Exception as problem:
            _fail(f"model {self.name}", self.function, problem)

    def dump(self, estimator: Any) -> bytes:
        try:
            return pickle.dumps(estimator, protocol=5)
        except Exception as problem:
            raise UsageError(
                f"model {self.name} cannot be pickled: {type(problem).__name__}: {problem}", "define its class at the top of a module"
            ) from problem

    def load(self, data: bytes, name: str) -> _Fitted:
        try:
            return _Fitted(self, pickle.loads(data))
        except Exception as problem:
            raise DataError(f"{name}: {type(problem).__name__}: {problem}", "its class has to be where it was when the model was made") from problem


_all: dict[tuple[str, str], Registered] = {}
_lock = threading.Lock()


def _register(one: Registered, replace: bool) -> None:
    for name in [one.name, *one.options.get("columns", ())]:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise UsageError(f"{name!r} cannot name a {one.kind}", "take letters of the English alphabet, digits, _ . and -")
    if not isinstance(one.version, int) or not 1 <= one.version < 2**31:
        raise UsageError(f"{one.kind} {one.name}: version {one.version!r}", "a whole number from 1")
    if {"label": "higher", "model": "lightgbm"}.get(one.kind) == one.name:
        raise ConflictError(f"{one.kind} {one.name} is the strategy's own", "take another name")
    with _lock:
        before = _all.get((one.kind, one.name))
        same = before is not None and (
            before.function is one.function or (before.sha256 != "" and before.sha256 == one.sha256 and before.version == one.version)
        )
        if before is not None and not same and not replace:
            raise ConflictError(
                f"{one.kind} {one.name} is registered already, with other code", "replace=True takes the new one; a new version tells results apart"
            )
        _all[one.kind, one.name] = one


def feature(
    function: _F | None = None,
    *,
    name: str | None = None,
    formula: str = "",
    unit: str = "",
    version: int = 1,
    warm_up: int = 1,
    columns: Mapping[str, tuple[str, str]] | None = None,
    replace: bool = False,
) -> Any:
    """Registers a function from bars to a column, or to several.

    The function takes ``bars``, a dict of NumPy arrays with one entry a minute, ascending: ``open_time``, ``close_time`` (datetime64[ns], UTC), ``open``, ``high``,
    ``low``, ``close``, ``volume``, ``vwap``, ``trades``, ``buy_volume``, ``sell_volume``, ``plus_ticks``, ``minus_ticks`` (NaN where the data has none), and ``filled``
    (bool: no print, the last close carried on). ``pd.DataFrame(bars)``, ``pl.DataFrame(bars)`` and ``pa.table(bars)`` take it as it is. It returns one number a
    bar, NaN where there is none: what is known when that bar has closed. It must work for any number of bars from 1 on, keep nothing between calls, and
    give the same for the same bars.

    Parameters
    ----------
    name : str
        Under which ``features.custom`` names it, and of its column. Default: the function's name.
    formula, unit : str
        For people: the catalogue and the model card. Default formula: the docstring's first line.
    version : int
        Goes up when the numbers change. Part of the feature hash of a model.
    warm_up : int
        Bars that a row waits for before it is used.
    columns : mapping of str to (formula, unit)
        For several columns: the function returns a mapping (or a DataFrame, or a pyarrow Table) with these names.
    replace : bool
        Takes the place of another function of this name.

    Returns
    -------
    the function, unchanged
    """

    def register(given: _F) -> _F:
        own = name if name is not None else given.__name__
        if warm_up < 0:
            raise UsageError(f"feature {own}: warm_up {warm_up}", "a number of bars")
        words = formula or (inspect.getdoc(given) or "").split("\n")[0]
        for column, text in (columns or {}).items():
            if isinstance(text, str) or not isinstance(text, Sequence) or len(text) != 2:
                raise UsageError(f"feature {own}: column {column} has {text!r}", "give its (formula, unit)")
        specs = {own: (words, unit)} if columns is None else {str(key): (str(text[0]), str(text[1])) for key, text in columns.items()}
        if not specs:
            raise UsageError(f"feature {own} has no columns")
        options = {"columns": specs, "several": columns is not None, "warm_up": int(warm_up)}
        _register(_Feature("feature", own, version, given, source_sha256(given), options), replace)
        return given

    return register if function is None else register(function)


def label(
    function: _F | None = None, *, name: str | None = None, formula: str = "", version: int = 1, replace: bool = False
) -> Any:
    """Registers a function from bars to labels: ``y(bars, horizon) -> (y, end_time)``.

    ``bars`` as for `feature`, ``horizon`` in minutes as the configuration has it. ``y`` is 1.0, 0.0 or NaN (no label) for each bar; ``end_time`` is a datetime64 (or
    int64 nanoseconds, UTC) for each bar: the close of the last bar that its label looks at, after the bar's own close. Rows are purged between the windows by it,
    so it is audited: a label may not change when bars that close after its end do. The configuration names it with ``label``.

    Parameters and return value as of `feature`; ``formula`` says when ``y`` is 1.
    """

    def register(given: _F) -> _F:
        own = name if name is not None else given.__name__
        words = formula or (inspect.getdoc(given) or "").split("\n")[0]
        _register(_Label("label", own, version, given, source_sha256(given), {"formula": words}), replace)
        return given

    return register if function is None else register(function)


def model(
    maker: _F | None = None, *, name: str | None = None, description: str = "", version: int = 1, eval_set: bool = False, replace: bool = False
) -> Any:
    """Registers a classifier with scikit-learn's manners in LightGBM's place: any class (or function) that makes something with ``fit`` and ``predict_proba``.

    The configuration names it with ``learner.name``; ``learner.params`` are arguments of its constructor, and so are the names of ``search``. It is fitted on the training
    rows, a float64 matrix with NaN for missing values, and labels of 0 and 1 (int64). Where its parameter ``random_state`` is not set, it is set from the run's seed.
    The fitted model is kept as ``model.pkl``.

    Parameters
    ----------
    eval_set : bool
        Hands the validation rows to ``fit`` as ``eval_set=[(X, y)]``, for classes that stop early by them.
    name, description, version, replace
        As of `feature`.

    Returns
    -------
    the class, unchanged
    """

    def register(given: _F) -> _F:
        inner = given.func if isinstance(given, functools.partial) else given
        own = name if name is not None else inner.__name__
        words = description or (inspect.getdoc(inner) or "").split("\n")[0]
        _register(_Model("model", own, version, given, source_sha256(given), {"description": words, "eval_set": bool(eval_set)}), replace)
        return given

    return register if maker is None else register(maker)


def registered(kind: str | None = None) -> list[Registered]:
    """What has been registered in this process, by kind and name: `kind` is feature, label or model."""
    with _lock:
        return [_all[key] for key in sorted(_all) if kind is None or key[0] == kind]


def unregister(kind: str, name: str) -> None:
    """Forgets a feature, label or model. UsageError where there is none of this name."""
    with _lock:
        if _all.pop((kind, name), None) is None:
            raise UsageError(f"no {kind} is registered as {name}")


def feature_columns(bars: Mapping[str, np.ndarray], names: Sequence[str]) -> dict[str, np.ndarray]:
    """The columns of registered features for bars as `_arrow.bar_columns` gives them, as the pipeline makes them, in its order."""
    from ._load import core

    columns = core.whole_bars(dict(bars))
    out: dict[str, np.ndarray] = {}
    for name in names:
        one = _all.get(("feature", name))
        if not isinstance(one, _Feature):
            known = ", ".join(each.name for each in registered("feature"))
            raise ConfigError(f"no feature is registered as {name}", f"registered: {known}" if known else "register it first: @sofia.feature")
        # Of its own: what a function does to its bars in place is not what the next one is given.
        values = one.compute({column: values.copy() for column, values in columns.items()}).reshape(len(columns["close"]), -1)
        out.update((column, np.ascontiguousarray(values[:, i])) for i, column in enumerate(one.options["columns"]))
    return out


def handed_over() -> list[Registered]:
    """Called by the extension module at the beginning of each long call."""
    return registered()


__all__ = ["Registered", "feature", "label", "model", "registered", "source_sha256", "unregister"]
