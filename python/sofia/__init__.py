"""Sofia: from trades to a tuned, trained and honestly backtested model.

Tables: `bars`, `features`, `labels`, `splits`. Studies: `create_study`. A strategy: `tune`, `select`, `train`, `backtest`, `stress`.
Rows of features: `FeatureStore`, `to_parquet`. Trades: `figures`, `report`.
docs/python.md has the manual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import distributions, errors, pruners, samplers
from .artifacts import pickle_model
from .custom import Registered, feature, label, model, registered, unregister
from .direction import (
    Answer,
    DirectionModel,
    EnsemblePredictor,
    LGBMPredictor,
    LGBMProd,
    fit_stacking,
    guard_no_future_leak,
    minute_features,
    time_based_split,
)
from .errors import (
    BlockedError,
    ConfigError,
    ConflictError,
    DataError,
    FutureLeakError,
    InternalError,
    InterruptedCallError,
    IoError,
    SofiaError,
    TrialPruned,
    UnavailableError,
    UsageError,
)
from .reports import figures, report
from .store import FeatureStore, to_parquet
from .study import Study, StudyDirection, copy_study, create_study, delete_study, get_all_study_names, load_study
from .tables import Fold, LeakReport, Splits, Window, audit_leaks, average_uniqueness, bars, feature_catalogue, features, labels, splits, trades
from .trial import FrozenTrial, Trial, TrialState, create_trial
from .verbs import Result, backtest, check_data, select, simulate, stress, train, train_from_parquet, tune

if TYPE_CHECKING:
    from .estimators import GradientBoostingClassifier, GradientBoostingRegressor

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The estimators are loaded when they are asked for: scikit-learn is optional, and takes a second to import."""
    if name in ("GradientBoostingClassifier", "GradientBoostingRegressor"):
        from . import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'sofia' has no attribute {name!r}")


__all__ = [
    "Answer", "BlockedError", "ConfigError", "ConflictError", "DataError", "DirectionModel", "EnsemblePredictor", "FeatureStore", "Fold", "FrozenTrial", "FutureLeakError", "GradientBoostingClassifier",
    "GradientBoostingRegressor", "InternalError", "InterruptedCallError", "IoError", "LGBMPredictor", "LGBMProd", "LeakReport", "Registered", "Result", "SofiaError", "Splits", "Study",
    "StudyDirection", "Trial", "TrialPruned", "TrialState", "UnavailableError", "UsageError", "Window", "audit_leaks", "average_uniqueness",
    "backtest", "bars", "check_data", "copy_study", "create_study", "create_trial", "delete_study", "distributions", "errors",
    "feature", "feature_catalogue", "features", "figures", "fit_stacking", "get_all_study_names", "guard_no_future_leak", "label", "labels", "load_study", "minute_features", "model", "pickle_model", "pruners", "registered", "report", "samplers", "select", "simulate", "splits",
    "stress", "time_based_split", "to_parquet", "trades", "train", "train_from_parquet", "tune", "unregister",
]  # fmt: skip
