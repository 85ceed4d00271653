"""The peer of `sofia tune` on the touch strategy: polars, TA-Lib, NumPy, LightGBM and Optuna, in two processes on one study.

    touch_peer.py run BARS.parquet FOLDER TRIALS WORKERS SEED    tunes; prints {"seconds": …, "fit_seconds": …, "best": …, …}
    touch_peer.py check BARS.parquet FEATURES.parquet SUMMARY…   judges the trials of Sofia's summaries on Sofia's own feature rows and compares
                                                                 folds, labels, trades and scores; exit 1 where they differ

The rules are those of docs/touch.md (bars with true opens), written for columns: touches and barriers by array operations, the position rule, which
depends on its own past, in a loop over a fold's signals. What does not change between trials is made once, before the workers are forked, so that
they share it: bars, feature rows, touches. Each worker keeps LightGBM's binned Datasets by fold and labels them anew. Models have one thread a
worker. Trials and their fold scores go to Optuna's journal file, which is its fastest storage for several processes; no summaries are written.
Inside "seconds": everything but the start of Python and its imports. Inside "fit_seconds": the making of a Booster, its rounds and their metrics.
"""

import json
import math
import multiprocessing
import os
import sys
import time

import lightgbm
import numpy as np
import optuna
import polars as pl
import talib

import features_peer
from touch_settings import SETTINGS, SPACE

NS_MINUTE, NS_HOUR = 60_000_000_000, 3_600_000_000_000
TOUCH = {"ema_length": 20, "tolerance": 0.25, "away": 3, "slope": 0.05, "slope_bars": 5}
FRAMES = {"15m": 15 * NS_MINUTE, "1h": NS_HOUR}
TICK, LOT = 0.5, 0.001  # of the simulated instrument, linear
SLIPPAGE, MAX_WAIT = 1 * TICK, 300_000_000_000
FEE, MAKER = float(SETTINGS["costs.fee_percent"]) / 100, float(SETTINGS["costs.maker_fee_percent"]) / 100
MAX_FEE_R, EV_MARGIN = float(SETTINGS["costs.max_fee_r"]), float(SETTINGS["gate.ev_margin"])
EQUITY, RISK, LEVERAGE = 10_000.0, 0.01, 5.0
FOLDS, MIN_TRADES = int(SETTINGS["split.folds"]), int(SETTINGS["score.min_trades"])
TUNING, FIRST_TRAIN, THIN = 0.6, 0.4, 0.25
STOPPING_BLOCKS, CALIBRATION_BLOCKS, MIN_ROWS = 5, 4, 100
ROUNDS, PATIENCE = int(SETTINGS["model.rounds"]), int(SETTINGS["model.early_stopping_rounds"])
LARGEST_HOLD = SPACE["max_hold_bars"][2]
SLACK = 1e-6
MASK = (1 << 64) - 1
FIXED = {"objective": "binary", "bagging_freq": 1, "max_bin": 255, "data_random_seed": 1, "deterministic": True, "force_row_wise": True,
         "feature_pre_filter": False, "num_threads": 1, "verbosity": -1}
BINNING = {key: FIXED[key] for key in ("objective", "max_bin", "data_random_seed", "feature_pre_filter", "num_threads", "verbosity")}


# The seeds of the models, by what they are for: Sofia's own, so that the check meets the same models.

def mix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def split(seed, name):
    hashed = 0xCBF29CE484222325
    for byte in name.encode():
        hashed = ((hashed ^ byte) * 0x100000001B3) & MASK
    return mix((mix((seed + 0x6E616D65) & MASK) + 0x9E3779B97F4A7C15 * (mix(hashed) + 1)) & MASK)


def fit_seed(seed, purpose):
    return split(split(seed, "fit"), purpose) & 0x7FFFFFFF


# Data, once for all trials.

def read(path):
    return pl.read_parquet(path).with_columns(pl.col("open_time").dt.replace_time_zone(None), pl.col("vwap").fill_nan(None).fill_null(pl.col("close")))


