"""Optuna's half of test_optuna_versions.py, run by the Python of an older Optuna (3.6, 4.9):

    optuna_side.py create URL STUDY N      a study of its own with N trials of every kind, an enqueued one waiting
    optuna_side.py continue URL STUDY N    N more trials
    optuna_side.py print URL STUDY         all trials as JSON, without their times
"""

import json
import math
import sys

import optuna
from optuna.distributions import distribution_to_json

optuna.logging.set_verbosity(optuna.logging.ERROR)


def mixed(trial):
    """What `tune_dump continue` suggests."""
    trial.suggest_categorical("cat", ["gbdt", None, True, 2, 1.5, 'é "q"\n', math.inf])
    grid = trial.suggest_float("grid", 0.0, 1.0, step=0.1)
    trial.suggest_int("leaves", 4, 256, step=4)
    trial.suggest_int("log_int", 1, 1000, log=True)
    lr = trial.suggest_float("lr", 1e-5, 1.0, log=True)
    trial.suggest_float("x", -5.0, 1e16)
    if trial.number % 3 == 0:
        trial.suggest_float("extra", 0.0, 1.0)
    trial.set_user_attr("from", f"optuna {optuna.__version__} é")
    trial.report(1e300, 0)
    trial.report(math.nan, 1)
    trial.report(-math.inf, 2)
    if trial.number % 5 == 0:
        raise optuna.TrialPruned()
    if trial.number % 7 == 0:
        return math.nan
    if trial.number % 11 == 0:
        return math.inf
    return grid + lr


def as_seen(study):
    return {
        "user": study.user_attrs,
        "directions": [d.name.lower() for d in study.directions],
        "trials": [
            {
                "number": t.number,
                "state": t.state.name.lower(),
                "values": t.values or [],
                "params": {k: {"value": v, "distribution": json.loads(distribution_to_json(t.distributions[k]))} for k, v in t.params.items()},
                "reports": {str(k): v for k, v in sorted(t.intermediate_values.items())},
                "user": t.user_attrs,
                "system": t.system_attrs,
            }
            for t in study.get_trials()
        ],
    }


def main(verb, url, name, count="0"):
    sampler = optuna.samplers.TPESampler(seed=5)
    if verb == "create":
        study = optuna.create_study(study_name=name, storage=url, direction="maximize", sampler=sampler)
        study.set_user_attr("limits", [math.inf, 1.5, {"é": None}])
        study.optimize(mixed, n_trials=int(count))
        study.enqueue_trial({"lr": 0.25, "cat": None})
        two = optuna.create_study(study_name=f"{name}-two", storage=url, directions=["minimize", "maximize"])
        two.optimize(lambda t: (t.suggest_float("x", 0, 1), math.inf if t.number == 1 else 2.0), n_trials=3)
    elif verb == "continue":
        optuna.load_study(study_name=name, storage=url, sampler=sampler).optimize(mixed, n_trials=int(count))
    else:
        print(json.dumps(as_seen(optuna.load_study(study_name=name, storage=url))))


if __name__ == "__main__":
    main(*sys.argv[1:])
