#include "labels/uniqueness.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/random.hpp"

namespace sofia::labels {
namespace {

TEST(Uniqueness, IsOneAloneAndAnNthAmongEqualLabels) {
    EXPECT_EQ(average_uniqueness({}), std::vector<double>{});
    const std::vector<Interval> apart{{0, 10}, {10, 20}, {35, 40}};
    EXPECT_EQ(average_uniqueness(apart), (std::vector<double>{1.0, 1.0, 1.0}));
    const std::vector<Interval> equal(4, {5, 9});
    for (const double weight : average_uniqueness(equal)) EXPECT_DOUBLE_EQ(weight, 0.25);
}

TEST(Uniqueness, ALabelHalfSharedHasThreeQuarters) {
    const std::vector<Interval> intervals{{0, 10}, {5, 15}};
    for (const double weight : average_uniqueness(intervals)) EXPECT_DOUBLE_EQ(weight, 0.75);
}

// López de Prado's definition on a grid of bars, literally: counts per bar, then the mean of their inverses.
RC_GTEST_PROP(Uniqueness, EqualsTheMeanOfInverseCountsOnAGrid, (std::uint64_t seed)) {
    RandomStream random(seed);
    std::vector<Interval> intervals;
    for (int i = 0; i < 40; ++i) {
        const auto from = static_cast<TimeNs>(random.below(100));
        intervals.push_back({from, from + static_cast<TimeNs>(random.below(30))});
    }
    std::vector<int> alive(200, 0);
    for (const Interval& one : intervals) {
        for (TimeNs t = one.from; t < std::max(one.to, one.from + 1); ++t) ++alive[static_cast<std::size_t>(t)];
    }
    const std::vector<double> weights = average_uniqueness(intervals);
    for (std::size_t i = 0; i < intervals.size(); ++i) {
        const TimeNs end = std::max(intervals[i].to, intervals[i].from + 1);
        double sum = 0.0;
        for (TimeNs t = intervals[i].from; t < end; ++t) sum += 1.0 / alive[static_cast<std::size_t>(t)];
        RC_ASSERT(std::fabs(weights[i] - sum / static_cast<double>(end - intervals[i].from)) < 1e-12);
        RC_ASSERT(weights[i] > 0.0);
        RC_ASSERT(weights[i] <= 1.0 + 1e-12);
    }
}

// The weights times the lengths add up to the time in which anything was alive: no moment counts twice.
RC_GTEST_PROP(Uniqueness, SharesOutTheTimeOnce, (std::uint64_t seed)) {
    RandomStream random(seed);
    std::vector<Interval> intervals;
    std::vector<bool> covered(400, false);
    for (int i = 0; i < 30; ++i) {
        const auto from = static_cast<TimeNs>(random.below(300));
        const auto to = from + 1 + static_cast<TimeNs>(random.below(90));
        intervals.push_back({from, to});
        for (TimeNs t = from; t < to; ++t) covered[static_cast<std::size_t>(t)] = true;
    }
    const std::vector<double> weights = average_uniqueness(intervals);
    double total = 0.0;
    for (std::size_t i = 0; i < intervals.size(); ++i) total += weights[i] * static_cast<double>(intervals[i].to - intervals[i].from);
    RC_ASSERT(std::fabs(total - static_cast<double>(std::ranges::count(covered, true))) < 1e-9);
}

}  // namespace
}  // namespace sofia::labels
