#include "math/superiority.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::math {
namespace {

using Series = std::vector<std::vector<double>>;

Series normal_series(const RandomStream& random, std::size_t candidates, std::size_t periods, double deviation = 1.0) {
    Series out;
    for (std::size_t c = 0; c < candidates; ++c) {
        RandomStream draw = random.split(c);
        out.emplace_back();
        for (std::size_t t = 0; t < periods; ++t) out.back().push_back(deviation * draw.normal());
    }
    return out;
}

void add(std::vector<double>& series, double value) {
    for (double& x : series) x += value;
}

const SuperiorityOptions quick{.replications = 499, .block_length = 2.0};

TEST(Superiority, FindsTheOneThatIsBetter) {
    Series series = normal_series(RandomStream(1), 8, 250);
    add(series[5], 0.4);
    ThreadPool pool(1);
    const Superiority found = superiority_of(series, quick, RandomStream(2), pool);
    EXPECT_EQ(found.best, 5U);
    EXPECT_LT(found.p_upper, 0.01);
    for (std::size_t c = 0; c < series.size(); ++c) EXPECT_EQ(found.adjusted[c] <= 0.05, c == 5) << c;
}

RC_GTEST_PROP(Superiority, OrdersItsPValues, (std::uint64_t seed)) {
    const RandomStream random(seed);
    Series series = normal_series(random, 6, 40);
    for (std::size_t c = 0; c < series.size(); ++c) add(series[c], random.split(100 + c).uniform(-0.8, 0.4));
    ThreadPool pool(1);
    SuperiorityOptions options{.replications = 99, .block_length = 3.0};
    const Superiority found = superiority_of(series, options, random, pool);
    RC_ASSERT(found.p_lower <= found.p_consistent);
    RC_ASSERT(found.p_consistent <= found.p_upper);
    RC_ASSERT(found.adjusted[found.best] == found.p_upper);
    for (std::size_t a = 0; a < series.size(); ++a) {
        for (std::size_t b = 0; b < series.size(); ++b) {
            if (found.statistics[a] > found.statistics[b]) RC_ASSERT(found.adjusted[a] <= found.adjusted[b]);
        }
    }
    // The least favourable null is the most careful one.
    options.stepwise = Recentring::consistent;
    const Superiority less_careful = superiority_of(series, options, random, pool);
    for (std::size_t c = 0; c < series.size(); ++c) RC_ASSERT(less_careful.adjusted[c] <= found.adjusted[c]);
}

RC_GTEST_PROP(Superiority, KnowsNeitherOrderNorUnitsNorThreads, (std::uint64_t seed)) {
    const RandomStream random(seed);
    Series series = normal_series(random, 5, 60);
    ThreadPool one(1);
    ThreadPool two(2);
    const SuperiorityOptions options{.replications = 49, .block_length = 4.0};
    const Superiority found = superiority_of(series, options, random, one);
    Series changed(series.rbegin(), series.rend());
    for (double& x : changed[2]) x *= 4.0;
    const Superiority other = superiority_of(changed, options, random, two);
    RC_ASSERT(other.best == series.size() - 1 - found.best);
    RC_ASSERT(other.p_consistent == found.p_consistent);
    for (std::size_t c = 0; c < series.size(); ++c) RC_ASSERT(other.adjusted[series.size() - 1 - c] == found.adjusted[c]);
}

TEST(Superiority, OfOneCandidateIsOneTest) {
    Series series = normal_series(RandomStream(3), 1, 100);
    add(series[0], 0.1);
    ThreadPool pool(1);
    const Superiority found = superiority_of(series, quick, RandomStream(4), pool);
    EXPECT_EQ(found.adjusted[0], found.p_upper);
    EXPECT_EQ(found.p_consistent, found.p_upper);
    // Blocks of one: the variance is the sample's own.
    SuperiorityOptions alone = quick;
    alone.block_length = 1.0;
    double sum = 0.0;
    double squares = 0.0;
    for (const double x : series[0]) {
        sum += x;
        squares += x * x;
    }
    const double mean = sum / 100.0;
    EXPECT_NEAR(superiority_of(series, alone, RandomStream(4), pool).statistics[0], 10.0 * mean / std::sqrt(squares / 100.0 - mean * mean), 1e-9);
}

// A crowd of hopeless candidates must not hide a good one: that is what the consistent p-value is for.
TEST(Superiority, ConsistentPValueForgetsTheHopeless) {
    Series series = normal_series(RandomStream(5), 40, 200);
    for (std::size_t c = 1; c < series.size(); ++c) add(series[c], -1.5);
    add(series[0], 0.15);
    ThreadPool pool(1);
    SuperiorityOptions options{.replications = 1'999, .block_length = 1.0};
    const Superiority found = superiority_of(series, options, RandomStream(6), pool);
    EXPECT_LT(3.0 * found.p_consistent, found.p_upper);
}

// With nobody better the smallest adjusted p-value is below 10 % about that often.
TEST(Superiority, RaisesFalseAlarmsAtItsLevel) {
    ThreadPool pool(1);
    const RandomStream random(20261121);
    constexpr std::uint64_t rounds = 300;
    int alarms = 0;
    for (std::uint64_t i = 0; i < rounds; ++i) {
        const Series series = normal_series(random.split(i), 6, 80);
        const Superiority found = superiority_of(series, {.replications = 99, .block_length = 1.0}, random.split(i), pool);
        alarms += *std::ranges::min_element(found.adjusted) <= 0.1 ? 1 : 0;
    }
    EXPECT_GT(alarms, 12);
    EXPECT_LT(alarms, 55);
}

TEST(Superiority, LeavesOutWhoNeverTradedAndRefusesNaN) {
    Series series = normal_series(RandomStream(7), 3, 50);
    add(series[1], 2.0);
    series[0].assign(50, 0.0);
    ThreadPool pool(1);
    SuperiorityOptions options = quick;
    options.block_length = 0.0;
    const Superiority found = superiority_of(series, options, RandomStream(8), pool);
    EXPECT_TRUE(std::isnan(found.statistics[0]));
    EXPECT_EQ(found.adjusted[0], 1.0);
    EXPECT_EQ(found.best, 1U);
    EXPECT_LT(found.adjusted[1], 0.01);
    EXPECT_GE(found.block_length, 1.0);
    series[2][3] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(std::isnan(superiority_of(series, options, RandomStream(8), pool).p_upper));
    EXPECT_TRUE(std::isnan(superiority_of({}, options, RandomStream(8), pool).p_upper));
}

}  // namespace
}  // namespace sofia::math
