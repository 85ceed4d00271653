"""Studies from Python: the command's trials, Optuna's manners and tables, and what exceptions, threads and Ctrl-C leave behind."""

import math
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import optuna
import pandas as pd
import pytest

import sofia
from binaries import sofia as command
from sofia import TrialState
from sofia.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'study.db'}"


def sphere(trial):
    return sum(trial.suggest_float(f"x{i}", -5.0, 5.0) ** 2 for i in range(2))


def mixed(trial):
    lr = trial.suggest_float("lr", 1e-5, 1.0, log=True)
    grid = trial.suggest_float("grid", 0.0, 1.0, step=0.1)
    leaves = trial.suggest_int("leaves", 4, 256, step=4)
    kind = trial.suggest_categorical("kind", ["gbdt", None, True, 2, 1.5])
    trial.set_user_attr("where", {"kind": kind, "list": [1, 2.5, None]})
    for step in range(3):
        trial.report(grid + step * lr, step)
    if trial.number % 5 == 4:
        raise sofia.TrialPruned("not worth it")
    if trial.number % 7 == 6:
        return math.nan
    return grid + lr + leaves / 256 + (kind == "gbdt")


def in_optunas_words(objective):
    def translated(trial):
        try:
            return objective(trial)
        except sofia.TrialPruned as pruned:
            raise optuna.TrialPruned from pruned

    return translated


def outcome(study):
    return [(t.number, t.state, t.params, t.values) for t in study.trials]


# ---------------------------------------------------------------------------------------------------------------- the command, the same seed


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "cmaes"])
def test_the_same_seed_makes_the_commands_study(tmp_path, url, sampler):
    """`ask` with the whole space, as the command asks for a function's trials; the objective is the command's own sphere."""
    command("study", "run", "--function", "sphere", "--dims", 2, "--study", "theirs", "--storage", url, "--trials", 30, "--seed", 7,
            "--sampler", sampler, "--quiet")  # fmt: skip
    made = {
        "tpe": sofia.samplers.TPESampler(seed=7),
        "random": sofia.samplers.RandomSampler(seed=7),
        "qmc": sofia.samplers.QMCSampler(scramble=True, seed=7),
        "cmaes": sofia.samplers.CmaEsSampler(seed=7),
    }[sampler]
    ours = sofia.create_study(sampler=made)
    space = {f"x{i}": FloatDistribution(-5.0, 5.0) for i in range(2)}
    for _ in range(30):
        trial = ours.ask(space)
        ours.tell(trial, sum(value**2 for value in trial.params.values()))
    theirs = sofia.load_study(study_name="theirs", storage=url)
    assert outcome(ours) == outcome(theirs)


def test_a_study_goes_on_where_it_was_stopped(url):
    whole = sofia.create_study(sampler=sofia.samplers.TPESampler(seed=3))
    whole.optimize(mixed, n_trials=24)
    first = sofia.create_study(storage=url, study_name="s", sampler=sofia.samplers.TPESampler(seed=3))
    first.optimize(mixed, n_trials=11)
    again = sofia.create_study(storage=url, study_name="s", sampler=sofia.samplers.TPESampler(seed=3), load_if_exists=True)
    again.optimize(mixed, n_trials=13)
    assert outcome(again) == outcome(whole) == outcome(sofia.load_study(study_name=None, storage=url))
    assert {t.state for t in whole.trials} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}


def test_batches_make_the_same_study_for_any_number_of_threads():
    studies = []
    for jobs in (1, 4):
        study = sofia.create_study(sampler=sofia.samplers.TPESampler(seed=5))
        study.optimize(mixed, n_trials=22, n_jobs=jobs, batch=4)
        studies.append(outcome(study))
    assert studies[0] == studies[1] and len(studies[0]) == 22


# ---------------------------------------------------------------------------------------------------------------- Optuna


