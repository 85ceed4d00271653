"""Workers on a Ray cluster. The fast tests need no Ray: a worker is a function that is handed a ledger. `make nightly` runs a cluster of two nodes."""

import importlib.util
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading

import pytest

import sofia
from binaries import BIN, ROOT, sofia as command
from sofia import _ray

RAY = ROOT / ".venv-ray/bin/python"


@pytest.fixture(scope="module")
def minutes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ray")
    command("data", "simulate", "--out", folder / "data", "--symbol", "MIN", "--days", 4, "--planted", "direction", "--edge", 0.6, "--seed", 7, "--quiet")
    return folder


CONFIG = {
    "strategy": "direction",
    "split": {"val_days": 1, "test_days": 1},
    "model": {"rounds": 20},
    "search": {"learning_rate": {"type": "float", "low": 0.01, "high": 0.2, "log": True}, "num_leaves": {"type": "int", "low": 16, "high": 64}},
}


def work(folder, **more):
    given = dict(config=CONFIG, sets=[], data_dir=str(folder / "data/MIN"), model_dir=str(folder / "models"), study="s",
                 storage=f"sqlite:///{folder}/study.db", resume=True, seed=3, threads=1)  # fmt: skip
    return _ray.Work(**{**given, **more})


def test_workers_share_a_number_of_trials(minutes, tmp_path):
    """Two of them, each with a model folder of its own, as on two machines: the ledger has the summaries of all."""
    ledger = _ray.Ledger(5, 0, str(tmp_path / "kept"))
    lock = threading.Lock()

    def run(name):
        def take():
            with lock:
                return ledger.take(name)

        own = work(minutes, model_dir=str(tmp_path / name), storage=f"sqlite:///{tmp_path}/study.db")
        results[name] = _ray.run_worker(own, take, ledger.keep, f"{name}@here")

    results = {}
    threads = [threading.Thread(target=run, args=(name,)) for name in ("call/0", "call/1")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result["complete"] for result in results.values()) == 5 and ledger.left == 0
    study = sofia.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/study.db")
    assert [trial.state for trial in study.trials] == [sofia.TrialState.COMPLETE] * 5
    assert {trial.user_attrs["worker"] for trial in study.trials} <= {"call/0@here", "call/1@here"}
    assert len(_ray._trials_of(study, "call")) == 5 and not _ray._trials_of(study, "call/10") and not _ray._trials_of(study, "cal")
    for trial in study.trials:
        assert json.loads((tmp_path / f"kept/tuning_summary_{trial.number}.json").read_text())["value"] == trial.value


def test_the_touch_strategy_has_workers_too(market, tmp_path):
    config = {
        "touch": {"timeframes": ["15m"]}, "features": {"columns": ["m15.*"]}, "split": {"folds": 2}, "score.min_trades": 1, "fit.min_train_rows": 20,
        "model": {"rounds": 10, "min_data_in_leaf": 5}, "search": {"stop_atr": {"type": "float", "low": 1, "high": 3}},
    }  # fmt: skip
    ledger = _ray.Ledger(2, 0, str(tmp_path / "kept"))
    storage = f"sqlite:///{tmp_path}/study.db"
    own = _ray.Work(config, [], str(market / "data/SIMUSDT"), str(tmp_path / "m"), "s", storage, resume=True, seed=3, threads=2)
    assert _ray.run_worker(own, lambda: ledger.take("call/0"), ledger.keep, "call/0@here")["complete"] == 2
    trials = _ray._trials_of(sofia.load_study(study_name="s", storage=storage), "call/0")
    assert [json.loads((tmp_path / f"kept/tuning_summary_{i}.json").read_text())["value"] for i in (0, 1)] == [trial.value for trial in trials]


def test_a_summary_that_nobody_keeps_leaves_its_trial_untold(minutes, tmp_path):
    def keep(name, content):
        raise ConnectionError("the ledger is gone")

    with pytest.raises(sofia.UnavailableError, match="the ledger is gone"):
        _ray.run_worker(work(minutes, model_dir=str(tmp_path / "m"), storage=f"sqlite:///{tmp_path}/study.db"), lambda: True, keep, "call/0@here")
    study = sofia.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/study.db")
    assert [trial.state for trial in study.trials] == [sofia.TrialState.RUNNING]
    assert study._core.fail_running(0, "its worker died") and not (tmp_path / "m/s/optuna.db").exists()
    assert study.trials[0].state == sofia.TrialState.FAIL and study.trials[0].user_attrs["error"] == "its worker died"


def test_what_a_dead_worker_has_not_finished_may_begin_again(tmp_path):
    ledger = _ray.Ledger(3, 0, str(tmp_path))
    assert [ledger.take(name) for name in ("a", "a", "b", "b")] == [True, True, True, False]
    ledger.bury("a")
    assert ledger.give_back("a", finished=1) and not ledger.take("a") and ledger.take("b") and not ledger.take("b")
    assert not _ray.Ledger(0, 1e-9, str(tmp_path)).take("a") and _ray.Ledger(0, 60, str(tmp_path)).take("a")
    ledger.stop()
    assert not ledger.give_back("b", finished=2) or ledger.left


