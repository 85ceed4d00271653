"""What keeps a backtest honest, against others: Sharpe statistics against SciPy's moments and the published example, overfitting against brute force,
bootstraps and multiple tests against arch.

Runs `honesty_dump`, found in SOFIA_BIN_DIR or build/release/bin. `make nightly` asks skfolio too (test_honesty_skfolio.py).
"""

import itertools
import json
import math
import subprocess
import warnings

import numpy as np
import pytest
from scipy import stats

from binaries import BIN

arch = pytest.importorskip("arch.bootstrap", reason="arch is not installed in this environment (tools/setup)")

DUMP = BIN / "honesty_dump"


def ours(*cases):
    assert DUMP.exists(), f"{DUMP} is missing: build the target honesty_dump or set SOFIA_BIN_DIR"
    done = subprocess.run([DUMP], input=json.dumps(cases), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def autoregression(random, count, phi):
    values = np.empty(count + 100)
    values[0] = 0.0
    noise = random.standard_normal(count + 100)
    for i in range(1, count + 100):
        values[i] = phi * values[i - 1] + noise[i]
    return values[100:]


# Sharpe ratios


def skewed_returns(seed, count=500):
    random = np.random.default_rng(seed)
    return np.where(random.random(count) < 0.6, 0.0, random.exponential(size=count) - 0.8)


def test_sharpe_figures_equal_the_formulas_over_scipys_moments():
    samples = [(skewed_returns(seed, 300 + 50 * seed), 0.05 * np.random.default_rng(100 + seed).standard_normal(2 + 40 * seed)) for seed in range(5)]
    found = ours(*({"ask": "sharpe", "returns": list(r), "trials": list(t)} for r, t in samples))
    for (returns, trials), mine in zip(samples, found):
        sharpe = returns.mean() / returns.std(ddof=1)
        spread = 1 - stats.skew(returns) * sharpe + (stats.kurtosis(returns, fisher=False) - 1) / 4 * sharpe**2
        count = len(trials)
        best = trials.std(ddof=1) * ((1 - np.euler_gamma) * stats.norm.ppf(1 - 1 / count) + np.euler_gamma * stats.norm.ppf(1 - 1 / (count * np.e)))

        def probability(benchmark):
            return stats.norm.cdf((sharpe - benchmark) * np.sqrt((len(returns) - 1) / spread))

        assert mine["sharpe"] == pytest.approx(sharpe, rel=1e-12)
        assert mine["expected_best"] == pytest.approx(best, rel=1e-12)
        assert mine["psr"] == pytest.approx(probability(0.0), rel=1e-12)
        assert mine["dsr"] == pytest.approx(probability(best), rel=1e-11)
        if sharpe > 0:
            assert mine["min_track_record"] == pytest.approx(1 + spread * (stats.norm.ppf(0.95) / sharpe) ** 2, rel=1e-11)
        else:
            assert mine["min_track_record"] is None


# Overfitting


def brute_force(matrix, blocks, ranking):
    """Bailey, Borwein, López de Prado, Zhu (2017), from the periods themselves: `matrix` is periods by trials."""
    pieces = np.array_split(matrix, blocks)
    trials = matrix.shape[1]
    out = {"chosen": [], "relative_ranks": [], "inside": [], "outside": []}
    for picked in itertools.combinations(range(blocks), blocks // 2):
        inside = np.concatenate([pieces[b] for b in picked])
        outside = np.concatenate([pieces[b] for b in range(blocks) if b not in picked])

        def score(part):
            return part.mean(axis=0) if ranking == "mean" else part.mean(axis=0) / part.std(axis=0, ddof=1)

        before, after = score(inside), score(outside)
        best = int(np.argmax(before))
        out["chosen"].append(best)
        out["relative_ranks"].append(stats.rankdata(after)[best] / (trials + 1))
        out["inside"].append(before[best])
        out["outside"].append(after[best])
    return {name: np.array(values) for name, values in out.items()}


def check_overfitting(matrix, blocks, ranking, tolerance):
    (mine,) = ours({"ask": "overfitting", "series": matrix.T.tolist(), "blocks": blocks, "ranking": ranking})
    theirs = brute_force(matrix, blocks, ranking)
    np.testing.assert_array_equal(mine["chosen"], theirs["chosen"])
    np.testing.assert_array_equal(mine["relative_ranks"], theirs["relative_ranks"])
    assert mine["probability"] == np.mean(theirs["relative_ranks"] <= 0.5)
    assert mine["probability_of_loss"] == np.mean(theirs["outside"] < 0)
    np.testing.assert_allclose(mine["logits"], np.log(theirs["relative_ranks"] / (1 - theirs["relative_ranks"])), rtol=1e-13, atol=1e-15)
    for side in ("inside", "outside"):
        np.testing.assert_allclose(mine[side], theirs[side], rtol=tolerance, atol=tolerance)
    line = stats.linregress(theirs["inside"], theirs["outside"])
    assert mine["slope"] == pytest.approx(line.slope, rel=1e-9, abs=1e-12)
    assert mine["intercept"] == pytest.approx(line.intercept, rel=1e-9, abs=1e-12)
    assert mine["r_squared"] == pytest.approx(line.rvalue**2, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("ranking", ["mean", "sharpe"])
@pytest.mark.parametrize("blocks, periods, trials", [(4, 12, 3), (6, 41, 8), (10, 200, 25)])
def test_overfitting_equals_brute_force(ranking, blocks, periods, trials):
    random = np.random.default_rng(blocks)
    check_overfitting(random.standard_normal((periods, trials)) + 0.1 * random.standard_normal(trials), blocks, ranking, 1e-12)


def test_overfitting_with_many_ties_equals_brute_force():
    """Multiples of 1/8 over halves of 16 periods: every sum and mean is exact, so equal is equal on both sides."""
    values = np.random.default_rng(5).integers(-4, 5, (32, 12)) / 8.0
    check_overfitting(values, 8, "mean", 0.0)


def test_all_sixteen_blocks_equal_brute_force():
    check_overfitting(np.random.default_rng(16).standard_normal((64, 5)), 16, "sharpe", 1e-12)


# Block length


def small_correlations(x):
    """Which correlations are small for arch, which takes those of the overlapping parts, and for the paper: autocovariances over the variance."""
    centred = x - x.mean()
    critical = 2 * math.sqrt(math.log10(len(x)) / len(x))
    lags = range(1, math.ceil(math.sqrt(len(x))) + 5)  # as far as either looks
    products = [abs(centred[k:] @ centred[:-k]) for k in lags]
    papers = [p / (centred @ centred) < critical for p in products]
    archs = [p / math.sqrt((centred[k + 1 :] @ centred[k + 1 :]) * (centred[: -k - 1] @ centred[: -k - 1])) < critical for p, k in zip(products, lags)]
    return papers, archs


def test_block_lengths_equal_archs():
    """To the last digits, unless a correlation is so near to the critical value that only one of the two finds it small."""
    random = np.random.default_rng(7)
    series = [autoregression(random, count, phi) for count in (60, 250, 1000) for phi in (-0.3, 0.0, 0.2, 0.5, 0.8) for _ in range(6)]
    found = ours(*({"ask": "blocks", "values": list(x)} for x in series))
    compared = 0
    for x, mine in zip(series, found):
        papers, archs = small_correlations(x)
        if papers != archs:
            continue
        compared += 1
        theirs = arch.optimal_block_length(x).iloc[0]
        for name in ("stationary", "circular"):
            assert mine[name] == pytest.approx(max(1.0, theirs[name]), rel=1e-9)
    assert compared >= 0.7 * len(series)


# Many candidates


def candidates(seed, periods=120, count=12):
    """Dependent in time and on each other, some good, some hopeless."""
    random = np.random.default_rng(seed)
    common = autoregression(random, periods, 0.2)
    own = np.column_stack([autoregression(random, periods, 0.2) for _ in range(count)])
    return 0.5 * common[:, None] + own + np.linspace(-0.6, 0.45, count)


def draws_of(block, replications, seed, periods):
    bootstrap = arch.StationaryBootstrap(block, np.arange(periods), seed=seed)
    return [data[0][0] for data in bootstrap.bootstrap(replications)]


def ask_superiority(matrix, **how):
    (found,) = ours({"ask": "superiority", "series": matrix.T.tolist(), **how})
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_same_draws_give_archs_spa_and_stepm(seed):
    """arch 8.0 divides no statistic by its deviation, whatever `studentize` says: the scale `none`."""
    matrix, block, replications = candidates(seed), 4, 499
    spa = arch.SPA(np.zeros(len(matrix)), -matrix, block_size=block, reps=replications, seed=11 + seed)
    spa.compute()
    draws = draws_of(block, replications, 11 + seed, len(matrix))
    how = {"block_length": block, "scale": "none", "draws": [d.tolist() for d in draws]}
    mine = ask_superiority(matrix, stepwise="consistent", **how)
    for name in ("lower", "consistent", "upper"):
        # Theirs is k / n, ours (k + 1) / (n + 1).
        assert round(mine[name] * (replications + 1)) - 1 == round(spa.pvalues[name] * replications)
    for size in (0.05, 0.2):
        stepm = arch.StepM(np.zeros(len(matrix)), -matrix, size=size, block_size=block, reps=replications, seed=11 + seed)
        stepm.compute()
        assert np.flatnonzero(np.array(mine["adjusted"]) <= size).tolist() == sorted(stepm.superior_models)


@pytest.mark.parametrize("seed", range(2))
def test_the_same_draws_give_the_textbooks_studentized_tests(seed):
    """Hansen (2005) and Romano, Wolf (2005) written down in NumPy: variance under the stationary bootstrap, step by step over the set that is left."""
    matrix, block, replications = candidates(20 + seed), 3, 299
    periods, count = matrix.shape
    draws = draws_of(block, replications, seed, periods)
    mean = matrix.mean(axis=0)
    centred = matrix - mean
    stay = 1 - 1 / block
    lags = np.arange(1, periods)
    weights = (1 - lags / periods) * stay**lags + lags / periods * stay ** (periods - lags)
    covariance = np.array([(centred[k:] * centred[: periods - k]).sum(axis=0) / periods for k in range(periods)])
    deviation = np.sqrt(covariance[0] + 2 * weights @ covariance[1:])
    statistics = math.sqrt(periods) * mean / deviation
    resampled = np.array([matrix[d].mean(axis=0) for d in draws])
    kept = {
        "lower": np.maximum(mean, 0),
        "consistent": np.where(statistics < -math.sqrt(2 * math.log(math.log(periods))), 0, mean),
        "upper": mean,
    }
    mine = ask_superiority(matrix, block_length=block, scale="deviation", stepwise="upper", draws=[d.tolist() for d in draws])
    np.testing.assert_allclose(mine["statistics"], statistics, rtol=1e-10)
    for name, centre in kept.items():
        largest = (math.sqrt(periods) * (resampled - centre) / deviation).max(axis=1)
        assert round(mine[name] * (replications + 1)) - 1 == np.sum(largest >= statistics.max())
    simulated = math.sqrt(periods) * (resampled - mean) / deviation
    for level in (0.05, 0.1, 0.3):
        rejected = set()
        while True:
            left = [c for c in range(count) if c not in rejected]
            if not left:
                break
            largest = simulated[:, left].max(axis=1)
            more = {c for c in left if (1 + np.sum(largest >= statistics[c])) / (1 + replications) <= level}
            if not more:
                break
            rejected |= more
        assert {c for c in range(count) if mine["adjusted"][c] <= level} == rejected


def test_our_own_draws_agree_with_archs_within_monte_carlo_error():
    """Both p-values are binomial shares of many draws."""
    replications = 20_000
    for seed in range(3):
        matrix = candidates(seed) - 0.25
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spa = arch.SPA(np.zeros(len(matrix)), -matrix, block_size=5, reps=replications // 4, seed=seed)
            spa.compute()
        mine = ask_superiority(matrix, block_length=5, scale="none", stepwise="upper", seed=seed, replications=replications)
        for name in ("lower", "consistent", "upper"):
            p = spa.pvalues[name]
            error = math.sqrt(p * (1 - p) * (4 + 1) / replications) + 1 / replications
            assert abs(mine[name] - p) < 4 * error, (seed, name, mine[name], p)
