"""The direction strategy from the command line: tune, train, the model's folder, its card, and which model is in use."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import lightgbm
import numpy
import optuna
import pandas
import pytest

from binaries import ROOT, SOFIA, answer, sofia

CONFIG = ROOT / "configs/direction.yaml"
SMALL = ["--set", "split.val_days=2", "--set", "split.test_days=2", "--set", "model.rounds=60", "--set", "model.early_stopping_rounds=10"]
COLUMNS = ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    sofia("data", "simulate", "--out", folder, "--symbol", "SIMMIN", "--days", 12, "--planted", "direction", "--edge", 0.6, "--seed", 3, "--quiet")
    return folder / "SIMMIN"


def tune(data, models, *words, trials=5, study="s", expect=0):
    return sofia("tune", "--config", CONFIG, "--data-dir", data, "--model-dir", models, "--study", study, "--trials", trials, *SMALL, *words, "--quiet",
                 "--json", expect=expect)


def train(models, *words, expect=0):
    return answer("train", "--config", CONFIG, "--model-dir", models, *words, expect=expect) if expect == 0 else sofia(
        "train", "--config", CONFIG, "--model-dir", models, *words, "--quiet", expect=expect)


@pytest.fixture(scope="module")
def tuned(data, tmp_path_factory):
    models = tmp_path_factory.mktemp("models") / "SIMMIN"
    told = json.loads(tune(data, models).stdout)
    return models, told


@pytest.fixture(scope="module")
def trained(tuned):
    made = train(tuned[0])
    keep(made["folder"])
    return made


def keep(folder):
    """Model and card are left for people to look at, as the nightly run leaves those of 200 trials."""
    artifacts = Path(os.environ.get("SOFIA_ARTIFACTS", ROOT / "build/artifacts")) / "direction"
    shutil.rmtree(artifacts, ignore_errors=True)
    shutil.copytree(folder, artifacts)


def trials_of(models, study="s"):
    rows = sqlite3.connect(models / study / "optuna.db").execute(
        "select number, state, value, param_name, param_value from trials join trial_values using (trial_id) join trial_params using (trial_id) "
        "order by number, param_name")
    return rows.fetchall()


def test_optuna_opens_the_study(tuned):
    models, told = tuned
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{models}/s/optuna.db")
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    assert study.best_trial.number == told["best_trial"] and study.best_value == told["best_value"]
    assert set(study.best_params) == {"learning_rate", "num_leaves", "min_data_in_leaf", "feature_fraction", "bagging_fraction", "lambda_l1", "lambda_l2"}


def test_workers_and_threads_change_nothing(data, tuned, tmp_path):
    tune(data, tmp_path / "SIMMIN", "--workers", 2, "--threads", 2)
    assert trials_of(tmp_path / "SIMMIN") == trials_of(tuned[0])
    one = json.loads((tuned[0] / "s/tuning_summary_2.json").read_text())
    two = json.loads((tmp_path / "SIMMIN/s/tuning_summary_2.json").read_text())
    assert one == two


def test_the_folder_holds_model_card_and_manifest(tuned, trained):
    folder = tuned[0].parent / "SIMMIN" / os.path.basename(trained["folder"])
    assert {path.name for path in folder.iterdir()} == {"lgbm.txt", "model_card.json", "model_card.html", "manifest.json", "simulation"}
    assert {path.name for path in (folder / "simulation").iterdir()} >= {"kpis.json", "metrics.json", "trades.csv", "equity.csv", "report.html"}
    assert time.strftime("%Y-%m-%d", time.gmtime()) == folder.name
    assert os.readlink(tuned[0] / "best_lgbm") == folder.name
    assert trained["promotion"]["outcome"] == "first"
    page = (folder / "model_card.html").read_text()
    assert "simulated: true" in page and "http" not in page.split("<script")[0].replace("http-equiv", "")


def test_python_scores_the_model_as_the_card_does(data, tuned, trained, tmp_path):
    card = json.loads((tuned[0] / "best_lgbm/model_card.json").read_text())
    assert card["features"]["names"] == COLUMNS and card["horizon_minutes"] == 5 and card["simulated"]
    sofia("features", "--data-dir", data, "--out", tmp_path / "m.parquet", "--minute", "--quiet")
    table = pandas.read_parquet(tmp_path / "m.parquet").dropna()
    booster = lightgbm.Booster(model_file=str(tuned[0] / "best_lgbm/lgbm.txt"))
    for window in ("validation", "test"):
        bounds = card["data"]["windows"][window]
        end = pandas.Timestamp(bounds["to"])
        rows = table[(table["ts"] >= pandas.Timestamp(bounds["from"])) & (table["ts"] < end)]
        if window == "validation":
            rows = rows[rows["ts"] + pandas.Timedelta("5min") < end]
        assert len(rows) == bounds["rows"] == card["metrics"][window]["rows"]
        p, y = booster.predict(rows[COLUMNS]), rows["y"].to_numpy()
        scores = card["metrics"][window]
        assert scores["accuracy"]["value"] == pytest.approx(((p >= 0.5) == (y > 0.5)).mean(), abs=1e-12)
        assert scores["log_loss"]["value"] == pytest.approx(-(y * numpy.log(p) + (1 - y) * numpy.log(1 - p)).mean(), abs=1e-9)
        assert scores["brier"]["value"] == pytest.approx(((p - y) ** 2).mean(), abs=1e-12)
        ranks = pandas.Series(p).rank()
        auc = (ranks[y > 0.5].sum() - (y > 0.5).sum() * ((y > 0.5).sum() + 1) / 2) / ((y > 0.5).sum() * (y <= 0.5).sum())
        assert scores["auc"]["value"] == pytest.approx(auc, abs=1e-12)
        for figure in ("accuracy", "balanced_accuracy", "log_loss", "brier", "auc"):
            assert scores[figure]["lower"] < scores[figure]["value"] < scores[figure]["upper"]
    last = card["baselines"]["test"]["last_direction"]
    assert last["accuracy"] == pytest.approx(((rows["ret1"] > 0) == (rows["y"] > 0.5)).mean(), abs=1e-12)


def test_the_model_is_the_trial_and_knows_its_direction(tuned, trained):
    card = json.loads((tuned[0] / "best_lgbm/model_card.json").read_text())
    assert card["search"]["value"] == tuned[1]["best_value"]
    assert card["metrics"]["validation"]["log_loss"]["value"] == pytest.approx(tuned[1]["best_value"], abs=1e-9)
    assert card["metrics"]["test"]["accuracy"]["value"] >= 0.65
    assert card["baselines"]["test"]["majority"]["accuracy_gain"]["lower"] > 0.1
    assert {one["name"] for one in card["importance"]} == set(COLUMNS)
    gains = {one["name"]: one["permutation"]["log_loss"] for one in card["importance"]}
    assert max(gains, key=gains.get) == "sma20_gap"  # what was planted


KPIS = {"accuracy", "log_loss", "hit_rate", "gross_bps", "net_bps", "daily_percent"}


def test_the_card_keeps_what_the_rule_would_have_traded(data, tuned, trained):
    folder = Path(trained["folder"])
    card = json.loads((folder / "model_card.json").read_text())
    simulation = card["simulation"]
    kpis = json.loads((folder / "simulation/kpis.json").read_text())
    assert set(simulation["kpis"]) == KPIS and simulation["kpis"] == kpis["kpis"] == trained["kpis"]
    assert (simulation["from"], simulation["to"]) == ("2024-01-07T00:00:00Z", "2024-01-13T00:00:00Z") and simulation["fits"] == 2
    trades = pandas.read_csv(folder / "simulation/trades.csv", parse_dates=["entry_time", "exit_time"])
    assert len(trades) == simulation["trades"] > 100
    assert ((trades["exit_time"] - trades["entry_time"]) == pandas.Timedelta("5min")).all()
    assert (trades["entry_time"].iloc[1:].to_numpy() >= trades["exit_time"].iloc[:-1].to_numpy()).all()
    way = trades["direction"].map({"long": 1, "short": -1})
    assert (way * (trades["exit_price"] - trades["entry_price"]) > 0).mean() == pytest.approx(simulation["kpis"]["hit_rate"]["value"], abs=0.05)
    # The untouched part is scored by the model that is kept: its accuracy is the card's.
    assert simulation["untouched"]["kpis"]["accuracy"]["value"] == pytest.approx(card["metrics"]["test"]["accuracy"]["value"], abs=1e-12)
    assert card["kpi_gate"] is None  # there was no model before it
    assert "Simulation" in (folder / "model_card.html").read_text()


def test_a_backtest_repeats_the_simulation_and_is_held_against_what_was_accepted(tuned, trained, tmp_path):
    card = Path(trained["folder"]) / "model_card.json"
    again = answer("backtest", "--config", CONFIG, "--model-dir", tuned[0], "--study", "s", "--against", card)
    assert again["kpis"] == trained["kpis"] and not again["against"]["regression"]
    assert {check["verdict"] for check in again["against"]["checks"].values()} <= {"held", "unknown"}
    summary = tuned[0] / f"s/tuning_summary_{tuned[1]['best_trial']}.json"
    worse = sofia("backtest", "--from-tuning", summary, "--against", Path(trained["folder"]) / "simulation/kpis.json", "--set", "costs.fee_percent=1", "--json",
                  "--quiet", expect=4)
    checks = json.loads(worse.stdout)["against"]["checks"]
    assert checks["net_bps"]["verdict"] == "regression" and checks["accuracy"]["verdict"] == "held"
    other = sofia("backtest", "--from-tuning", summary, "--against", tmp_path / "none.json", "--quiet", expect=3)
    assert "none.json" in other.stderr
    assert "rule.threshold" in sofia("backtest", "--from-tuning", summary, "--set", "rule.threshold=0.4", "--quiet", expect=2).stderr


def test_without_days_there_is_no_simulation(tuned):
    made = train(tuned[0], "--study", "s", "--set", "simulation.days=0")
    card = json.loads((Path(made["folder"]) / "model_card.json").read_text())
    assert card["simulation"] is None and made["kpis"] == {} and not (Path(made["folder"]) / "simulation").exists()
    refused = sofia("backtest", "--config", CONFIG, "--model-dir", tuned[0], "--study", "s", "--against", Path(made["folder"]) / "model_card.json", "--quiet", expect=2)
    assert "simulation.days" in refused.stderr
    shutil.rmtree(made["folder"])


def test_the_same_day_again_gets_a_number_and_an_equal_model_stays_out(tuned, trained):
    models = tuned[0]
    again = train(models)
    assert again["folder"].endswith("-2") and again["promotion"]["outcome"] == "not_better"
    assert again["promotion"]["previous_value"] == again["promotion"]["value"]
    assert os.readlink(models / "best_lgbm") == os.path.basename(trained["folder"])
    first, second = (json.loads((models / name / "model_card.json").read_text()) for name in (os.path.basename(trained["folder"]), os.path.basename(again["folder"])))
    assert first["metrics"] == second["metrics"] and first["model"] == second["model"]
    forced = train(models, "--force")
    assert forced["folder"].endswith("-3") and os.readlink(models / "best_lgbm") == os.path.basename(forced["folder"])
    card = json.loads((models / "best_lgbm/model_card.json").read_text())
    assert card["kpi_gate"]["accepted"] == os.path.basename(trained["folder"]) and not card["kpi_gate"]["regression"]
    assert card["promotion"]["forced"] and card["promotion"]["previous"] == os.path.basename(trained["folder"])
    assert "forced" in (models / "best_lgbm/model_card.html").read_text()


def test_a_model_of_another_horizon_or_other_features_is_not_compared(data, tuned, trained, tmp_path):
    models = tuned[0]
    before = os.readlink(models / "best_lgbm")
    tune(data, models, "--set", "horizon=10", trials=1, study="ten")
    refused = train(models, "--study", "ten", expect=4)
    assert "10" in refused.stderr and "--force" in refused.stderr
    moments = pandas.to_datetime([1704067200], unit="s", utc=True).astype("datetime64[ns, UTC]")
    pandas.DataFrame({"known_at": moments, "active": [1.0]}).to_parquet(tmp_path / "chain.parquet", index=False)
    tune(data, models, "--set", f"features.joined=[{tmp_path}/chain.parquet]", trials=1, study="six")
    refused = train(models, "--study", "six", expect=4)
    assert "other features" in refused.stderr
    assert os.readlink(models / "best_lgbm") == before
    forced = train(models, "--study", "ten", "--force")
    assert forced["promotion"]["outcome"] == "forced" and forced["promotion"]["previous_value"] is None


def test_a_study_keeps_its_terms(data, tuned):
    refused = tune(data, tuned[0], "--resume", "--set", "horizon=6", expect=1)
    assert "horizon" in refused.stderr
    refused = tune(data, tuned[0], "--resume", "--set", "split.test_days=3", expect=1)
    assert "tuned on" in refused.stderr
    assert "--resume" in tune(data, tuned[0], expect=1).stderr


def test_no_summary_is_written_over_where_the_database_is_gone(data, tmp_path):
    tune(data, tmp_path, trials=1)
    (tmp_path / "s/optuna.db").unlink()
    kept = (tmp_path / "s/tuning_summary_0.json").read_bytes()
    refused = tune(data, tmp_path, "--resume", trials=1, expect=1)
    assert "summary of a trial 0 that its study does not know" in refused.stderr
    assert (tmp_path / "s/tuning_summary_0.json").read_bytes() == kept


def test_several_studies_have_to_be_named(tuned, data):
    tune(data, tuned[0], trials=1, study="another")
    assert "--study" in train(tuned[0], expect=2).stderr


def test_an_unknown_parameter_is_refused_before_the_first_trial(data, tmp_path):
    refused = tune(data, tmp_path, "--set", "search={num_leafs: {type: int, low: 2, high: 9}}", expect=2)
    assert "num_leaves" in refused.stderr
    refused = tune(data, tmp_path, "--set", "search={num_leaves: {type: int, low: 1, high: 9}}", expect=2)
    assert "search.num_leaves" in refused.stderr


def test_classes_can_be_weighted(data, tmp_path):
    tune(data, tmp_path / "W", "--set", "model.is_unbalance=true", trials=1)
    card = json.loads((tmp_path / "W" / os.path.basename(train(tmp_path / "W")["folder"]) / "model_card.json").read_text())
    assert any("weighted" in limit for limit in card["limits"])


def test_a_killed_search_goes_on(data, tmp_path):
    words = [SOFIA, "tune", "--config", CONFIG, "--data-dir", data, "--model-dir", tmp_path / "K", "--study", "k", "--trials", "500", *SMALL, "--quiet"]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "K/k").glob("tuning_summary_*.json"))) < 3:
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    running.kill()
    running.wait()
    left = sqlite3.connect(tmp_path / "K/k/optuna.db").execute("select count(*) from trials where state = 'COMPLETE'").fetchone()[0]
    told = json.loads(tune(data, tmp_path / "K", "--resume", study="k", trials=2).stdout)
    assert told["complete"] == 2
    states = [row[0] for row in sqlite3.connect(tmp_path / "K/k/optuna.db").execute("select state from trials order by number")]
    assert states.count("COMPLETE") == left + 2 and states[-2:] == ["COMPLETE", "COMPLETE"]


def test_ctrl_c_keeps_what_is_finished(data, tmp_path):
    words = [SOFIA, "tune", "--config", CONFIG, "--data-dir", data, "--model-dir", tmp_path / "I", "--study", "i", "--trials", "500", *SMALL, "--quiet"]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while len(list((tmp_path / "I/i").glob("tuning_summary_*.json"))) < 2:
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    told = running.communicate(timeout=60)[1]
    assert running.returncode == 130 and "--resume" in told
    states = {row[0] for row in sqlite3.connect(tmp_path / "I/i/optuna.db").execute("select state from trials")}
    assert "RUNNING" not in states
