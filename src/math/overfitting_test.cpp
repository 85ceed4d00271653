#include "math/overfitting.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/random.hpp"
#include "math/statistics.hpp"

namespace sofia::math {
namespace {

using Series = std::vector<std::vector<double>>;

Series normal_series(const RandomStream& random, std::size_t trials, std::size_t periods) {
    Series out;
    for (std::size_t i = 0; i < trials; ++i) {
        RandomStream draw = random.split(i);
        out.emplace_back();
        for (std::size_t t = 0; t < periods; ++t) out.back().push_back(draw.normal());
    }
    return out;
}

Overfitting judged(const Series& series, std::size_t blocks, Ranking ranking) {
    ThreadPool pool(1);
    return overfitting_of(series.size(), blocks, ranking_rule(series, blocks, ranking), pool);
}

TEST(BlockBounds, DifferByOneAtMostTheLongerFirst) {
    EXPECT_EQ(block_bounds(11, 4), (std::vector<std::size_t>{0, 3, 6, 9, 11}));
    EXPECT_EQ(block_bounds(8, 4), (std::vector<std::size_t>{0, 2, 4, 6, 8}));
}

TEST(Overfitting, TriesEveryHalfOfSixteenBlocks) {
    const Overfitting found = judged(normal_series(RandomStream(1), 3, 64), 16, Ranking::sharpe);
    EXPECT_EQ(found.splits, 12'870U);
    EXPECT_EQ(found.logits.size(), 12'870U);
    EXPECT_EQ(found.without_choice, 0U);
}

// Where all trials have the same mean over the whole time, being good in one half is being bad in the other: the authors' extreme case.
TEST(Overfitting, IsCertainWhenTheTotalsAreEqual) {
    Series series = normal_series(RandomStream(2), 7, 80);
    for (auto& one : series) {
        const double m = mean(one);
        for (double& x : one) x -= m;
    }
    const Overfitting found = judged(series, 8, Ranking::mean);
    EXPECT_EQ(found.probability, 1.0);
    EXPECT_NEAR(found.slope, -1.0, 1e-9);
    EXPECT_NEAR(found.intercept, 0.0, 1e-9);
    EXPECT_NEAR(found.r_squared, 1.0, 1e-9);
    EXPECT_EQ(found.probability_of_loss, 1.0);
    for (const double rank : found.relative_ranks) EXPECT_EQ(rank, 1.0 / 8.0);
}

TEST(Overfitting, IsImpossibleWhenOneIsAlwaysBest) {
    Series series = normal_series(RandomStream(3), 6, 100);
    for (double& x : series[4]) x += 5.0;
    for (const Ranking ranking : {Ranking::mean, Ranking::sharpe}) {
        const Overfitting found = judged(series, 10, ranking);
        EXPECT_EQ(found.probability, 0.0);
        EXPECT_EQ(found.probability_of_loss, 0.0);
        for (const std::uint32_t who : found.chosen) EXPECT_EQ(who, 4U);
        for (const double logit : found.logits) EXPECT_NEAR(logit, std::log(6.0), 1e-14);
    }
}

// Skill-less trials: the chosen one is anywhere, so over many samples half of the splits are below the median.
TEST(Overfitting, OfNoiseIsAHalfOnAverage) {
    double total = 0.0;
    constexpr std::uint64_t rounds = 200;
    for (std::uint64_t i = 0; i < rounds; ++i) total += judged(normal_series(RandomStream(i), 10, 60), 6, Ranking::mean).probability;
    EXPECT_NEAR(total / rounds, 0.5, 0.06);
}

RC_GTEST_PROP(Overfitting, IsTheSameForAnyNumberOfThreadsAndUnit, (std::uint64_t seed)) {
    const Series series = normal_series(RandomStream(seed), 5, 37);
    Series doubled = series;
    for (auto& one : doubled) {
        for (double& x : one) x *= 2.0;
    }
    ThreadPool two(2);
    const Overfitting found = judged(series, 6, Ranking::sharpe);
    const Overfitting other = overfitting_of(5, 6, ranking_rule(doubled, 6, Ranking::sharpe), two);
    RC_ASSERT(found.logits == other.logits);
    RC_ASSERT(found.outside == other.outside);
    RC_ASSERT(found.slope == other.slope);
}

// The rule from sums and one that goes back to the periods.
RC_GTEST_PROP(RankingRule, IsTheSharpeOfThePeriods, (std::uint64_t seed)) {
    const Series series = normal_series(RandomStream(seed), 4, 41);
    const auto bounds = block_bounds(41, 4);
    const SelectionRule sums = ranking_rule(series, 4, Ranking::sharpe);
    const std::vector<std::size_t> half{1, 2};
    std::vector<double> found(4);
    sums.rank(half, found);
    for (std::size_t i = 0; i < 4; ++i) {
        const std::vector<double> periods(series[i].begin() + static_cast<std::ptrdiff_t>(bounds[1]),
                                          series[i].begin() + static_cast<std::ptrdiff_t>(bounds[3]));
        RC_ASSERT(std::fabs(found[i] - mean(periods) / stdev(periods)) < 1e-12);
    }
}

TEST(RankingRule, GivesNothingToTheIdleAndNaNToTheConstant) {
    const Series series{std::vector<double>(8, 0.0), std::vector<double>(8, 0.1), {1, 2, 3, 4, 5, 6, 7, 8}};
    std::vector<double> found(3);
    ranking_rule(series, 2, Ranking::sharpe).rank(std::vector<std::size_t>{0}, found);
    EXPECT_EQ(found[0], 0.0);
    EXPECT_TRUE(std::isnan(found[1]));
    EXPECT_NEAR(found[2], 2.5 / std::sqrt(5.0 / 3.0), 1e-14);
}

// A rule of the caller's: fixed verdicts by block. Two blocks, two splits that mirror each other.
TEST(Overfitting, TakesAnyRuleSharesRanksAndNeverChoosesNaN) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const Series verdicts{{3.0, 3.0, 1.0, nan}, {2.0, 2.0, 2.0, 9.0}};
    const SelectionRule rule{
        .rank = [&](std::span<const std::size_t> blocks, std::span<double> out) { std::ranges::copy(verdicts[blocks[0]], out.begin()); },
        .performance = [](std::span<const std::size_t> blocks, std::size_t trial) { return blocks[0] == 0 ? 1.0 : -static_cast<double>(trial); }};
    ThreadPool pool(1);
    const Overfitting found = overfitting_of(4, 2, rule, pool);
    EXPECT_EQ(found.chosen, (std::vector<std::uint32_t>{0, 3}));           // of equals the first
    EXPECT_EQ(found.relative_ranks, (std::vector<double>{0.4, 0.2}));      // three share the ranks 1 to 3; NaN is last
    EXPECT_EQ(found.probability, 1.0);
    EXPECT_EQ(found.inside, (std::vector<double>{1.0, -3.0}));
    EXPECT_EQ(found.outside, (std::vector<double>{-0.0, 1.0}));
    EXPECT_EQ(found.probability_of_loss, 0.0);
    const SelectionRule hopeless{.rank = [&](std::span<const std::size_t>, std::span<double> out) { std::ranges::fill(out, nan); }};
    const Overfitting none = overfitting_of(4, 2, hopeless, pool);
    EXPECT_EQ(none.without_choice, 2U);
    EXPECT_TRUE(std::isnan(none.probability));
    EXPECT_TRUE(std::isnan(overfitting_of(1, 2, rule, pool).probability));
}

}  // namespace
}  // namespace sofia::math