def larger(base, every):
    """Bars of a larger timeframe; minutes without a print count where there is nothing else."""
    return features_peer.resample(base.filter(~pl.col("filled")), every)


def feature_rows(base, series):
    """The columns known at each close of the smallest touch timeframe: (known_at, matrix)."""
    frame = series["m15"].select(pl.col("open_time").dt.offset_by("15m").alias("known_at"))
    for prefix, every in features_peer.FRAMES.items():
        frame = frame.join_asof(features_peer.features(series[prefix], every, prefix + "."), on="known_at")
    return frame["known_at"].to_physical().to_numpy(), np.ascontiguousarray(frame.drop("known_at").to_numpy(), dtype=np.float64)


def run_before(away, k):
    """Whether the k rows before each were all away."""
    count = np.concatenate([[0], np.cumsum(away)])
    out = np.zeros(len(away), bool)
    out[k:] = count[k:-1] - count[:len(away) - k] == k
    return out


def touches_of(bars, length):
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    ema, atr = talib.EMA(close, TOUCH["ema_length"]), talib.ATR(high, low, close, 14)
    slope = np.full(len(close), np.nan)
    lag = TOUCH["slope_bars"]
    slope[lag:] = (ema[lag:] - ema[:-lag]) / (lag * atr[lag:])
    upper, lower = ema + TOUCH["tolerance"] * atr, ema - TOUCH["tolerance"] * atr
    up = (low <= upper) & (close > ema) & run_before(low > upper, TOUCH["away"]) & (slope > TOUCH["slope"])
    down = (high >= lower) & (close < ema) & run_before(high < lower, TOUCH["away"]) & (slope < -TOUCH["slope"])
    at = np.flatnonzero(up | down)
    return {"known": bars["open_time"].to_physical().to_numpy()[at] + length, "length": np.full(len(at), length),
            "sign": np.where(up[at], 1.0, -1.0), "close": close[at], "atr": atr[at]}


class Market:
    """What all trials and workers share."""

    def __init__(self, path, rows=None):
        base = read(path)
        series = {prefix: base if every == "1m" else larger(base, every) for prefix, every in features_peer.FRAMES.items()}
        known, self.features = rows or feature_rows(base, series)
        found = [touches_of(series[prefix], FRAMES[every]) for prefix, every in (("m15", "15m"), ("h1", "1h"))]
        touches = {key: np.concatenate([one[key] for one in found]) for key in found[0]}
        order = np.lexsort((-touches["length"], touches["known"]))
        self.touches = {key: values[order] for key, values in touches.items()}
        self.rows = np.searchsorted(known, self.touches["known"])
        assert (known[self.rows] == self.touches["known"]).all()
        self.open_time = base["open_time"].to_physical().to_numpy()
        self.open = base["open"].to_numpy()
        filled = base["filled"].to_numpy()
        self.high = np.where(filled, -np.inf, base["high"].to_numpy())
        self.low = np.where(filled, np.inf, base["low"].to_numpy())
        # The next minute with a print, from each one on.
        self.printed = np.append(np.minimum.accumulate(np.where(filled, len(filled), np.arange(len(filled)))[::-1])[::-1], len(filled))
        self.from_, self.to = int(self.open_time[0]), int(self.open_time[-1]) + NS_MINUTE
        self.tuning_to = self.cut(self.from_, self.to, TUNING)
        first = self.cut(self.from_, self.tuning_to, FIRST_TRAIN)
        edges = [self.cut(first, self.tuning_to, k / FOLDS) for k in range(FOLDS)] + [self.tuning_to]
        self.folds = list(zip(edges, edges[1:]))

    @staticmethod
    def cut(start, end, share):
        return (start + math.floor(share * (end - start) + 0.5)) // NS_HOUR * NS_HOUR

    def minute(self, moment):
        """The first printed minute that opens at or after each moment; len(open_time): none."""
        return self.printed[np.searchsorted(self.open_time, moment)]


