"""The stages of a strategy from Python leave the command's numbers, and stop at Ctrl-C."""

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

import sofia
from binaries import answer, sofia as command

CONFIG = {
    "touch": {"timeframes": ["15m"]},
    "features": {"columns": ["m15.*", "h1.*"]},
    "split": {"folds": 3},
    "score.min_trades": 1,
    "fit.min_train_rows": 20,
    "model": {"rounds": 20, "min_data_in_leaf": 5},
    "costs": {"fee_percent": 0.001, "maker_fee_percent": 0.001, "max_fee_r": 1},
    "search": {
        "learning_rate": {"type": "float", "low": 0.01, "high": 0.2, "log": True},
        "stop_atr": {"type": "float", "low": 1, "high": 3},
        "max_hold_bars": {"type": "int", "low": 8, "high": 48},
    },
}


@pytest.fixture(scope="module")
def tuned(market, tmp_path_factory):
    folder = tmp_path_factory.mktemp("verbs")
    return sofia.tune(CONFIG, data_dir=market / "data/SIMUSDT", model_dir=folder / "ours", study="s", trials=3, seed=11, progress=False)


def trials_of(folder):
    study = sofia.load_study(study_name="s", storage=f"sqlite:///{folder}/s/optuna.db")
    return [(t.number, t.state, t.params, t.values) for t in study.trials]


def test_tune_is_the_commands(market, tuned, tmp_path):
    config = tmp_path / "small.yaml"
    with sofia._config.config_file(CONFIG) as written:
        config.write_text(open(written).read())
    theirs = answer("tune", "--config", config, "--data-dir", market / "data/SIMUSDT", "--model-dir", tmp_path / "theirs", "--study", "s",
                    "--trials", 3, "--seed", 11)  # fmt: skip
    assert (tuned.complete, tuned.best_trial, tuned.best_value) == (theirs["complete"], theirs["best_trial"], theirs["best_value"])
    assert set(tuned) == set(theirs)
    assert trials_of(os.path.dirname(tuned.folder)) == trials_of(tmp_path / "theirs")


def test_train_and_backtest_are_the_commands(tuned):
    trained = sofia.train(tuned["best_summary"], progress=False)
    tested = sofia.backtest(trained.train_config, progress=False)
    figures = open(os.path.join(tested.folder, "metrics.json")).read()
    theirs = answer("backtest", "--train-config", trained.train_config)
    assert json.loads(json.dumps(tested.document)) == theirs and open(os.path.join(theirs["folder"], "metrics.json")).read() == figures
    assert tested.exit_code == 0 and tested.text and tested.verb == "backtest"
    assert "<table>" in tested._repr_html_() and "folder" in dir(tested) and tested.text in repr(tested)
    with pytest.raises(AttributeError, match="no nothing_like_this"):
        tested.nothing_like_this
    with pytest.raises(sofia.BlockedError):
        sofia.backtest(trained.train_config, window="all", progress=False)


def test_select_fixes_a_champion_or_none(tuned):
    chosen = sofia.select(model_dir=os.path.dirname(tuned.folder), study="s", progress=False, overrides={"select.top": 1})
    assert chosen["study"] == "s" and chosen["outcome"]
    with pytest.raises(sofia.UsageError):
        sofia.select(model_dir=os.path.dirname(tuned.folder), study="nobody", progress=False)


def test_log_lines_go_to_pythons_logger(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="sofia"):
        sofia.simulate(tmp_path, days=1, trades=3000, seed=3)
        found = sofia.check_data(tmp_path / "SIMUSDT")
    assert found["rows"] == 3000
    theirs = tmp_path / "theirs"
    command("data", "simulate", "--out", theirs, "--days", 1, "--trades", 3000, "--seed", 3, "--quiet")
    assert (tmp_path / "SIMUSDT/trades.csv").read_bytes() == (theirs / "SIMUSDT/trades.csv").read_bytes()


def test_a_wrong_configuration_is_told_before_anything_is_made(market, tmp_path):
    with pytest.raises(sofia.ConfigError, match="no_such_key"):
        sofia.tune({"no_such_key": 1}, data_dir=market / "data/SIMUSDT", model_dir=tmp_path / "m", trials=1)
    with pytest.raises(sofia.UsageError, match="through"):
        sofia.train("x.json", through="today")
    assert not (tmp_path / "m").exists()


INTERRUPTED = """
import json, sys, sofia
sofia.tune(json.loads(sys.argv[1]), data_dir=sys.argv[2], model_dir=sys.argv[3], study="s", trials=5000, batch=1, progress=False)
"""


def test_a_call_that_nothing_would_end_is_refused(market, tmp_path):
    with pytest.raises(sofia.UsageError, match="trials 0 needs a timeout"):
        sofia.tune(CONFIG, data_dir=market / "data/SIMUSDT", model_dir=tmp_path / "m", trials=0, progress=False)
    assert not (tmp_path / "m").exists()


def test_ctrl_c_keeps_what_is_finished(market, tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [json.dumps(CONFIG), market / "data/SIMUSDT", tmp_path / "m"]
    database = tmp_path / "m/s/optuna.db"
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED, *map(str, words)], stderr=subprocess.PIPE, text=True, env=environment) as run:
        end = time.monotonic() + 120
        while time.monotonic() < end and run.poll() is None:
            if database.exists():
                try:
                    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
                        if db.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0] >= 2:
                            break
                except sqlite3.OperationalError:
                    pass  # its tables are not there yet
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
    assert run.returncode == -signal.SIGINT and "KeyboardInterrupt" in errors, errors
    states = [t.state for t in sofia.load_study(study_name="s", storage=f"sqlite:///{database}").trials]
    assert states.count(sofia.TrialState.COMPLETE) >= 2 and all(state.is_finished() for state in states)
