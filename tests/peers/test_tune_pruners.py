"""Our pruners against Optuna's: for seeded random studies the same verdict at every step, the same rungs, the same brackets.

Runs `pruner_dump`, found in SOFIA_BIN_DIR or build/release/bin. SOFIA_PRUNER_CASES sets how many random studies each pruner plays (24).
"""

import json
import math
import os
import random
import subprocess
import warnings

import pytest

from binaries import BIN

optuna = pytest.importorskip("optuna", reason="Optuna is not installed in this environment (tools/setup)")

from optuna import pruners  # noqa: E402
from optuna.trial import TrialState, create_trial  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]

DUMP = BIN / "pruner_dump"
CASES = int(os.environ.get("SOFIA_PRUNER_CASES", "24"))

# Ours as text, Optuna's.
PRUNERS = {
    "none": lambda: pruners.NopPruner(),
    "median": lambda: pruners.MedianPruner(),
    "median:startup_trials=1,warmup_steps=2,interval_steps=3,min_trials=2": lambda: pruners.MedianPruner(1, 2, 3, n_min_trials=2),
    "percentile": lambda: pruners.PercentilePruner(25.0),
    "percentile:percentile=70,startup_trials=2,interval_steps=2": lambda: pruners.PercentilePruner(70.0, 2, 0, 2),
    "percentile:percentile=0,startup_trials=0": lambda: pruners.PercentilePruner(0.0, 0),
    "percentile:percentile=100,startup_trials=0": lambda: pruners.PercentilePruner(100.0, 0),
    "halving": lambda: pruners.SuccessiveHalvingPruner(),
    "halving:reduction_factor=2": lambda: pruners.SuccessiveHalvingPruner(reduction_factor=2),
    "halving:min_resource=2,reduction_factor=2,min_early_stopping_rate=1": lambda: pruners.SuccessiveHalvingPruner(2, 2, 1),
    "halving:min_resource=1,reduction_factor=3,bootstrap_count=2": lambda: pruners.SuccessiveHalvingPruner(1, 3, 0, 2),
    "hyperband": lambda: pruners.HyperbandPruner(),
    "hyperband:max_resource=30": lambda: pruners.HyperbandPruner(1, 30),
    "hyperband:min_resource=2,max_resource=20,reduction_factor=2,bootstrap_count=1": lambda: pruners.HyperbandPruner(2, 20, 2, 1),
    "patient": lambda: pruners.PatientPruner(None, 3),
    "patient:patience=1,min_delta=0.25": lambda: pruners.PatientPruner(None, 1, 0.25),
    "patient:patience=0,wraps=median": lambda: pruners.PatientPruner(pruners.MedianPruner(), 0),
    "patient:patience=0,wraps=halving": lambda: pruners.PatientPruner(pruners.SuccessiveHalvingPruner(), 0),
    "threshold:lower=-1": lambda: pruners.ThresholdPruner(lower=-1.0),
    "threshold:lower=-1,upper=2.5,warmup_steps=1,interval_steps=2": lambda: pruners.ThresholdPruner(-1.0, 2.5, 1, 2),
    "wilcoxon": lambda: pruners.WilcoxonPruner(),
    "wilcoxon:p_threshold=0.4,startup_steps=0": lambda: pruners.WilcoxonPruner(p_threshold=0.4, n_startup_steps=0),
    "wilcoxon:p_threshold=0.25": lambda: pruners.WilcoxonPruner(p_threshold=0.25),
}


