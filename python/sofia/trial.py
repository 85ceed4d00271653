"""Trials: running ones, in the hands of an objective, and those of a study's past."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from . import distributions as _d
from .errors import UsageError

if TYPE_CHECKING:
    from .study import Study


class TrialState(IntEnum):
    """As in Optuna."""

    RUNNING = 0
    COMPLETE = 1
    PRUNED = 2
    FAIL = 3
    WAITING = 4

    def is_finished(self) -> bool:
        return self not in (TrialState.RUNNING, TrialState.WAITING)


def _moment(ns: int | None) -> dt.datetime | None:
    """Naive local time with microseconds, as Optuna has it."""
    if ns is None:
        return None
    utc = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=ns // 1000)
    return utc.astimezone().replace(tzinfo=None)


def _nanoseconds(moment: dt.datetime | None) -> int | None:
    if moment is None:
        return None
    return round(moment.astimezone(dt.timezone.utc).timestamp() * 1e6) * 1000


def _attributes(texts: Mapping[str, str]) -> dict[str, Any]:
    def read(text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            return text

    return {key: read(text) for key, text in texts.items()}


def attribute_text(value: Any) -> str:
    """The JSON text of an attribute. NumPy's numbers and arrays become Python's."""

    def plain(other: Any) -> Any:
        if hasattr(other, "tolist"):
            return other.tolist()
        raise UsageError(f"an attribute cannot hold a {type(other).__name__}", "attributes are what JSON can say")

    try:
        return json.dumps(value, default=plain, allow_nan=False)
    except ValueError as problem:
        if isinstance(problem, UsageError):
            raise
        raise UsageError(f"an attribute cannot hold {value!r}: {problem}", "attributes are what JSON can say: no NaN, no infinity") from problem


@dataclass
class FrozenTrial:
    """A trial as it stands in the study. Times are naive local time, as in Optuna."""

    number: int
    state: TrialState
    values: list[float] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, _d.Distribution] = field(default_factory=dict)
    intermediate_values: dict[int, float] = field(default_factory=dict)
    user_attrs: dict[str, Any] = field(default_factory=dict)
    system_attrs: dict[str, Any] = field(default_factory=dict)
    datetime_start: dt.datetime | None = None
    datetime_complete: dt.datetime | None = None
    constraints: dict[str, float] = field(default_factory=dict)
    _trial_id: int = -1

    @property
    def value(self) -> float | None:
        """The value of the only objective; None without one."""
        if self.values is None:
            return None
        if len(self.values) > 1:
            raise UsageError("this trial has several values", "ask for `values`")
        return self.values[0]

    @property
    def duration(self) -> dt.timedelta | None:
        if self.datetime_start is None or self.datetime_complete is None:
            return None
        return self.datetime_complete - self.datetime_start

    @property
    def last_step(self) -> int | None:
        return max(self.intermediate_values, default=None)

    @classmethod
    def _of(cls, raw: tuple[Any, ...]) -> FrozenTrial:
        number, state, values, params, reports, user, system, started, completed, trial_id, constraints = raw
        return cls(
            number=number,
            state=TrialState(state),
            values=list(values) or None,
            params={name: value for name, value, _ in params},
            distributions={name: _d.from_json(text) for name, _, text in params},
            intermediate_values=dict(reports),
            user_attrs=_attributes(user),
            system_attrs=_attributes(system),
            datetime_start=_moment(started),
            datetime_complete=_moment(completed),
            constraints=dict(constraints),
            _trial_id=trial_id,
        )

    def _repr_html_(self) -> str:
        rows = [("state", self.state.name), ("values", self.values), *self.params.items()]
        return f"<b>trial {self.number}</b><table>" + "".join(f"<tr><td>{key}</td><td>{value}</td></tr>" for key, value in rows) + "</table>"


def create_trial(
    *,
    state: TrialState = TrialState.COMPLETE,
    value: float | None = None,
    values: Sequence[float] | None = None,
    params: Mapping[str, Any] | None = None,
    distributions: Mapping[str, Any] | None = None,
    user_attrs: Mapping[str, Any] | None = None,
    system_attrs: Mapping[str, Any] | None = None,
    intermediate_values: Mapping[int, float] | None = None,
) -> FrozenTrial:
    """A trial made elsewhere, for `Study.add_trial`."""
    if value is not None and values is not None:
        raise UsageError("both value and values are given")
    now = dt.datetime.now()
    return FrozenTrial(
        number=-1,
        state=TrialState(state),
        values=[value] if value is not None else None if values is None else [float(one) for one in values],
        params=dict(params or {}),
        distributions=dict(distributions or {}),
        intermediate_values=dict(intermediate_values or {}),
        user_attrs=dict(user_attrs or {}),
        system_attrs=dict(system_attrs or {}),
        datetime_start=None if state == TrialState.WAITING else now,
        datetime_complete=now if TrialState(state).is_finished() else None,
    )


class Trial:
    """A running trial. One thread a trial; trials of one study may run in different threads."""

    def __init__(self, study: Study, raw: Any) -> None:
        self.study = study  # which the C++ trial refers to
        self._core = raw
        self.number: int = raw.number

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False) -> float:
        """A float of [low, high]. With ``step`` one of low + k step; with ``log`` even on a logarithmic scale. The same value when asked again."""
        low, high = _d.checked(low, high)
        return self._core.suggest_float(name, low, high, float(step or 0.0), log)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """One of low, low + step, ... up to high."""
        return self._core.suggest_int(name, int(low), int(high), int(step), log)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices: None, bool, int, float or str."""
        return self._core.suggest_categorical(name, [_d.choice(one) for one in choices])

    def report(self, value: float, step: int) -> None:
        """An intermediate value at a step >= 0; the first report of a step counts."""
        self._core.report(int(step), float(value))

    def should_prune(self) -> bool:
        """Whether the pruner would stop here: then raise `TrialPruned`."""
        return self._core.should_prune()

    def set_user_attr(self, key: str, value: Any) -> None:
        """Anything that JSON can say."""
        self._core.set_user_attribute(key, attribute_text(value))

    def set_constraint(self, name: str, value: float) -> None:
        """A condition on the outcome, violated above 0."""
        self._core.set_constraint(name, float(value))

    def _frozen(self) -> FrozenTrial:
        return FrozenTrial._of(self._core.frozen())

    @property
    def params(self) -> dict[str, Any]:
        return self._frozen().params

    @property
    def distributions(self) -> dict[str, _d.Distribution]:
        return self._frozen().distributions

    @property
    def user_attrs(self) -> dict[str, Any]:
        return self._frozen().user_attrs

    @property
    def system_attrs(self) -> dict[str, Any]:
        return self._frozen().system_attrs

    @property
    def constraints(self) -> dict[str, float]:
        return self._frozen().constraints

    @property
    def datetime_start(self) -> dt.datetime | None:
        return self._frozen().datetime_start

    def __repr__(self) -> str:
        return f"Trial(number={self.number}, params={self.params})"