def test_optuna_opens_and_continues_our_study(url):
    ours = sofia.create_study(storage=url, study_name="s", direction="maximize", sampler=sofia.samplers.TPESampler(seed=1))
    ours.set_user_attr("owner", {"name": "é", "n": 3})
    ours.enqueue_trial({"lr": 0.5, "kind": True}, user_attrs={"from": "queue"})
    ours.optimize(mixed, n_trials=12)
    theirs = optuna.load_study(study_name="s", storage=url, sampler=optuna.samplers.TPESampler(seed=2))
    assert theirs.direction == ours.direction == sofia.StudyDirection.MAXIMIZE
    assert theirs.user_attrs == ours.user_attrs == {"owner": {"name": "é", "n": 3}}
    theirs.optimize(in_optunas_words(mixed), n_trials=5)
    for mine, yours in zip(ours.trials, theirs.trials, strict=True):
        assert (mine.number, mine.state, mine.params, mine.values) == (yours.number, yours.state, yours.params, yours.values)
        assert mine.intermediate_values == yours.intermediate_values and mine.user_attrs == yours.user_attrs
        assert mine.system_attrs == yours.system_attrs
        assert (mine.datetime_start, mine.datetime_complete, mine.duration) == (yours.datetime_start, yours.datetime_complete, yours.duration)
        assert [optuna.distributions.distribution_to_json(yours.distributions[n]) for n in yours.params] == [
            optuna.distributions.distribution_to_json(optuna.distributions.json_to_distribution(sofia.distributions.to_json(mine.distributions[n])))
            for n in mine.params
        ]
    assert ours.best_trial.number == theirs.best_trial.number and ours.best_params == theirs.best_params
    assert ours.trials[0].params["lr"] == 0.5 and ours.trials[0].user_attrs["from"] == "queue"


def test_we_open_and_continue_optunas_study(url):
    theirs = optuna.create_study(study_name="s", storage=url, directions=["minimize", "maximize"])
    theirs.set_metric_names(["loss", "gain"])
    theirs.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_int("k", 1, 5)), n_trials=6)
    ours = sofia.load_study(study_name="s", storage=theirs._storage)
    assert ours.metric_names == ["loss", "gain"]
    ours.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_int("k", 1, 5)), n_trials=6)
    assert [t.number for t in ours.best_trials] == [t.number for t in theirs.best_trials]
    assert [t.values for t in theirs.trials] == [t.values for t in ours.trials] and len(theirs.trials) == 12
    with pytest.raises(ValueError):
        ours.best_trial


@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize("multi_index", [False, True])
def test_the_dataframe_is_optunas(url, objectives, multi_index, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        ours = sofia.create_study(storage=url, study_name="s", directions=["minimize"] * objectives)
        if objectives == 1:
            ours.optimize(mixed, n_trials=15)
        else:
            ours.optimize(lambda t: (t.suggest_float("x", 0, 1), 1.0 if t.number % 3 else math.nan), n_trials=5)
        ours.enqueue_trial({"x": 0.5})
        theirs = optuna.load_study(study_name="s", storage=url)
        for attrs in (None, ("number", "value", "params", "state"), ("number", "intermediate_values", "params")):
            words = {"multi_index": multi_index, **({} if attrs is None else {"attrs": attrs})}
            pd.testing.assert_frame_equal(ours.trials_dataframe(**words), theirs.trials_dataframe(**words))
        ours.set_metric_names(["b", "a"][:objectives])
        theirs = optuna.load_study(study_name="s", storage=url)
        pd.testing.assert_frame_equal(ours.trials_dataframe(multi_index=multi_index), theirs.trials_dataframe(multi_index=multi_index))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_optunas_pruning_and_trials_are_understood(url):
    def objective(trial):
        trial.suggest_float("x", 0, 1)
        raise optuna.TrialPruned()

    ours = sofia.create_study(storage=url, study_name="s")
    ours.optimize(objective, n_trials=1)
    assert ours.trials[0].state == TrialState.PRUNED
    theirs = optuna.create_study()
    theirs.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_int("k", 1, 3), n_trials=3)
    ours.add_trials(theirs.trials)
    assert [t.params for t in ours.trials[1:]] == [t.params for t in theirs.trials]
    assert [t.value for t in ours.trials[1:]] == [t.value for t in theirs.trials]


