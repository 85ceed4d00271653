#include "trading/barriers.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trading/path.hpp"
#include "trading/test_support.hpp"

namespace sofia::trading {
namespace {

using testing::bar;
using testing::minute;
using testing::print;

constexpr TimeNs never = minute(50'000'000);

FillRules rules(FillMode mode, double slippage = 0.0) { return {.mode = mode, .tick = 0.5, .slippage = slippage, .latency = 0, .max_wait = 0}; }

Levels long_levels(TimeNs deadline = never) { return {Direction::long_side, 100.0, 98.0, 103.0, deadline}; }
Levels short_levels(TimeNs deadline = never) { return {Direction::short_side, 100.0, 102.0, 97.0, deadline}; }

TEST(Levels, LieOnTheTickGridAwayFromTheEntry) {
    const auto up = make_levels(Direction::long_side, 100.0, 1.1, 0, {.stop_atr = 1.0, .target_r = 2.0, .max_hold_bars = 1}, 0.5);
    ASSERT_TRUE(up);
    EXPECT_EQ(up->stop, 98.5);
    EXPECT_EQ(up->target, 103.0);
    const auto down = make_levels(Direction::short_side, 100.0, 1.1, 0, {.stop_atr = 1.0, .target_r = 2.0, .max_hold_bars = 1}, 0.5);
    ASSERT_TRUE(down);
    EXPECT_EQ(down->stop, 101.5);
    EXPECT_EQ(down->target, 97.0);
}

TEST(Levels, DoNotExistWithoutRangeOrBelowZero) {
    EXPECT_FALSE(make_levels(Direction::long_side, 100.0, NAN, 0, {}, 0.5));
    EXPECT_FALSE(make_levels(Direction::long_side, 100.0, 0.0, 0, {}, 0.5));
    EXPECT_FALSE(make_levels(Direction::long_side, 100.0, 50.0, 0, {.stop_atr = 2.0, .target_r = 1.0, .max_hold_bars = 1}, 0.5));
}

RC_GTEST_PROP(Levels, RiskIsAtLeastTheStopDistanceAndLessThanATickMore, (std::uint64_t seed)) {
    RandomStream random(seed);
    const double tick = std::pow(10.0, -static_cast<double>(random.below(4)));
    const double entry = random.uniform(200.0, 300.0);
    const double atr = random.uniform(0.1, 20.0);
    const Direction direction = random.below(2) == 0 ? Direction::long_side : Direction::short_side;
    const auto levels = make_levels(direction, entry, atr, 0, {.stop_atr = 1.5, .target_r = 2.0, .max_hold_bars = 1}, tick);
    RC_ASSERT(levels.has_value());
    RC_ASSERT(levels->risk() >= 1.5 * atr - 1e-5 * tick);
    RC_ASSERT(levels->risk() < 1.5 * atr + tick);
    RC_ASSERT(sign(direction) * (levels->target - entry) >= 2.0 * levels->risk() - 1e-5 * tick);
}

TEST(VerticalBarrier, CountsOnlyBarsThatExist) {
    const market::Session always;
    EXPECT_EQ(vertical_barrier(minute(60), ns_per_hour, 3, always), minute(240));
    const market::Session day = market::Session::parse("13:30-20:00").value();
    // Monday 19:00: the bar 19:00-20:00, then Tuesday's first hour bar begins at 13:00 by the epoch's grid.
    EXPECT_EQ(vertical_barrier(minute(19 * 60), ns_per_hour, 1, day), minute(20 * 60));
    EXPECT_EQ(vertical_barrier(minute(19 * 60), ns_per_hour, 2, day), minute(24 * 60 + 14 * 60));
    // Friday 19:00 + 2 bars is Monday.
    EXPECT_EQ(vertical_barrier(minute(4 * 1440 + 19 * 60), ns_per_hour, 2, day), minute(7 * 1440 + 14 * 60));
}

TEST(BarrierWalk, AStopFillsAtThePrintThatTriggersItLessSlippage) {
    BarrierWalk walk(long_levels(), rules(FillMode::trades, 0.5));
    EXPECT_FALSE(walk.step(print(minute(1), 98.5, Side::sell)));
    const auto exit = walk.step(print(minute(2), 96.0, Side::sell));
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->reason, ExitReason::stop);
    EXPECT_EQ(exit->reference, 96.0);
    EXPECT_EQ(exit->price, 95.5);
    EXPECT_EQ(walk.adverse(), 4.0);
}

TEST(BarrierWalk, AStopNeedsAPrintOnTheSideThatLeaves) {
    BarrierWalk walk(long_levels(), rules(FillMode::trades));
    EXPECT_FALSE(walk.step(print(minute(1), 97.0, Side::buy)));
    // What went before must not hide the next print, which is no new extreme.
    const auto exit = walk.step(print(minute(2), 97.5, Side::sell));
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->reference, 97.5);
}

