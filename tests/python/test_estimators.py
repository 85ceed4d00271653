"""The estimators are scikit-learn's kind, and their models LightGBM's."""

import os
import pickle

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import sofia


def classifier(**words):
    return sofia.GradientBoostingClassifier(rounds=20, n_jobs=1, **words)


def regressor(**words):
    return sofia.GradientBoostingRegressor(rounds=20, n_jobs=1, **words)


def not_ours(estimator):
    """With leaves small enough for the check's 15 rows: LightGBM bins and counts rows, and a weight of 2 is one row."""
    if estimator.min_data_in_leaf < 20:
        return {"check_sample_weight_equivalence_on_dense_data": "min_data_in_leaf counts rows, not their weights"}
    return {}


SMALL_LEAVES = [classifier(min_data_in_leaf=5), regressor(min_data_in_leaf=5)] if os.environ.get("SOFIA_NIGHTLY") else []


@parametrize_with_checks(
    [sofia.GradientBoostingClassifier(rounds=20, n_jobs=1), sofia.GradientBoostingRegressor(rounds=20, n_jobs=1), *SMALL_LEAVES],
    expected_failed_checks=not_ours,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module", params=[2, 3])
def classes(request):
    x, y = make_classification(n_samples=400, n_features=6, n_informative=4, n_classes=request.param, random_state=1)
    x[::17, 2] = np.nan
    return x, np.array(["down", "flat", "up"])[y]


def test_lightgbm_opens_the_model_and_agrees(classes):
    x, y = classes
    model = classifier().fit(x, y)
    theirs = lightgbm.Booster(model_str=model.model_text_).predict(x)
    ours = model.predict_proba(x)
    assert ours.shape == (len(x), len(model.classes_)) and model.classes_.tolist() == sorted(set(y))
    np.testing.assert_array_equal(ours[:, 1] if len(model.classes_) == 2 else ours, theirs)
    np.testing.assert_allclose(ours.sum(axis=1), 1.0, rtol=1e-12)
    assert model.score(x, y) > 0.8


def test_the_seed_decides_and_threads_do_not(classes):
    x, y = classes
    words = {"rounds": 5, "bagging_fraction": 0.7, "bagging_freq": 1}
    one = sofia.GradientBoostingClassifier(**words, random_state=1, n_jobs=1).fit(x, y)
    again = sofia.GradientBoostingClassifier(**words, random_state=1, n_jobs=2).fit(x, y)
    other = sofia.GradientBoostingClassifier(**words, random_state=2, n_jobs=1).fit(x, y)
    assert one.model_text_ == again.model_text_ != other.model_text_


def test_a_pickled_model_says_the_same(classes):
    x, y = classes
    model = classifier().fit(x, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(model.predict_proba(x), again.predict_proba(x))
    assert not hasattr(clone(model), "model_text_")


def test_contributions_add_up_to_the_raw_prediction():
    x, y = make_regression(n_samples=300, n_features=4, random_state=2)
    model = regressor().fit(x, y)
    np.testing.assert_allclose(model.contributions(x).sum(axis=1), model.predict(x), rtol=1e-9)
    assert model.feature_importances_.sum() == pytest.approx(1.0)


def test_early_stopping_looks_at_the_last_rows():
    x, y = make_regression(n_samples=400, n_features=4, noise=100.0, random_state=3)
    model = sofia.GradientBoostingRegressor(rounds=400, learning_rate=0.3, early_stopping_rounds=5, n_jobs=1).fit(x, y)
    assert 0 < model.n_iter_ < 400
    changed = y.copy()
    changed[-80:] = 0.0
    assert sofia.GradientBoostingRegressor(rounds=400, learning_rate=0.3, early_stopping_rounds=5, n_jobs=1).fit(x, changed).n_iter_ != model.n_iter_


def test_columns_of_a_frame_name_the_model(classes):
    x, y = classes
    frame = pd.DataFrame(x, columns=[f"m15.f{i}" for i in range(6)])
    model = classifier().fit(frame, y)
    assert lightgbm.Booster(model_str=model.model_text_).feature_name() == list(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[frame.columns[::-1]])


def test_a_wrong_parameter_is_named():
    with pytest.raises(sofia.ConfigError, match="num_leafs"):
        regressor(params={"num_leafs": 3}).fit(np.zeros((10, 1)), np.arange(10.0))


def test_purged_folds_serve_as_cv():
    rng = np.random.default_rng(4)
    known = sofia.tables.nanoseconds("2024-01-01") + np.arange(600) * 3600 * 10**9
    x = rng.normal(size=(600, 3))
    y = (x[:, 0] + rng.normal(size=600) > 0).astype(int)
    splits = sofia.splits(int(known[0]), int(known[-1]), {"split": {"folds": 3}})
    scores = cross_val_score(classifier(), x, y, cv=list(splits.rows(known, known + 3600 * 10**9)))
    assert len(scores) == 3 and scores.mean() > 0.55