# Labels.

def levels(sign, entry, atr, stop_atr, target_r):
    """Stop, target and risk on the tick grid, rounded away from the entry."""
    per_unit = 1 / TICK
    raw_stop = (entry - sign * stop_atr * atr) / TICK
    stop = np.where(sign > 0, np.floor(raw_stop + SLACK), np.ceil(raw_stop - SLACK)) / per_unit
    risk = sign * (entry - stop)
    raw_target = (entry + sign * target_r * risk) / TICK
    target = np.where(sign > 0, np.ceil(raw_target - SLACK), np.floor(raw_target + SLACK)) / per_unit
    return stop, target, risk


def first_hits(market, start, end, sign, stop, target):
    """The minute in which a barrier is met first, or `end`; windows grow, so that what is short costs little."""
    hit = end.copy()
    left = np.arange(len(start))
    at, width = start.copy(), 64
    stop_at, target_at = stop + sign * SLACK * TICK, target + sign * (1 - SLACK) * TICK
    last = len(market.open_time) - 1
    while len(left):
        window = at[:, None] + np.arange(width)
        inside = window < end[left][:, None]
        window = np.minimum(window, last)
        high, low, up = market.high[window], market.low[window], (sign[left] > 0)[:, None]
        s, t = stop_at[left][:, None], target_at[left][:, None]
        met = inside & np.where(up, (low <= s) | (high >= t), (high >= s) | (low <= t))
        found = met.any(axis=1)
        hit[left[found]] = at[found] + met[found].argmax(axis=1)
        more = ~found & inside[:, -1]
        left, at, width = left[more], at[more] + width, width * 4
    return hit


def label(market, stop_atr, target_r, hold):
    """Every touch as a trade of its own. `exit_bar` is the minute in which it ends; -1: it has no label."""
    t = market.touches
    sign, count = t["sign"], len(market.open_time)
    deadline = t["known"] + hold * t["length"]
    start = market.minute(t["known"])
    there = start < count
    start = np.minimum(start, count - 1)
    there &= market.open_time[start] <= t["known"] + 100_000_000 + MAX_WAIT
    there &= market.open_time[start] < deadline
    reference = market.open[start]
    entry = np.maximum(np.minimum(reference, TICK), reference + sign * SLIPPAGE)
    stop, target, risk = levels(sign, entry, t["atr"], stop_atr, target_r)
    timeout = market.minute(deadline)
    end = first_hits(market, start, timeout, sign, stop, target)
    there &= end < count
    bar = np.minimum(end, count - 1)
    timed_out = end == timeout
    high, low = market.high[bar], market.low[bar]
    stopped = ~timed_out & np.where(sign > 0, low <= stop + SLACK * TICK, high >= stop - SLACK * TICK)
    won = ~timed_out & ~stopped
    stop_reference = np.where(sign > 0, np.minimum(stop, high), np.maximum(stop, low))
    out_reference = np.where(timed_out, market.open[bar], np.where(stopped, stop_reference, target))
    out = np.where(won, target, np.maximum(np.minimum(out_reference, TICK), out_reference - sign * SLIPPAGE))
    gross = sign * (out_reference - reference) / risk
    slip = (sign * (entry - reference) + sign * (out_reference - out)) / risk
    fee = (FEE * entry + np.where(won, MAKER, FEE) * out) / risk
    exit_time = market.open_time[bar] + np.where(timed_out, 0, NS_MINUTE)
    latest = t["known"] + LARGEST_HOLD * t["length"]
    return {"there": there, "y": won.astype(float), "gross": gross, "net": gross - fee - slip, "entry": entry, "entry_bar": start, "exit": out,
            "exit_bar": np.where(there, end, -1), "exit_time": exit_time, "risk": risk, "deadline": deadline,
            "end": np.where(there, np.maximum(exit_time, latest), latest)}


# Models.

