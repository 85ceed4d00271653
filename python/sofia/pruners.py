"""When a trial stops early: Optuna's names, options and definitions (src/tune/pruner.hpp)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._load import core
from ._pickled import ByArguments
from .errors import UsageError


class BasePruner(ByArguments):
    """A pruner's options. Any number of studies may be made with the same one."""

    def __init__(self, text: str, made: Any = None) -> None:
        self._core = core.make_pruner(text) if made is None else made
        self._text = text

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self._text}>"


def _text(name: str, **options: Any) -> str:
    given = ",".join(f"{key}={value!r}" for key, value in options.items() if value is not None)
    return f"{name}:{given}" if given else name


def _or_auto(value: int | str) -> int | None:
    if value == "auto":
        return None
    if isinstance(value, str):
        raise UsageError(f"{value!r} is neither a number nor 'auto'")
    return value


class NopPruner(BasePruner):
    """Never prunes."""

    def __init__(self) -> None:
        super().__init__("none")


class MedianPruner(BasePruner):
    """Prunes a trial whose best report is worse than the median of the others' at the same step."""

    def __init__(self, n_startup_trials: int = 5, n_warmup_steps: int = 0, interval_steps: int = 1, *, n_min_trials: int = 1) -> None:
        super().__init__(
            _text("median", startup_trials=n_startup_trials, warmup_steps=n_warmup_steps, interval_steps=interval_steps, min_trials=n_min_trials)
        )


class PercentilePruner(BasePruner):
    """The same with a percentile, the share of trials that is kept."""

    def __init__(
        self, percentile: float, n_startup_trials: int = 5, n_warmup_steps: int = 0, interval_steps: int = 1, *, n_min_trials: int = 1
    ) -> None:
        super().__init__(
            _text(
                "percentile",
                percentile=percentile,
                startup_trials=n_startup_trials,
                warmup_steps=n_warmup_steps,
                interval_steps=interval_steps,
                min_trials=n_min_trials,
            )
        )


class SuccessiveHalvingPruner(BasePruner):
    """Asynchronous successive halving."""

    def __init__(
        self, min_resource: int | str = "auto", reduction_factor: int = 4, min_early_stopping_rate: int = 0, bootstrap_count: int = 0
    ) -> None:
        super().__init__(
            _text(
                "halving",
                min_resource=_or_auto(min_resource),
                reduction_factor=reduction_factor,
                min_early_stopping_rate=min_early_stopping_rate,
                bootstrap_count=bootstrap_count,
            )
        )


class HyperbandPruner(BasePruner):
    """Brackets of successive halving."""

    def __init__(self, min_resource: int = 1, max_resource: int | str = "auto", reduction_factor: int = 3, bootstrap_count: int = 0) -> None:
        super().__init__(
            _text(
                "hyperband",
                min_resource=min_resource,
                max_resource=_or_auto(max_resource),
                reduction_factor=reduction_factor,
                bootstrap_count=bootstrap_count,
            )
        )


class PatientPruner(BasePruner):
    """Asks the wrapped pruner only when a trial has not become better for ``patience`` reports; None prunes then."""

    def __init__(self, wrapped_pruner: BasePruner | None, patience: int, min_delta: float = 0.0) -> None:
        wrapped = None if wrapped_pruner is None else wrapped_pruner._core
        super().__init__(f"patient, patience={patience}, min_delta={min_delta}", core.patient_pruner(wrapped, patience, min_delta))


class ThresholdPruner(BasePruner):
    """Prunes a report that is NaN, below ``lower`` or above ``upper``."""

    def __init__(self, lower: float | None = None, upper: float | None = None, n_warmup_steps: int = 0, interval_steps: int = 1) -> None:
        super().__init__(_text("threshold", lower=lower, upper=upper, warmup_steps=n_warmup_steps, interval_steps=interval_steps))


class WilcoxonPruner(BasePruner):
    """Prunes when paired steps are worse than the best trial's by Wilcoxon's signed-rank test."""

    def __init__(self, *, p_threshold: float = 0.1, n_startup_steps: int = 2) -> None:
        super().__init__(_text("wilcoxon", p_threshold=p_threshold, startup_steps=n_startup_steps))


__all__: Sequence[str] = [
    "BasePruner", "NopPruner", "MedianPruner", "PercentilePruner", "SuccessiveHalvingPruner", "HyperbandPruner", "PatientPruner", "ThresholdPruner",
    "WilcoxonPruner",
]
