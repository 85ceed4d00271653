#include "labels/forward.hpp"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace sofia::labels {
namespace {

using market::Bar;

constexpr DurationNs length = 15 * ns_per_minute;

std::vector<Bar> bars_of(const std::vector<double>& closes) {
    std::vector<Bar> bars;
    for (std::size_t i = 0; i < closes.size(); ++i) {
        Bar bar;
        bar.open_time = static_cast<TimeNs>(i) * length;
        bar.close_time = bar.open_time + length;
        bar.open = bar.high = bar.low = bar.close = closes[i];
        bars.push_back(bar);
    }
    return bars;
}

trading::Touch touch_at(const std::vector<Bar>& bars, std::size_t i, double atr = 2.0) {
    return {.known_at = bars[i].close_time, .timeframe = 0, .close = bars[i].close, .ema = bars[i].close, .atr = atr};
}

ForwardMove one(const std::vector<double>& closes, std::size_t at, std::int64_t horizon, double atr = 2.0) {
    const std::vector<std::vector<Bar>> columns{bars_of(closes)};
    return forward_moves(std::array{touch_at(columns[0], at, atr)}, columns, horizon).at(0);
}

TEST(ForwardMove, AStraightPathIsFullyEfficient) {
    const ForwardMove move = one({10, 10, 13, 16, 19, 22, 0}, 1, 4);
    EXPECT_EQ(move.move_atr, 12.0 / 2.0);
    EXPECT_EQ(move.efficiency, 1.0);
    EXPECT_EQ(move.volatility, 3.0 / 2.0);
    EXPECT_EQ(move.end_time, 6 * length);  // the close of bar 5
}

TEST(ForwardMove, ThereAndBackIsNotEfficientAtAll) {
    const ForwardMove move = one({10, 11, 10, 9, 10}, 0, 4);
    EXPECT_EQ(move.move_atr, 0.0);
    EXPECT_EQ(move.efficiency, 0.0);
    EXPECT_EQ(move.volatility, 0.5);
    const ForwardMove still = one({10, 10, 10}, 0, 2);
    EXPECT_EQ(still.efficiency, 0.0);
    EXPECT_EQ(still.volatility, 0.0);
}

TEST(ForwardMove, IsUnknownWhereTheDataEndsOrThereIsNoAtr) {
    EXPECT_TRUE(one({10, 11, 12}, 0, 2).known());
    EXPECT_FALSE(one({10, 11, 12}, 0, 3).known());
    EXPECT_FALSE(one({10, 11, 12}, 2, 1).known());
    EXPECT_FALSE(one({10, 11, 12}, 0, 2, std::nan("")).known());
    EXPECT_TRUE(std::isnan(one({10, 11, 12}, 0, 3).move_atr));
}

TEST(ForwardMove, WhatComesAfterTheHorizonAndBeforeTheTouchDoesNotMatter) {
    RandomStream random(5);
    std::vector<double> closes(40, 100.0);
    for (std::size_t i = 1; i < closes.size(); ++i) closes[i] = closes[i - 1] + random.normal();
    const ForwardMove move = one(closes, 10, 8);
    for (std::size_t i = 0; i < 10; ++i) closes[i] += 7.0;
    for (std::size_t i = 19; i < closes.size(); ++i) closes[i] *= 2.0;
    const ForwardMove again = one(closes, 10, 8);
    EXPECT_EQ(move.move_atr, again.move_atr);
    EXPECT_EQ(move.efficiency, again.efficiency);
    EXPECT_EQ(move.volatility, again.volatility);
    closes[18] += 1.0;
    EXPECT_NE(move.move_atr, one(closes, 10, 8).move_atr);
}

TEST(Trend, IsFlatUpToTheThreshold) {
    const TrendConfig config{.horizon_bars = 1, .threshold_atr = 1.5};
    EXPECT_EQ(trend_of(one({10, 13}, 0, 1), config), Trend::flat);
    EXPECT_EQ(trend_of(one({10, 13.5}, 0, 1), config), Trend::up);
    EXPECT_EQ(trend_of(one({10, 6.5}, 0, 1), config), Trend::down);
}

TEST(Regime, FollowsTheQuantilesOfTheTrainingMoves) {
    RandomStream random(6);
    std::vector<double> closes(4000, 100.0);
    for (std::size_t i = 1; i < closes.size(); ++i) closes[i] = closes[i - 1] + random.normal() * (1.0 + static_cast<double>(i / 100 % 3));
    const std::vector<std::vector<Bar>> columns{bars_of(closes)};
    std::vector<trading::Touch> touches;
    for (std::size_t i = 0; i < closes.size(); ++i) touches.push_back(touch_at(columns[0], i));
    const RegimeConfig config{.horizon_bars = 12, .efficiency_quantile = 0.6, .volatility_quantile = 0.75};
    const std::vector<ForwardMove> moves = forward_moves(touches, columns, config.horizon_bars);
    const RegimeLimits limits = regime_limits(moves, config);
    std::array<double, regimes> count{};
    double known = 0.0;
    for (const ForwardMove& move : moves) {
        if (!move.known()) continue;
        const Regime regime = regime_of(move, limits);
        known += 1.0;
        count[static_cast<std::size_t>(regime)] += 1.0;
        EXPECT_TRUE(regime != Regime::trending_up || move.move_atr > 0.0);
        EXPECT_TRUE(regime != Regime::trending_down || move.move_atr < 0.0);
    }
    EXPECT_EQ(known, 4000.0 - 12.0);
    EXPECT_NEAR((count[0] + count[1]) / known, 0.4, 0.001);
    // A quarter of all moves is volatile; of those that do not trend about as many, since the two hardly depend on each other.
    EXPECT_NEAR(count[3] / (count[2] + count[3]), 0.25, 0.05);
}

TEST(Regime, WithoutATrainingMoveThereIsNoLimit) { EXPECT_TRUE(std::isnan(regime_limits(std::vector<ForwardMove>(3), RegimeConfig{}).efficiency)); }

}  // namespace
}  // namespace sofia::labels