def uniqueness(begin, end):
    """Average uniqueness of labels in continuous time."""
    end = np.maximum(end, begin + 1)
    times, inverse = np.unique(np.concatenate([begin, end]), return_inverse=True)
    change = np.zeros(len(times))
    np.add.at(change, inverse[:len(begin)], 1)
    np.add.at(change, inverse[len(begin):], -1)
    alive = np.cumsum(change)[:-1]
    pieces = np.divide(np.diff(times), alive, out=np.zeros(len(times) - 1), where=alive > 0)
    shared = np.concatenate([[0.0], np.cumsum(pieces)])
    return (shared[inverse[len(begin):]] - shared[inverse[:len(begin)]]) / (end - begin)


def blocks_of(known, end, rows, blocks):
    """Forward-chained (train, judged), purged."""
    for b in range(1, blocks):
        start, stop = len(rows) * b // blocks, len(rows) * (b + 1) // blocks
        if start == stop or start == 0:
            continue
        earlier = rows[:start]
        yield earlier[end[earlier] < known[rows[start]]], rows[start:stop]


def platt(p, y):
    """Slope and intercept with smoothed targets, by Newton's method with halving."""
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    f = np.log(inside) - np.log1p(-inside)
    ones = y.sum()
    zeros = len(y) - ones
    target = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    a, b = 0.0, math.log((zeros + 1) / (ones + 1))

    def loss(a, b):
        z = f * a + b
        return np.where(z >= 0, target * z, (target - 1) * z).sum() + np.log1p(np.exp(-np.abs(z))).sum()

    value = loss(a, b)
    for _ in range(100):
        z = f * a + b
        q = 1 / (1 + np.exp(z))
        curve = q * (1 - q)
        haa, hab, hbb = (f * f * curve).sum() + 1e-12, (f * curve).sum(), curve.sum() + 1e-12
        ga, gb = (f * (target - q)).sum(), (target - q).sum()
        if abs(ga) < 1e-10 and abs(gb) < 1e-10:
            break
        det = haa * hbb - hab * hab
        da, db = -(hbb * ga - hab * gb) / det, -(haa * gb - hab * ga) / det
        step, descent = 1.0, ga * da + gb * db
        while step >= 1e-10:
            new = loss(a + step * da, b + step * db)
            if new < value + 1e-4 * step * descent:
                a, b, value = a + step * da, b + step * db, new
                break
            step /= 2
        else:
            break
    return a, b


def isotonic(p, y):
    """Ends of the steps of the non-decreasing fit, for np.interp."""
    x, inverse, counts = np.unique(p, return_inverse=True, return_counts=True)
    sums = np.bincount(inverse, weights=y)
    steps = []
    for value, total, weight in zip(x, sums, counts.astype(float)):
        steps.append([total, weight, value, value])
        while len(steps) > 1 and steps[-2][0] / steps[-2][1] >= steps[-1][0] / steps[-1][1]:
            total, weight, _, last = steps.pop()
            steps[-1][0] += total
            steps[-1][1] += weight
            steps[-1][3] = last
    inputs = [end for step in steps for end in ((step[2],) if step[2] == step[3] else (step[2], step[3]))]
    outputs = [step[0] / step[1] for step in steps for _ in ((0,) if step[2] == step[3] else (0, 0))]
    return np.array(inputs), np.array(outputs)


