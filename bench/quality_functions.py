"""What the tuner and Optuna search, side by side: one Python objective for both, as a user of Optuna writes it.

A trial has suggest_float, suggest_int and suggest_categorical. All are minimized. FUNCTIONS are the cheap ones (their smallest values are known, and
most are built into `sofia study run --function`), SEARCHES fit LightGBM on made data.
"""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Function:
    name: str
    space: str  # in words, for the table
    objective: Callable
    seeds: int
    studies: int = 1  # of ours from the start of every seed

    def fingerprint(self) -> str:
        """Another definition, another fingerprint: results are kept by it."""
        source = inspect.getsource(self.objective)
        if self.objective in (classifier, regressor):
            source += inspect.getsource(made_rows) + inspect.getsource(classifier_data) + inspect.getsource(regressor_data) + inspect.getsource(fitted)
        return hashlib.sha256(source.encode()).hexdigest()[:12]


def sphere20(trial):
    return sum(trial.suggest_float(f"x{i}", -5.0, 5.0) ** 2 for i in range(20))


def ackley5(trial):
    x = [trial.suggest_float(f"x{i}", -5.0, 5.0) for i in range(5)]
    squares = sum(v * v for v in x) / len(x)
    waves = sum(math.cos(2 * math.pi * v) for v in x) / len(x)
    return -20 * math.exp(-0.2 * math.sqrt(squares)) - math.exp(waves) + 20 + math.e


def rosenbrock4(trial):
    x = [trial.suggest_float(f"x{i}", -2.0, 2.0) for i in range(4)]
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def branin(trial):
    x, y = trial.suggest_float("x0", -5.0, 10.0), trial.suggest_float("x1", 0.0, 15.0)
    valley = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(trial):
    x = [trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(6)]
    height = (1.0, 1.2, 3.0, 3.2)
    sharp = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
    place = ((0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886), (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
             (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650), (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381))
    return -sum(h * math.exp(-sum(a * (v - p) ** 2 for a, v, p in zip(s, x, at))) for h, s, at in zip(height, sharp, place))


def mixed(trial):
    x = trial.suggest_float("x", -5.0, 5.0)
    rate = trial.suggest_float("rate", 1e-5, 1.0, log=True)
    leaves = trial.suggest_int("leaves", 4, 256, step=4)
    boost = trial.suggest_categorical("boost", ["gbdt", "dart", "goss"])
    return (x - 1) ** 2 + (math.log10(rate) + 2) ** 2 + ((leaves - 64) / 64) ** 2 + (0 if boost == "dart" else 1)


def conditional(trial):
    if trial.suggest_categorical("model", ["line", "tree"]) == "line":
        return 0.5 + (trial.suggest_float("slope", -2.0, 2.0) - 1) ** 2
    depth, rate = trial.suggest_int("depth", 1, 12), trial.suggest_float("rate", 1e-3, 1.0, log=True)
    return ((depth - 6) / 4) ** 2 + (math.log10(rate) + 1) ** 2


def log_scales(trial):
    """A valley across two logarithmic floats, and two logarithmic integers; 0 is the smallest value but for rounding to integers."""
    a = math.log10(trial.suggest_float("a", 1e-6, 1.0, log=True))
    b = math.log10(trial.suggest_float("b", 1e-3, 1e3, log=True))
    n = math.log2(trial.suggest_int("n", 1, 1024, log=True))
    m = math.log10(trial.suggest_int("m", 1, 10_000, log=True))
    return (a + 3) ** 2 + 4 * (a + b + 2) ** 2 + ((n - 6) / 2) ** 2 + abs(m - 2)


def integers(trial):
    """Eight integers, half of them with a step, neighbours coupled; smallest value 0."""
    k = [trial.suggest_int(f"k{i}", -10, 10) if i % 2 else trial.suggest_int(f"k{i}", -20, 20, step=2) / 2 for i in range(8)]
    away = [v - (i - 3) for i, v in enumerate(k)]
    return sum(v * v for v in away) + 0.5 * sum((v - w) ** 2 for v, w in zip(away, away[1:]))


def choices(trial):
    """Six categories of five, each with a value of its own and one with its neighbour; smallest value -5.2716 of all 15,625."""
    c = [ord(trial.suggest_categorical(f"c{i}", ["a", "b", "c", "d", "e"])) - ord("a") for i in range(6)]
    alone = sum(math.sin(7.0 * i + 3.1 * v) for i, v in enumerate(c))
    return alone + 0.5 * sum(math.cos(5.0 * i + 2.3 * v + 4.7 * v * w) for i, (v, w) in enumerate(zip(c, c[1:])))


def pipeline(trial):
    """Three kinds of models, each with parameters of its own, one of them with layers by number; smallest value 0."""
    loss = {"none": 0.3, "unit": 0.0, "rank": 0.1}[trial.suggest_categorical("scaler", ["none", "unit", "rank"])]
    model = trial.suggest_categorical("model", ["line", "tree", "net"])
    if model == "line":
        return loss + 0.6 + 0.1 * (math.log10(trial.suggest_float("l2", 1e-6, 1e2, log=True)) + 1) ** 2
    if model == "tree":
        leaves, rate = trial.suggest_int("leaves", 2, 512, log=True), trial.suggest_float("tree_rate", 1e-3, 1.0, log=True)
        bag = trial.suggest_float("bag", 0.2, 1.0, step=0.05)
        return loss + 0.2 + 0.1 * (math.log2(leaves) - 5) ** 2 + (math.log10(rate) + 1.5) ** 2 + (bag - 0.7) ** 2
    layers = trial.suggest_int("layers", 1, 3)
    widths = [trial.suggest_int(f"width{i}", 8, 256, log=True) for i in range(layers)]
    drop, rate = trial.suggest_float("drop", 0.0, 0.6), trial.suggest_float("net_rate", 1e-5, 1e-1, log=True)
    shape = sum((math.log2(w) - 6 + i) ** 2 for i, w in enumerate(widths)) / layers
    return loss + 0.2 * abs(layers - 2) + 0.2 * shape + (drop - 0.2) ** 2 + (math.log10(rate) + 3) ** 2


def made_rows(seed: int, rows: int):
    """Columns, and a signal of a few of them with interactions."""
    import numpy as np

    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 12))
    signal = x[:, 0] + np.sin(2 * x[:, 1]) + x[:, 2] * x[:, 3] + 0.5 * np.abs(x[:, 4]) - 0.5 * (x[:, 5] > 0.3)
    return x, signal, random