# ---------------------------------------------------------------------------------------------------------------- ask, tell, queue


def test_ask_and_tell(url):
    study = sofia.create_study(storage=url, study_name="s", sampler=sofia.samplers.RandomSampler(seed=1))
    trial = study.ask({"x": FloatDistribution(0, 1), "k": IntDistribution(1, 9, step=2), "c": CategoricalDistribution(("a", None))})
    assert set(trial.params) == {"x", "k", "c"} and trial.params["k"] % 2 == 1 and trial.distributions["x"] == FloatDistribution(0.0, 1.0)
    told = study.tell(trial, 0.5)
    assert (told.state, told.value, told.number) == (TrialState.COMPLETE, 0.5, 0)
    assert study.tell(study.ask().number, [1.5]).value == 1.5
    pruned = study.ask()
    pruned.report(3.0, step=2)
    assert study.tell(pruned, state=TrialState.PRUNED).value == 3.0
    assert study.tell(study.ask(), state=TrialState.FAIL).values is None
    for bad in (None, math.nan, "no number", [1.0, 2.0]):
        assert study.tell(study.ask(), bad).state == TrialState.FAIL
    with pytest.raises(ValueError):
        study.tell(trial, 1.0)
    assert study.tell(trial.number, 1.0, skip_if_finished=True).value == 0.5
    with pytest.raises(ValueError):
        study.tell(99, 1.0)
    for state, values in ((TrialState.COMPLETE, None), (TrialState.FAIL, 1.0), (TrialState.RUNNING, None)):
        with pytest.raises(ValueError):
            study.tell(study.ask(), values, state=state)
    assert study.best_trial.number == 0 and [t.number for t in study.get_trials(states=[TrialState.PRUNED])] == [2]


def test_a_study_of_optunas_distributions():
    study = sofia.create_study()
    trial = study.ask({"x": optuna.distributions.FloatDistribution(1e-3, 1, log=True), "k": optuna.distributions.IntDistribution(1, 3)})
    assert 1e-3 <= trial.params["x"] <= 1 and trial.distributions["k"] == IntDistribution(1, 3)


def test_queued_trials_come_first(url):
    study = sofia.create_study(storage=url, study_name="s")
    study.enqueue_trial({"x0": 1.0, "x1": np.float64(2.0)})
    study.enqueue_trial({"x0": 1.0, "x1": 2.0}, skip_if_exists=True)
    study.enqueue_trial({"x0": 3.0})
    assert [t.state for t in study.trials] == [TrialState.WAITING] * 2
    study.optimize(sphere, n_trials=3)
    assert study.trials[0].value == 5.0 and study.trials[1].params["x0"] == 3.0 and len(study.trials) == 3


def test_a_value_asked_twice_is_the_same_and_numpy_choices_are_taken():
    study = sofia.create_study()
    trial = study.ask()
    assert trial.suggest_float("x", 0, 1) == trial.suggest_float("x", 0, 1)
    assert trial.suggest_categorical("c", np.array([3, 4])) in (3, 4)
    with pytest.raises(sofia.ConfigError):
        trial.suggest_categorical("object", [object()])
    with pytest.raises(ValueError):
        trial.suggest_float("bad", 1.0, 0.0)
    with pytest.raises(sofia.UsageError):
        trial.set_user_attr("k", math.inf)


# ---------------------------------------------------------------------------------------------------------------- optimize


def test_an_exception_fails_its_trial_and_ends_the_study(url):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 2:
            raise KeyError("broken")
        return x

    study = sofia.create_study(storage=url, study_name="s")
    with pytest.raises(KeyError):
        study.optimize(objective, n_trials=10)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 2 + [TrialState.FAIL]
    assert study.trials[2].user_attrs["error"] == "KeyError: 'broken'" and "x" in study.trials[2].params
    other = sofia.create_study()
    other.optimize(objective, n_trials=5, catch=KeyError)
    assert [t.state for t in other.trials] == [TrialState.COMPLETE] * 2 + [TrialState.FAIL] + [TrialState.COMPLETE] * 2


