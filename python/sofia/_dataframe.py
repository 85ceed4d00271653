"""A study's trials as a pandas DataFrame with Optuna's columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .trial import FrozenTrial, TrialState

Columns = dict[tuple[str, Any], dict[int, Any]]


def trials_dataframe(trials: list[FrozenTrial], attrs: tuple[str, ...], objectives: int, names: list[str] | None, multi_index: bool) -> Any:
    import pandas as pd

    if not trials:
        return pd.DataFrame()
    if objectives > 1:
        attrs = tuple("values" if attr == "value" else attr for attr in attrs)
    columns: Columns = {}
    order: list[tuple[str, Any]] = []
    for attr in attrs:
        made = _columns_of(attr, trials, objectives, names)
        order += list(made) if attr == "values" and names is not None else sorted(made)
        columns.update(made)
    records = [{key: columns[key][row] for key in order if row in columns[key]} for row in range(len(trials))]
    frame = pd.DataFrame(records, columns=pd.MultiIndex.from_tuples(order))
    if not multi_index:
        frame.columns = ["_".join(str(part) for part in key if str(part)) for key in order]
    return frame


def _columns_of(attr: str, trials: list[FrozenTrial], objectives: int, names: list[str] | None) -> Columns:
    """The columns of an attribute: (its name, nested name) -> row -> value."""
    out: Columns = {}
    shown = attr.removeprefix("_")
    for row, trial in enumerate(trials):
        value = getattr(trial, attr)
        nested: Mapping[Any, Any]
        if attr == "values":
            values = value if value is not None else [None] * objectives
            nested = dict(zip(names if names is not None else range(objectives), values))
        elif attr == "value":
            nested = {"" if names is None else names[0]: value}
        elif isinstance(value, Mapping):
            nested = value
        elif isinstance(value, list):
            nested = dict(enumerate(value))
        else:
            nested = {"": value.name if isinstance(value, TrialState) else value}
        for key, inner in nested.items():
            out.setdefault((shown, key), {})[row] = inner
    return out
