"""The main job through the real binary: simulate, tune, train, backtest; and what the users' own tools make of its files.

`sofia` is found in SOFIA_BIN_DIR or build/release/bin. Everything runs on data that it makes itself.
"""

import csv
import hashlib
import json
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from binaries import SOFIA, answer, sofia

SMALL = [
    "touch.timeframes=15m", "features.columns=m15.*,h1.*", "split.folds=3", "score.min_trades=1", "fit.min_train_rows=20",
    "model.rounds=30", "model.min_data_in_leaf=5", "costs.fee_percent=0.001", "costs.maker_fee_percent=0.001", "costs.max_fee_r=1",
    "search={learning_rate: {type: float, low: 0.01, high: 0.2, log: true}, num_leaves: {type: int, low: 4, high: 31, log: true},"
    " stop_atr: {type: float, low: 1, high: 3}, target_r: {type: float, low: 0.8, high: 2}, max_hold_bars: {type: int, low: 8, high: 48}}",
]


def tune_words(folder, study, *more):
    words = ["tune", "--data-dir", folder / "data/SIMUSDT", "--model-dir", folder / "models", "--study", study, "--seed", 11, "--quiet", "--json"]
    for setting in SMALL:
        words += ["--set", setting]
    return [*words, *more]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    sofia("data", "simulate", "--out", folder / "data", "--days", 40, "--trades", 150_000, "--seed", 5, "--edge", 1, "--quiet")
    return folder


@pytest.fixture(scope="module")
def job(folder):
    tuned = json.loads(sofia(*tune_words(folder, "one", "--trials", 6, "--threads", 1)).stdout)
    trained = answer("train", "--from-tuning", tuned["best_summary"])
    tested = answer("backtest", "--train-config", trained["train_config"])
    return tuned, trained, tested


def lines_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def without_clock(path):
    manifest = json.loads(Path(path).read_text())
    assert "clock" in manifest
    del manifest["clock"]
    return manifest


def test_the_files_of_the_design_are_there(job):
    tuned, trained, tested = job
    study = Path(tuned["folder"])
    assert (study / "optuna.db").exists() and (study / "manifest.json").exists()
    assert len(list(study.glob("tuning_summary_*.json"))) == 6
    names = {path.name for path in Path(tested["folder"]).iterdir()}
    assert names >= {"metrics.json", "trades.csv", "equity.csv", "equity_curve.png", "report.html", "manifest.json"}
    assert {path.name for path in Path(trained["model"]).iterdir()} >= {"entry.txt", "features.json", "calibrator.json", "model.json"}


def test_trades_sum_to_the_figures(job):
    _, _, tested = job
    trades = lines_of(Path(tested["folder"]) / "trades.csv")
    metrics = json.loads((Path(tested["folder"]) / "metrics.json").read_text())
    assert metrics["trades"] == len(trades) > 0
    assert metrics["net_r"] == pytest.approx(sum(float(row["net_r"]) for row in trades), abs=1e-9)
    for row in trades:
        parts = [float(row[name]) for name in ("gross_r", "fee_r", "slip_r", "funding_r", "ops_r")]
        assert float(row["net_r"]) == pytest.approx(parts[0] - sum(parts[1:]), abs=1e-9)
        assert row["signal_time"] < row["entry_time"] <= row["exit_time"]
    equity = lines_of(Path(tested["folder"]) / "equity.csv")
    assert float(equity[-1]["equity"]) == pytest.approx(metrics["final_equity"], abs=1e-8)


def test_the_test_window_lies_after_everything_the_model_has_seen(job):
    tuned, trained, tested = job
    summary = json.loads(Path(tuned["best_summary"]).read_text())
    assert summary["splits"]["tuning"]["to"] <= summary["splits"]["test"]["from"]
    assert trained["train_end"] == summary["splits"]["tuning"]["to"]
    for fold in summary["folds"]:
        assert fold["train_to"] <= fold["from"] < fold["to"] <= summary["splits"]["tuning"]["to"]
    assert min(row["signal_time"] for row in lines_of(Path(tested["folder"]) / "trades.csv")) >= summary["splits"]["test"]["from"]


