"""Features, labels and models written in Python: registered, audited, tuned and trained with, and named in every file."""

import json
import pickle
import subprocess

import numpy as np
import pytest

from binaries import SOFIA, sofia as command

package = pytest.importorskip("sofia")

BASE = {
    "strategy": "direction",
    "split": {"val_days": 1, "test_days": 0.5},
    "simulation.days": 0,
    "model": {"rounds": 15, "num_leaves": 8, "early_stopping_rounds": 5},
    "search": {"learning_rate": {"type": "float", "low": 0.05, "high": 0.2}},
}
NAMES = ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"]
DAYS = 5
MINUTE = np.timedelta64(1, "m")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("custom")
    command("data", "simulate", "--out", folder, "--symbol", "MIN", "--days", DAYS, "--planted", "direction", "--edge", 0.6, "--seed", 7, "--quiet")
    return folder / "MIN"


@pytest.fixture(autouse=True)
def registry():
    """What a test registers is its own."""
    yield
    for one in package.registered():
        package.unregister(one.kind, one.name)


def tune(data, folder, trials=1, study="s", **keys):
    keys = {name.replace("__", "."): value for name, value in keys.items()}
    search = keys.pop("search", BASE["search"])
    return package.tune({**BASE, "search": search}, overrides=keys, data_dir=data, model_dir=folder, study=study, trials=trials, progress=False, threads=2)


def summary(tuned):
    return json.loads(open(tuned.best_summary, encoding="utf-8").read())


def returns(bars):
    out = np.full(len(bars["close"]), np.nan)
    out[1:] = bars["close"][1:] / bars["close"][:-1] - 1.0
    return out


def higher(bars, horizon, early=0):
    """1 where the close is higher after the horizon, as the strategy's own label says it."""
    close = bars["close"]
    y = np.full(len(close), np.nan)
    if len(close) > horizon:
        y[:-horizon] = close[horizon:] > close[:-horizon]
    return y, bars["close_time"] + (horizon - early) * MINUTE


@pytest.fixture
def minutes():
    close = 100.0 + np.arange(60) % 7
    ts = np.datetime64("2024-01-01", "ns") + np.arange(60) * MINUTE
    return {"ts": ts, "open": close, "high": close + 1, "low": close - 1, "close": close, "volume": np.ones(60)}


# --- features -------------------------------------------------------------------------------------------------------------------------------------


def test_a_column_that_is_there_already_changes_nothing_but_its_name(data, tmp_path):
    """LightGBM takes the first of equal columns: the same bits give the same model."""
    package.feature(returns, name="again", formula="close / close one bar ago - 1", unit="fraction", warm_up=2, version=3)
    whole = {"model.feature_fraction": 1}
    plain = tune(data, tmp_path / "plain", **whole)
    twice = tune(data, tmp_path / "twice", features__custom=["again"], **whole)
    assert twice.best_value == plain.best_value
    found = summary(twice)
    assert found["features"]["names"] == [*NAMES, "again"] and found["features"]["versions"][-1] == 3
    assert found["custom"] == [{"kind": "feature", "name": "again", "version": 3, "sha256": package.registered()[0].sha256}]
    assert "custom" not in summary(plain) and found["features"]["hash"] != summary(plain)["features"]["hash"]
    trained = package.train(twice.best_summary, progress=False)
    card = json.loads(open(trained.card, encoding="utf-8").read())
    assert card["custom"] == found["custom"] and card["data"]["rows_sha256"] == found["rows_sha256"]
    columns = {one["name"]: one for one in card["features"]["columns"]}
    assert columns["again"] == {**columns["ret1"], "name": "again"}
    manifest = json.loads(open(f"{trained.folder}/manifest.json", encoding="utf-8").read())
    assert manifest["feature again"].startswith("version 3, SHA-256 ")
    assert package.DirectionModel(trained.folder).features == [*NAMES, "again"]