class Worker:
    """The trials of one process. `spent` is wall time by stage."""

    def __init__(self, market, seed):
        self.market, self.seed = market, seed
        self.sets = {}
        self.spent = {"labels": 0.0, "datasets": 0.0, "fit": 0.0, "models": 0.0, "decide": 0.0}

    def timed(self, stage, begin):
        self.spent[stage] += time.perf_counter() - begin

    def dataset(self, rows, labels, reference=None, key=None):
        """Rows binned once, labelled anew."""
        begin = time.perf_counter()
        key = (key, rows.tobytes())
        weights = uniqueness(self.market.touches["known"][rows], labels["exit_time"][rows])
        made = self.sets.get(key)
        if made is None:
            made = lightgbm.Dataset(self.market.features[self.market.rows[rows]], labels["y"][rows], weight=weights, reference=reference, params=BINNING)
            self.sets[key] = made.construct()
        else:
            made.set_label(labels["y"][rows])
            made.set_weight(weights)
        self.timed("datasets", begin)
        return made

    def train(self, params, train, judge, rounds, seed):
        """A booster and its best round. Rounds end with early stopping or, as in LightGBM's own program, when there is nothing left to split;
        lightgbm.train would go on then."""
        begin = time.perf_counter()
        booster = lightgbm.Booster({**FIXED, **params, "seed": seed}, train)
        if judge is not None:
            booster.add_valid(judge, "judge")
        best, best_round, done = math.inf, 0, 0
        while done < rounds and not booster.update():
            done += 1
            if judge is None:
                continue
            value = booster.eval_valid()[0][2]
            if value < best:
                best, best_round = value, done
            if done - best_round >= PATIENCE:
                break
        self.timed("fit", begin)
        return booster, best_round if judge is not None else done

    def probabilities(self, booster, best, rows):
        return booster.predict(self.market.features[self.market.rows[rows]], num_iteration=best, num_threads=1)

    def calibrator(self, params, rows, labels, known, rounds, seed, fold):
        got, came = [], []
        for number, (train, judged) in enumerate(blocks_of(known, labels["end"], rows, CALIBRATION_BLOCKS)):
            y = labels["y"][train]
            if len(y) == 0 or y.min() == y.max():
                continue
            booster, best = self.train(params, self.dataset(train, labels, key=(fold, number)), None, rounds, seed)
            begin = time.perf_counter()
            got.append(self.probabilities(booster, best, judged))
            came.append(labels["y"][judged])
            self.timed("models", begin)
        begin = time.perf_counter()
        p, y = (np.concatenate(parts) if parts else np.zeros(0) for parts in (got, came))
        out = None
        if len(p) >= 50 and 0 < y.sum() < len(y):
            out = platt(p, y) if len(p) < 1000 else isotonic(p, y)
        self.timed("models", begin)
        return out

    def fold(self, number, window, params, labels, stop_atr):
        """Net R of the trades in a fold's validation; none where too little is there to learn from."""
        known = self.market.touches["known"]
        rows = np.flatnonzero((known < window[0]) & (labels["end"] < window[0]) & labels["there"])
        y = labels["y"][rows]
        if len(rows) < MIN_ROWS or y.min() == y.max():
            return [], -np.inf
        *_, (train, judged) = blocks_of(known, labels["end"], rows, STOPPING_BLOCKS)
        part = labels["y"][train]
        if len(part) == 0 or part.min() == part.max():
            return [], -np.inf
        purpose = f"fold {number} entry"
        train_set = self.dataset(train, labels, key=(number, "train"))
        judge_set = self.dataset(judged, labels, train_set, key=(number, "judge", train.tobytes()))
        booster, best = self.train(params, train_set, judge_set, ROUNDS, fit_seed(self.seed, purpose + " 1"))
        fitted = self.calibrator(params, rows, labels, known, max(best, 1), fit_seed(self.seed, purpose + " calibration"), number)
        begin = time.perf_counter()
        which = np.flatnonzero((known >= window[0]) & (known < window[1]))
        p = self.probabilities(booster, best, which)
        if isinstance(fitted, tuple) and isinstance(fitted[0], float):
            inside = np.clip(p, 1e-12, 1 - 1e-12)
            p = 1 / (1 + np.exp(fitted[0] * (np.log(inside) - np.log1p(-inside)) + fitted[1]))
        elif fitted is not None:
            p = np.interp(p, *fitted)
        self.timed("models", begin)
        begin = time.perf_counter()
        gross = labels["gross"][rows]
        trades, headroom = decide(self.market, labels, which, p, window, gross[y == 1].mean(), -gross[y == 0].mean(), stop_atr)
        self.timed("decide", begin)
        return trades, headroom

    def score(self, params, report=lambda fold, value: None):
        """Value told to the study, and what each fold gave."""
        begin = time.perf_counter()
        labels = label(self.market, params["stop_atr"], params["target_r"], params["max_hold_bars"])
        self.timed("labels", begin)
        model = {key: value for key, value in params.items() if key not in ("stop_atr", "target_r", "max_hold_bars")}
        folds, lacking = [], 0.0
        for number, window in enumerate(self.market.folds):
            trades, headroom = self.fold(number, window, model, labels, params["stop_atr"])
            lacking += max(0.0, 1 - len(trades) / MIN_TRADES) if trades else 1 + min(1.0, max(0.0, -headroom))
            net = sum(trades)
            folds.append((len(trades), net, net / max(len(trades), MIN_TRADES)))
            report(number, folds[-1][2])
        value = float(np.quantile([score for _, _, score in folds], 0.25))
        thin = sum(count < MIN_TRADES for count, _, _ in folds)
        return (value if thin <= THIN * FOLDS else min(value, 0.0) - 1 - lacking / FOLDS), folds, labels


