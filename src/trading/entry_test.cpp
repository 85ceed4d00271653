#include "trading/entry.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trading/test_support.hpp"

namespace sofia::trading {
namespace {

using testing::bar;
using testing::minute;
using testing::print;

FillRules rules(FillMode mode) { return {.mode = mode, .tick = 0.5, .slippage = 1.0, .latency = 100 * ns_per_ms, .max_wait = 300 * ns_per_second}; }

TEST(MarketOrder, WaitsForTheFirstPrintAfterDecisionAndLatencyOnItsSide) {
    const MarketOrder order(Side::buy, minute(0), rules(FillMode::trades));
    EXPECT_FALSE(order.on_trade(print(minute(0) + 100 * ns_per_ms, 99.0, Side::buy)));
    EXPECT_FALSE(order.on_trade(print(minute(0) + 101 * ns_per_ms, 99.0, Side::sell)));
    const auto fill = order.on_trade(print(minute(0) + 101 * ns_per_ms, 99.0, Side::buy));
    ASSERT_TRUE(fill);
    EXPECT_EQ(fill->reference, 99.0);
    EXPECT_EQ(fill->price, 100.0);
}

TEST(MarketOrder, SlippageIsAgainstEitherSide) {
    EXPECT_EQ(MarketOrder(Side::sell, minute(0), rules(FillMode::trades)).on_trade(print(minute(1), 99.0, Side::sell))->price, 98.0);
    // A sale never brings less than a tick, and the market's own price when that is less.
    EXPECT_EQ(MarketOrder(Side::sell, minute(0), rules(FillMode::trades)).on_trade(print(minute(1), 1.0, Side::sell))->price, 0.5);
    EXPECT_EQ(MarketOrder(Side::sell, minute(0), rules(FillMode::trades)).on_trade(print(minute(1), 0.25, Side::sell))->price, 0.25);
}

TEST(MarketOrder, OnBarsWithCarriedOpensFillsAtTheNextClose) {
    const MarketOrder order(Side::buy, minute(3), rules(FillMode::bar_close));
    EXPECT_FALSE(order.on_bar(bar(2, 10.0, 12.0, 9.0, 11.0)));
    const auto fill = order.on_bar(bar(3, 11.0, 14.0, 10.0, 13.0));
    ASSERT_TRUE(fill);
    EXPECT_EQ(fill->time, minute(4));
    EXPECT_EQ(fill->reference, 13.0);
    EXPECT_EQ(fill->price, 14.0);
}

TEST(MarketOrder, OnBarsWithTrueOpensFillsAtTheNextOpen) {
    const MarketOrder order(Side::sell, minute(3), rules(FillMode::bar_open));
    EXPECT_FALSE(order.on_bar(bar(2, 10.0, 12.0, 9.0, 11.0)));
    const auto fill = order.on_bar(bar(3, 11.5, 14.0, 10.0, 13.0));
    ASSERT_TRUE(fill);
    EXPECT_EQ(fill->time, minute(3));
    EXPECT_EQ(fill->price, 10.5);
}

TEST(MarketOrder, LatencyOfWholeBarsDelaysByAsManyAndPartsOfABarAreNotResolved) {
    for (const std::int64_t bars : {0, 1, 5}) {
        FillRules late = rules(FillMode::bar_open);
        late.latency = bars * ns_per_minute + 59 * ns_per_second;
        const MarketOrder order(Side::buy, minute(3), late);
        std::int64_t first = 0;
        while (!order.on_bar(testing::flat(first, 10.0))) ++first;
        EXPECT_EQ(first, 3 + bars);
    }
}

TEST(MarketOrder, ABarWithoutPrintsFillsNothing) {
    Bar empty = testing::flat(3, 10.0);
    empty.filled = true;
    EXPECT_FALSE(MarketOrder(Side::buy, minute(3), rules(FillMode::bar_close)).on_bar(empty));
}

RC_GTEST_PROP(MarketOrder, NeverFillsAtSomethingSeenBeforeTheDecision, (std::uint64_t seed)) {
    RandomStream random(seed);
    const TimeNs decided = minute(0) + static_cast<TimeNs>(random.below(1000)) * ns_per_second;
    const MarketOrder order(random.below(2) == 0 ? Side::buy : Side::sell, decided, rules(FillMode::trades));
    for (int i = 0; i < 200; ++i) {
        const TimeNs ts = minute(0) + static_cast<TimeNs>(random.below(1100)) * ns_per_second;
        const auto fill = order.on_trade(print(ts, 50.0, random.below(2) == 0 ? Side::buy : Side::sell));
        if (fill) RC_ASSERT(fill->time > decided + 100 * ns_per_ms);
    }
}

TEST(ExecutionConfig, RefusesWhatIsNoNumberFromZero) {
    ExecutionConfig config;
    config.latency_ms = -1.0;
    EXPECT_EQ(config.validate().error().message, "execution.latency_ms -1 is not a number from 0");
    config = {};
    config.slippage_ticks = NAN;
    EXPECT_FALSE(config.validate().has_value());
}

}  // namespace
}  // namespace sofia::trading
