#include "math/statistics.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::math {
namespace {

const double nan = std::numeric_limits<double>::quiet_NaN();
using Sample = std::vector<double>;

TEST(Sum, KeepsWhatAPlainSumLoses) {
    EXPECT_EQ(sum(Sample{1e100, 1.0, -1e100}), 1.0);
    EXPECT_EQ(sum(Sample{}), 0.0);
    EXPECT_EQ(sum(Sample{std::numeric_limits<double>::infinity(), 1.0}), std::numeric_limits<double>::infinity());
    EXPECT_TRUE(std::isnan(sum(Sample{1.0, nan})));
}

// Of 1..n: mean (n + 1) / 2, variance (n² - 1) / 12, kurtosis 3 - 6 (n² + 1) / (5 (n² - 1)).
TEST(Moments, OfTheFirstIntegersHaveClosedForms) {
    Sample values;
    for (int i = 1; i <= 101; ++i) values.push_back(i);
    const double n = 101.0;
    EXPECT_DOUBLE_EQ(mean(values), 51.0);
    EXPECT_NEAR(variance(values, Divisor::n), (n * n - 1) / 12, 1e-9);
    EXPECT_NEAR(variance(values), (n * n - 1) / 12 * n / (n - 1), 1e-9);
    EXPECT_NEAR(skewness(values), 0.0, 1e-12);
    EXPECT_NEAR(kurtosis(values), 3.0 - 1.2 * (n * n + 1) / (n * n - 1), 1e-12);
}

// A coin with success p: skewness (1 - 2p) / sqrt(p q), raw kurtosis 3 + (1 - 6 p q) / (p q).
TEST(Moments, OfACoinHaveClosedForms) {
    Sample values(100, 0.0);
    for (std::size_t i = 0; i < 20; ++i) values[i] = 1.0;
    EXPECT_NEAR(skewness(values), 0.6 / 0.4, 1e-12);
    EXPECT_NEAR(kurtosis(values), 3.0 + (1.0 - 0.96) / 0.16, 1e-12);
}

TEST(Moments, OfTooLittleAreMissing) {
    EXPECT_TRUE(std::isnan(mean({})));
    EXPECT_TRUE(std::isnan(variance(Sample{1.0})));
    EXPECT_EQ(variance(Sample{1.0}, Divisor::n), 0.0);
    EXPECT_EQ(variance(Sample(10, 0.1)), 0.0);
    EXPECT_TRUE(std::isnan(skewness(Sample{2.0, 2.0})));
    EXPECT_TRUE(std::isnan(kurtosis(Sample{2.0, 2.0})));
}

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
    const Sample values = {4.0, 1.0, 3.0, 2.0};
    EXPECT_DOUBLE_EQ(quantile(values, 0.0), 1.0);
    EXPECT_DOUBLE_EQ(quantile(values, 0.25), 1.75);
    EXPECT_DOUBLE_EQ(median(values), 2.5);
    EXPECT_DOUBLE_EQ(quantile(values, 1.0), 4.0);
    EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
    EXPECT_TRUE(std::isnan(quantile(Sample{1.0, nan}, 0.5)));
}

RC_GTEST_PROP(Quantile, MirrorsWithTheSample, (std::vector<std::int16_t> in)) {
    RC_PRE(!in.empty());
    Sample values(in.begin(), in.end());
    Sample mirrored;
    for (const double x : values) mirrored.push_back(-x);
    const double p = *rc::gen::inRange(0, 5) / 4.0;
    RC_ASSERT(std::fabs(quantile(values, p) + quantile(mirrored, 1.0 - p)) < 1e-9);
}

TEST(Correlation, IsPlusMinusOneOfALineAndMissingOfAConstant) {
    const Sample x = {1.0, 2.0, 4.0, 9.0};
    Sample up;
    Sample down;
    for (const double v : x) {
        up.push_back(3.0 * v + 1.0);
        down.push_back(-v);
    }
    EXPECT_NEAR(correlation(x, up), 1.0, 1e-15);
    EXPECT_NEAR(correlation(x, down), -1.0, 1e-15);
    EXPECT_TRUE(std::isnan(correlation(x, Sample(4, 2.0))));
    EXPECT_NEAR(correlation(Sample{-1.0, 1.0, -1.0, 1.0}, Sample{-1.0, -1.0, 1.0, 1.0}), 0.0, 1e-15);
}

}  // namespace
}  // namespace sofia::math