@pytest.mark.parametrize("words", [{"n_jobs": 3}, {"n_jobs": 3, "batch": 4}])
def test_an_exception_in_one_thread_ends_them_all(words):
    def objective(trial):
        if trial.number == 5:
            raise ValueError("broken")
        return trial.suggest_float("x", 0, 1)

    study = sofia.create_study()
    with pytest.raises(ValueError, match="broken"):
        study.optimize(objective, n_trials=100, **words)
    states = [t.state for t in study.trials]
    assert states[5] == TrialState.FAIL and len(states) < 100
    assert all(state.is_finished() for state in states) and states.count(TrialState.FAIL) == 1


def test_threads_share_the_trials():
    meeting = threading.Barrier(3, timeout=20)

    def objective(trial):
        if trial.number < 3:
            meeting.wait()  # passes only when three trials run at the same time
        return trial.suggest_float("x", 0, 1)

    study = sofia.create_study()
    study.optimize(objective, n_trials=9, n_jobs=3)
    assert [t.number for t in study.trials] == list(range(9)) and all(t.state == TrialState.COMPLETE for t in study.trials)


def test_stop_callbacks_and_timeout():
    seen = []

    def callback(study, trial):
        seen.append((trial.number, trial.state, trial.value))
        if trial.number == 3:
            study.stop()

    study = sofia.create_study()
    study.optimize(sphere, n_trials=50, callbacks=[callback])
    assert [number for number, _, _ in seen] == [0, 1, 2, 3] and seen[-1][2] == study.trials[3].value
    study.optimize(sphere, timeout=0)
    assert len(study.trials) == 4
    with pytest.raises(sofia.UsageError):
        study.stop()


def test_a_grid_is_exhausted():
    study = sofia.create_study(sampler=sofia.samplers.GridSampler({"x": [1, 2, 3], "c": ["a", None]}, seed=4))
    study.optimize(lambda t: t.suggest_int("x", 1, 3) + (t.suggest_categorical("c", ["a", None]) is None))
    assert len(study.trials) == 6 and len({tuple(t.params.items()) for t in study.trials}) == 6
    with pytest.raises(sofia.UsageError, match="no more"):
        study.ask()