def test_a_model_is_asked_with_the_columns_that_it_was_trained_with(data, tmp_path):
    """From bars to the card's own validation score, by way of the functions that a caller has."""
    import pyarrow.parquet as pq

    package.feature(lambda bars: {"a": bars["high"] - bars["low"], "b": returns(bars)}, name="pair", columns={"a": ("", ""), "b": ("", "")})
    trained = package.train(tune(data, tmp_path, features__custom=["pair"]).best_summary, progress=False)
    card = json.loads(open(trained.card, encoding="utf-8").read())
    command("bars", "--data-dir", data, "--out", tmp_path / "bars", "--timeframes", "1m", "--quiet")
    bars = pq.read_table(next((tmp_path / "bars").glob("*1m*.parquet")))
    rows = package.minute_features(bars, custom=["pair"])
    assert rows.column_names == ["ts", "known_at", *NAMES, "a", "b", "y"]
    ts, y = rows.column("ts").to_numpy(), rows.column("y").to_numpy()
    window = [np.datetime64(card["data"]["windows"]["validation"][end].rstrip("Z")) for end in ("from", "to")]
    judged = (ts >= window[0]) & (ts + 5 * MINUTE < window[1])
    p = package.DirectionModel(trained.folder).predict_proba(rows.select([*NAMES, "a", "b"]))[judged]
    loss = -np.mean(np.where(y[judged] == 1, np.log(p), np.log1p(-p)))
    assert judged.sum() == card["metrics"]["validation"]["rows"] and loss == pytest.approx(card["promotion"]["value"], rel=1e-12)
    with pytest.raises(package.ConfigError, match="no feature is registered as pairs"):
        package.minute_features(bars.slice(0, 9), custom=["pairs"])


def test_an_audit_by_hand_sees_what_tune_would(data, tmp_path):
    import pyarrow.parquet as pq

    command("bars", "--data-dir", data, "--out", tmp_path, "--timeframes", "1m", "--quiet")
    bars = pq.read_table(next(tmp_path.glob("*1m*.parquet"))).slice(0, 1000)
    package.feature(returns)
    package.feature(z_score)
    honest, peek = package.registered("feature")
    assert honest.audit(bars, cuts=16).passed
    report = peek.audit(bars, cuts=16)
    assert not report and report.failing == ["z_score"]


def test_several_columns_of_any_kind_of_table(data, tmp_path):
    import polars as pl

    seen = []

    @package.feature(columns={"span": ("(high - low) / close", "fraction"), "up": ("close > open", "flag")})
    def shape(bars):
        seen.append(len(bars["close"]))
        assert bars["close_time"].dtype == "datetime64[ns]" and bars["filled"].dtype == bool
        frame = pl.DataFrame(bars)
        return frame.select(span=(pl.col("high") - pl.col("low")) / pl.col("close"), up=(pl.col("close") > pl.col("open")).cast(pl.Float64)).to_dict()

    tuned = tune(data, tmp_path, features__custom=["shape"])
    assert summary(tuned)["features"]["names"] == [*NAMES, "span", "up"]
    assert min(seen) == 1 and max(seen) == DAYS * 1440 and len(seen) < 50, "bounded"


def centred_mean(bars):
    return np.convolve(bars["close"], np.ones(5) / 5, "same")[: len(bars["close"])]


def z_score(bars):
    return (bars["volume"] - bars["volume"].mean()) / (bars["volume"].std() + 1e-9)


def next_day(bars):
    return np.concatenate([bars["close"][6000:], np.full(min(6000, len(bars["close"])), np.nan)])


@pytest.mark.parametrize("peek", [centred_mean, z_score, next_day])
def test_a_peek_is_refused_with_its_row(data, tmp_path, peek):
    package.feature(peek)
    with pytest.raises(package.BlockedError, match=rf"leak audit: feature {peek.__name__}: cut: row known at \d{{4}}-.* should be .* \(data as of "):
        tune(data, tmp_path, features__custom=[peek.__name__])
    assert not list(tmp_path.glob("**/tuning_summary_*")), "nothing was fitted"


def test_what_changes_from_call_to_call_is_refused(data, tmp_path):
    noise = np.random.default_rng(1)
    package.feature(lambda bars: noise.normal(size=len(bars["close"])), name="noise")
    with pytest.raises(package.BlockedError, match="feature noise"):
        tune(data, tmp_path, features__custom=["noise"])