def test_optuna_opens_the_study(job):
    optuna = pytest.importorskip("optuna")
    tuned, _, _ = job
    study = optuna.load_study(study_name="one", storage=f"sqlite:///{tuned['folder']}/optuna.db")
    assert [trial.number for trial in study.trials] == list(range(6))
    assert study.best_trial.number == tuned["best_trial"]
    assert study.best_value == tuned["best_value"]
    for trial in study.trials:
        summary = json.loads((Path(tuned["folder"]) / f"tuning_summary_{trial.number}.json").read_text())
        assert trial.value == summary["value"]
        assert trial.intermediate_values == {fold["index"]: fold["score"] for fold in summary["folds"]}
        assert set(trial.params) == {"learning_rate", "num_leaves", "stop_atr", "target_r", "max_hold_bars"}


def told(summary, least):
    """What the study is told of a trial (docs/touch.md, Scores)."""
    robust = np.quantile([fold["score"] for fold in summary["folds"]], 0.25)
    if np.mean([fold["trades"] < least for fold in summary["folds"]]) <= 0.25:
        return robust
    lacks = [max(0, 1 - fold["trades"] / least) if fold["trades"] else 1 + min(1, max(0, -fold["gate_headroom"])) for fold in summary["folds"]]
    return min(robust, 0) - 1 - np.mean(lacks)


def test_a_trial_that_trades_too_little_is_told_how_much_it_lacks(folder):
    """At a margin of 0.2 to 0.6 R some trials trade a little and others not at all: both have to be told apart from their like."""
    tuned = answer(*tune_words(folder, "thin", "--trials", 8, "--set", "score.min_trades=30", "--set",
                               "search={ev_margin: {type: float, low: 0.2, high: 0.6}, stop_atr: {type: float, low: 1, high: 3}}"))
    summaries = [json.loads((Path(tuned["folder"]) / f"tuning_summary_{number}.json").read_text()) for number in range(8)]
    values = [summary["value"] for summary in summaries]
    assert values == pytest.approx([told(summary, 30) for summary in summaries])
    assert len(set(values)) == 8 and max(values) < -1
    traded = [sum(fold["trades"] for fold in summary["folds"]) for summary in summaries]
    assert 0 in traded and max(traded) > 0
    for summary in summaries:
        for fold in summary["folds"]:
            assert fold["trades"] == 0 or fold["gate_headroom"] > 0


def calibrated(p, calibrator):
    """What docs/touch.md says of the two kinds."""
    if calibrator["kind"] == "platt":
        return 1 / (1 + np.exp(calibrator["slope"] * np.log(p / (1 - p)) + calibrator["intercept"]))
    assert calibrator["kind"] == "isotonic"
    return np.interp(p, calibrator["inputs"], calibrator["outputs"])


def test_lightgbm_opens_the_model_and_predicts_the_same(job):
    lightgbm = pytest.importorskip("lightgbm")
    polars = pytest.importorskip("polars")
    tuned, trained, tested = job
    model = lightgbm.Booster(model_file=str(Path(trained["model"]) / "entry.txt"))
    table = Path(tuned["folder"]).parent.parent / "features.parquet"
    sofia("features", "--data-dir", table.parent / "data/SIMUSDT", "--out", table, "--set", "features.columns=m15.*,h1.*", "--quiet")
    frame = polars.read_parquet(table)
    names = model.feature_name()
    assert names == frame.columns[1:]
    rows = {stamp.strftime("%Y-%m-%dT%H:%M:%SZ"): index for index, stamp in enumerate(frame["known_at"].to_list())}
    trades = lines_of(Path(tested["folder"]) / "trades.csv")
    picked = frame[[rows[row["signal_time"]] for row in trades]].select(names).to_numpy()
    predicted = calibrated(model.predict(picked), json.loads((Path(trained["model"]) / "calibrator.json").read_text())["entry"])
    assert np.abs(predicted - [float(row["probability"]) for row in trades]).max() <= 1e-12


