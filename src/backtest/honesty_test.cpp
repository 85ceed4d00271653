#include "backtest/honesty.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "math/sharpe.hpp"
#include "math/special.hpp"
#include "math/statistics.hpp"

namespace sofia::backtest {
namespace {

TrialRecord record_of(std::int64_t number, RandomStream random, std::size_t days, double edge = 0.0, std::int64_t trades = 5) {
    TrialRecord record;
    record.trial = number;
    for (std::size_t day = 0; day < days; ++day) record.daily_net_r.push_back(edge + random.normal());
    record.daily_trades.assign(days, trades);
    return record;
}

std::vector<TrialRecord> records_of(std::uint64_t seed, std::int64_t count, std::size_t days) {
    std::vector<TrialRecord> out;
    for (std::int64_t i = 0; i < count; ++i) out.push_back(record_of(i, RandomStream(seed).split(static_cast<std::uint64_t>(i)), days));
    return out;
}

TEST(DeflatedSharpe, CountsAllTrialsAndTakesTheLargerVariance) {
    std::vector<TrialRecord> trials = records_of(1, 30, 200);
    for (std::size_t i = 0; i < 10; ++i) trials[i].origin = Origin::startup;
    for (std::size_t i = 10; i < 30; ++i) {
        for (double& r : trials[i].daily_net_r) r += 0.3;  // the sampler has learnt: all alike
    }
    trials.resize(40);  // ten more that failed
    const DeflatedSharpe found = deflated_sharpe(trials[12].daily_net_r, trials);
    EXPECT_EQ(found.trials, 40U);
    EXPECT_EQ(found.startup_trials, 10U);
    EXPECT_EQ(found.days, 200U);
    EXPECT_EQ(found.variance, std::max(found.variance_startup, found.variance_all));
    EXPECT_GT(found.variance_all, found.variance_startup);
    EXPECT_EQ(found.expected_best, math::expected_best_sharpe(found.variance, 40.0));
    EXPECT_LT(found.deflated, found.probabilistic);
    EXPECT_GT(found.min_track_record_days, 1.0);
    // Without the learnt trials the random ones decide.
    for (std::size_t i = 10; i < 30; ++i) trials[i].daily_net_r = trials[12].daily_net_r;
    trials[0].daily_net_r = records_of(5, 1, 20)[0].daily_net_r;
    for (double& r : trials[0].daily_net_r) r -= 3.0;
    const DeflatedSharpe narrowed = deflated_sharpe(trials[12].daily_net_r, trials);
    EXPECT_EQ(narrowed.variance, narrowed.variance_startup);
    EXPECT_GT(narrowed.variance_startup, narrowed.variance_all);
}

TEST(DeflatedSharpe, OfTheOnlyTrialIsTheProbabilisticOne) {
    const std::vector<TrialRecord> one = records_of(2, 1, 100);
    const DeflatedSharpe found = deflated_sharpe(one[0].daily_net_r, one);
    EXPECT_EQ(found.deflated, found.probabilistic);
    EXPECT_EQ(found.expected_best, 0.0);
    std::vector<TrialRecord> failed = one;
    failed.resize(5);
    EXPECT_TRUE(std::isnan(deflated_sharpe(one[0].daily_net_r, failed).deflated));
}

TEST(MeanCorrelation, IsTheMeanOverAllPairs) {
    std::vector<TrialRecord> trials = records_of(6, 5, 120);
    for (std::size_t i = 1; i < 5; ++i) {
        for (std::size_t day = 0; day < 120; ++day) trials[i].daily_net_r[day] += static_cast<double>(i) * trials[0].daily_net_r[day];
    }
    double total = 0.0;
    for (std::size_t i = 0; i < 5; ++i) {
        for (std::size_t j = i + 1; j < 5; ++j) total += math::correlation(trials[i].daily_net_r, trials[j].daily_net_r);
    }
    EXPECT_NEAR(mean_correlation(trials), total / 10.0, 1e-12);
    trials.resize(7);                                 // a failed one,
    trials[5].daily_net_r.assign(120, 0.0);           // one that never traded
    trials.push_back(record_of(9, RandomStream(3), 50));  // and a pruned one say nothing
    EXPECT_NEAR(mean_correlation(trials), total / 10.0, 1e-12);
    EXPECT_TRUE(std::isnan(mean_correlation(std::span(trials).first(1))));
    const std::vector<TrialRecord> twins(4, trials[0]);
    EXPECT_NEAR(mean_correlation(twins), 1.0, 1e-12);
}

TEST(SelectionOverfitting, ChoosesWhomTheTunersRankingPutsFirst) {
    std::vector<TrialRecord> trials = records_of(3, 9, 40);
    ThreadPool pool(1);
    const ScoreConfig config{.min_trades = 10, .tie_tolerance = 0.05};
    const OverfittingOptions options{.blocks = 4, .folds = 4};
    const SelectionOverfitting found = selection_overfitting(trials, options, config, pool);
    ASSERT_EQ(found.cscv.splits, 6U);
    const std::vector<std::vector<std::size_t>> halves{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};
    for (std::size_t split = 0; split < halves.size(); ++split) {
        std::vector<RankedTrial> ranked;
        for (const TrialRecord& record : trials) {
            std::vector<FoldScore> folds;
            for (const std::size_t b : halves[split]) {
                folds.push_back(fold_score(50, math::sum(std::span(record.daily_net_r).subspan(10 * b, 10)), config));
            }
            ranked.push_back({record.trial, robust_score(folds, config)});
        }
        const auto order = rank_trials(ranked, config);
        const auto chosen = found.cscv.chosen[split];
        EXPECT_EQ(found.trials[chosen], order.front());
        EXPECT_NEAR(found.cscv.inside[split], ranked[chosen].score.value, 1e-12);
        // The mirrored split judges by this half.
        const auto mirrored = found.cscv.chosen[5 - split];
        const auto place = std::ranges::find(order, found.trials[mirrored]) - order.begin();
        EXPECT_DOUBLE_EQ(found.cscv.relative_ranks[5 - split], static_cast<double>(9 - place) / 10.0);
    }
}

TEST(SelectionOverfitting, LeavesOutThePrunedAndNeverChoosesTheInfeasible) {
    std::vector<TrialRecord> trials = records_of(4, 6, 64);
    trials[5].trial = 77;
    trials[2].daily_net_r.resize(30);
    trials[2].daily_trades.resize(30);
    trials[1] = record_of(1, RandomStream(9), 64, 3.0, 0);  // the best, but hardly ever trading
    std::ranges::reverse(trials);
    ThreadPool pool(2);
    const SelectionOverfitting found = selection_overfitting(trials, {.blocks = 8, .folds = 8}, ScoreConfig{}, pool);
    EXPECT_EQ(found.trials, (std::vector<std::int64_t>{0, 1, 3, 4, 77}));
    EXPECT_EQ(found.left_out, (std::vector<std::int64_t>{2}));
    EXPECT_EQ(found.min_trades, 20);
    EXPECT_EQ(selection_overfitting(trials, {.blocks = 16, .folds = 8}, ScoreConfig{}, pool).min_trades, 10);
    for (const std::uint32_t who : found.cscv.chosen) EXPECT_NE(who, 1U);
    trials[0].daily_net_r.assign(64, 2.0);
    EXPECT_EQ(selection_overfitting(trials, {.blocks = 8, .folds = 8}, ScoreConfig{}, pool).cscv.probability, 0.0);
}

// A distribution close to the normal one: a thousand quantiles.
std::vector<double> normal_r(double deviation) {
    std::vector<double> r;
    for (int i = 0; i < 1'000; ++i) r.push_back(deviation * math::normal_quantile((i + 0.5) / 1'000.0));
    return r;
}

// With five folds the 25 % quantile is the second smallest, so the distribution of the best of N has a closed form:
// E max = integral of 1 - G^N with G = 1 - (1 - F)^5 - 5 F (1 - F)^4, F normal with the deviation of a fold's mean.
double expected_best_of_five_folds(double deviation, double trials) {
    double mean = -1.0;
    constexpr double step = 1e-4;
    for (double x = -1.0; x < 1.0; x += step) {
        const double f = math::normal_cdf((x + step / 2) / deviation);
        const double g = 1.0 - std::pow(1.0 - f, 5) - 5.0 * f * std::pow(1.0 - f, 4);
        mean += step * (1.0 - std::pow(g, trials));
    }
    return mean;
}

TEST(NullScore, OfFiveFoldsHasItsClosedForm) {
    ThreadPool pool(2);
    NullScoreOptions options{.trials = 200, .fold_trades = std::vector<std::int64_t>(5, 100), .replications = 300};
    const NullScore null = null_score(normal_r(1.2), options, ScoreConfig{}, RandomStream(1), pool);
    EXPECT_NEAR(expected_best_of_five_folds(0.12, 200.0), 0.1182, 1e-4);
    EXPECT_NEAR(null.mean, 0.1182, 4.0 * null.standard_error + 5e-4);
    EXPECT_LT(null.standard_error, 0.002);
    options.trials = 20;
    EXPECT_NEAR(null_score(normal_r(1.2), options, ScoreConfig{}, RandomStream(1), pool).mean, expected_best_of_five_folds(0.12, 20.0), 0.008);
}

TEST(NullScore, CentresTheTradesAndCountsExceedances) {
    ThreadPool one(1);
    ThreadPool three(3);
    std::vector<double> moved = normal_r(1.0);
    for (double& r : moved) r += 0.5;
    const NullScoreOptions options{.trials = 10, .replications = 50};
    const NullScore a = null_score(moved, options, ScoreConfig{}, RandomStream(2), one);
    const NullScore b = null_score(moved, options, ScoreConfig{}, RandomStream(2), three);
    EXPECT_EQ(a.best, b.best);
    EXPECT_LT(a.mean, 0.1);
    EXPECT_EQ(exceedance(a.best, a.best.front()), 1.0);
    EXPECT_EQ(exceedance(a.best, a.best.back()), 2.0 / 51.0);
    EXPECT_EQ(exceedance(a.best, 10.0), 1.0 / 51.0);
}

TEST(NullScore, OfThinFoldsOrWithoutTradesDoesNotExist) {
    ThreadPool pool(1);
    NullScoreOptions options{.trials = 5, .fold_trades = {100, 5, 5, 100}, .replications = 10};
    EXPECT_TRUE(std::isnan(null_score(normal_r(1.0), options, ScoreConfig{}, RandomStream(1), pool).mean));
    options.fold_trades = {100, 100};
    const NullScore none = null_score({}, options, ScoreConfig{}, RandomStream(1), pool);
    EXPECT_TRUE(std::isnan(none.mean));
    EXPECT_TRUE(std::isnan(exceedance(none.best, 0.1)));
}

}  // namespace
}  // namespace sofia::backtest
