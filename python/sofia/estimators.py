"""Gradient boosting with scikit-learn's manners, through sofia's models: LightGBM, deterministic, the same model text for any number of threads.

Needs the package scikit-learn (`pip install "sofia[sklearn]"`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ._config import sets_of
from ._load import core
from .errors import DataError, UnavailableError, UsageError

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, check_random_state, validate_data
except ImportError as problem:
    raise UnavailableError(f"the estimators need scikit-learn: {problem}", 'pip install "sofia[sklearn]"') from problem

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class _GradientBoosting(BaseEstimator):
    """What classifier and regressor share. The parameters are the keys of the configuration's section `model`."""

    def __init__(
        self,
        *,
        rounds: int = 100,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        max_depth: int = -1,
        min_data_in_leaf: int = 20,
        feature_fraction: float = 1.0,
        bagging_fraction: float = 1.0,
        bagging_freq: int = 0,
        lambda_l1: float = 0.0,
        lambda_l2: float = 0.0,
        min_gain_to_split: float = 0.0,
        max_bin: int = 255,
        params: Mapping[str, Any] | None = None,
        early_stopping_rounds: int = 0,
        validation_fraction: float = 0.2,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_data_in_leaf = min_data_in_leaf
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.bagging_freq = bagging_freq
        self.lambda_l1 = lambda_l1
        self.lambda_l2 = lambda_l2
        self.min_gain_to_split = min_gain_to_split
        self.max_bin = max_bin
        self.params = params
        self.early_stopping_rounds = early_stopping_rounds
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True  # missing
        return tags

    def _threads(self) -> int:
        return 0 if self.n_jobs is None or self.n_jobs < 0 else max(1, self.n_jobs)

    def _seed(self) -> int:
        if self.random_state is None:
            return 42
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _sets(self, objective: Mapping[str, Any]) -> list[str]:
        named = ("rounds", "learning_rate", "num_leaves", "max_depth", "min_data_in_leaf", "feature_fraction", "bagging_fraction", "bagging_freq",
                 "lambda_l1", "lambda_l2", "min_gain_to_split", "max_bin", "early_stopping_rounds")  # fmt: skip
        extra = {f"params.{name}": value for name, value in {**(self.params or {}), **objective.get("params", {})}.items()}
        return sets_of({"objective": objective["objective"], **{name: getattr(self, name) for name in named}, **extra})

    def _names(self) -> list[str]:
        names = [str(name) for name in getattr(self, "feature_names_in_", [])]
        if names and all(_NAME.fullmatch(name) for name in names) and len(set(names)) == len(names):
            return names
        return [f"Column_{i}" for i in range(self.n_features_in_)]

    def _weighted(self, features: np.ndarray, labels: np.ndarray, weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """A row without weight is left out: it would still count for what LightGBM decides by counting rows."""
        if weights is None:
            return features, labels, None
        weights = _check_sample_weight(weights, features, dtype=np.float64, ensure_non_negative=True)
        kept = weights > 0
        if not kept.any():
            raise DataError("no row has a weight above zero")
        return (features, labels, weights) if kept.all() else (features[kept], labels[kept], weights[kept])

    def _fit(self, features: np.ndarray, labels: np.ndarray, weights: Any, objective: Mapping[str, Any]) -> None:
        rows = len(labels)
        learn = rows
        if self.early_stopping_rounds > 0:
            learn = rows - max(1, round(rows * self.validation_fraction))
            if learn < 1:
                raise UsageError(f"{rows} rows leave nothing to learn from beside the validation", "set early_stopping_rounds=0")
        held = learn < rows
        self._booster = core.Booster.fit(
            core.CallOptions(self._seed(), self._threads(), False),
            self._sets(objective),
            self._names(),
            np.ascontiguousarray(features[:learn]),
            np.ascontiguousarray(labels[:learn], dtype=np.float64),
            None if weights is None else np.ascontiguousarray(weights[:learn]),
            np.ascontiguousarray(features[learn:]) if held else None,
            np.ascontiguousarray(labels[learn:], dtype=np.float64) if held else None,
        )
        self.model_text_ = self._booster.text
        self.n_iter_ = self._booster.best_iteration

    def _model(self) -> Any:
        check_is_fitted(self, "model_text_")
        booster = self.__dict__.get("_booster")
        if booster is None:
            booster = self._booster = core.Booster.from_text(self.model_text_)
        return booster

    def _predict(self, X: Any) -> np.ndarray:
        model = self._model()
        features = validate_data(self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan", reset=False)
        return model.predict(np.ascontiguousarray(features), self._threads())

    def contributions(self, X: Any) -> np.ndarray:
        """SHAP values of the raw prediction: rows x outputs * (features + 1), the last of each output being the expected value."""
        model = self._model()
        features = validate_data(self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan", reset=False)
        return model.contributions(np.ascontiguousarray(features), self._threads())

    @property
    def feature_importances_(self) -> np.ndarray:
        """Share of the total gain by feature."""
        gain = self._model().gain_importance()
        total = gain.sum()
        return gain / total if total > 0 else gain

    def __getstate__(self) -> Any:
        state = super().__getstate__().copy()
        state.pop("_booster", None)  # made again from the text
        return state


class GradientBoostingClassifier(ClassifierMixin, _GradientBoosting):
    """Gradient boosting for two or more classes.

    Parameters
    ----------
    rounds, learning_rate, num_leaves, max_depth, min_data_in_leaf, feature_fraction, bagging_fraction, bagging_freq, lambda_l1, lambda_l2, min_gain_to_split, max_bin
        As in the configuration's section ``model`` (docs/configuration.md).
    params : mapping, optional
        Any further parameter of LightGBM by name.
    early_stopping_rounds : int
        Above 0: the last ``validation_fraction`` of the rows, in their order, decides when to stop.
    random_state : int, RandomState or None
        None: 42, as the command has it. Equal data, parameters and seed give equal models.
    n_jobs : int or None
        Threads; None: all cores. Changes no number.

    Attributes
    ----------
    classes_ : array of the classes; model_text_ : LightGBM's text; n_iter_ : trees kept (a class); feature_importances_ : shares of gain.

    NaN in ``X`` is a missing value.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> GradientBoostingClassifier:
        """``X``: rows x features, ``y``: a class a row, ``sample_weight``: one a row, not negative."""
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", ensure_all_finite="allow-nan")
        check_classification_targets(y)
        X, y, weights = self._weighted(X, y, sample_weight)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"the labels have one class, {self.classes_[0]!r}: a classifier needs at least two classes")
        if len(self.classes_) == 2:
            objective: dict[str, Any] = {"objective": "binary"}
        else:
            objective = {"objective": "multiclass", "params": {"num_class": len(self.classes_)}}
        self._fit(X, codes.astype(np.float64), weights, objective)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Rows x classes, in the order of ``classes_``."""
        found = self._predict(X)
        return found if found.shape[1] > 1 else np.hstack([1.0 - found, found])

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class a row."""
        likely = np.argmax(self.predict_proba(X), axis=1)
        return self.classes_[likely]


class GradientBoostingRegressor(RegressorMixin, _GradientBoosting):
    """Gradient boosting for a number (squared error). Parameters and attributes as `GradientBoostingClassifier`."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> GradientBoostingRegressor:
        """``X``: rows x features, ``y``: a finite number a row, ``sample_weight``: one a row, not negative."""
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", ensure_all_finite="allow-nan", y_numeric=True)
        X, y, weights = self._weighted(X, y, sample_weight)
        self._fit(X, y, weights, {"objective": "regression"})
        return self

    def predict(self, X: Any) -> np.ndarray:
        """One number a row."""
        return self._predict(X)[:, 0]


__all__ = ["GradientBoostingClassifier", "GradientBoostingRegressor"]