def decide(market, labels, which, p, window, win, loss, stop_atr):
    """Net R of the trades that the gates and the one position make of a fold's signals, and how far the gates were open."""
    t = market.touches
    known, sign, close, length = (t[key][which] for key in ("known", "sign", "close", "length"))
    stop, _, risk = levels(sign, close, t["atr"][which], stop_atr, 1.0)
    fee = (FEE + p * MAKER + (1 - p) * FEE) * close / risk
    value = p * win - (1 - p) * loss - fee - SLIPPAGE * (2 - p) / risk
    judged = (labels["deadline"][which] < window[1]) & (stop > 0) & (risk > 0)
    headroom = float(np.max(np.minimum(np.minimum(MAX_FEE_R - fee, value - EV_MARGIN), p)[judged], initial=-np.inf))
    wanted = judged & (fee <= MAX_FEE_R) & (value > EV_MARGIN)
    one_lot = np.where(risk > 0, 1 / np.maximum(risk, 1e-300), 0.0)
    net, equity, taken, held = [], EQUITY, -1, None

    def settle(touch, out, net_r):
        nonlocal equity
        index, contracts = touch
        side, entry = t["sign"][index], labels["entry"][index]
        equity += contracts * (side * (out - entry) - FEE * entry - (MAKER if out == labels["exit"][index] and labels["y"][index] else FEE) * out)
        net.append(net_r)

    def leave_until(moment):
        """Closes what its own barriers have closed by then."""
        nonlocal held
        if held is None:
            return
        bar = labels["exit_bar"][held[0]]
        if bar >= 0 and market.open_time[bar] + NS_MINUTE <= moment:
            settle(held, labels["exit"][held[0]], labels["net"][held[0]])
            held = None

    for i in np.flatnonzero(wanted):
        index, moment = which[i], known[i]
        if taken == moment:
            continue
        leave_until(moment)
        if held is not None and (market.open_time[labels["entry_bar"][held[0]]] >= moment or t["sign"][held[0]] == sign[i]):
            continue
        contracts = math.floor(min(equity * RISK * one_lot[i], LEVERAGE * equity / close[i]) / LOT + SLACK) * LOT if equity > 0 else 0.0
        if contracts <= 0:
            continue
        taken = moment
        if held is not None:  # a close and an open, at the same print
            now, bar = held[0], market.minute(moment)
            if bar == labels["exit_bar"][now]:
                leave_until(market.to)
            else:
                side, entry, unit = t["sign"][now], labels["entry"][now], labels["risk"][now]
                reference = market.open[bar]
                out = max(min(reference, TICK), reference - side * SLIPPAGE)
                paid = (FEE * entry + FEE * out) / unit
                settle(held, out, side * (out - entry) / unit - paid)
        held = (index, contracts) if labels["there"][index] or labels["exit_bar"][index] >= 0 else None
    leave_until(window[1])
    return net, headroom


