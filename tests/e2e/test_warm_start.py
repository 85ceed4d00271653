"""The feature state that `sofia train` leaves: `sofia features --warm-start` goes on from it, with the very rows of a run over everything."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars
import pytest

from binaries import answer, sofia

SETTINGS = ["bars.timeframes=1m,5m,15m,1h,4h", "touch.timeframes=5m", "fit.min_train_rows=10", "model.rounds=5",
            "search={target_r: {type: float, low: 1, high: 2}}"]


def sets(settings):
    return [word for setting in settings for word in ("--set", setting)]


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A model of trades without tick directions, which are derived: the rows depend on the print before the data's first."""
    folder = tmp_path_factory.mktemp("warm")
    sofia("data", "simulate", "--out", folder / "data", "--symbol", "X", "--days", 20, "--trades", 100_000, "--seed", 7, "--quiet")
    trades = folder / "data/X/trades.csv"
    frame = polars.read_csv(trades, infer_schema=False).drop("tickDirection")
    frame.write_csv(trades)
    tuned = answer("tune", "--data-dir", folder / "data/X", "--model-dir", folder / "models", "--study", "s", "--trials", 1, *sets(SETTINGS))
    trained = answer("train", "--from-tuning", tuned["best_summary"], "--threads", 2)
    return folder, frame, Path(tuned["best_summary"]), Path(trained["model"])


def rows(*words, out):
    told = answer("features", *words, "--out", out)
    frame = polars.read_parquet(out)
    assert told["rows"] == len(frame)
    return frame


def expect_same_bits(warm, whole, train_end):
    rest = whole.filter(polars.col("known_at") > train_end)
    assert warm.columns == rest.columns and len(warm) == len(rest) > 1000
    assert warm["known_at"].equals(rest["known_at"])
    for name in warm.columns[1:]:
        ours, theirs = (frame[name].fill_null(np.nan).to_numpy() for frame in (warm, rest))
        both_nan = np.isnan(ours) & np.isnan(theirs)
        assert np.array_equal(ours.view(np.int64)[~both_nan], theirs.view(np.int64)[~both_nan]), name


def test_rows_after_the_training_are_those_of_the_whole_data(job):
    folder, frame, _, model = job
    state = json.loads((model / "feature_state.json").read_text())
    assert state["as_of"] == json.loads((model / "model.json").read_text())["train_end"] and state["columns"] == 190
    train_end = polars.Series([state["as_of"]]).str.to_datetime(time_unit="ns", time_zone="UTC")[0]
    whole = rows("--data-dir", folder / "data/X", *sets(SETTINGS[:2]), out=folder / "whole.parquet")
    warm = rows("--data-dir", folder / "data/X", "--warm-start", model, out=folder / "warm.parquet")
    expect_same_bits(warm, whole, train_end)
    # A folder with nothing but what came after.
    later = folder / "later/X"
    later.mkdir(parents=True)
    frame.filter(polars.col("timestamp").cast(polars.Float64) >= train_end.timestamp()).write_csv(later / "trades.csv")
    shutil.copy(folder / "data/X/instrument.yaml", later)
    assert (later / "trades.csv").stat().st_size < (folder / "data/X/trades.csv").stat().st_size / 2
    expect_same_bits(rows("--data-dir", later, "--warm-start", model, out=folder / "later.parquet"), whole, train_end)


def test_the_state_has_the_same_bytes_for_any_number_of_threads(job):
    _, _, summary, model = job
    before = (model / "feature_state.json").read_bytes()
    for threads in (1, 3):
        answer("train", "--from-tuning", summary, "--threads", threads)
        assert (model / "feature_state.json").read_bytes() == before
    assert "feature_state.json" in json.loads((model / "manifest.json").read_text())["outputs"]


def test_a_state_that_does_not_fit_is_refused_with_the_reason(job, tmp_path):
    folder, frame, _, model = job

    def refused(expect, *words, data=folder / "data/X"):
        done = sofia("features", "--data-dir", data, "--out", tmp_path / "f.parquet", "--warm-start", tmp_path / "m", *words, "--quiet", expect=expect)
        assert not (tmp_path / "f.parquet").exists()
        return done.stderr

    shutil.copytree(model, tmp_path / "m")
    state = tmp_path / "m/feature_state.json"
    text = state.read_text()
    assert "feature_state.json: features.rsi_length was 14 in training, it is 21 here" in refused(4, "--set", "features.rsi_length=21")
    early = tmp_path / "early/X"
    early.mkdir(parents=True)
    frame.head(20_000).write_csv(early / "trades.csv")
    shutil.copy(folder / "data/X/instrument.yaml", early)
    assert "nothing after" in refused(3, data=early)
    state.write_text(text[: len(text) // 2])
    assert "feature_state.json line 1 column" in refused(3)
    state.write_text(text.replace('"at":1', '"at":2', 1))
    assert "differs from what was saved" in refused(3)
    state.write_text(text.replace('"schema":1', '"schema":2'))
    assert "of schema 2, this program reads schema 1" in refused(3)
    state.unlink()
    assert "feature_state.json" in refused(3)
    shutil.rmtree(tmp_path / "m")
    assert "model.json" in refused(3)
    # The state of another training in the folder of this one.
    shutil.copytree(model, tmp_path / "m")
    other = tmp_path / "m/model.json"
    told = json.loads(other.read_text())
    told["train_end"] = "2024-01-02T00:00:00Z"
    other.write_text(json.dumps(told))
    assert "but the model is of X and was trained until 2024-01-02" in refused(3)