TEST(BarrierWalk, ATargetNeedsATickBeyondItAndFillsAtItself) {
    for (const Side side : {Side::buy, Side::sell}) {
        BarrierWalk walk(long_levels(), rules(FillMode::trades, 0.5));
        EXPECT_FALSE(walk.step(print(minute(1), 103.0, side)));
        const auto exit = walk.step(print(minute(2), 105.0, side));
        ASSERT_TRUE(exit);
        EXPECT_EQ(exit->reason, ExitReason::target);
        EXPECT_EQ(exit->price, 103.0);
        EXPECT_EQ(walk.favourable(), 3.0);
    }
}

TEST(BarrierWalk, OnBarsAStopFillsAtTheStopOrAtTheHighOfABarBelowIt) {
    BarrierWalk inside(long_levels(), rules(FillMode::bar_close, 0.5));
    EXPECT_EQ(inside.step(bar(1, 100.0, 100.5, 96.0, 97.0))->price, 97.5);
    BarrierWalk gap(long_levels(), rules(FillMode::bar_close, 0.5));
    EXPECT_EQ(gap.step(bar(1, 96.0, 96.5, 95.0, 96.0))->price, 96.0);
    BarrierWalk mirrored(short_levels(), rules(FillMode::bar_close, 0.5));
    EXPECT_EQ(mirrored.step(bar(1, 104.0, 105.0, 103.5, 104.0))->price, 104.0);
}

TEST(BarrierWalk, BothInsideOneBarIsTheStopAndAmbiguous) {
    BarrierWalk walk(long_levels(), rules(FillMode::bar_close));
    const auto exit = walk.step(bar(1, 100.0, 104.0, 97.0, 100.0));
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->reason, ExitReason::stop);
    EXPECT_TRUE(exit->ambiguous);
    BarrierWalk touched(long_levels(), rules(FillMode::bar_close));
    const auto only_touched = touched.step(bar(1, 100.0, 103.0, 97.0, 100.0));
    ASSERT_TRUE(only_touched);
    EXPECT_FALSE(only_touched->ambiguous);
}

TEST(BarrierWalk, LeavesByAMarketOrderAtTheVerticalBarrier) {
    BarrierWalk closes(long_levels(minute(3)), rules(FillMode::bar_close, 0.5));
    EXPECT_FALSE(closes.step(bar(2, 100.0, 101.0, 99.0, 100.0)));
    const auto at_close = closes.step(bar(3, 100.0, 101.0, 99.0, 100.5));
    ASSERT_TRUE(at_close);
    EXPECT_EQ(at_close->reason, ExitReason::timeout);
    EXPECT_EQ(at_close->price, 100.0);
    EXPECT_EQ(at_close->time, minute(4));

    BarrierWalk opens(long_levels(minute(3)), rules(FillMode::bar_open, 0.5));
    const auto at_open = opens.step(bar(3, 100.0, 104.0, 96.0, 100.5));
    ASSERT_TRUE(at_open);
    EXPECT_EQ(at_open->reason, ExitReason::timeout);
    EXPECT_EQ(at_open->price, 99.5);

    BarrierWalk prints(long_levels(minute(3)), rules(FillMode::trades, 0.5));
    EXPECT_FALSE(prints.step(print(minute(3), 100.0, Side::sell)));
    EXPECT_FALSE(prints.step(print(minute(3) + 1, 100.0, Side::buy)));
    EXPECT_EQ(prints.step(print(minute(3) + 2, 100.0, Side::sell))->reason, ExitReason::timeout);
}

TEST(BarrierWalk, ARequestBeforeTheDeadlineLeavesAndOneAfterItChangesNothing) {
    BarrierWalk early(long_levels(minute(9)), rules(FillMode::bar_close));
    early.request_exit(ExitReason::flip, minute(2));
    EXPECT_EQ(early.step(bar(2, 100.0, 100.0, 100.0, 100.0))->reason, ExitReason::flip);
    BarrierWalk late(long_levels(minute(2)), rules(FillMode::bar_close));
    late.request_exit(ExitReason::flip, minute(2));
    EXPECT_EQ(late.step(bar(2, 100.0, 100.0, 100.0, 100.0))->reason, ExitReason::timeout);
}

TEST(BarrierWalk, ABarWithoutPrintsChangesNothing) {
    BarrierWalk walk(long_levels(minute(1)), rules(FillMode::bar_close));
    Bar empty = bar(2, 90.0, 90.0, 90.0, 90.0);
    empty.filled = true;
    EXPECT_FALSE(walk.step(empty));
    EXPECT_EQ(walk.adverse(), 0.0);
}

/// The rules as a plain loop over all prints: what the quick way out must not change.
std::optional<Exit> slow_walk(const Levels& levels, const std::vector<Trade>& trades) {
    const double s = sign(levels.direction);
    const Side leaving = s > 0.0 ? Side::sell : Side::buy;
    for (const Trade& trade : trades) {
        const double ahead = s * (trade.price - levels.stop);
        const double beyond = s * (trade.price - levels.target);
        if (ahead <= 0.0 && trade.side == leaving) return Exit{trade.ts, trade.price, trade.price, ExitReason::stop, false};
        if (beyond >= 0.5) return Exit{trade.ts, levels.target, levels.target, ExitReason::target, false};
        if (trade.ts > levels.deadline && trade.side == leaving) return Exit{trade.ts, trade.price, trade.price, ExitReason::timeout, false};
    }
    return std::nullopt;
}