def ours(verb, cases):
    done = subprocess.run([DUMP, verb], input=json.dumps(cases), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def theirs(pruner):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a pruner is experimental
        return PRUNERS[pruner]()


class Maker:
    """Random studies: gaps between steps, ties, and in some of them NaN and infinities."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.wild = self.random.choice([0.0, 0.0, 0.05, 0.3])
        self.coarse = self.random.random() < 0.4
        self.longest = self.random.choice([4, 10, 30])
        self.gaps = self.random.choice([0.0, 0.3])

    def value(self, middle):
        if self.random.random() < self.wild:
            return self.random.choice([math.nan, math.nan, math.inf, -math.inf])
        value = self.random.gauss(middle, 1.0)
        return round(value) if self.coarse else value

    def reports(self):
        middle = self.random.gauss(0.0, 1.0)
        last = self.random.randint(0, self.longest)
        return [[step, float(self.value(middle))] for step in range(last + 1) if self.random.random() >= self.gaps]

    def finite(self):
        return float(self.random.choice([self.random.gauss(0, 1), 0.0, 1.0]))

    def direction(self):
        return self.random.choice(["minimize", "maximize"])


def seeds_of(pruner):
    """scipy tries all signs of up to 13 folds, which takes long."""
    return range(max(1, CASES // 8) if pruner.startswith("wilcoxon") else CASES)


def replay_case(pruner, seed):
    make = Maker(seed)
    # A stubborn trial goes on after it was told to stop; a trial without a value fails.
    trials = [
        {"reports": make.reports(), "value": None if make.random.random() < 0.1 else make.finite(), "stubborn": make.random.random() < 0.3}
        for _ in range(20)
    ]
    return {"name": f"study {seed}", "direction": make.direction(), "pruner": pruner, "trials": trials}


def replayed(case):
    pruner = theirs(case["pruner"])
    study = optuna.create_study(study_name=case["name"], direction=case["direction"], pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=1))
    out = []
    for one in case["trials"]:
        trial = study.ask()
        verdicts = []
        for step, value in one["reports"]:
            trial.report(value, step)
            verdicts.append(trial.should_prune())
            if verdicts[-1] and not one["stubborn"]:
                break
        if verdicts and verdicts[-1] and not one["stubborn"]:
            study.tell(trial, state=TrialState.PRUNED)
        elif one["value"] is None:
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, one["value"])
        out.append({"verdicts": verdicts})
    for one, trial in zip(out, study.trials):
        one["rungs"] = {k: v for k, v in trial.system_attrs.items() if k.startswith("completed_rung_")}
        known = isinstance(pruner, pruners.HyperbandPruner) and pruner._pruners
        one["bracket"] = pruner._get_bracket_id(study, trial) if known else None
    return out


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_study_is_pruned_as_by_optuna(pruner):
    cases = [replay_case(pruner, seed) for seed in seeds_of(pruner)]
    pruned = 0
    for case, result in zip(cases, ours("replay", cases)):
        expected = replayed(case)
        for number, (mine, yours) in enumerate(zip(result, expected)):
            assert mine == yours, (case["name"], number)
        assert len(result) == len(expected)
        pruned += sum(any(one["verdicts"]) for one in expected)
    assert pruned > 0 or pruner == "none" or len(cases) < 20


def query_case(pruner, seed):
    """A history as it is found, of all states, running trials of others with rungs among them."""
    make = Maker(10_000 + seed)

    def rungs():
        return {str(k): float(make.random.choice([0.0, make.random.gauss(0, 1), math.inf])) for k in range(make.random.choice([0, 0, 1, 2, 3]))}

    trials = []
    for _ in range(make.random.choice([0, 3, 8, 25])):
        state = make.random.choice(["complete", "complete", "complete", "pruned", "fail", "running"])
        trials.append({"state": state, "value": make.finite(), "reports": make.reports(), "rungs": rungs()})
    queries = [{"reports": make.reports(), "rungs": rungs() if make.random.random() < 0.3 else {}} for _ in range(8)]
    return {"name": f"found {seed}", "direction": make.direction(), "pruner": pruner, "trials": trials, "queries": queries}


def frozen(one):
    return create_trial(
        state=TrialState[one.get("state", "running").upper()],
        value=one["value"] if one.get("state") == "complete" else None,
        intermediate_values={step: value for step, value in one["reports"]},
        system_attrs={f"completed_rung_{k}": v for k, v in one["rungs"].items()},
    )


def queried(case):
    out = []
    for place, one in enumerate(case["queries"]):
        study = optuna.create_study(study_name=case["name"], direction=case["direction"])
        for trial in case["trials"]:
            study._storage.create_new_trial(study._study_id, template_trial=frozen(trial))
        for _ in range(place):  # numbers, on which brackets depend
            study._storage.create_new_trial(study._study_id, template_trial=create_trial(state=TrialState.FAIL))
        trial_id = study._storage.create_new_trial(study._study_id, template_trial=frozen(one))
        verdict = theirs(case["pruner"]).prune(study, study._storage.get_trial(trial_id))
        after = study._storage.get_trial(trial_id).system_attrs
        out.append({"prune": bool(verdict), "rungs": {k: v for k, v in after.items() if k.startswith("completed_rung_")}})
    return out


# What takes a resource from the history takes it from the first trial there, and Optuna from those that are there when it first asks.
@pytest.mark.parametrize("pruner", [p for p in PRUNERS if "halving" not in p and "hyperband" not in p or "min_resource" in p or "max_resource" in p])
def test_a_history_as_it_is_found_gives_optunas_verdict(pruner):
    cases = [query_case(pruner, seed) for seed in seeds_of(pruner)]
    for case, result in zip(cases, ours("query", cases)):
        assert result == queried(case), case["name"]