def test_any_number_of_threads_gives_the_same_job(folder, job):
    tuned, trained, tested = job
    again = json.loads(sofia(*tune_words(folder, "two", "--trials", 6, "--threads", 2)).stdout)
    assert (again["best_trial"], again["best_value"]) == (tuned["best_trial"], tuned["best_value"])
    for number in range(6):
        one, two = (json.loads((folder / "models" / study / f"tuning_summary_{number}.json").read_text()) for study in ("one", "two"))
        assert one.pop("study") == "one" and two.pop("study") == "two"
        assert one == two
    retrained = answer("train", "--from-tuning", again["best_summary"], "--threads", 2)
    retested = answer("backtest", "--train-config", retrained["train_config"], "--threads", 2)
    for name in ("entry.txt", "features.json", "calibrator.json"):
        assert (Path(trained["model"]) / name).read_bytes() == (Path(retrained["model"]) / name).read_bytes()
    # The first backtest did not know of the second study, whose trials count among those on the data.
    sofia("backtest", "--train-config", trained["train_config"], "--quiet", "--threads", 1)
    for name in ("trades.csv", "equity.csv", "metrics.json"):
        assert (Path(tested["folder"]) / name).read_bytes() == (Path(retested["folder"]) / name).read_bytes()
    one, two = without_clock(Path(tested["folder"]) / "manifest.json"), without_clock(Path(retested["folder"]) / "manifest.json")
    assert one.pop("study") == "one" and two.pop("study") == "two"
    assert one == two


def trials_of(database):
    """All that a study says of its trials but clock times: number, state, parameters, values, intermediate values."""
    queries = [
        "SELECT number, state FROM trials ORDER BY number",
        "SELECT trial_id, param_name, param_value FROM trial_params ORDER BY 1, 2",
        "SELECT trial_id, value FROM trial_values ORDER BY 1",
        "SELECT trial_id, step, intermediate_value FROM trial_intermediate_values ORDER BY 1, 2",
    ]
    connection = sqlite3.connect(database)
    try:
        return [connection.execute(query).fetchall() for query in queries]
    finally:
        connection.close()


@pytest.mark.parametrize("pruner", ["none", "median:startup_trials=2"])
def test_any_number_of_workers_gives_the_same_study(folder, tmp_path, pruner):
    seen = []
    for workers, more in ((1, []), (2, ["--set", "tune.cache_mb=0"]), (3, [])):
        models = tmp_path / f"models{workers}"
        words = [models if word == folder / "models" else word for word in tune_words(folder, "same", "--trials", 8, "--batch", 4)]
        told = json.loads(sofia(*words, "--workers", workers, "--threads", 1, "--set", f"tune.pruner={pruner}", *more).stdout)
        for key in ("time", "cache", "folder", "best_summary"):
            told.pop(key)
        summaries = {path.name: path.read_bytes().replace(b"cache_mb: 0", b"cache_mb: 512") for path in models.glob("same/tuning_summary_*.json")}
        seen.append((told, trials_of(models / "same/optuna.db"), summaries))
        assert len(summaries) == 8
    assert all(one == seen[0] for one in seen[1:])
    assert (seen[0][0]["pruned"] > 0) == (pruner != "none")


def test_what_trials_share_is_made_once_and_the_time_is_told(job):
    tuned, _, _ = job
    assert tuned["cache"]["touches"] == {"made": 1, "reused": 5}
    assert tuned["cache"]["labels"] == {"made": 6, "reused": 0}
    rows = tuned["cache"]["datasets"]
    assert rows["made"] <= 3 * 4 and rows["made"] + rows["reused"] == 6 * 3 * 4  # folds, and fits of each: one and three for calibration
    time_ = tuned["time"]
    parts = time_["seconds"]
    assert set(parts) == {"features", "labels", "datasets", "fit", "models", "decide", "storage", "other", "waiting"}
    assert sum(parts.values()) >= 0.99 * time_["workers"] * time_["wall_seconds"]
    assert time_["wall_over_fit"] == pytest.approx(time_["workers"] * time_["wall_seconds"] / parts["fit"])
    manifest = json.loads((Path(tuned["folder"]) / "manifest.json").read_text())
    assert manifest["clock"]["time"] == time_


