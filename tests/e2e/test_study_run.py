"""`sofia study run` with everything around it: Optuna opens what it wrote, workers are processes, nothing outlives an interruption or a kill.

`sofia` is found in SOFIA_BIN_DIR or build/release/bin.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import optuna
import pytest

from binaries import SOFIA

SECONDS_MAX = 60

optuna.logging.set_verbosity(optuna.logging.ERROR)

SPACE = """\
x: {type: float, low: -5, high: 5}
rate: {type: float, low: 1e-4, high: 0.1, log: true}
leaves: {type: int, low: 4, high: 256, step: 4}
boost: {type: categorical, choices: [gbdt, dart, null, true, 1.5]}
"""

# Its value follows from its parameters, and later trials are often shorter than earlier ones.
QUADRATIC = """\
import sys, time
x, leaves, boost = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
time.sleep(0.02 * (leaves % 5))
print(x * x + leaves / 256 + (boost == "dart"))
"""

# Runs until it is ended, with a grandchild that would outlive it; says their numbers.
HANG = """\
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
with open(f"pids.{os.environ['SOFIA_TRIAL']}.tmp", "w") as file:
    print(os.getpid(), child.pid, file=file)
os.rename(file.name, f"pids.{os.environ['SOFIA_TRIAL']}")
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    (tmp_path / "quadratic.py").write_text(QUADRATIC)
    (tmp_path / "hang.py").write_text(HANG)
    return tmp_path


def words(*more, command=("python3", "quadratic.py", "{x}", "{leaves}", "{boost}")):
    return [str(word) for word in [SOFIA, "study", "run", "--space", "space.yaml", "--json", "--quiet", *more, "--", *command]]


def run(folder, *more, expect=0, **options):
    done = subprocess.run(words(*more, **options), cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout) if done.stdout else done


def load(folder, study, file=None):
    return optuna.load_study(study_name=study, storage=f"sqlite:///{folder / (file or study + '.db')}")


def facts(study):
    return [(t.number, t.state.name, t.params, t.values, t.intermediate_values) for t in study.trials]


def wait_for(condition, what):
    for _ in range(SECONDS_MAX * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"after {SECONDS_MAX} s not true: {what}")


def runs(pid):
    """A process that nobody has waited for does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def command_lines():
    """What a list of processes shows of all of them."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes())
        except OSError:
            continue  # it has just ended
    return b"\n".join(lines)