RC_GTEST_PROP(BarrierWalk, EqualsThePlainLoopOverPrints, (std::uint64_t seed)) {
    RandomStream random(seed);
    const Levels levels = random.below(2) == 0 ? long_levels(minute(60)) : short_levels(minute(60));
    std::vector<Trade> trades;
    double price = 100.0;
    for (int i = 0; i < 120; ++i) {
        price += 0.5 * static_cast<double>(static_cast<std::int64_t>(random.below(5)) - 2) * 0.5;
        trades.push_back(print(minute(i), std::round(2.0 * price) / 2.0, random.below(2) == 0 ? Side::buy : Side::sell));
    }
    BarrierWalk walk(levels, rules(FillMode::trades));
    std::optional<Exit> exit;
    for (const Trade& trade : trades) {
        exit = walk.step(trade);
        if (exit) break;
    }
    const auto expected = slow_walk(levels, trades);
    RC_ASSERT(exit.has_value() == expected.has_value());
    if (!exit) return;
    RC_ASSERT(exit->reason == expected->reason);
    RC_ASSERT(exit->time == expected->time);
    RC_ASSERT(exit->price == expected->price);
}

// On a fair walk of single ticks with the stop a ticks below and the target b above, prints reach b + 1 before -a with probability
// a / (a + b + 1) (gambler's ruin), and the tick of penetration is what the trade gives away: E[R] = -1 / (a + b + 1).
TEST(BarrierWalk, OnAFairWalkTheMeanIsTheGamblersAndWinsNothing) {
    const double a = 4.0;
    const double b = 6.0;
    const Levels levels{Direction::long_side, 100.0, 98.0, 103.0, never};
    RandomStream random(2024);
    const int walks = 40'000;
    double total = 0.0;
    double squares = 0.0;
    int targets = 0;
    for (int n = 0; n < walks; ++n) {
        BarrierWalk walk(levels, rules(FillMode::trades));
        double price = 100.0;
        std::optional<Exit> exit;
        for (std::int64_t i = 1; !exit; ++i) {
            price += random.below(2) == 0 ? 0.5 : -0.5;
            exit = walk.step(print(minute(i), price, Side::sell));
        }
        const double r = (exit->price - 100.0) / levels.risk();
        total += r;
        squares += r * r;
        targets += exit->reason == ExitReason::target ? 1 : 0;
    }
    const double mean = total / walks;
    const double error = std::sqrt((squares / walks - mean * mean) / walks);
    EXPECT_NEAR(mean, -1.0 / (a + b + 1.0), 4.0 * error);
    const double p = a / (a + b + 1.0);
    EXPECT_NEAR(targets / static_cast<double>(walks), p, 4.0 * std::sqrt(p * (1.0 - p) / walks));
}

// With a vertical barrier the stop, the timeout and the target (had it filled at the print) are a stopped martingale: mean exactly zero.
TEST(BarrierWalk, AFairWalkWithTimeoutsHasNoMean) {
    const Levels levels{Direction::short_side, 100.0, 102.0, 97.0, minute(30)};
    RandomStream random(77);
    const int walks = 40'000;
    double total = 0.0;
    double squares = 0.0;
    int timeouts = 0;
    for (int n = 0; n < walks; ++n) {
        BarrierWalk walk(levels, rules(FillMode::trades));
        double price = 100.0;
        std::optional<Exit> exit;
        for (std::int64_t i = 1; !exit; ++i) {
            price += random.below(2) == 0 ? 0.5 : -0.5;
            exit = walk.step(print(minute(i), price, Side::buy));
        }
        const double given_away = exit->reason == ExitReason::target ? 0.5 : 0.0;
        const double r = (100.0 - exit->reference + given_away) / levels.risk();
        total += r;
        squares += r * r;
        timeouts += exit->reason == ExitReason::timeout ? 1 : 0;
    }
    EXPECT_GT(timeouts, walks / 10);
    EXPECT_NEAR(total / walks, 0.0, 4.0 * std::sqrt(squares) / walks);
}

// Broadie, Glasserman and Kou (1997): a Gaussian walk overshoots a barrier by 0.5826 standard deviations of a step on average.
TEST(BarrierWalk, StopsPayTheOvershoot) {
    const Levels levels{Direction::long_side, 1000.0, 990.0, 1'000'000.0, never};
    RandomStream random(9);
    const int walks = 10'000;
    double overshoot = 0.0;
    for (int n = 0; n < walks; ++n) {
        BarrierWalk walk(levels, rules(FillMode::trades));
        double price = 1000.0;
        std::optional<Exit> exit;
        for (std::int64_t i = 1; !exit; ++i) {
            price += random.normal() - 0.02;  // a little drift, so that every walk ends soon
            exit = walk.step(print(minute(i), price, Side::sell));
        }
        overshoot += 990.0 - exit->reference;
    }
    EXPECT_NEAR(overshoot / walks, 0.5826, 0.025);
}

}  // namespace
}  // namespace sofia::trading
