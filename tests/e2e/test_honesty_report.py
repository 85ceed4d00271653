"""What a backtest says its figures are worth, recomputed with NumPy from the files that a study leaves: deflated Sharpe ratio, overfitting, null score,
adjusted test figures, intervals and benchmarks."""

import csv
import itertools
import json
import math
import shutil
from statistics import NormalDist

import numpy as np
import pytest

from binaries import answer, sofia

FOLDS, MIN_TRADES, TOLERANCE, TRIALS, STARTUP = 4, 2, 0.01, 8, 3
SMALL = [
    "touch.timeframes=15m", "features.columns=m15.*,h1.*", f"split.folds={FOLDS}", f"score.min_trades={MIN_TRADES}", "fit.min_train_rows=20",
    "model.rounds=20", "model.min_data_in_leaf=5", "costs.fee_percent=0.001", "costs.maker_fee_percent=0.001", "costs.max_fee_r=1",
    "select.min_trades=5", "select.top=4", f"tune.startup_trials={STARTUP}", "gate.ev_margin=0.1", "tune.pruner=threshold:lower=-0.2",
    "search={learning_rate: {type: float, low: 0.01, high: 0.2, log: true}, stop_atr: {type: float, low: 1, high: 3},"
    " target_r: {type: float, low: 0.8, high: 2}, max_hold_bars: {type: int, low: 8, high: 48}}",
]