def test_an_exception_of_a_function_comes_back_with_its_place(data, tmp_path):
    @package.feature
    def broken(bars):
        return bars["closing"]

    with pytest.raises(package.UsageError, match=r"feature broken: KeyError: 'closing' \(.*test_custom.py line \d+, in broken\)") as caught:
        tune(data, tmp_path, features__custom=["broken"])
    assert isinstance(caught.value.__cause__, KeyError)

    package.feature(lambda bars: bars["close"][1:], name="short")
    with pytest.raises(package.UsageError, match=r"feature short returned an array of shape \(\d+,\) for \d+ bars"):
        tune(data, tmp_path, features__custom=["short"])
    package.feature(lambda bars: np.where(bars["close"] > 0, np.inf, 0), name="infinite")
    with pytest.raises(package.UsageError, match="feature infinite: the row known at .* is infinite"):
        tune(data, tmp_path, features__custom=["infinite"])


def test_a_column_is_made_of_real_numbers(minutes):
    package.feature(lambda bars: np.ma.masked_array(bars["close"], bars["close"] == bars["close"][0]), name="masked")
    assert np.isnan(package.minute_features(minutes, custom=["masked"])["masked"][0])
    for name, wrong in (("complex", lambda bars: bars["close"] * 1j), ("times", lambda bars: bars["close_time"])):
        package.feature(wrong, name=name)
        with pytest.raises(package.UsageError, match=f"feature {name} returned an array of (complex128|datetime64)"):
            package.minute_features(minutes, custom=[name])


def test_a_function_has_its_bars_for_itself(minutes):
    def spoil(bars):
        bars["close"] -= 1.0
        return bars["close"]

    package.feature(spoil, name="spoil")
    package.feature(lambda bars: bars["close"], name="after")
    before = {name: column.copy() for name, column in minutes.items()}
    rows = package.minute_features(minutes, custom=["spoil", "after"])
    assert (rows["after"] == rows["close"]).all() and (rows["spoil"] == rows["close"] - 1.0).all()
    assert all((minutes[name] == before[name]).all() for name in minutes)


def test_names_are_known_or_refused(data, tmp_path):
    package.feature(returns, name="again")
    for name in ("agian", "again"):
        with pytest.raises(package.ConfigError, match="did you mean again" if name == "agian" else "column again stands there already"):
            tune(data, tmp_path, features__custom=[name, "again"])
    package.feature(returns, name="close")
    with pytest.raises(package.ConfigError, match="column close stands there already"):
        tune(data, tmp_path, features__custom=["close"])


def test_the_command_says_where_such_names_come_from(data, tmp_path):
    words = [SOFIA, "tune", "--config", "configs/direction.yaml", "--data-dir", data, "--model-dir", tmp_path, "--trials", "1", "--set", "features.custom=[mine]"]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "features.custom: nothing is registered as mine" in run.stderr and "registered in Python" in run.stderr


def test_rows_wait_for_a_column_to_warm_up(data, tmp_path):
    package.feature(returns, name="late", warm_up=500)
    tuned = tune(data, tmp_path, features__custom=["late"])
    rows = json.loads(open(package.train(tuned.best_summary, progress=False).card, encoding="utf-8").read())["data"]["windows"]["train"]["rows"]
    plain = tune(data, tmp_path / "plain")
    assert rows == json.loads(open(package.train(plain.best_summary, progress=False).card, encoding="utf-8").read())["data"]["windows"]["train"]["rows"] - 450


# --- registration ---------------------------------------------------------------------------------------------------------------------------------


def test_a_name_belongs_to_one_function():
    package.feature(returns, name="mine")
    package.feature(returns, name="mine")
    with pytest.raises(package.ConflictError, match="replace=True"):
        package.feature(z_score, name="mine")
    package.feature(z_score, name="mine", version=2, replace=True)
    package.label(higher, name="mine")
    assert [(one.kind, one.name, one.version) for one in package.registered()] == [("feature", "mine", 2), ("label", "mine", 1)]
    assert repr(package.registered("feature")[0]) == "<sofia feature mine, version 2>"
    with pytest.raises(package.UsageError):
        package.unregister("model", "mine")
    for kind, name in ((package.label, "higher"), (package.model, "lightgbm")):
        with pytest.raises(package.ConflictError, match="own"):
            kind(returns, name=name)
    for wrong in (
        {"name": "a,b"}, {"name": "a b"}, {"name": "é"}, {"name": "../a"}, {"version": 0}, {"version": 2**31}, {"warm_up": -1}, {"columns": {}},
        {"columns": {"a": "fraction"}}, {"columns": {"a b": ("", "")}},
    ):  # fmt: skip
        with pytest.raises(package.UsageError):
            package.feature(returns, **wrong)


