#include "models/metrics.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/random.hpp"

namespace sofia::models {
namespace {

const std::vector<double> labels = {0.0, 0.0, 1.0, 1.0};

TEST(Metrics, KnownValues) {
    const std::vector<double> half(4, 0.5);
    EXPECT_DOUBLE_EQ(log_loss(half, labels), std::log(2.0));
    EXPECT_DOUBLE_EQ(brier_score(half, labels), 0.25);
    EXPECT_DOUBLE_EQ(auc(half, labels), 0.5);
    EXPECT_DOUBLE_EQ(accuracy(half, labels), 0.5);  // 0.5 is called positive
    EXPECT_DOUBLE_EQ(balanced_accuracy(half, labels), 0.5);
    EXPECT_NEAR(calibration_error(half, labels), 0.0, 1e-15);
}

TEST(Metrics, APerfectForecast) {
    EXPECT_NEAR(log_loss(labels, labels), 0.0, 1e-14);
    EXPECT_EQ(brier_score(labels, labels), 0.0);
    EXPECT_EQ(auc(labels, labels), 1.0);
    EXPECT_EQ(balanced_accuracy(labels, labels), 1.0);
    EXPECT_EQ(calibration_error(labels, labels), 0.0);
}

TEST(Metrics, BalancedAccuracyIgnoresHowManyThereAre) {
    const std::vector<double> rare = {1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    const std::vector<double> never(10, 0.1);
    EXPECT_DOUBLE_EQ(accuracy(never, rare), 0.9);
    EXPECT_DOUBLE_EQ(balanced_accuracy(never, rare), 0.5);
}

TEST(Metrics, MissingAndEmptyAreNan) {
    const std::vector<double> broken = {0.1, std::nan(""), 0.3, 0.4};
    const std::vector<double> ones(4, 1.0);
    EXPECT_TRUE(std::isnan(log_loss(broken, labels)));
    EXPECT_TRUE(std::isnan(auc(broken, labels)));
    EXPECT_TRUE(std::isnan(brier_score({}, {})));
    EXPECT_TRUE(std::isnan(auc(labels, ones)));
    EXPECT_TRUE(std::isnan(balanced_accuracy(labels, ones)));
}

// The definition: over all pairs of a positive and a negative.
RC_GTEST_PROP(Metrics, AucIsTheShareOfPairsInOrder, ()) {
    const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
    RandomStream random(seed);
    std::vector<double> scores;
    std::vector<double> truth = {0.0, 1.0};
    for (int i = 0; i < 40; ++i) {
        scores.push_back(static_cast<double>(random.below(12)));
        if (i >= 2) truth.push_back(random.uniform() < 0.4 ? 1.0 : 0.0);
    }
    double wins = 0.0;
    double pairs = 0.0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        for (std::size_t j = 0; j < scores.size(); ++j) {
            if (truth[i] == 0.0 || truth[j] == 1.0) continue;
            pairs += 1.0;
            wins += scores[i] > scores[j] ? 1.0 : scores[i] == scores[j] ? 0.5 : 0.0;
        }
    }
    RC_ASSERT(std::abs(auc(scores, truth) - wins / pairs) < 1e-12);
}

TEST(Reliability, BinsHoldWhatFallsIntoThem) {
    const std::vector<double> p = {0.0, 0.05, 0.1, 0.95, 1.0, std::nan("")};
    const std::vector<double> y = {0.0, 1.0, 0.0, 1.0, 1.0, 1.0};
    const auto bins = reliability(p, y, 10);
    EXPECT_EQ(bins[0].count, 2U);
    EXPECT_DOUBLE_EQ(bins[0].predicted, 0.025);
    EXPECT_DOUBLE_EQ(bins[0].observed, 0.5);
    EXPECT_EQ(bins[1].count, 1U);
    EXPECT_EQ(bins[9].count, 2U);
    EXPECT_TRUE(std::isnan(bins[5].predicted));
}

TEST(Reliability, CalibrationErrorWeighsBinsByCount) {
    // Three rows at 0.25 of which one happens, one row at 0.75 that does not: 3/4 * |1/3 - 0.25| + 1/4 * 0.75.
    const std::vector<double> p = {0.25, 0.25, 0.25, 0.75};
    const std::vector<double> y = {1.0, 0.0, 0.0, 0.0};
    EXPECT_NEAR(calibration_error(p, y, 2), 0.75 * (1.0 / 3.0 - 0.25) + 0.25 * 0.75, 1e-15);
}

// With one bin the error is |mean outcome - p|: half normal for many rows, whose 95 % quantile is 1.96 standard errors.
TEST(CalibrationErrorByChance, OfOneProbabilityIsThatOfACoin) {
    const std::vector<double> same(2'000, 0.3);
    EXPECT_NEAR(calibration_error_by_chance(same, 0.95, RandomStream(1)), 1.96 * std::sqrt(0.3 * 0.7 / 2'000.0), 0.0015);
    EXPECT_EQ(calibration_error_by_chance(same, 0.95, RandomStream(1)), calibration_error_by_chance(same, 0.95, RandomStream(1)));
    const std::vector<double> certain = {0.0, 1.0, 1.0};
    EXPECT_EQ(calibration_error_by_chance(certain, 1.0, RandomStream(2)), 0.0);
    EXPECT_TRUE(std::isnan(calibration_error_by_chance({}, 0.95, RandomStream(1))));
}

}  // namespace
}  // namespace sofia::models