def tune(cwd, study, trials, *more):
    words = ["tune", "--data-dir", "data/SIMUSDT", "--model-dir", "models", "--study", study, "--seed", 11, "--trials", trials]
    for setting in [*SMALL, *more]:
        words += ["--set", setting]
    return answer(*words, cwd=cwd)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Tuned, selected, trained and run over test; with the folder, the champion and its train config."""
    folder = tmp_path_factory.mktemp("honest")
    sofia("data", "simulate", "--out", "data", "--days", 60, "--trades", 200_000, "--seed", 5, "--edge", 1, "--quiet", cwd=folder)
    tune(folder, "one", TRIALS)
    selected = answer("select", "--model-dir", "models", "--study", "one", "--set", "select.min_expectancy_r=-1", cwd=folder)
    config = answer("train", "--from-tuning", selected["champion_summary"], cwd=folder)["train_config"]
    answer("backtest", "--train-config", config, cwd=folder)
    return folder, selected, config


def metrics_of(folder, config, window="test"):
    trial = json.loads((folder / config).read_text())["trial"]
    return json.loads((folder / f"models/one/model_{trial}/backtest_{window}/metrics.json").read_text())


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def summaries(folder, study="one"):
    found = [json.loads(path.read_text()) for path in (folder / "models" / study).glob("tuning_summary_*.json")]
    return sorted(found, key=lambda one: one["trial"])


def sharpe(daily):
    daily = np.asarray(daily)
    return daily.mean() / daily.std(ddof=1) if len(daily) > 2 and daily.std(ddof=1) > 0 else np.nan


def psr(daily, benchmark):
    daily = np.asarray(daily)
    z = (daily - daily.mean()) / daily.std()
    sr = sharpe(daily)
    spread = 1 - (z**3).mean() * sr + ((z**4).mean() - 1) / 4 * sr**2
    return NormalDist().cdf((sr - benchmark) * math.sqrt(len(daily) - 1) / math.sqrt(spread))


def expected_best(variance, n):
    c, q = 0.5772156649015329, NormalDist().inv_cdf
    return math.sqrt(variance) * ((1 - c) * q(1 - 1 / n) + c * q(1 - 1 / (n * math.e)))


def test_a_summary_keeps_what_its_figures_of_luck_are_made_of(job):
    folder, _, _ = job
    for one in summaries(folder):
        assert one["origin"] == ("startup" if one["trial"] < STARTUP else "sampled")
        assert sum(one["daily_trades"]) == sum(fold["trades"] for fold in one["folds"])
        assert len(one["daily_trades"]) == len(one["daily_net_r"])
        for fold in one["folds"]:
            assert len(fold["trade_net_r"]) == fold["trades"]
            assert sum(fold["trade_net_r"]) == pytest.approx(fold["net_r"], abs=1e-9)
        assert sum(one["daily_net_r"]) == pytest.approx(sum(fold["net_r"] for fold in one["folds"]), abs=1e-9)
        assert all(r == 0 for r, count in zip(one["daily_net_r"], one["daily_trades"]) if count == 0)


def test_the_deflated_sharpe_ratio_counts_every_trial_on_the_data(job):
    folder, selected, config = job
    luck = metrics_of(folder, config)["luck"]
    trials = summaries(folder)
    ratios = {one["trial"]: sharpe(one["daily_net_r"]) for one in trials}
    assert (luck["trials"], luck["studies"]) == (TRIALS, {"one": TRIALS})
    everyone = [value for value in ratios.values() if not np.isnan(value)]
    startup = [value for trial, value in ratios.items() if trial < STARTUP and not np.isnan(value)]
    assert luck["variance_all"] == pytest.approx(np.var(everyone, ddof=1), rel=1e-9)
    assert luck["variance_startup"] == pytest.approx(np.var(startup, ddof=1), rel=1e-9)
    assert luck["variance"] == max(luck["variance_all"], luck["variance_startup"])
    longest = max(len(one["daily_net_r"]) for one in trials)
    whole = np.array([one["daily_net_r"] for one in trials if len(one["daily_net_r"]) == longest and np.std(one["daily_net_r"]) > 0])
    pairs = np.corrcoef(whole)[np.triu_indices(len(whole), 1)].mean()
    assert luck["mean_correlation"] == pytest.approx(pairs, abs=1e-9)
    assert luck["effective_trials"] == pytest.approx(max(pairs, 0) + (1 - max(pairs, 0)) * TRIALS, rel=1e-9)
    champion = next(one for one in trials if one["trial"] == selected["champion"])
    window = metrics_of(folder, config)["daily_net_r"]
    for part, daily in (("tuning", champion["daily_net_r"]), ("window", window)):
        best = expected_best(luck["variance"], TRIALS)
        assert luck[part]["days"] == len(daily)
        assert luck[part]["sharpe_daily"] == pytest.approx(sharpe(daily), rel=1e-9)
        assert luck[part]["expected_best_sharpe"] == pytest.approx(best, rel=1e-6)
        assert luck[part]["psr"] == pytest.approx(psr(daily, 0), abs=1e-6)
        assert luck[part]["dsr"] == pytest.approx(psr(daily, best), abs=1e-6)
        assert luck[part]["dsr_effective"] == pytest.approx(psr(daily, expected_best(luck["variance"], luck["effective_trials"])), abs=1e-6)
    assert luck["window"]["psr"] == metrics_of(folder, config)["psr"]


def robust(folds, thin):
    """By split and trial: the robust score, the keys of ties and whether it is feasible, as docs/touch.md says under Scores; splits x folds x trials."""
    values = np.quantile(folds, 0.25, axis=1)
    lower = folds.mean(axis=1) - 1.645 * folds.std(axis=1, ddof=1) / math.sqrt(folds.shape[1])
    return values, np.quantile(folds, 0.75, axis=1) - values, lower, thin.mean(axis=1) <= 0.25


def ranked(values, spread, lower, feasible):
    """Trials from best to worst."""
    left = [i for i in range(len(values)) if feasible[i]]
    order = []
    while left:
        best = max(values[i] for i in left)
        cluster = sorted((i for i in left if best - values[i] <= TOLERANCE), key=lambda i: (spread[i], -lower[i], i))
        order += cluster
        left = [i for i in left if i not in cluster]
    return order


def test_overfitting_is_that_of_the_tuners_own_choice(job):
    folder, _, config = job
    found = metrics_of(folder, config)["luck"]["overfitting"]
    trials = summaries(folder)
    longest = max(len(one["daily_net_r"]) for one in trials)
    whole = [one for one in trials if len(one["daily_net_r"]) == longest]
    assert found["trials"] == [one["trial"] for one in whole]
    assert found["left_out"] == [one["trial"] for one in trials if len(one["daily_net_r"]) < longest]
    assert found["min_trades"] == max(1, -(-MIN_TRADES * FOLDS // 16))
    net = np.array([[block.sum() for block in np.array_split(np.array(one["daily_net_r"]), 16)] for one in whole]).T
    count = np.array([[block.sum() for block in np.array_split(np.array(one["daily_trades"]), 16)] for one in whole]).T
    scores = np.where(count > 0, net / np.maximum(count, found["min_trades"]), 0.0)
    thin = count < found["min_trades"]
    halves = np.array(list(itertools.combinations(range(16), 8)))
    figures = robust(scores[halves], thin[halves])
    # In lexicographic order the other half of a split is its mirror image.
    orders = [ranked(*(part[i].tolist() for part in figures)) for i in range(len(halves))]
    logits, lost, splits, without = [], 0, len(halves), 0
    for i, order in enumerate(orders):
        if not order:
            without += 1
            continue
        after, values = orders[-1 - i], figures[0][-1 - i]
        places = np.zeros(len(whole))
        for place, one in enumerate(after):
            places[one] = len(whole) - place
        others = [one for one in range(len(whole)) if one not in after]
        for one in others:
            places[one] = (len(others) + 1) / 2
        omega = places[order[0]] / (len(whole) + 1)
        logits.append(math.log(omega / (1 - omega)))
        lost += values[order[0]] < 0
    assert (found["splits"], found["without_choice"]) == (splits, without)
    if logits:
        assert found["pbo"] == pytest.approx(np.mean(np.array(logits) <= 0), abs=2 / splits)
        assert found["probability_of_loss"] == pytest.approx(lost / len(logits), abs=2 / splits)
    else:
        assert found["pbo"] is None


def test_the_null_score_is_what_trials_without_skill_reach(job):
    folder, selected, config = job
    found = metrics_of(folder, config)["luck"]["null_score"]
    champion = next(one for one in summaries(folder) if one["trial"] == selected["champion"])
    r = np.array([value for fold in champion["folds"] for value in fold["trade_net_r"]])
    r = r - r.mean()
    random = np.random.default_rng(1)
    best = []
    for _ in range(1000):
        folds = [random.choice(r, (TRIALS, fold["trades"])).sum(axis=1) / max(fold["trades"], MIN_TRADES) for fold in champion["folds"]]
        best.append(np.quantile(folds, 0.25, axis=0).max())
    assert found["score"] == champion["robust_score"] and found["trials"] == TRIALS
    assert found["expected_best"] == pytest.approx(np.mean(best), abs=4 * math.hypot(found["standard_error"], np.std(best) / math.sqrt(1000)))
    assert found["p"] == pytest.approx(np.mean(np.array(best) >= champion["robust_score"]), abs=0.06)
    assert found["quantile_95"] > found["expected_best"]


def test_test_figures_are_adjusted_for_all_that_ran_over_test(job):
    folder, selected, config = job
    found = metrics_of(folder, config)["luck"]["adjusted_test"]
    candidates = {one["trial"]: one for one in selected["candidates"]}
    assert found["trials"] == sorted(candidates)
    assert found["stepm_p"] == candidates[selected["champion"]]["adjusted_p"]
    assert selected["superiority"]["p_consistent"] == found["spa_p_consistent"]
    assert found["spa_p_lower"] <= found["spa_p_consistent"] <= found["spa_p_upper"]
    # The first step of the stepwise test is the test of the best one.
    assert min(one["adjusted_p"] for one in candidates.values()) == found["spa_p_upper"]
    for trial, one in candidates.items():
        daily = one["test"]["daily_net_r"]
        assert len(daily) == found["days"] and sum(daily) == pytest.approx(one["test"]["net_r"], abs=1e-9)
    stages = {stage["stage"]: stage for stage in metrics_of(folder, config)["luck"]["stages"]}
    test = candidates[selected["champion"]]["test"]
    assert (stages["test"]["trades"], stages["test"]["net_r"]) == (test["trades"], test["net_r"])
    assert list(stages) == ["tuning", "test", "shadow"]


def test_intervals_and_splits_are_those_of_the_trades(job):
    folder, _, config = job
    found = metrics_of(folder, config)
    trades = rows_of(folder / f"models/one/model_{json.loads((folder / config).read_text())['trial']}/backtest_test/trades.csv")
    net = np.array([float(row["net_r"]) for row in trades])
    gross = np.array([float(row["gross_r"]) for row in trades])
    intervals = found["intervals"]
    for values, name in ((net, "expectancy_r"), (gross, "gross_expectancy_r"), (np.array(found["daily_net_r"]), "daily_net_r")):
        interval = intervals[name]
        assert interval["mean"] == pytest.approx(values.mean(), abs=1e-9)
        assert interval["lower"] < interval["mean"] < interval["upper"]
        # Of a handful of trades a studentized interval is as wide as it likes, but never much narrower than the plain one.
        assert interval["upper"] - interval["lower"] > 0.8 * 1.96 * values.std(ddof=1) / math.sqrt(len(values))
    assert sum(group["trades"] for group in found["by_regime"]) == len(net)
    assert sum(group["net_r"] for group in found["by_regime"]) == pytest.approx(net.sum(), abs=1e-9)
    if len(net) >= 5:
        assert [group["trades"] for group in found["by_expected_value"]] == [(i + 1) * len(net) // 5 - i * len(net) // 5 for i in range(5)]
        expected = [group["mean_expected_value"] for group in found["by_expected_value"]]
        assert expected == sorted(expected)
    assert sum(month["trades"] for month in found["months"]) == len(net)
    kept = np.sort(net)[: len(net) - -(-len(net) // 20)]
    assert found["net_r_without_best"] == pytest.approx(kept.sum(), abs=1e-9)


def test_every_touch_is_a_backtest_without_gates(job, tmp_path):
    folder, _, config = job
    shutil.copytree(folder, tmp_path / "copy")
    every = metrics_of(folder, config)["benchmarks"]["every_touch"]
    found = answer("backtest", "--train-config", config, "--set", "gate.use_gates=false", cwd=tmp_path / "copy")["metrics"]
    assert every["trades"] > metrics_of(folder, config)["trades"] > 0
    for key in ("signals", "trades", "net_r", "gross_r", "expectancy_r", "net_pnl", "return_percent", "max_drawdown_percent", "sharpe_annual"):
        assert every[key] == found[key], key
    assert found["benchmarks"]["every_touch"] == every


def test_holding_is_the_price_change_less_two_fees(job, tmp_path):
    polars = pytest.importorskip("polars")
    folder, _, config = job
    found = metrics_of(folder, config)
    sofia("bars", "--data-dir", "data/SIMUSDT", "--out", tmp_path, "--quiet", cwd=folder)
    bars = polars.read_parquet(tmp_path / "bars_1m.parquet")
    inside = bars.filter((polars.col("open_time").dt.strftime("%Y-%m-%dT%H:%M:%SZ") >= found["from"])
                         & (polars.col("close_time").dt.strftime("%Y-%m-%dT%H:%M:%SZ") <= found["to"]))
    closes = inside["close"].drop_nans().drop_nulls()
    hold = found["benchmarks"]["buy_and_hold"]
    assert abs(hold["entry_price"] / closes[0] - 1) < 1e-4 and abs(hold["exit_price"] / closes[-1] - 1) < 1e-4
    assert hold["fees"] == pytest.approx(1e-5 * hold["contracts"] * (hold["entry_price"] + hold["exit_price"]), rel=1e-9)
    assert hold["net_pnl"] == pytest.approx(hold["contracts"] * (hold["exit_price"] - hold["entry_price"]) - hold["fees"], rel=1e-9)
    assert hold["contracts"] * hold["entry_price"] == pytest.approx(found["starting_equity"], rel=1e-2)  # whole lots


def test_random_entries_lose_what_they_cost_where_there_is_no_edge(tmp_path):
    sofia("data", "simulate", "--out", "data", "--days", 60, "--trades", 150_000, "--seed", 8, "--edge", 0, "--quiet", cwd=tmp_path)
    best = tune(tmp_path, "one", 2, "costs.fee_percent=0.01", "costs.maker_fee_percent=0.01", "gate.use_gates=false", "tune.pruner=none")["best_summary"]
    config = answer("train", "--from-tuning", best, cwd=tmp_path)["train_config"]
    found = answer("backtest", "--train-config", config, "--window", "all", "--in-sample", cwd=tmp_path)["metrics"]
    random = found["benchmarks"]["random_entries"]
    assert random["runs"] == 1000 and random["fewest"] == random["trades"] == found["trades"] > 50
    cost = (found["fee_r"] + found["slip_r"]) / found["trades"]
    assert random["gross_expectancy_r"] - random["expectancy_r"] == pytest.approx(cost, rel=0.25)
    # Some 60 days of trades that overlap: a standard error of about 0.06 R.
    assert abs(random["gross_expectancy_r"]) < 0.25
    assert random["expectancy_r_5"] < random["expectancy_r"] < random["expectancy_r_95"]
    assert 0 <= random["percentile"] <= 1 and 0 < random["p"] <= 1


def test_threads_change_none_of_it(job, tmp_path):
    folder, _, config = job
    shutil.copytree(folder, tmp_path / "copy")
    whole = metrics_of(folder, config)
    for words in (["--threads", 1], ["--threads", 3, "--seed", 99]):
        answer("backtest", "--train-config", config, *words, cwd=tmp_path / "copy")
        assert metrics_of(tmp_path / "copy", config) == whole


def test_failed_trials_and_other_studies_count_and_older_summaries_are_said_to_be(job, tmp_path):
    folder, selected, config = job
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    other = max(trial for trial in range(TRIALS) if trial != selected["champion"])
    (copy / f"models/one/tuning_summary_{other}.json").unlink()  # as if it had failed
    answer("backtest", "--train-config", config, cwd=copy)
    assert metrics_of(copy, config)["luck"]["trials"] == TRIALS
    tune(copy, "two", 1)
    answer("backtest", "--train-config", config, cwd=copy)
    luck = metrics_of(copy, config)["luck"]
    assert (luck["trials"], luck["studies"]) == (TRIALS + 1, {"one": TRIALS, "two": 1})
    path = copy / "models/one/tuning_summary_0.json"
    older = json.loads(path.read_text())
    del older["daily_trades"]
    path.write_text(json.dumps(older))
    told = sofia("backtest", "--train-config", config, cwd=copy)
    assert "no figures on the luck of the choice" in told.stderr and "daily_trades" in told.stderr
    assert metrics_of(copy, config)["luck"] is None
    assert metrics_of(copy, config)["benchmarks"] == metrics_of(folder, config)["benchmarks"]


def test_the_report_and_the_terminal_say_it(job):
    folder, selected, config = job
    page = (folder / f"models/one/model_{selected['champion']}/backtest_test/report.html").read_text()
    for title in ("Benchmarks", "Luck and selection", "Drawdown and ruin", "Backtest overfitting", "Robust score against luck", "By regime",
                  "By predicted value", "By month", "Concentration", "deflated Sharpe", "Fold scores", "From tuning to shadow", "buy and hold",
                  "calibration slope", "Test, adjusted for the choice", "Largest move against a trade"):
        assert title in page, title
    told = sofia("backtest", "--train-config", config, cwd=folder).stdout
    for words in ("Deflated Sharpe", "probability (PBO)", "best of skill-less trials", "runs below the strategy"):
        assert words in told
