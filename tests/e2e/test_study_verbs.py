"""The `sofia study` verbs that look into studies and manage them: what Optuna says of the same file, and the dashboard over HTTP and in a browser.

`sofia` is found in SOFIA_BIN_DIR or build/release/bin.
"""

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
import warnings

import numpy as np
import optuna
import pandas
import polars
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

import browser
from binaries import ROOT, SOFIA, sofia

SECONDS_MAX = 60
CHOICES = ["gbdt", None, True, 1.5, "a,b \"c\""]

optuna.logging.set_verbosity(optuna.logging.ERROR)


def study_verb(folder, *words, expect=0):
    return sofia("study", *words, cwd=folder, expect=expect, timeout=SECONDS_MAX)


def answer(folder, *words):
    return json.loads(study_verb(folder, *words, "--json").stdout)


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    rate = trial.suggest_float("rate", 1e-5, 1.0, log=True)
    leaves = trial.suggest_int("leaves", 4, 64, step=4)
    boost = trial.suggest_categorical("boost", CHOICES)
    trial.set_user_attr("seconds", x + 10)
    trial.set_user_attr("note", {"deep": [1, None]})
    for step in range(3):
        trial.report(x * x + step, step)
    if trial.number % 7 == 3:
        raise optuna.TrialPruned
    return x * x + (math.log10(rate) + 2) ** 2 + leaves / 64 + (boost is None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """studies.db: `one` (with every state and odd values), `two` (two objectives), `empty`."""
    folder = tmp_path_factory.mktemp("made")
    url = f"sqlite:///{folder}/studies.db"
    one = optuna.create_study(storage=url, study_name="one", sampler=optuna.samplers.RandomSampler(seed=1))
    one.optimize(objective, n_trials=60)
    one.add_trial(create_trial(state=TrialState.FAIL))
    one.add_trial(create_trial(value=math.inf, params={"x": 1.0}, distributions={"x": FloatDistribution(-5, 5)}))
    one.add_trial(create_trial(state=TrialState.RUNNING, params={"late": 3}, distributions={"late": IntDistribution(1, 9)}))
    one.enqueue_trial({"x": 2.0})
    one.set_user_attr("owner", "quant")
    two = optuna.create_study(storage=url, study_name="two", directions=["minimize", "maximize"])
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        two.set_metric_names(["loss", "speed"])
    for n in range(12):
        two.add_trial(create_trial(values=[abs(n - 6), n * n % 7], params={"k": n}, distributions={"k": IntDistribution(0, 20)}))
    optuna.create_study(storage=url, study_name="empty")
    return folder / "studies.db"


@pytest.fixture
def folder(made, tmp_path):
    shutil.copy(made, tmp_path)
    return tmp_path


def studies(folder):
    return {name: optuna.load_study(study_name=name, storage=f"sqlite:///{folder}/studies.db") for name in ("one", "two", "empty")}


def test_list_show_and_best_say_what_optuna_says(folder):
    theirs = studies(folder)
    listed = {study["name"]: study for study in answer(folder, "list", "--storage", "studies.db")["studies"]}
    assert set(listed) == set(theirs)
    for name, study in theirs.items():
        counts = {state.name.lower(): sum(t.state == state for t in study.trials) for state in TrialState}
        assert listed[name]["trials"] == counts
        assert listed[name]["directions"] == [d.name.lower() for d in study.directions]
    best = answer(folder, "best", "--storage", "studies.db", "--study", "one")
    assert (best["number"], best["value"], best["params"]) == (theirs["one"].best_trial.number, theirs["one"].best_value, theirs["one"].best_params)
    front = answer(folder, "best", "--storage", "studies.db", "--study", "two")["best_trials"]
    assert [trial["number"] for trial in front] == [trial.number for trial in theirs["two"].best_trials]
    shown = answer(folder, "show", "--storage", "studies.db", "--study", "one")
    assert shown["user_attributes"] == {"owner": "quant"}
    assert shown["params"]["rate"]["distribution"]["attributes"]["log"] is True
    study_verb(folder, "best", "--storage", "studies.db", "--study", "empty", expect=3)


def test_trials_are_sorted_and_filtered(folder):
    trials = studies(folder)["one"].get_trials(states=[TrialState.COMPLETE])
    expected = [t.number for t in sorted(trials, key=lambda t: (t.value, t.number))][:5]
    ours = answer(folder, "trials", "--storage", "studies.db", "--study", "one", "--state", "complete", "--sort", "value", "--limit", 5)
    assert [trial["number"] for trial in ours["trials"]] == expected
    assert ours["count"] == len(trials)
    pruned = answer(folder, "trials", "--storage", "studies.db", "--study", "one", "--state", "pruned")["trials"]
    assert [trial["intermediate_values"] for trial in pruned] == [
        {str(k): v for k, v in t.intermediate_values.items()} for t in studies(folder)["one"].get_trials(states=[TrialState.PRUNED])]


def seconds(frame):
    frame = frame.copy()
    frame["duration"] = frame["duration"].dt.total_seconds()
    return frame


@pytest.mark.parametrize("name", ["one", "two"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_exported_table_is_optunas_dataframe(folder, name, ending):
    file = folder / f"trials.{ending}"
    study_verb(folder, "export", "--storage", "studies.db", "--study", name, "--out", file)
    theirs = seconds(studies(folder)[name].trials_dataframe())
    ours = pandas.read_csv(file) if ending == "csv" else polars.read_parquet(file).to_pandas()
    assert list(ours.columns) == list(theirs.columns)
    for column in theirs:
        a, b = ours[column], theirs[column]
        if column.startswith("datetime"):
            a, b = pandas.to_datetime(a, utc=True), b.dt.tz_localize("UTC")
            assert ((a == b) | (a.isna() & b.isna())).all()
        elif pandas.api.types.is_numeric_dtype(b):
            np.testing.assert_array_equal(a.astype(float), b.astype(float))
        elif column == "state":
            assert list(a) == list(b)
    if name == "one":
        values = {trial.number: trial.params["boost"] for trial in studies(folder)[name].trials if "boost" in trial.params}
        text = {None: "null", True: "true"}
        assert all(str(ours["params_boost"][n]) == str(text.get(v, v)) for n, v in values.items() if v is not None or ending == "parquet")


def test_json_has_everything(folder):
    document = json.loads(study_verb(folder, "export", "--storage", "studies.db", "--study", "one", "--format", "json").stdout)
    for ours, theirs in zip(document["trials"], studies(folder)["one"].trials, strict=True):
        assert ours["number"] == theirs.number and ours["params"] == theirs.params
        assert ours["user_attributes"] == theirs.user_attrs
        assert [float(v) for v in ours["values"]] == (theirs.values or [])
    refused = study_verb(folder, "export", "--storage", "studies.db", "--study", "one", "--format", "parquet", expect=2)
    assert "--out" in refused.stderr


def test_importance_is_optunas(folder):
    url = f"sqlite:///{folder}/plain.db"
    quick = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    quick.optimize(lambda t: t.suggest_float("a", -1, 1) ** 2 * 9 + t.suggest_float("b", -1, 1) + t.suggest_int("c", 0, 5) / 50, n_trials=200)
    study = optuna.create_study(storage=url, study_name="plain")
    study.add_trials(quick.trials)
    theirs = optuna.importance.get_param_importances(study, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
    ours = answer(folder, "importance", "--storage", url)["importances"]
    assert list(ours) == list(theirs)
    np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-9)
    # The variances of the three terms: 9² · 4/45, 1/3, (35/12)/50².
    ours = answer(folder, "importance", "--storage", url, "--evaluator", "fanova")["importances"]
    assert list(ours) == ["a", "b", "c"] and sum(ours.values()) == pytest.approx(1)
    assert ours["a"] == pytest.approx(7.2 / (7.2 + 1 / 3), abs=0.05)


def test_copy_rename_and_delete(folder):
    answer(folder, "copy", "--storage", "studies.db", "--study", "one", "--to-study", "again", "--to-storage", "sqlite:///other.db")
    copy = optuna.load_study(study_name="again", storage=f"sqlite:///{folder}/other.db")
    source = studies(folder)["one"]
    assert copy.user_attrs == source.user_attrs
    for a, b in zip(copy.trials, source.trials, strict=True):
        assert (a.number, a.state, a.values, a.params, a.distributions, a.user_attrs, a.system_attrs, a.intermediate_values, a.datetime_start) == (
            b.number, b.state, b.values, b.params, b.distributions, b.user_attrs, b.system_attrs, b.intermediate_values, b.datetime_start)
    assert "two" in study_verb(folder, "copy", "--storage", "studies.db", "--study", "one", "--to-study", "two", expect=1).stderr
    assert "two" in study_verb(folder, "rename", "--storage", "studies.db", "--study", "one", "--to", "two", expect=1).stderr
    study_verb(folder, "rename", "--storage", "studies.db", "--study", "one", "--to", "first")
    assert "--yes" in study_verb(folder, "delete", "--storage", "studies.db", "--study", "two", expect=2).stderr
    study_verb(folder, "delete", "--storage", "studies.db", "--study", "two", "--yes")
    assert sorted(optuna.get_all_study_names(f"sqlite:///{folder}/studies.db")) == ["empty", "first"]


def test_nothing_is_made_where_nothing_is(folder):
    for verb in ("list", "show", "best", "trials", "export", "importance"):
        assert "nowhere.db" in study_verb(folder, verb, "--storage", "nowhere.db", "--study", "x", expect=3).stderr
    assert not (folder / "nowhere.db").exists()
    assert "did you mean one" in study_verb(folder, "show", "--storage", "studies.db", "--study", "one1", expect=2).stderr


# ------------------------------------------------------------------------------------------------------------------------ dashboard


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def fetch(url):
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.fixture
def dashboard(folder):
    if not (shutil.which("optuna-dashboard") or (ROOT / ".venv/bin/optuna-dashboard").exists()):
        pytest.skip("optuna-dashboard is not installed")
    port = free_port()
    path = f"{ROOT}/.venv/bin:{os.environ['PATH']}"
    process = subprocess.Popen([str(SOFIA), "study", "dashboard", "--storage", "studies.db", "--port", str(port)], cwd=folder,
                               env=os.environ | {"PATH": path}, stderr=subprocess.PIPE, text=True)
    yield f"http://127.0.0.1:{port}", process
    process.kill()
    process.wait()


def test_the_dashboard_serves_the_study_and_ends_with_us(folder, dashboard):
    address, process = dashboard
    summaries = json.loads(fetch(f"{address}/api/studies"))["study_summaries"]
    assert {summary["study_name"] for summary in summaries} == {"one", "two", "empty"}
    study_id = next(summary["study_id"] for summary in summaries if summary["study_name"] == "one")
    detail = json.loads(fetch(f"{address}/api/studies/{study_id}?after=0"))
    assert len(detail["trials"]) == len(studies(folder)["one"].trials)
    if not browser.missing():
        with browser.Browser() as page:
            page.call("Page.navigate", url=f"{address}/dashboard/studies/{study_id}")
            deadline = time.monotonic() + SECONDS_MAX
            while "one" not in (page.js("document.body ? document.body.innerText : ''") or "") and time.monotonic() < deadline:
                time.sleep(0.2)
            assert "one" in page.js("document.body.innerText")
            assert not [line for line in page.console if line.startswith("exception")]
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS_MAX) == 0
    with pytest.raises(OSError):
        urllib.request.urlopen(address, timeout=2)


def test_without_the_dashboard_it_says_how(folder, tmp_path):
    done = subprocess.run([str(SOFIA), "study", "dashboard", "--storage", "studies.db"], cwd=folder, env={"PATH": str(tmp_path)}, capture_output=True,
                          text=True, timeout=SECONDS_MAX)
    assert done.returncode == 1 and "pip install optuna-dashboard" in done.stderr
    done = study_verb(folder, "dashboard", "--storage", "postgresql://me:s3cret@127.0.0.1:1/x", expect=2)
    assert "PGPASSWORD" in done.stderr and "s3cret" not in done.stderr
