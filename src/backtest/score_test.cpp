#include "backtest/score.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/random.hpp"

namespace sofia::backtest {
namespace {

TEST(FoldScore, DividesByAtLeastTheSmallestNumberOfTrades) {
    const ScoreConfig config;
    EXPECT_EQ(fold_score(0, 0.0, config).score, 0.0);
    EXPECT_DOUBLE_EQ(fold_score(5, 10.0, config).score, 0.5);
    EXPECT_DOUBLE_EQ(fold_score(40, 10.0, config).score, 0.25);
    std::vector<trading::ClosedTrade> trades(2);
    trades[0].net_r = 1.5;
    trades[1].net_r = -0.5;
    EXPECT_DOUBLE_EQ(fold_score(trades, config).score, 0.05);
}

std::vector<FoldScore> folds_of(const std::vector<double>& scores, std::int64_t trades = 50) {
    std::vector<FoldScore> folds;
    for (const double score : scores) folds.push_back({trades, score * static_cast<double>(trades), score});
    return folds;
}

TEST(RobustScore, IsTheLowerQuartileOfType7) {
    // numpy.percentile([1..8], 25) = 2.75
    const RobustScore robust = robust_score(folds_of({8.0, 1.0, 7.0, 2.0, 6.0, 3.0, 5.0, 4.0}), ScoreConfig{});
    EXPECT_DOUBLE_EQ(robust.value, 2.75);
    EXPECT_DOUBLE_EQ(robust.interquartile, 3.5);
    EXPECT_DOUBLE_EQ(robust.mean, 4.5);
    EXPECT_NEAR(robust.mean_lower, 4.5 - 1.645 * std::sqrt(6.0) / std::sqrt(8.0), 1e-12);
    EXPECT_TRUE(robust.feasible);
}

TEST(RobustScore, IsInfeasibleWhenMoreThanAQuarterOfTheFoldsAreThin) {
    std::vector<FoldScore> folds = folds_of(std::vector<double>(8, 0.1));
    folds[0].trades = folds[1].trades = 19;
    EXPECT_TRUE(robust_score(folds, ScoreConfig{}).feasible);
    folds[2].trades = 0;
    EXPECT_FALSE(robust_score(folds, ScoreConfig{}).feasible);
    EXPECT_EQ(robust_score(folds, ScoreConfig{}).thin_folds, 3);
    EXPECT_FALSE(robust_score({}, ScoreConfig{}).feasible);
}

RankedTrial trial(std::int64_t number, double value, double interquartile, double lower = 0.0) {
    RankedTrial made;
    made.trial = number;
    made.score.value = value;
    made.score.feasible = true;
    made.score.interquartile = interquartile;
    made.score.mean_lower = lower;
    return made;
}

// 0.300, 0.292 and 0.284 with a tolerance of 0.01: the first two are equals, the third is not though it is near the second.
TEST(RankTrials, ClustersWhatIsWithinTheToleranceOfTheBest) {
    const std::vector<RankedTrial> trials{trial(1, 0.300, 0.5), trial(2, 0.292, 0.2), trial(3, 0.284, 0.1), trial(4, 0.283, 0.1)};
    EXPECT_EQ(rank_trials(trials, ScoreConfig{}), (std::vector<std::int64_t>{2, 1, 3, 4}));
}

TEST(RankTrials, BreaksTiesByTheLowerBoundAndThenByNumberAndLeavesOutTheInfeasible) {
    std::vector<RankedTrial> trials{trial(7, 0.1, 0.2, 0.05), trial(5, 0.1, 0.2, 0.09), trial(3, 0.1, 0.2, 0.05), trial(1, 0.9, 0.2)};
    trials[3].score.feasible = false;
    EXPECT_EQ(rank_trials(trials, ScoreConfig{}), (std::vector<std::int64_t>{5, 3, 7}));
}

RC_GTEST_PROP(RankTrials, DoNotDependOnTheOrderInWhichTheyCome, (std::uint64_t seed)) {
    RandomStream random(seed);
    std::vector<RankedTrial> trials;
    for (std::int64_t i = 0; i < 40; ++i) {
        trials.push_back(trial(i, 0.005 * static_cast<double>(random.below(20)), 0.1 * static_cast<double>(random.below(3)), random.uniform()));
    }
    const auto ranked = rank_trials(trials, ScoreConfig{});
    for (std::size_t i = trials.size(); i > 1; --i) std::swap(trials[i - 1], trials[random.below(i)]);
    RC_ASSERT(rank_trials(trials, ScoreConfig{}) == ranked);
    RC_ASSERT(ranked.size() == 40U);
}

}  // namespace
}  // namespace sofia::backtest