@pytest.mark.parametrize(
    "pruner, pruned",
    [
        (sofia.pruners.NopPruner(), 0),
        (sofia.pruners.MedianPruner(n_startup_trials=3), None),
        (sofia.pruners.PercentilePruner(25.0, n_startup_trials=3), None),
        (sofia.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2), None),
        (sofia.pruners.HyperbandPruner(min_resource=1, max_resource=8, reduction_factor=2), None),
        (sofia.pruners.ThresholdPruner(upper=0.5), None),
        (sofia.pruners.PatientPruner(sofia.pruners.ThresholdPruner(upper=0.5), patience=1), None),
        (sofia.pruners.WilcoxonPruner(p_threshold=0.4), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_pruners_prune(pruner, pruned):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in range(8):
            trial.report(x + step / 100, step)
            if trial.should_prune():
                raise sofia.TrialPruned
        return x

    study = sofia.create_study(sampler=sofia.samplers.RandomSampler(seed=1), pruner=pruner)
    study.optimize(objective, n_trials=25)
    count = sum(t.state == TrialState.PRUNED for t in study.trials)
    assert count == pruned if pruned is not None else 0 < count < 25
    assert all(t.value is not None for t in study.trials if t.state == TrialState.PRUNED)


def test_the_median_pruner_decides_as_optunas():
    rng = np.random.default_rng(5)
    values = rng.random((30, 6))

    def play(module):
        study = module.create_study(pruner=module.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1), sampler=module.samplers.RandomSampler(seed=1))

        def objective(trial):
            for step, value in enumerate(values[trial.number]):
                trial.report(float(value), step)
                if trial.should_prune():
                    raise module.TrialPruned
            return float(values[trial.number].min())

        study.optimize(objective, n_trials=30)
        return [(int(t.state), t.last_step) for t in study.trials]

    assert play(sofia) == play(optuna)


def test_constraints_decide_who_is_best():
    def objective(trial):
        x = trial.suggest_float("x", -1, 1)
        trial.set_constraint("positive", -x)
        return x

    study = sofia.create_study(sampler=sofia.samplers.RandomSampler(seed=2))
    study.optimize(objective, n_trials=20)
    assert study.best_value == min(t.value for t in study.trials if t.params["x"] >= 0)
    assert study.best_trial.constraints == {"positive": -study.best_params["x"]}


def test_names_are_kept_apart(url):
    sofia.create_study(storage=url, study_name="a")
    with pytest.raises(sofia.ConflictError):
        sofia.create_study(storage=url, study_name="a")
    sofia.copy_study(from_study_name="a", from_storage=url, to_storage=url, to_study_name="b")
    assert sorted(sofia.get_all_study_names(url)) == ["a", "b"]
    sofia.delete_study(study_name="a", storage=url)
    assert sofia.get_all_study_names(url) == ["b"]
    with pytest.raises(sofia.UsageError):
        sofia.load_study(study_name="a", storage=url)
    with pytest.raises(sofia.IoError):
        sofia.load_study(study_name="a", storage=url + ".missing")
    assert "<table>" in sofia.load_study(study_name="b", storage=url)._repr_html_()


def test_processes_share_a_study(url):
    study = sofia.create_study(storage=url, study_name="s", sampler=sofia.samplers.TPESampler(seed=1, n_startup_trials=3), pruner=sofia.pruners.PatientPruner(
        sofia.pruners.ThresholdPruner(upper=1.0), patience=2))  # fmt: skip
    again = pickle.loads(pickle.dumps(study))
    assert repr(again.sampler) == repr(study.sampler) and repr(again.pruner) == repr(study.pruner) and again.seed == study.seed == 1
    script = "import pickle, sys; sys.path[:0] = sys.argv[2:]; s = pickle.loads(bytes.fromhex(sys.argv[1])); s.optimize(lambda t: t.suggest_float('x', 0, 1), n_trials=10)"
    words = [sys.executable, "-c", script, pickle.dumps(study).hex(), *sys.path]
    for run in [subprocess.Popen(words) for _ in range(2)]:
        assert run.wait(timeout=60) == 0
    assert [t.number for t in study.trials] == list(range(20)) and all(t.state == TrialState.COMPLETE for t in study.trials)
    with pytest.raises(sofia.UsageError):
        pickle.dumps(sofia.create_study())


def test_no_password_is_shown():
    shown = sofia.study._shown("postgresql://me:secret@host:5432/db?password=secret")
    assert shown == "postgresql://me@host:5432/db"


INTERRUPTED = """
import sys, time, sofia
study = sofia.create_study(storage=sys.argv[1], study_name="s")
def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.number >= 3:
        print("ready", flush=True)
        time.sleep(60)
    return x
study.optimize(objective, n_trials=10, **eval(sys.argv[2]))
"""


@pytest.mark.parametrize("words", ["{}", "{'n_jobs': 2, 'batch': 4}"])
def test_ctrl_c_fails_the_running_trial_and_leaves_the_file_sound(tmp_path, url, words):
    if "batch" in words:
        script = INTERRUPTED.replace("time.sleep(60)", "time.sleep(1)")
    else:
        script = INTERRUPTED
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script, url, words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout.readline() == "ready\n"
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
    assert run.returncode == -signal.SIGINT and "KeyboardInterrupt" in errors
    study = sofia.load_study(study_name="s", storage=url)
    states = [t.state for t in study.trials]
    assert all(state.is_finished() for state in states) and states[:3] == [TrialState.COMPLETE] * 3
    assert len(states) == 4 and (states[3] == TrialState.FAIL or "batch" in words)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    study.optimize(sphere, n_trials=2)
    assert len(study.trials) == 6
