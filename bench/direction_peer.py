"""The peer of `sofia tune` on the direction strategy: pandas, LightGBM and Optuna, in two processes on one study.

    direction_peer.py BARS.csv FOLDER TRIALS WORKERS SEED    tunes; prints {"seconds": …, "fit_seconds": …, "best": …, …}

The rules are those of docs/direction.md. What does not change between trials is made once, before the workers are forked: bars, columns, labels,
windows; each worker bins its rows once. Models have one thread a worker, the parameters that ours have, and are stopped by LightGBM's own early
stopping; a trial's value is the log loss that it has measured. Trials go to Optuna's journal file, its fastest storage for several processes.
Inside "seconds": everything but the start of Python and its imports. Inside "fit_seconds": lightgbm.train.
"""

import json
import multiprocessing
import os
import sys
import time

import lightgbm
import numpy as np
import optuna
import pandas as pd

HORIZON, VAL_DAYS, TEST_DAYS, ROUNDS, PATIENCE = 5, 14, 14, 2000, 100
COLUMNS = ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"]
FIXED = {"objective": "binary", "bagging_freq": 1, "max_bin": 255, "data_random_seed": 1, "deterministic": True, "force_row_wise": True,
         "feature_pre_filter": False, "num_threads": 1, "verbosity": -1}
SPACE = {
    "learning_rate": ("float", 0.01, 0.2, True),
    "num_leaves": ("int", 16, 256, True),
    "min_data_in_leaf": ("int", 16, 512, True),
    "feature_fraction": ("float", 0.6, 1.0, False),
    "bagging_fraction": ("float", 0.6, 1.0, False),
    "lambda_l1": ("float", 1e-9, 10.0, True),
    "lambda_l2": ("float", 1e-9, 10.0, True),
}


def windows(path):
    """(rows, labels) of training and validation."""
    bars = pd.read_csv(path)
    close, volume = bars["close"], bars["volume"]
    table = pd.DataFrame({"ts": bars["timestamp"], "close": close, "ret1": close.pct_change(), "sma20_gap": close - close.rolling(20).mean(),
                          "sma50_gap": close - close.rolling(50).mean()})
    table["vol_z"] = (volume - volume.rolling(50).mean()) / volume.rolling(50).std()
    later = close.shift(-HORIZON)
    table["y"] = (later > close).astype(float).where(later.notna())
    table = table.dropna()
    end = bars["timestamp"].iloc[-1] + 60
    test = end - TEST_DAYS * 86_400
    validation = test - VAL_DAYS * 86_400
    def rows(low, high):
        part = table[(table["ts"] >= low) & (table["ts"] + HORIZON * 60 < high)]
        return np.ascontiguousarray(part[COLUMNS].to_numpy()), part["y"].to_numpy()
    return rows(0, validation), rows(validation, test)


def storage(folder):
    backend = optuna.storages.journal.JournalFileBackend(os.path.join(folder, "journal.log"))
    return optuna.storages.JournalStorage(backend)


def suggest(trial):
    out = {}
    for name, (kind, low, high, log) in SPACE.items():
        out[name] = (trial.suggest_int if kind == "int" else trial.suggest_float)(name, low, high, log=log)
    return out


def work(rows, folder, left, seed, number, told):
    """Asks for a trial as long as there are any left: nobody waits for a worker whose trials take longer."""
    (x, y), (vx, vy) = rows
    train = lightgbm.Dataset(x, y, params=FIXED, free_raw_data=False).construct()
    judge = lightgbm.Dataset(vx, vy, reference=train, params=FIXED, free_raw_data=False).construct()
    study = optuna.load_study(study_name="direction", storage=storage(folder),
                              sampler=optuna.samplers.TPESampler(seed=seed + number, n_startup_trials=10))
    fit = 0.0
    while True:
        with left.get_lock():
            left.value -= 1
            if left.value < 0:
                break
        trial = study.ask()
        params = suggest(trial)
        begin = time.perf_counter()
        booster = lightgbm.train({**FIXED, **params, "seed": seed}, train, ROUNDS, [judge], callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)])
        fit += time.perf_counter() - begin
        study.tell(trial, booster.best_score["valid_0"]["binary_logloss"])
    told.put(fit)


def run(path, folder, trials, workers, seed):
    begin = time.perf_counter()
    rows = windows(path)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name="direction", storage=storage(folder), direction="minimize")
    context = multiprocessing.get_context("fork")
    told, left = context.Queue(), context.Value("q", trials)
    processes = [context.Process(target=work, args=(rows, folder, left, seed, number, told)) for number in range(workers)]
    for process in processes:
        process.start()
    fit = sum(told.get() for _ in processes)
    for process in processes:
        process.join()
    seconds = time.perf_counter() - begin
    done = study.get_trials()
    assert len(done) == trials and all(trial.state == optuna.trial.TrialState.COMPLETE for trial in done)
    print(json.dumps({"seconds": seconds, "fit_seconds": fit, "best": study.best_value, "rows": [len(rows[0][1]), len(rows[1][1])]}))


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], *(int(word) for word in sys.argv[3:6]))