def start_hanging(folder, *more, trials=2):
    """A run whose commands hang, and the numbers of their processes once they do."""
    process = subprocess.Popen(words(*more, command=("python3", "hang.py", "{x}")), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    wait_for(lambda: len(list(folder.glob("pids.?"))) == trials, f"{trials} commands run")
    return process, [int(pid) for file in folder.glob("pids.?") for pid in file.read_text().split()]


def test_optuna_reads_what_a_command_gave(folder):
    best = run(folder, "--study", "first", "--trials", 8, "--seed", 1)
    study = load(folder, "first")
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 8
    for trial in study.trials:
        p = trial.params
        assert trial.value == p["x"] ** 2 + p["leaves"] / 256 + (p["boost"] == "dart")
        assert p["leaves"] % 4 == 0 and isinstance(p["leaves"], int)
    assert study.best_trial.number == best["number"] and study.best_value == best["value"] and study.best_params == best["params"]
    # It goes on there, and we go on after it.
    study.optimize(lambda trial: trial.suggest_float("x", -5, 5) ** 2, n_trials=2)
    run(folder, "--study", "first", "--trials", 3, "--resume")
    assert [t.number for t in load(folder, "first").trials] == list(range(13))


def test_a_batch_is_the_same_study_for_any_number_of_workers(folder):
    for workers in (1, 2, 4):
        run(folder, "--study", f"w{workers}", "--trials", 8, "--seed", 7, "--batch", 4, "--workers", workers)
    one = facts(load(folder, "w1"))
    assert len(one) == 8
    assert facts(load(folder, "w2")) == one
    assert facts(load(folder, "w4")) == one


def test_workers_are_processes_and_share_the_trials(folder):
    result = run(folder, "--study", "shared", "--trials", 9, "--workers", 3)
    assert (result["complete"], result["pruned"], result["failed"]) == (9, 0, 0)
    study = load(folder, "shared")
    assert [t.number for t in study.trials] == list(range(9))
    assert all(t.state.name == "COMPLETE" for t in study.trials)
    assert study.best_value == result["value"]
    # At some time three of them ran.
    changes = sorted([(t.datetime_start, 1) for t in study.trials] + [(t.datetime_complete, -1) for t in study.trials])
    running = [sum(change for _, change in changes[: i + 1]) for i in range(len(changes))]
    assert max(running) == 3


def test_a_failing_worker_says_why(folder):
    run(folder, "--study", "s", "--trials", 1)
    (folder / "space.yaml").write_text(SPACE.replace("log: true", "log: false"))
    done = run(folder, "--study", "s", "--trials", 4, "--workers", 2, "--resume", expect=1)
    assert "rate" in done.stderr and "error" in done.stderr


@pytest.mark.parametrize("more", [["--workers", 2, "--batch", 2], ["--workers", 2], ["--workers", 1, "--batch", 1]])
def test_an_interruption_leaves_nothing_running(folder, more):
    process, pids = start_hanging(folder, "--study", "s", "--trials", 9, *more, trials=more[1])
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130, err
    assert "--resume" in err and json.loads(out)["value"] is None
    wait_for(lambda: not any(map(runs, pids)), "commands and their children have ended")
    trials = load(folder, "s").trials
    assert trials and all(t.state.name == "FAIL" and t.user_attrs["error"] == "interrupted" for t in trials)


@pytest.mark.parametrize("more", [["--workers", 2, "--batch", 2], ["--workers", 2]])
def test_a_killed_run_ends_its_commands_and_the_next_one_fails_its_trials(folder, more):
    process, pids = start_hanging(folder, "--study", "s", "--trials", 9, "--heartbeat", "1s", *more)
    process.kill()
    process.communicate(timeout=SECONDS_MAX)
    wait_for(lambda: not any(map(runs, pids)), "commands and their children have ended")
    assert {t.state.name for t in load(folder, "s").trials} == {"RUNNING"}
    time.sleep(2.5)  # twice the heartbeat
    run(folder, "--study", "s", "--trials", 2, "--heartbeat", "1s", "--resume")
    states = [t.state.name for t in load(folder, "s").trials]
    assert sorted(states[:2]) == ["FAIL", "FAIL"] and states[2:] == ["COMPLETE"] * 2


def test_another_worker_takes_the_place_of_a_killed_one(folder):
    process, pids = start_hanging(folder, "--study", "s", "--trials", 3, "--workers", 2)
    children = [pid for file in Path(f"/proc/{process.pid}/task").glob("*/children") for pid in file.read_text().split()]
    workers = [int(pid) for pid in children if b"study\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    wait_for(lambda: (folder / "pids.2").exists(), "a third trial runs")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS_MAX)
    assert "killed by signal 9" in err
    trials = load(folder, "s").trials
    assert [t.state.name for t in trials] == ["FAIL"] * 3
    assert sorted(t.user_attrs["error"] for t in trials) == ["interrupted", "interrupted", "its worker was killed by signal 9"]
    wait_for(lambda: not any(map(runs, pids)), "commands and their children have ended")


# Kills the worker that runs it, once.
KILL_ONCE = """\
if mkdir killed 2>/dev/null; then kill -9 $PPID; sleep 60; fi
echo $1
"""


def test_the_trial_of_a_killed_worker_is_repeated_in_the_same_call(folder):
    (folder / "kill.sh").write_text(KILL_ONCE)
    best = run(folder, "--study", "s", "--trials", 4, "--workers", 2, "--retries", 1, command=("sh", "kill.sh", "{x}"))
    assert (best["complete"], best["failed"]) == (4, 1)
    trials = load(folder, "s").trials
    [failed] = [t for t in trials if t.state.name == "FAIL"]
    [again] = [t for t in trials if "failed_trial" in t.system_attrs]
    assert failed.user_attrs["error"] == "its worker was killed by signal 9"
    assert again.state.name == "COMPLETE" and again.params == failed.params and again.system_attrs["failed_trial"] == failed.number
    assert {t.state.name for t in trials} == {"COMPLETE", "FAIL"} and len(trials) == 5


def test_what_a_sampler_cannot_serve_leaves_nothing_behind(folder):
    done = run(folder, "--study", "s", "--direction", "minimize,maximize", "--sampler", "tpe", expect=2)
    assert "nsga2" in done.stderr
    run(folder, "--study", "s", "--sampler", "grid", expect=2)
    assert not (folder / "s.db").exists()
    run(folder, "--study", "s", "--trials", 2)


def test_a_password_is_shown_nowhere(folder):
    """Nobody listens there; what matters is what is said about it, and what a list of processes shows."""
    url = "postgresql://user:hidden-word@127.0.0.1:1/db"
    done = run(folder, "--storage", url, "--trials", 1, expect=1)
    assert "hidden-word" not in done.stdout + done.stderr
    assert "127.0.0.1" in done.stderr


def test_workers_on_postgresql_show_no_password(folder, postgres_url):
    """Neither the list of processes nor any output shows it, while workers run and when they are interrupted."""
    user, rest = postgres_url.split("@", 1)
    secret = f"{user}:hidden-word@{rest}"
    process, _ = start_hanging(folder, "--storage", secret, "--study", "s", "--trials", 4, "--workers", 2)
    shown = command_lines()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS_MAX)
    assert b"study\0worker" in shown and b"hidden-word" not in shown
    assert "hidden-word" not in out + err
    assert json.loads(out)["storage"].startswith(postgres_url.split("?")[0])