def test_a_killed_tuning_loses_at_most_what_was_running(folder, tmp_path):
    words = [tmp_path if word == folder / "models" else word for word in tune_words(folder, "killed", "--trials", 10_000, "--batch", 4)]
    process = subprocess.Popen([SOFIA, *map(str, words), "--workers", "3"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    study = tmp_path / "killed"
    deadline = time.monotonic() + 60
    while len(list(study.glob("tuning_summary_*.json"))) < 9 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait(timeout=60)
    states = dict(trials_of(study / "optuna.db")[0])
    running = [number for number, state in states.items() if state == "RUNNING"]
    complete = [number for number, state in states.items() if state == "COMPLETE"]
    assert len(running) <= 4 and len(complete) >= 4 and len(running) + len(complete) == len(states)
    before = {number: (study / f"tuning_summary_{number}.json").read_bytes() for number in complete}
    assert all(json.loads(text)["trial"] == number for number, text in before.items())
    resumed = ["--trials", "4"]
    words = [tmp_path if word == folder / "models" else word for word in tune_words(folder, "killed", *resumed, "--batch", 4, "--resume")]
    assert json.loads(sofia(*words, "--workers", 2).stdout)["complete"] == 4
    after = dict(trials_of(study / "optuna.db")[0])
    assert sorted(after) == list(range(len(states) + 4))
    assert all((study / f"tuning_summary_{number}.json").read_bytes() == text for number, text in before.items())


def test_an_existing_study_is_not_overwritten_and_can_be_resumed(folder, job):
    before = (folder / "models/one/tuning_summary_0.json").read_bytes()
    refused = sofia(*tune_words(folder, "one", "--trials", 1), expect=1)
    assert "one" in refused.stderr and "--resume" in refused.stderr
    whole = json.loads(sofia(*tune_words(folder, "whole", "--trials", 8)).stdout)
    sofia(*tune_words(folder, "parts", "--trials", 4))
    parts = json.loads(sofia(*tune_words(folder, "parts", "--trials", 4, "--resume")).stdout)
    assert parts["best_value"] == whole["best_value"]
    assert (folder / "models/one/tuning_summary_0.json").read_bytes() == before


def test_overlap_with_training_is_blocked_unless_asked_for(job):
    _, trained, _ = job
    refused = sofia("backtest", "--train-config", trained["train_config"], "--window", "all", expect=4)
    assert "overlaps what the model has seen" in refused.stderr
    allowed = json.loads(sofia("backtest", "--train-config", trained["train_config"], "--window", "all", "--in-sample", "--json").stdout)
    assert allowed["in_sample"] is True
    assert json.loads((Path(allowed["folder"]) / "metrics.json").read_text())["in_sample"] is True
    assert "in-sample" in (Path(allowed["folder"]) / "report.html").read_text()


def test_other_columns_are_blocked_with_both_lists(job):
    _, trained, _ = job
    refused = sofia("backtest", "--train-config", trained["train_config"], "--set", "features.columns=m15.*", expect=4)
    assert "feature audit" in refused.stderr and "expected but absent" in refused.stderr and "h1." in refused.stderr


def test_an_override_is_warned_of_with_both_values(job):
    _, trained, _ = job
    done = sofia("backtest", "--train-config", trained["train_config"], "--set", "costs.fee_percent=0.05")
    assert re.search(r"warning costs.fee_percent is 0.05 here but was 0.001 in tuning", done.stderr)
    sofia("backtest", "--train-config", trained["train_config"], "--quiet")  # leaves the tuned figures behind


def test_the_report_opens_without_a_network(job):
    _, _, tested = job
    page = (Path(tested["folder"]) / "report.html").read_text()
    assert page.find("simulated: true") >= 0
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    assert "SHAP" in page or "contribution" in page.lower()


def test_ctrl_c_keeps_what_is_finished(folder):
    words = [str(word) for word in tune_words(folder, "broken", "--trials", 10_000, "--batch", 4, "--workers", 2)]
    process = subprocess.Popen([SOFIA, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    study = folder / "models/broken"
    deadline = time.monotonic() + 60
    while not list(study.glob("tuning_summary_*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in errors
    kept = len(list(study.glob("tuning_summary_*.json")))
    assert kept >= 1
    sofia(*tune_words(folder, "broken", "--trials", 2, "--resume"))
    assert len(list(study.glob("tuning_summary_*.json"))) == kept + 2


def test_simulated_data_depends_on_the_seed_only(tmp_path):
    def make(name, seed):
        sofia("data", "simulate", "--out", tmp_path / name, "--days", 2, "--trades", 5_000, "--seed", seed, "--quiet")
        return hashlib.sha256((tmp_path / name / "SIMUSDT/trades.csv").read_bytes()).hexdigest()

    assert make("a", 1) == make("b", 1) != make("c", 2)
