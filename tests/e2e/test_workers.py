"""Processes on one study, some of them killed: nothing lost, doubled or re-numbered, as Optuna itself reads it.

SOFIA_KILLS (5), SOFIA_KILL_SEED (1), SOFIA_WORKERS (8) and SOFIA_WORKER_TRIALS (1000) set the size; `make nightly` kills 100 times.
Runs `tune_worker`, found in SOFIA_BIN_DIR or build/release/bin.
"""

import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna", reason="Optuna is not installed in this environment (tools/setup)")
import sqlalchemy  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from binaries import BIN  # noqa: E402

WORKER = BIN / "tune_worker"
KILLS = int(os.environ.get("SOFIA_KILLS", "5"))
SEED = int(os.environ.get("SOFIA_KILL_SEED", "1"))
WORKERS = int(os.environ.get("SOFIA_WORKERS", "8"))
TRIALS = int(os.environ.get("SOFIA_WORKER_TRIALS", "1000"))
GRACE = 4  # seconds: tune_worker's grace period


class Pool:
    """Workers by name; one that was killed is started again until it has done its trials."""

    def __init__(self, url, folder):
        self.url, self.folder, self.running = url, folder, {}
        self.killed = 0

    def start(self, name, trials=TRIALS):
        log = open(self.folder / f"{name}.log", "ab")
        self.running[name] = subprocess.Popen([WORKER, self.url, "study", name, str(trials)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def kill(self, name):
        process = self.running[name]
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            self.killed += 1
        else:  # it had just ended by itself
            assert process.returncode == 0, self.log(name)
        self.start(name)

    def reap(self):
        """Forgets those that are done; an error of one is the test's."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                assert process.returncode == 0, f"{name}: {self.log(name)}"
                del self.running[name]

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()


def finished(engine):
    """Every finished trial with all that belongs to it."""
    queries = [
        "SELECT trial_id, number, CAST(state AS VARCHAR(8)), CAST(datetime_start AS VARCHAR(32)), CAST(datetime_complete AS VARCHAR(32)) FROM trials "
        "WHERE state IN ('COMPLETE', 'FAIL', 'PRUNED')",
        "SELECT trial_id, objective, value FROM trial_values",
        "SELECT trial_id, param_name, param_value FROM trial_params",
        'SELECT trial_id, "key", value_json FROM trial_user_attributes',
    ]
    with engine.connect() as db:
        first, *others = [db.execute(sqlalchemy.text(query)).fetchall() for query in queries]
    trials = {row[0]: [tuple(row[1:])] for row in first}
    for rows in others:
        for row in sorted(tuple(r) for r in rows):
            if row[0] in trials:
                trials[row[0]].append(row[1:])
    return trials


def count(engine, which="state = 'COMPLETE'"):
    try:
        with engine.connect() as db:
            return db.execute(sqlalchemy.text(f"SELECT count(*) FROM trials WHERE {which}")).scalar()
    except sqlalchemy.exc.DatabaseError:
        return 0  # no tables yet


def value_of(params):
    return params["x"] * params["x"] + params["n"]


@pytest.fixture
def quick_folder(tmp_path):
    """In memory where there is such a folder: processes are killed here, not the machine, so what the disk does is left out (PostgreSQL runs
    without fsync for the same reason)."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="sofia_workers_", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_workers_lose_nothing(kind, tmp_path, quick_folder, request):
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:///{quick_folder / 'study.db'}"
    chance = random.Random(SEED)
    moments = sorted(chance.randrange(WORKERS * TRIALS) for _ in range(KILLS))  # in complete trials
    engine = sqlalchemy.create_engine(url)
    pool = Pool(url, tmp_path)
    seen = []
    for w in range(WORKERS):
        pool.start(f"w{w}")
    try:
        begin = time.monotonic()
        while pool.running:
            pool.reap()
            if moments and count(engine) >= moments[0]:
                moments.pop(0)
                if pool.running:
                    pool.kill(chance.choice(sorted(pool.running)))
                if len(moments) % max(1, KILLS // 5) == 0:
                    seen.append(finished(engine))
            time.sleep(0.005)
        took = time.monotonic() - begin
        assert count(engine) == WORKERS * TRIALS
        # What died while running is failed by the next who asks, and runs again.
        time.sleep(GRACE + 0.5)
        pool.start("heir", 1)
        while pool.running:
            pool.reap()
            time.sleep(0.02)
        while left := count(engine, "state IN ('RUNNING', 'WAITING')"):
            time.sleep(0.1)
            pool.start("heir", count(engine) - WORKERS * TRIALS + left)
            while pool.running:
                pool.reap()
                time.sleep(0.02)
    finally:
        for process in pool.running.values():
            process.kill()
            process.wait()
    assert not any(word in pool.log(f"w{w}").lower() for w in range(WORKERS) for word in ("lock", "error"))

    trials = optuna.load_study(study_name="study", storage=url).get_trials()
    states = [t.state for t in trials]
    print(f"{kind}: {len(trials)} trials, {pool.killed} kills, {states.count(TrialState.FAIL)} failed, {took:.1f} s")
    assert [t.number for t in trials] == list(range(len(trials)))
    assert set(states) <= {TrialState.COMPLETE, TrialState.FAIL}
    # Few kills may all hit workers that wait for a lock; of many, some must hit a running trial, or nothing was tested.
    assert states.count(TrialState.FAIL) > 0 or KILLS < 20

    done = {}
    for t in trials:
        assert set(t.params) <= {"x", "n", "kind"}
        assert -5 <= t.params.get("x", 0) <= 5 and t.params.get("n", 1) in range(1, 101, 3) and t.params.get("kind") in ("a", None, True, 1.5)
        assert t.datetime_start <= t.datetime_complete
        if t.state == TrialState.COMPLETE:
            assert t.value == value_of(t.params) and t.intermediate_values == {0: t.params["x"]}
            done[t.user_attrs["worker"]] = done.get(t.user_attrs["worker"], 0) + 1
        else:
            assert t.value is None and "no sign of life" in t.user_attrs["error"]
    assert {name: n for name, n in done.items() if name != "heir"} == {f"w{w}": TRIALS for w in range(WORKERS)}

    # Every failed trial has one successor, with the same parameters; each chain ends with a complete one.
    successors = {t.system_attrs["retry_history"][-1]: t for t in trials if "retry_history" in t.system_attrs}
    assert sorted(successors) == [t.number for t in trials if t.state == TrialState.FAIL]
    for number, successor in successors.items():
        assert trials[number].params.items() <= successor.params.items()

    end = finished(engine)
    for snapshot in seen:
        assert {key: end[key] for key in snapshot} == snapshot, "a finished trial changed"
    engine.dispose()