# Runs.

def suggest(trial):
    out = {}
    for name, (kind, low, high, log) in SPACE.items():
        out[name] = (trial.suggest_int if kind == "int" else trial.suggest_float)(name, low, high, log=log)
    return out


def storage(folder):
    backend = optuna.storages.journal.JournalFileBackend(os.path.join(folder, "journal.log"))
    return optuna.storages.JournalStorage(backend)


def work(market, folder, left, seed, number, told):
    """Asks for a trial as long as there are any left: nobody waits for a worker whose trials take longer."""
    worker = Worker(market, seed)
    study = optuna.load_study(study_name="touch", storage=storage(folder), sampler=optuna.samplers.TPESampler(seed=seed + number, n_startup_trials=10))
    while True:
        with left.get_lock():
            left.value -= 1
            if left.value < 0:
                break
        trial = study.ask()
        study.tell(trial, worker.score(suggest(trial), lambda fold, value: trial.report(value, fold))[0])
    told.put(worker.spent)


def run(path, folder, trials, workers, seed):
    begin = time.perf_counter()
    market = Market(path)
    shared = time.perf_counter() - begin
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name="touch", storage=storage(folder), direction="maximize")
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    left = context.Value("q", trials)
    processes = [context.Process(target=work, args=(market, folder, left, seed, number, told)) for number in range(workers)]
    for process in processes:
        process.start()
    spent = [told.get() for _ in processes]
    for process in processes:
        process.join()
    seconds = time.perf_counter() - begin
    stages = {key: sum(one[key] for one in spent) for key in spent[0]}
    stages["features"] = shared
    done = study.get_trials()
    assert len(done) == trials and all(trial.state == optuna.trial.TrialState.COMPLETE for trial in done)
    print(json.dumps({"seconds": seconds, "fit_seconds": stages["fit"], "rest_seconds": workers * seconds - stages["fit"], "best": study.best_value,
                      "touches": len(market.rows), "columns": market.features.shape[1], "stages": {key: round(value, 3) for key, value in stages.items()}}))


def check(path, features, summaries):
    table = pl.read_parquet(features)
    known = table["known_at"].dt.replace_time_zone(None).cast(pl.Datetime("ns")).to_physical().to_numpy()
    market = Market(path, (known, np.ascontiguousarray(table.drop("known_at").to_numpy(), dtype=np.float64)))
    differ = compared = 0
    for name in summaries:
        with open(name) as file:
            summary = json.load(file)
        params = {key.split(".")[-1]: (int if SPACE[key.split(".")[-1]][0] == "int" else float)(value) for key, value in summary["params"].items()}
        value, folds, labels = Worker(market, summary["seed"]).score(params)
        inside = labels["there"] & (market.touches["known"] < market.tuning_to) & (labels["exit_time"] < market.tuning_to)
        ours = (int(inside.sum()), int(labels["y"][inside].sum()))
        theirs = (summary["class_balance"]["labeled"], summary["class_balance"]["positives"])
        if ours != theirs:
            differ += 1
            print(f"{name}: {ours} labels and positives against {theirs}", file=sys.stderr)
        for mine, fold in zip(folds, summary["folds"]):
            compared += 1
            if mine[0] != fold["trades"] or abs(mine[1] - fold["net_r"]) > 1e-6:
                differ += 1
                print(f"{name} fold {fold['index']}: {mine[0]} trades, {mine[1]:.6f} R against {fold['trades']}, {fold['net_r']:.6f} R", file=sys.stderr)
        if abs(value - summary["value"]) > 1e-6:
            differ += 1
            print(f"{name}: value {value} against {summary['value']}", file=sys.stderr)
    print(json.dumps({"folds": compared, "differ": differ, "trials": len(summaries)}))
    return 1 if differ else 0


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], sys.argv[3], *(int(word) for word in sys.argv[4:7]))
    else:
        sys.exit(check(sys.argv[2], sys.argv[3], sys.argv[4:]))