@cache
def classifier_data():
    x, signal, random = made_rows(11, 900)
    y = (signal + random.normal(scale=1.0, size=len(signal)) > 0.3).astype(float)
    return x[:500], y[:500], x[500:], y[500:]


@cache
def regressor_data():
    x, signal, random = made_rows(12, 900)
    y = signal + random.standard_t(3, size=len(signal))
    return x[:500], y[:500], x[500:], y[500:]


def fitted(parameters: dict, rounds: int, data):
    """The predictions for the held-out rows. Deterministic: one thread, fixed seeds."""
    import lightgbm

    x, y, held_out, _ = data
    fixed = {"num_threads": 1, "seed": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1, "feature_pre_filter": False}
    train = lightgbm.Dataset(x, y, params={**fixed, "max_bin": parameters.get("max_bin", 63)})
    return lightgbm.train({**fixed, "max_bin": 63, **parameters}, train, num_boost_round=rounds).predict(held_out, num_threads=1)


def classifier(trial):
    """Nine parameters of every kind, all always present. The value is the held-out log loss."""
    parameters = {
        "objective": "binary",
        "boosting": trial.suggest_categorical("boosting", ["gbdt", "dart"]),
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 0.5, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 2, 64, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 1, 60),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.3, 1.0, step=0.1),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.3, 1.0),
        "bagging_freq": trial.suggest_int("bagging_freq", 0, 5),
        "lambda_l2": trial.suggest_float("lambda_l2", 1e-6, 100.0, log=True),
        "max_bin": trial.suggest_int("max_bin", 7, 63, step=8),
    }
    data = classifier_data()
    p = fitted(parameters, 25, data)
    y = data[3]
    p = p.clip(1e-9, 1 - 1e-9)
    return -sum(math.log(v if t else 1 - v) for v, t in zip(p.tolist(), y.tolist())) / len(y)


def regressor(trial):
    """The loss and the sampling decide which other parameters there are. The value is the held-out mean absolute error."""
    parameters = {
        "objective": trial.suggest_categorical("objective", ["l2", "l1", "huber"]),
        "learning_rate": trial.suggest_float("learning_rate", 1e-2, 0.5, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 2, 64, log=True),
    }
    if parameters["objective"] == "huber":
        parameters["alpha"] = trial.suggest_float("alpha", 0.1, 10.0, log=True)
    sampling = trial.suggest_categorical("sampling", ["none", "bagging", "goss"])
    if sampling == "bagging":
        parameters |= {"bagging_freq": 1, "bagging_fraction": trial.suggest_float("fraction", 0.2, 1.0)}
    elif sampling == "goss":
        top = trial.suggest_float("top_rate", 0.1, 0.6)
        parameters |= {"data_sample_strategy": "goss", "top_rate": top, "other_rate": trial.suggest_float("other_rate", 0.05, 0.35)}
    if trial.suggest_categorical("regularize", [False, True]):
        parameters |= {"lambda_l1": trial.suggest_float("lambda_l1", 1e-4, 10.0, log=True), "min_gain_to_split": trial.suggest_float("gain", 0.0, 2.0)}
    data = regressor_data()
    p = fitted(parameters, 25, data)
    return float(abs(p - data[3]).mean())


FUNCTIONS = {
    one.name: one
    for one in (
        Function("branin", "2 floats", branin, 150, 5),
        Function("conditional", "3: category, float; or integer, log float", conditional, 150, 5),
        Function("rosenbrock4", "4 floats", rosenbrock4, 150, 5),
        Function("mixed", "4: float, log float, stepped integer, category", mixed, 150, 5),
        Function("log_scales", "4: log floats and log integers", log_scales, 150, 5),
        Function("ackley5", "5 floats", ackley5, 150, 5),
        Function("hartmann6", "6 floats", hartmann6, 150, 5),
        Function("choices", "6 categories", choices, 150, 5),
        Function("integers", "8 integers, half with a step", integers, 150, 5),
        Function("pipeline", "up to 12, nested conditions, every kind", pipeline, 150, 5),
        Function("sphere20", "20 floats", sphere20, 150, 5),
        Function("lightgbm classifier", "9: every kind", classifier, 60),
        Function("lightgbm regressor", "4 to 9, conditional, every kind", regressor, 60),
    )
}
