#include "base/random.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia {
namespace {

// The sequence that Zig's standard library publishes for xoshiro256++ seeded with 0 through SplitMix64.
TEST(RandomStream, MatchesThePublishedSequence) {
    RandomStream stream(0);
    for (const std::uint64_t expected :
         {0x53175d61490b23dfULL, 0x61da6f3dc380d507ULL, 0x5c0fdf91ec9a7bfcULL, 0x02eebf8c3bbe5e1aULL, 0x7eca04ebaf4a5eeaULL, 0x0543c37757f08d9aULL}) {
        EXPECT_EQ(stream.next(), expected);
    }
}

TEST(RandomStream, ASplitDoesNotDependOnWhatWasDrawn) {
    RandomStream drawn(7);
    for (int i = 0; i < 100; ++i) drawn.next();
    EXPECT_EQ(drawn.split("bagging").next(), RandomStream(7).split("bagging").next());
    EXPECT_EQ(drawn.split(3).split("x").seed(), RandomStream(7).split(3).split("x").seed());
}

TEST(RandomStream, SplitsDifferByNameIndexAndPath) {
    std::set<std::uint64_t> seeds;
    std::size_t made = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const RandomStream parent(seed);
        seeds.insert(parent.seed());
        ++made;
        for (std::uint64_t index = 0; index < 50; ++index, made += 4) {
            seeds.insert(parent.split(index).seed() + 1'000'003);
            seeds.insert(parent.split(std::to_string(index)).seed());
            seeds.insert(parent.split("a").split(index).seed());
            seeds.insert(parent.split(index).split("a").seed());
        }
    }
    EXPECT_EQ(seeds.size(), made);
}

double kolmogorov(std::vector<double> sample, double (*distribution)(double)) {
    std::sort(sample.begin(), sample.end());
    const auto n = static_cast<double>(sample.size());
    double distance = 0.0;
    for (std::size_t i = 0; i < sample.size(); ++i) {
        const double f = distribution(sample[i]);
        const auto rank = static_cast<double>(i);
        distance = std::max({distance, f - rank / n, (rank + 1.0) / n - f});
    }
    return distance * std::sqrt(n);
}

constexpr double kolmogorov_1_percent = 1.628;  // Smirnov 1948

template <class Draw>
std::vector<double> sample(std::uint64_t seed, Draw draw) {
    RandomStream stream(seed);
    std::vector<double> out(200'000);
    for (double& x : out) x = draw(stream);
    return out;
}

TEST(RandomStream, UniformIsUniform) {
    const auto xs = sample(11, [](RandomStream& s) { return s.uniform(); });
    EXPECT_LT(kolmogorov(xs, [](double x) { return x; }), kolmogorov_1_percent);
    EXPECT_GE(*std::min_element(xs.begin(), xs.end()), 0.0);
    EXPECT_LT(*std::max_element(xs.begin(), xs.end()), 1.0);
}

TEST(RandomStream, NormalHasItsDistributionAndMoments) {
    const auto xs = sample(12, [](RandomStream& s) { return s.normal(); });
    EXPECT_LT(kolmogorov(xs, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }), kolmogorov_1_percent);
    // Moments 0, 1, 0, 3 within four standard errors: sqrt(1/n), sqrt(2/n), sqrt(15/n), sqrt(96/n).
    const auto n = static_cast<double>(xs.size());
    double moments[4] = {};
    for (const double x : xs) {
        for (int k = 0; k < 4; ++k) moments[k] += std::pow(x, k + 1) / n;
    }
    EXPECT_NEAR(moments[0], 0.0, 4 * std::sqrt(1 / n));
    EXPECT_NEAR(moments[1], 1.0, 4 * std::sqrt(2 / n));
    EXPECT_NEAR(moments[2], 0.0, 4 * std::sqrt(15 / n));
    EXPECT_NEAR(moments[3], 3.0, 4 * std::sqrt(96 / n));
}

TEST(RandomStream, ExponentialHasItsDistribution) {
    const auto xs = sample(13, [](RandomStream& s) { return s.exponential(); });
    EXPECT_LT(kolmogorov(xs, [](double x) { return 1.0 - std::exp(-x); }), kolmogorov_1_percent);
}

TEST(RandomStream, BelowIsUniformByChiSquare) {
    RandomStream stream(14);
    std::vector<double> counts(7);
    const int draws = 70'000;
    for (int i = 0; i < draws; ++i) ++counts.at(stream.below(counts.size()));
    double chi_square = 0.0;
    for (const double count : counts) chi_square += (count - 10'000.0) * (count - 10'000.0) / 10'000.0;
    EXPECT_LT(chi_square, 16.81);  // 1 % of chi-square with 6 degrees of freedom
}

// Two thirds of 2^64: a plain multiply-shift without rejection would make the lower half of the range half as likely again.
TEST(RandomStream, BelowIsUnbiasedForHugeCounts) {
    RandomStream stream(15);
    const std::uint64_t count = 0xaaaaaaaaaaaaaaaaULL;
    int even = 0;
    int low = 0;
    const int half = 20'000;
    for (int i = 0; i < 2 * half; ++i) {
        const std::uint64_t value = stream.below(count);
        ASSERT_LT(value, count);
        even += value % 2 == 0 ? 1 : 0;
        low += value < count / 2 ? 1 : 0;
    }
    EXPECT_NEAR(even, half, 4 * 100);  // standard deviation sqrt(40000 / 4) = 100
    EXPECT_NEAR(low, half, 4 * 100);
}

RC_GTEST_PROP(RandomStream, DrawsStayInTheirRange, (std::uint64_t seed)) {
    RandomStream stream(seed);
    const auto count = *rc::gen::positive<std::uint64_t>();
    RC_ASSERT(stream.below(count) < count);
    const double low = *rc::gen::arbitrary<double>();
    const double high = std::nextafter(low, 1e308);
    const double value = stream.uniform(low, high);
    RC_ASSERT((low <= value && value < high));
}

}  // namespace
}  // namespace sofia
