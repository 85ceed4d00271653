"""Our fANOVA against Optuna's, whose forest is scikit-learn's.

For `make nightly`, which makes its environment (tools/setup --skfolio) and sets SOFIA_NIGHTLY. Every run of the fast tier holds ours to closed forms
instead (src/tune/importance_test.cpp, test_study_verbs.py).
"""

import json
import math
import os
import random
import subprocess
from pathlib import Path

import optuna
import pytest

from binaries import BIN, ROOT

if not os.environ.get("SOFIA_NIGHTLY"):
    pytest.skip("fANOVA: tests/nightly/fanova", allow_module_level=True)

SOFIA = BIN / "sofia"
PYTHON = ROOT / ".venv-skfolio" / "bin" / "python"
SEEDS = 3

optuna.logging.set_verbosity(optuna.logging.ERROR)


def terms(t):
    return t.suggest_float("a", -1, 1) ** 2 * 9 + t.suggest_float("b", -1, 1) + t.suggest_int("c", 0, 5) / 50


def kinds(t):
    return math.log10(t.suggest_float("lr", 1e-5, 1, log=True)) ** 2 + t.suggest_categorical("k", [0, 1]) * 3 + t.suggest_int("n", 1, 64, step=3) / 20


def sphere(t):
    return sum(t.suggest_float(f"x{i}", -5, 5) ** 2 for i in range(5))


def noise(t):
    # Nothing explains it: what the trees make of it depends on how they choose among splits that are equally good.
    names = [t.suggest_float(name, 0, 1) for name in "abcz"]
    return random.Random(repr(names)).random()


def mean(answers):
    return {name: sum(answer[name] for answer in answers) / len(answers) for name in answers[0]}


@pytest.mark.parametrize("function", [terms, kinds, sphere, noise])
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_shares_are_optunas(function, sampler, tmp_path):
    assert PYTHON.exists(), ".venv-skfolio is not there: tools/setup --skfolio"
    url = f"sqlite:///{tmp_path}/study.db"
    quick = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3) if sampler == "random" else optuna.samplers.TPESampler(seed=3))
    quick.optimize(function, n_trials=150)
    optuna.create_study(storage=url, study_name="s").add_trials(quick.trials)
    theirs = subprocess.run([PYTHON, Path(__file__).with_name("fanova_side.py"), url, "s", str(SEEDS)], capture_output=True, text=True)
    assert theirs.returncode == 0, theirs.stderr
    ours = []
    for seed in range(SEEDS):
        words = ["study", "importance", "--storage", url, "--study", "s", "--evaluator", "fanova", "--seed", str(seed), "--json"]
        done = subprocess.run([SOFIA, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        ours.append(json.loads(done.stdout)["importances"])
    # A forest is random, and so is its seed's part: two forests of one library differ by as much.
    assert mean(ours) == pytest.approx(mean(json.loads(theirs.stdout)), abs=0.06)
