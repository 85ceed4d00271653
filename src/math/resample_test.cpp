#include "math/resample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "math/statistics.hpp"

namespace sofia::math {
namespace {

std::vector<std::uint32_t> drawn(const Resampler& resampler, std::size_t replication, std::size_t size) {
    std::vector<std::uint32_t> indices(size);
    resampler(replication, indices);
    return indices;
}

/// Innovations normal, or exponential less their mean.
enum class Shape { normal, skewed };

std::vector<double> autoregression(RandomStream random, std::size_t size, double phi, Shape shape = Shape::normal) {
    std::vector<double> values;
    double x = 0.0;
    for (std::size_t i = 0; i < size + 100; ++i) {
        x = phi * x + (shape == Shape::normal ? random.normal() : random.exponential() - 1.0);
        if (i >= 100) values.push_back(x);
    }
    return values;
}

TEST(CircularBlocks, AreRunsOfTheirLengthAroundTheCircle) {
    const auto indices = drawn(circular_blocks(4, RandomStream(1)), 3, 10);
    for (const std::size_t start : {0U, 4U, 8U}) {
        for (std::size_t i = start + 1; i < std::min<std::size_t>(start + 4, 10); ++i) EXPECT_EQ(indices[i], (indices[i - 1] + 1) % 10);
    }
}

RC_GTEST_PROP(Resamplers, StayInsideAndDependOnTheReplicationOnly, (std::uint64_t seed, std::uint16_t replication)) {
    const RandomStream random(seed);
    const std::size_t size = 1 + random.split("size").seed() % 50;
    for (const Resampler& resampler : {stationary_blocks(3.0, random), stationary_blocks(0.5, random), circular_blocks(7, random)}) {
        const auto indices = drawn(resampler, replication, size);
        RC_ASSERT(std::ranges::all_of(indices, [&](std::uint32_t i) { return i < size; }));
        RC_ASSERT(indices == drawn(resampler, replication, size));
    }
}

// Every place is equally likely; a run ends with probability (1 - 1/n) / b, for a new block may happen to go on.
TEST(StationaryBlocks, HaveTheirMeanLengthAndVisitEveryPlaceAlike) {
    constexpr std::size_t size = 50;
    constexpr std::size_t replications = 4'000;
    const Resampler resampler = stationary_blocks(5.0, RandomStream(7));
    std::vector<double> visits(size, 0.0);
    double breaks = 0.0;
    for (std::size_t r = 0; r < replications; ++r) {
        const auto indices = drawn(resampler, r, size);
        for (std::size_t i = 0; i < size; ++i) {
            visits[indices[i]] += 1.0;
            if (i > 0 && indices[i] != (indices[i - 1] + 1) % size) breaks += 1.0;
        }
    }
    EXPECT_NEAR(breaks / (replications * (size - 1)), 0.2 * (1.0 - 1.0 / size), 0.004);
    for (const double count : visits) EXPECT_NEAR(count / replications, 1.0, 0.15);
}

// AR(1): b = (2 phi / (1 - phi²))^(2/3) n^(1/3) for the stationary bootstrap (Politis, White 2004), (3/2)^(1/3) times that for the circular one.
TEST(OptimalBlockLength, OfAnAutoregressionHasAClosedForm) {
    for (const double phi : {0.3, 0.5}) {
        std::vector<double> found;
        for (std::uint64_t seed = 0; seed < 9; ++seed) {
            const BlockLength length = optimal_block_length(autoregression(RandomStream(seed), 20'000, phi));
            EXPECT_NEAR(length.circular / length.stationary, std::cbrt(1.5), 1e-12);
            found.push_back(length.stationary);
        }
        const double expected = std::pow(2.0 * phi / (1.0 - phi * phi), 2.0 / 3.0) * std::cbrt(20'000.0);
        EXPECT_NEAR(median(found) / expected, 1.0, 0.2) << phi;
    }
}

TEST(OptimalBlockLength, IsOneWithoutAnythingToKeepTogether) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> bad(100, 1.0);
    EXPECT_EQ(optimal_block_length(bad).stationary, 1.0);
    bad[3] = nan;
    EXPECT_EQ(optimal_block_length(bad).circular, 1.0);
    EXPECT_EQ(optimal_block_length(std::vector<double>{1.0, 2.0}).circular, 1.0);
    std::vector<double> lengths;
    for (std::uint64_t seed = 0; seed < 15; ++seed)
        lengths.push_back(optimal_block_length(autoregression(RandomStream(seed), 1'000, 0.0)).stationary);
    EXPECT_LT(median(lengths), 4.0);
    EXPECT_LE(whole_block_length(autoregression(RandomStream(1), 100, 0.95)), 10U);
}

TEST(MeanInterval, DoesNotDependOnTheNumberOfThreads) {
    const auto values = autoregression(RandomStream(3), 300, 0.4, Shape::skewed);
    ThreadPool one(1);
    ThreadPool three(3);
    const IntervalOptions options{.replications = 999};
    const MeanInterval a = mean_interval(values, options, RandomStream(5), one);
    const MeanInterval b = mean_interval(values, options, RandomStream(5), three);
    EXPECT_EQ(a.lower, b.lower);
    EXPECT_EQ(a.upper, b.upper);
    EXPECT_LT(a.lower, a.mean);
    EXPECT_GT(a.upper, a.mean);
    EXPECT_NE(a.lower, mean_interval(values, options, RandomStream(6), one).lower);
}

// Of many independent normal values it is Student's: mean -+ 1.97 s / sqrt n at 200.
TEST(MeanInterval, OfIndependentNormalValuesIsStudents) {
    const auto values = autoregression(RandomStream(11), 200, 0.0);
    ThreadPool pool(1);
    const MeanInterval found = mean_interval(values, {.replications = 19'999, .block_length = 1}, RandomStream(1), pool);
    const double error = stdev(values) / std::sqrt(200.0);
    EXPECT_NEAR(found.standard_error / error, 1.0, 1e-12);
    EXPECT_NEAR((found.upper - found.lower) / (2.0 * 1.972 * error), 1.0, 0.03);
}

TEST(MeanInterval, MovesWithTheValues) {
    const auto values = autoregression(RandomStream(4), 128, 0.2, Shape::skewed);
    std::vector<double> moved;
    for (const double x : values) moved.push_back(2.0 * x + 3.0);
    ThreadPool pool(1);
    const MeanInterval a = mean_interval(values, {.replications = 399}, RandomStream(5), pool);
    const MeanInterval b = mean_interval(moved, {.replications = 399}, RandomStream(5), pool);
    EXPECT_NEAR(b.lower, 2.0 * a.lower + 3.0, 1e-9);
    EXPECT_NEAR(b.upper, 2.0 * a.upper + 3.0, 1e-9);
    EXPECT_EQ(a.block_length, b.block_length);
}

// 95 % intervals of 100 skewed, dependent values; independent values are covered at 93 % and more.
TEST(MeanInterval, CoversTheMeanAboutAsOftenAsItSays) {
    ThreadPool pool(1);
    const RandomStream random(2026);
    int covered = 0;
    int covered_dependent = 0;
    constexpr int rounds = 300;
    for (int i = 0; i < rounds; ++i) {
        const auto stream = random.split(static_cast<std::uint64_t>(i));
        const IntervalOptions options{.replications = 199};
        const MeanInterval a = mean_interval(autoregression(stream, 100, 0.0, Shape::skewed), options, stream, pool);
        const MeanInterval b = mean_interval(autoregression(stream, 100, 0.3, Shape::skewed), options, stream, pool);
        covered += a.lower <= 0.0 && 0.0 <= a.upper ? 1 : 0;
        covered_dependent += b.lower <= 0.0 && 0.0 <= b.upper ? 1 : 0;
    }
    EXPECT_GT(covered, 0.91 * rounds);
    EXPECT_GT(covered_dependent, 0.85 * rounds);
}

TEST(MeanInterval, OfTooLittleOrWithoutVarianceSaysSo) {
    ThreadPool pool(1);
    EXPECT_TRUE(std::isnan(mean_interval(std::vector<double>(9, 1.0), {}, RandomStream(1), pool).mean));
    std::vector<double> values(50, 0.1);
    const MeanInterval constant = mean_interval(values, {.replications = 99}, RandomStream(1), pool);
    EXPECT_DOUBLE_EQ(constant.lower, 0.1);
    EXPECT_DOUBLE_EQ(constant.upper, 0.1);
    values[7] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(std::isnan(mean_interval(values, {}, RandomStream(1), pool).lower));
    // One day in fifty with a trade: most resamples of some sizes miss it, so nothing holds the mean from one side.
    std::vector<double> rare(50, 0.0);
    rare[20] = 1.0;
    const MeanInterval open = mean_interval(rare, {.replications = 999, .block_length = 5}, RandomStream(1), pool);
    EXPECT_EQ(open.upper, std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace sofia::math
