"""The figures of docs/tuner.md: bench/quality_table.py against scipy and against cases that can be counted by hand."""

import random
import sys
from pathlib import Path

import pytest

stats = pytest.importorskip("scipy.stats", reason="scipy is not installed in this environment (tools/setup)")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import quality_table as table  # noqa: E402


def test_probability_counts_pairs():
    assert table.smaller([[1.0], [2.0]], [3.0, 4.0]).p == 1.0
    assert table.smaller([[3.0], [4.0]], [1.0, 2.0]).p == 0.0
    assert table.smaller([[1.0], [1.0], [5.0]], [1.0, 2.0, 2.0]).p == pytest.approx((0.5 + 2 + 0.5 + 2) / 9)
    assert table.smaller([[1.0, 3.0], [2.0, 5.0]], [2.0, 4.0]).p == pytest.approx((2 + 1 + 1.5 + 0) / 8)


@pytest.mark.parametrize("studies", [1, 5])  # of ours from each start
@pytest.mark.parametrize("shared", [0.0, 1.5])  # the common start
def test_probability_is_the_mann_whitney_statistic_and_its_variance_is_that_of_repetitions(shared, studies):
    random_ = random.Random(3)
    estimates, variances = [], []
    for _ in range(400):
        starts = [random_.gauss(0, shared) for _ in range(40)]
        ours = [[round(start + random_.gauss(-0.3, 1), 1) for _ in range(studies)] for start in starts]
        peer = [round(start + random_.gauss(0, 1), 1) for start in starts]
        one = table.smaller(ours, peer)
        assert one.p == pytest.approx(stats.mannwhitneyu(peer, sum(ours, [])).statistic / (1600 * studies))
        estimates.append(one.p)
        variances.append(one.variance)
    mean = sum(estimates) / len(estimates)
    spread = sum((e - mean) ** 2 for e in estimates) / (len(estimates) - 1)
    assert sum(variances) / len(variances) == pytest.approx(spread, rel=0.2)
    true = stats.norm.cdf(0.3 / (2 * (1 + shared**2)) ** 0.5)
    covered = sum(abs(e - true) <= table.Z95 * v**0.5 for e, v in zip(estimates, variances)) / len(estimates)
    assert 0.91 <= covered <= 0.98


def test_holm_rejects_in_order_until_the_first_that_stands():
    assert table.holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert table.holm([0.06, 0.012, 0.2], 0.05) == [False, True, False]
    assert table.holm([1.0, 0.02], 0.05) == [False, True]


def test_best_and_area_of_a_curve():
    curve = [[0, 4.0], [2, 1.0], [150, 0.0]]
    assert table.best(curve, 100) == 1.0
    assert table.best(curve, 300) == 0.0
    assert table.area(curve, 100) == pytest.approx((2 * 4 + 98 * 1) / 100)
    assert table.area(curve, 300) == pytest.approx((2 * 4 + 148 * 1) / 300)


def test_what_was_wanted_is_judged():
    same = table.Found("same", "1 float", [[[[0, float(i)]]] for i in range(50)], [[[0, float(i)]] for i in range(50)])
    worse = table.Found("worse", "1 float", [[[[0, float(i + 30)]]] for i in range(50)], [[[0, float(i)]] for i in range(50)])
    good = table.document([same], "optuna 5.0.0")
    assert "every P at least 0.42: yes" in good and "none significantly worse: yes" in good
    bad = table.document([same, worse], "optuna 5.0.0")
    assert "every P at least 0.42: NO" in bad and "none significantly worse: NO: worse (best of 100)" in bad