def test_what_is_wrong_is_said_before_a_cluster_is_asked(minutes, tmp_path):
    def on_ray(**more):
        given = dict(storage="sqlite:///s.db", study="s", data_dir=tmp_path, model_dir=tmp_path)
        return sofia.tune.on_ray(CONFIG, **{**given, **more})

    for wrong in ({"storage": None}, {"study": ""}, {"trials": 0}, {"trials": -1}, {"workers": 0}, {"threads": 0}):
        with pytest.raises(sofia.UsageError):
            on_ray(**wrong)
    with pytest.raises(sofia.UsageError, match="two folders of MIN"):
        sofia.features.on_ray([minutes / "data/MIN", tmp_path / "MIN"], tmp_path / "out")
    if importlib.util.find_spec("ray") is None:
        for call in (on_ray, lambda: sofia.features.on_ray([minutes / "data/MIN"], tmp_path / "out")):
            with pytest.raises(sofia.UnavailableError, match=r"sofia\[ray\]"):
                call()
        assert not (tmp_path / "out").exists()


def test_a_configuration_travels_as_its_text(tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text("horizon: 7\n")
    there = pickle.loads(pickle.dumps(_ray._portable(file)))
    file.unlink()
    assert open(os.fspath(there)).read() == "horizon: 7\n"
    assert _ray._portable(CONFIG) is CONFIG and _ray._portable(None) is None
    assert _ray._absolute("sqlite:///a.db?timeout=3") == f"sqlite:///{os.getcwd()}/a.db?timeout=3"
    assert _ray._absolute("a.db") == f"sqlite:///{os.getcwd()}/a.db"
    assert _ray._absolute("postgresql://u@h/d") == "postgresql://u@h/d"


def loopback_only():
    """How a program is started in a network that has only loopback; None where this machine allows none."""
    words = ["unshare", "-n"] if os.getuid() == 0 else ["unshare", "-rn"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True).returncode != 0:
        return None
    return words


@pytest.fixture
def ray_folder():
    """Ray's own files: Unix sockets allow no longer path."""
    with tempfile.TemporaryDirectory(prefix="sofia_ray_", ignore_cleanup_errors=True) as folder:
        yield folder


@pytest.mark.skipif("SOFIA_NIGHTLY" not in os.environ, reason="a Ray cluster: make nightly")
def test_a_killed_node_loses_no_finished_trial(minutes, postgres_url, ray_folder, tmp_path):
    """Two nodes, three workers, one study in PostgreSQL; the second node is killed when it has finished trials and has begun others."""
    network = loopback_only()
    if network is None:
        pytest.skip("this machine allows no network namespace (unshare)")
    if not RAY.exists():
        pytest.skip("Ray is not installed: tools/setup --ray")
    config = {**CONFIG, "model": {"rounds": 1500, "early_stopping_rounds": 0}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    given = {"config": str(tmp_path / "config.json"), "storage": postgres_url, "data": str(minutes / "data"), "out": str(tmp_path), "trials": 24}
    environment = {**os.environ, "PYTHONPATH": str(BIN.parent / "python"), "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": ray_folder}
    done = subprocess.run([*network, RAY, ROOT / "tests/python/ray_cluster.py", json.dumps(given)], env=environment, capture_output=True, text=True, timeout=540)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    said = json.loads(done.stdout.strip().split("\n")[-1])

    # Another program's view of the study: Optuna's.
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials = optuna.load_study(study_name="s", storage=postgres_url).trials
    complete = [trial for trial in trials if trial.state == optuna.trial.TrialState.COMPLETE]
    assert len(complete) == 24 == said["result"]["complete"] and said["result"]["failed"] == 0
    assert not [trial for trial in trials if trial.state == optuna.trial.TrialState.RUNNING]
    failed = [trial for trial in trials if trial.state == optuna.trial.TrialState.FAIL]
    assert len(failed) == said["result"]["lost_trials"] >= 1 and said["result"]["lost_workers"] >= 1
    # What was finished before the kill, on both nodes, is what it was.
    before = said["before"]
    assert len({one["worker"].split("@")[1] for one in before}) == 2 and len(before) < 24
    now = {trial.number: trial for trial in complete}
    for one in before:
        trial = now[one["number"]]
        assert (trial.value, trial.params, trial.user_attrs["worker"]) == (one["value"], one["params"], one["worker"])
    assert all("its worker" in trial.user_attrs["error"] and trial.user_attrs["worker"].endswith(said["killed"]) for trial in failed)
    # Every finished trial can be trained, whoever made it.
    for trial in complete:
        assert json.loads((tmp_path / f"models/s/tuning_summary_{trial.number}.json").read_text())["value"] == trial.value
    best = min(complete, key=lambda trial: (trial.value, trial.number))
    assert (said["result"]["best_trial"], said["result"]["best_value"]) == (best.number, best.value)
    # Errors are the call's own; Ctrl-C keeps what is finished and leaves nothing running.
    assert said["refused"] == ["ConfigError", "ConflictError"] and said["interrupted"]
    states = [trial.state.name for trial in optuna.load_study(study_name="stopped", storage=postgres_url).trials]
    assert states.count("COMPLETE") >= 2 and "RUNNING" not in states and len(states) < 100
    # Features of several symbols, as the command makes them.
    for symbol in ("MIN", "MIN2"):
        theirs = tmp_path / f"{symbol}.parquet"
        command("features", "--data-dir", minutes / f"data/{symbol}", "--out", theirs, "--minute", "--horizon", 3, "--quiet")
        assert (tmp_path / f"features/{symbol}.parquet").read_bytes() == theirs.read_bytes()
    # Nobody is left behind.
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and ray_folder in _environment(pid)]
    assert sys.modules.get("ray") is None


def _environment(pid):
    try:
        with open(f"/proc/{pid}/environ", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