def test_code_is_told_by_what_it_does():
    from sofia.custom import source_sha256

    def one(bars):
        """Words."""
        # more words
        return bars["close"] + 1

    def again(bars):
        return bars["close"] + 1

    def two(bars):
        return bars["close"] + 2

    again.__name__ = "one"
    assert len(source_sha256(one)) == 64
    assert source_sha256(one) != source_sha256(two)
    assert source_sha256(returns) == source_sha256(returns)
    assert source_sha256(len) == ""


def test_changed_code_under_the_same_version_is_noticed(data, tmp_path, caplog):
    package.feature(returns, name="mine")
    tuned = tune(data, tmp_path, features__custom=["mine"])

    @package.feature(name="mine", replace=True)
    def same_numbers(bars):
        changed = returns(bars)
        return changed

    caplog.clear()
    package.train(tuned.best_summary, progress=False)
    assert "the code of feature mine has changed since the trial was tuned: the rows are the same" in caplog.text
    with pytest.raises(package.ConflictError, match="feature mine version 1"):
        package.tune({**BASE, "features.custom": ["mine"]}, data_dir=data, model_dir=tmp_path, study="s", trials=1, resume=True, progress=False)

    @package.feature(name="mine", replace=True)
    def other_numbers(bars):
        return 2 * returns(bars)

    with pytest.raises(package.BlockedError, match="the code of feature mine has changed under version 1, and the rows with it"):
        package.train(tuned.best_summary, progress=False)
    package.feature(returns, name="mine", version=2, replace=True)
    with pytest.raises(package.BlockedError):
        package.train(tuned.best_summary, progress=False)


# --- labels ---------------------------------------------------------------------------------------------------------------------------------------


def test_the_strategys_own_label_written_again_gives_the_same_study(data, tmp_path):
    package.label(higher, name="mine", formula="the close is higher after the horizon")
    own = tune(data, tmp_path / "own")
    mine = tune(data, tmp_path / "mine", label="mine")
    assert mine.best_value == own.best_value and summary(mine)["rows_sha256"] == summary(own)["rows_sha256"]
    assert summary(mine)["custom"][0]["kind"] == "label"
    trained = package.train(mine.best_summary, progress=False)
    card = json.loads(open(trained.card, encoding="utf-8").read())
    assert card["label"] == {"name": "mine", "version": 1, "formula": "the close is higher after the horizon"}
    assert any("label mine of MIN is 1 (the close is higher" in limit for limit in card["limits"])
    assert json.loads(open(package.train(own.best_summary, progress=False).card, encoding="utf-8").read())["label"]["name"] == "higher"


def test_an_end_that_is_too_early_is_refused(data, tmp_path):
    package.label(lambda bars, horizon: higher(bars, horizon, early=1), name="early")
    with pytest.raises(package.BlockedError, match=r"leak audit: label early: cut: row known at .* should be none, is [01] with the end "):
        tune(data, tmp_path, label="early")
    package.label(lambda bars, horizon: higher(bars, horizon, early=horizon), name="now")
    with pytest.raises(package.BlockedError, match="label now: the row known at .* says that its label is known at"):
        tune(data, tmp_path, label="now")


def test_rows_are_purged_by_the_labels_own_ends(data, tmp_path):
    package.label(lambda bars, horizon: (higher(bars, horizon)[0], bars["close_time"] + 90 * MINUTE), name="long")
    trained = package.train(tune(data, tmp_path, label="long").best_summary, progress=False)
    windows = json.loads(open(trained.card, encoding="utf-8").read())["data"]["windows"]
    assert [windows[name]["purged"] for name in ("train", "validation", "test")] == [90, 90, 0]


def test_labels_are_zero_one_or_none(data, tmp_path):
    package.label(lambda bars, horizon: (np.sign(higher(bars, horizon)[0] - 0.5), bars["close_time"] + horizon * MINUTE), name="signs")
    with pytest.raises(package.UsageError, match="label signs: the row known at .* has -1"):
        tune(data, tmp_path, label="signs")
    package.label(lambda bars, horizon: higher(bars, horizon)[0], name="alone")
    with pytest.raises(package.UsageError, match=r"label alone returned a ndarray\nhint: give \(y, end_time\)"):
        tune(data, tmp_path, label="alone")


# --- models ---------------------------------------------------------------------------------------------------------------------------------------

SKLEARN = {"depth": {"type": "int", "low": 2, "high": 4}}


