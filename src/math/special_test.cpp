#include "math/special.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace sofia::math {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Table values (Abramowitz and Stegun 26.2; the tails from their asymptotic series).
TEST(Normal, DistributionHasItsTableValues) {
    EXPECT_DOUBLE_EQ(normal_cdf(0.0), 0.5);
    EXPECT_NEAR(normal_cdf(1.0), 0.8413447460685429, 1e-15);
    EXPECT_NEAR(normal_cdf(-1.959963984540054), 0.025, 1e-15);
    EXPECT_NEAR(normal_cdf(-10.0) / 7.619853024160527e-24, 1.0, 1e-12);
    EXPECT_NEAR(normal_pdf(0.0), 0.3989422804014327, 1e-16);
}

TEST(Normal, QuantileInvertsTheDistributionDownToTheTails) {
    for (const double p : {1e-300, 1e-100, 1e-20, 1e-6, 0.01, 0.02425, 0.3, 0.5}) {
        EXPECT_NEAR(normal_cdf(normal_quantile(p)) / p, 1.0, 1e-10) << p;
    }
    EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
    EXPECT_NEAR(normal_quantile(0.999), 3.090232306167813, 1e-13);
    EXPECT_DOUBLE_EQ(normal_quantile(0.25), -normal_quantile(0.75));
    EXPECT_EQ(normal_quantile(0.0), -infinity);
    EXPECT_EQ(normal_quantile(1.0), infinity);
    EXPECT_TRUE(std::isnan(normal_quantile(-0.1)));
    EXPECT_TRUE(std::isnan(normal_quantile(std::nan(""))));
}

// 28 of 40 coins and 7 of 40 tries at 5 %, by exact fractions; two dice and a certainty by hand.
TEST(Binomial, TailHasItsExactValues) {
    EXPECT_NEAR(binomial_at_least(28, 40, 0.5), 0.008294501687487355, 1e-15);
    EXPECT_NEAR(binomial_at_least(7, 40, 0.05), 0.0033918975779359812, 1e-15);
    EXPECT_NEAR(binomial_at_least(1, 2, 1.0 / 6.0), 11.0 / 36.0, 1e-15);
    EXPECT_EQ(binomial_at_least(0, 10, 0.3), 1.0);
    EXPECT_EQ(binomial_at_least(11, 10, 0.3), 0.0);
    EXPECT_EQ(binomial_at_least(3, 10, 1.0), 1.0);
    EXPECT_EQ(binomial_at_least(1, 10, 0.0), 0.0);
    EXPECT_NEAR(binomial_at_least(50'000, 99'999, 0.5), 0.5, 1e-9);
}

TEST(LogSumExp, DoesNotOverflowAndKnowsTheEmptySum) {
    const std::vector<double> large = {1000.0, 1000.0};
    EXPECT_NEAR(log_sum_exp(large), 1000.0 + std::log(2.0), 1e-12);
    EXPECT_EQ(log_sum_exp({}), -infinity);
    const std::vector<double> zeros = {-infinity, -infinity};
    EXPECT_EQ(log_sum_exp(zeros), -infinity);
    const std::vector<double> lost = {std::nan(""), 3.0};
    EXPECT_TRUE(std::isnan(log_sum_exp(lost)));
}

TEST(Logistic, IsOddAroundOneHalfAndInvertedByLogit) {
    for (const double x : {-700.0, -3.0, 0.0, 0.5, 30.0}) EXPECT_NEAR(logistic(x) + logistic(-x), 1.0, 1e-15);
    EXPECT_NEAR(logit(logistic(-3.0)), -3.0, 1e-14);
    EXPECT_GT(logistic(-700.0), 0.0);
    EXPECT_EQ(logit(0.0), -infinity);
    EXPECT_EQ(logit(1.0), infinity);
    EXPECT_TRUE(std::isnan(logit(1.5)));
}

}  // namespace
}  // namespace sofia::math
