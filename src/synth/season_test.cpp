#include "synth/season.hpp"

#include <numeric>

#include <gtest/gtest.h>

namespace sofia::synth {
namespace {

constexpr double day = static_cast<double>(ns_per_day);

TEST(DailySeason, HasMeanOneAndItsPeakInTheAfternoon) {
    const auto weights = daily_season(0.4);
    EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0) / minutes_per_day, 1.0, 1e-12);
    EXPECT_NEAR(weights[15 * 60], 1.4, 1e-4);
    EXPECT_NEAR(weights[3 * 60], 0.6, 1e-4);
}

TEST(SeasonClock, MapsDaysToDaysAndKeepsOrder) {
    SeasonClock clock(0.4);
    double last = -1.0;
    for (int i = 0; i <= 4'000; ++i) {
        const double business = static_cast<double>(i) * day / 1'000.0;
        const double calendar = clock.calendar(business);
        EXPECT_GT(calendar, last);
        if (i % 1'000 == 0) {
            EXPECT_NEAR(calendar, business, 1e3);
        }
        last = calendar;
    }
}

// Even business time falls into each hour in proportion to the season's weight there.
TEST(SeasonClock, SpendsBusinessTimeBySeason) {
    SeasonClock clock(0.4);
    const int steps = 240'000;
    int in_busiest = 0;
    int in_quietest = 0;
    for (int i = 0; i < steps; ++i) {
        const double hour = clock.calendar(day * (static_cast<double>(i) + 0.5) / steps) / static_cast<double>(ns_per_hour);
        in_busiest += hour >= 14.5 && hour < 15.5 ? 1 : 0;
        in_quietest += hour >= 2.5 && hour < 3.5 ? 1 : 0;
    }
    EXPECT_NEAR(in_busiest, 13'989, 15);  // 10,000 (1 + 0.4 sin(x)/x) with x = pi/24: the mean of the cosine over its best hour
    EXPECT_NEAR(in_quietest, 6'011, 15);
}

TEST(SeasonClock, WithoutASeasonIsTheIdentity) {
    SeasonClock clock(0.0);
    for (const double time : {0.0, 1e9, 3.6e12, day - 1.0, day, 5.25 * day}) EXPECT_NEAR(clock.calendar(time), time, 1e-15 * day);
}

}  // namespace
}  // namespace sofia::synth