class Stump:
    """A forest of one tree, with scikit-learn's manners."""

    def __init__(self, depth=3, random_state=None):
        self.depth = depth
        self.random_state = random_state

    def get_params(self, deep=True):
        return {"depth": self.depth, "random_state": self.random_state}

    def set_params(self, **params):
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def fit(self, rows, y):
        from sklearn.tree import DecisionTreeClassifier

        assert rows.dtype == np.float64 and y.dtype == np.int64 and self.random_state is not None
        self.tree_ = DecisionTreeClassifier(max_depth=self.depth, random_state=self.random_state).fit(rows, y)
        self.classes_ = self.tree_.classes_
        return self

    def predict_proba(self, rows):
        return self.tree_.predict_proba(rows)


def test_a_model_takes_lightgbms_place(data, tmp_path):
    package.model(Stump, name="stump", version=2)
    keys = {"learner.name": "stump", "search": SKLEARN}
    one, two = (
        package.tune({**BASE, **keys}, data_dir=data, model_dir=tmp_path / str(workers), study="s", trials=4, workers=workers, progress=False) for workers in (1, 2)
    )
    assert one.complete == 4 and one.best_value == two.best_value and summary(one)["params"] == summary(two)["params"]
    assert set(summary(one)["params"]) == {"learner.params.depth"} and 0.5 < one.best_value < 0.7
    trained = package.train(one.best_summary, overrides={"simulation.days": 2}, progress=False)
    assert trained.model.endswith("model.pkl")
    card = json.loads(open(trained.card, encoding="utf-8").read())
    assert card["simulation"]["fits"] >= 1 and card["simulation"]["labeled"] > 1000
    assert card["model"]["file"] == "model.pkl" and card["model"]["learner"] == {"name": "stump", "version": 2}
    assert card["importance"][0]["gain"] is None and card["importance"][0]["permutation"]["log_loss"] is not None
    assert card["promotion"]["value"] == one.best_value and card["parameters"]["depth"] == summary(one)["params"]["learner.params.depth"]
    with open(trained.model, "rb") as file:
        estimator = pickle.load(file)
    assert isinstance(estimator, Stump) and estimator.depth == int(card["parameters"]["depth"])
    # Again: compared with the model in use, which is read back from its file.
    again = package.train(one.best_summary, progress=False)
    assert again.promotion["outcome"] == "not_better" and again.promotion["previous_value"] == one.best_value
    row = dict.fromkeys(NAMES, 0.5)
    with pytest.raises(package.DataError, match="model.pkl"):
        package.DirectionModel(trained.folder).predict_proba_up(row)


@pytest.mark.filterwarnings("ignore:The argument 'eval_set'")
def test_lightgbm_from_python_is_as_good_as_from_cpp(data, tmp_path):
    import lightgbm

    def booster(**params):
        return lightgbm.LGBMClassifier(n_estimators=15, num_leaves=8, verbose=-1, n_jobs=1, deterministic=True, **params)

    package.model(booster, name="booster", eval_set=True)
    search = {"learning_rate": {"type": "categorical", "choices": [0.1]}}
    ours = tune(data, tmp_path / "ours", search=search)
    theirs = tune(data, tmp_path / "theirs", search=search, learner__name="booster")
    assert theirs.best_value == pytest.approx(ours.best_value, abs=2e-3)


def test_what_a_model_does_wrong_is_told(data, tmp_path):
    package.model(Stump, name="stump")
    with pytest.raises(package.ConfigError, match="search.dept.*model stump: TypeError"):
        tune(data, tmp_path, search={"dept": SKLEARN["depth"]}, learner__name="stump")
    package.model(dict, name="none")
    with pytest.raises(package.ConfigError, match="model none has no fit and predict_proba"):
        tune(data, tmp_path, learner__name="none", search={"depth": SKLEARN["depth"]})

    class Failing(Stump):
        def fit(self, rows, y):
            raise ValueError("no luck")

    package.model(Failing, name="failing")
    tuned = tune(data, tmp_path, learner__name="failing", search=SKLEARN, study="failing")
    assert tuned.failed == 1 and tuned.exit_code == 1
    reason = package.load_study(study_name="failing", storage=f"sqlite:///{tuned.folder}/optuna.db").trials[0].user_attrs["error"]
    assert "model failing: ValueError: no luck" in reason and "test_custom.py line" in reason
