"""The peers of study_bench: Optuna's and rustuna's TPE over 8 floats with an objective that costs nothing.

    study_peer.py optuna|rustuna TRIALS [FILE.db]     prints {"seconds": ..., "ms": ...}, without the start of Python

Both with their defaults and a seed, in memory or (Optuna) in a SQLite file of its own.
"""

import json
import sys
import time


def objective(trial):
    return sum(trial.suggest_float(f"x{i}", -5.0, 5.0) ** 2 for i in range(8))


def study(name, file):
    if name == "rustuna":
        import rustuna
        return rustuna.create_study(sampler=rustuna.samplers.TPESampler(seed=1))
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1), storage=f"sqlite:///{file}" if file else None)


def main(name, trials, file=None):
    peer = study(name, file)
    begin = time.perf_counter()
    peer.optimize(objective, n_trials=int(trials))
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "ms": 1e3 * seconds / int(trials)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
