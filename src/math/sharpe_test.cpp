#include "math/sharpe.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/random.hpp"
#include "math/special.hpp"

namespace sofia::math {
namespace {

const double nan = std::numeric_limits<double>::quiet_NaN();

// The example of Bailey and López de Prado (2014): 100 trials, five years of days, annual Sharpe 2.5, annual variance of the trials' Sharpes 1/2.
const SharpeSample golden{.sharpe = 2.5 / std::sqrt(250.0), .skewness = -3.0, .kurtosis = 10.0, .periods = 1250};
constexpr double golden_variance = 0.5 / 250.0;

TEST(DeflatedSharpe, HasThePublishedValue) {
    EXPECT_NEAR(expected_best_sharpe(golden_variance, 100.0), 0.1132, 5e-5);
    EXPECT_NEAR(deflated_sharpe(golden, golden_variance, 100.0), 0.9004, 5e-5);
    // Excess kurtosis in place of raw would give this.
    SharpeSample excess = golden;
    excess.kurtosis = 7.0;
    EXPECT_NEAR(deflated_sharpe(excess, golden_variance, 100.0), 0.9018, 5e-5);
}

TEST(DeflatedSharpe, OfOneTrialIsTheProbabilisticSharpe) {
    EXPECT_EQ(deflated_sharpe(golden, golden_variance, 1.0), probabilistic_sharpe(golden, 0.0));
    EXPECT_EQ(deflated_sharpe(golden, nan, 1.0), probabilistic_sharpe(golden, 0.0));
    EXPECT_TRUE(std::isnan(deflated_sharpe(golden, nan, 2.0)));
    EXPECT_TRUE(std::isnan(expected_best_sharpe(golden_variance, 0.0)));
}

// Skewness 0 and raw kurtosis 3: the spread is 1 + SR²/2 (Lo 2002).
TEST(ProbabilisticSharpe, OfNormalReturnsHasLosStandardError) {
    const SharpeSample normal{.sharpe = 0.2, .skewness = 0.0, .kurtosis = 3.0, .periods = 101};
    EXPECT_NEAR(probabilistic_sharpe(normal, 0.05), normal_cdf(0.15 * 10.0 / std::sqrt(1.02)), 1e-15);
    EXPECT_EQ(probabilistic_sharpe(normal, 0.2), 0.5);
}

TEST(MinTrackRecord, IsWhereTheProbabilityReachesTheConfidence) {
    SharpeSample sample{.sharpe = 0.1, .skewness = -0.5, .kurtosis = 6.0, .periods = 0};
    for (const double benchmark : {0.0, 0.05}) {
        const double periods = min_track_record(sample, benchmark, 0.95);
        sample.periods = static_cast<std::size_t>(std::ceil(periods));
        EXPECT_GE(probabilistic_sharpe(sample, benchmark), 0.95);
        --sample.periods;
        EXPECT_LT(probabilistic_sharpe(sample, benchmark), 0.95);
    }
    EXPECT_TRUE(std::isnan(min_track_record(sample, 0.1)));
    EXPECT_TRUE(std::isnan(min_track_record(sample, 0.2)));
}

TEST(SharpeSample, OfTwoValuedReturnsHasClosedForms) {
    std::vector<double> returns;
    for (int i = 0; i < 50; ++i) {
        returns.push_back(1.2);
        returns.push_back(-0.8);
    }
    const SharpeSample sample = sharpe_sample(returns);
    EXPECT_NEAR(sample.sharpe, 0.2 / std::sqrt(100.0 / 99.0), 1e-14);
    EXPECT_NEAR(sample.skewness, 0.0, 1e-14);
    EXPECT_NEAR(sample.kurtosis, 1.0, 1e-14);
    EXPECT_EQ(sample.periods, 100U);
    for (const std::vector<double>& bad : {std::vector<double>{1.0, 2.0}, std::vector<double>(9, 0.1), std::vector<double>{1.0, nan, 2.0, 3.0}}) {
        EXPECT_TRUE(std::isnan(sharpe_sample(bad).sharpe));
        EXPECT_TRUE(std::isnan(probabilistic_sharpe(sharpe_sample(bad), 0.0)));
    }
}

// The best of N draws of a normal distribution: the approximation is known to be good to a few percent from N = 10 on.
TEST(ExpectedBestSharpe, IsNearTheMeanOfTheLargestOfNormalDraws) {
    RandomStream random(20261121);
    for (const int trials : {10, 100, 1000}) {
        double total = 0.0;
        constexpr int rounds = 400;
        for (int i = 0; i < rounds; ++i) {
            double best = -1e9;
            for (int k = 0; k < trials; ++k) best = std::max(best, random.normal());
            total += best;
        }
        EXPECT_NEAR(expected_best_sharpe(1.0, trials), total / rounds, 0.1) << trials;
    }
}

RC_GTEST_PROP(DeflatedSharpe, FallsWithTrialsAndWithTheirVariance, (std::uint64_t seed)) {
    RandomStream random(seed);
    const SharpeSample sample{.sharpe = random.uniform(-0.3, 0.3),
                              .skewness = random.uniform(-1.0, 1.0),
                              .kurtosis = random.uniform(3.0, 10.0),
                              .periods = 20 + random.below(1000)};
    const double variance = random.uniform(0.001, 0.05);
    const double trials = static_cast<double>(2 + random.below(1000));
    RC_ASSERT(deflated_sharpe(sample, variance, trials) >= deflated_sharpe(sample, variance, trials + 1.0));
    RC_ASSERT(deflated_sharpe(sample, variance, trials) >= deflated_sharpe(sample, 1.1 * variance, trials));
}

TEST(EffectiveTrials, LieBetweenOneAndAllOfThem) {
    EXPECT_EQ(effective_trials(200.0, 0.0), 200.0);
    EXPECT_EQ(effective_trials(200.0, 1.0), 1.0);
    EXPECT_DOUBLE_EQ(effective_trials(200.0, 0.5), 100.5);
    EXPECT_EQ(effective_trials(200.0, -0.1), 200.0);
    EXPECT_TRUE(std::isnan(effective_trials(200.0, std::nan(""))));
    EXPECT_EQ(effective_trials(1.0, std::nan("")), 1.0);
}

}  // namespace
}  // namespace sofia::math
