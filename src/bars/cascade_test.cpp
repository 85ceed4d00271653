#include "bars/cascade.hpp"

#include <cmath>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace sofia::bars {
namespace {

using market::Bar;
using market::Side;
using market::TickDirection;
using market::Trade;

// 2024-01-01 was a Monday.
constexpr TimeNs monday = 1'704'067'200 * ns_per_second;

TimeNs at(int hour, int minute, int second = 0) { return monday + hour * ns_per_hour + minute * ns_per_minute + second * ns_per_second; }

Cascade cascade(const std::vector<std::string>& timeframes, const char* session = "24x7") {
    return Cascade::make(market::parse_timeframes(timeframes).value(), market::Session::parse(session).value()).value();
}

struct Collector {
    std::vector<std::pair<std::size_t, Bar>> bars;
    void operator()(std::size_t timeframe, const Bar& bar) { bars.emplace_back(timeframe, bar); }
};

Bar base_bar(TimeNs open_time, double close) {
    return {.open_time = open_time,
            .close_time = open_time + ns_per_minute,
            .open = close - 0.5,
            .high = close + 1.0,
            .low = close - 1.0,
            .close = close,
            .volume = 10.0};
}

TEST(Cascade, RefusesTimeframesThatDoNotFit) {
    const auto code = [](std::vector<market::Timeframe> timeframes) { return Cascade::make(std::move(timeframes), market::Session()).error().code; };
    const market::Timeframe two = *market::Timeframe::parse("2m");
    const market::Timeframe fifteen = *market::Timeframe::parse("15m");
    EXPECT_EQ(code({}), ErrorCode::config);
    EXPECT_EQ(code({two, fifteen}), ErrorCode::config);
    EXPECT_EQ(code({fifteen, two}), ErrorCode::config);
    EXPECT_EQ(code({two, two}), ErrorCode::config);
}

TEST(Cascade, SumsThePrintsOfABar) {
    Cascade bars = cascade({"1m"});
    Collector out;
    bars.on_trade({at(0, 0, 1), 100.0, 2.0, Side::buy, TickDirection::plus}, out);
    bars.on_trade({at(0, 0, 2), 103.0, 1.0, Side::sell, TickDirection::zero_plus}, out);
    bars.on_trade({at(0, 0, 59), 99.0, 1.0, Side::buy, TickDirection::minus}, out);
    EXPECT_TRUE(out.bars.empty());
    bars.on_trade({at(0, 1), 98.0, 5.0, Side::sell, TickDirection::minus}, out);  // at the close: proves it
    ASSERT_EQ(out.bars.size(), 1U);
    const Bar expected{.open_time = at(0, 0),
                       .close_time = at(0, 1),
                       .open = 100.0,
                       .high = 103.0,
                       .low = 99.0,
                       .close = 99.0,
                       .volume = 4.0,
                       .vwap = 100.5,
                       .trades = 3.0,
                       .buy_volume = 3.0,
                       .sell_volume = 1.0,
                       .plus_ticks = 1.0,
                       .minus_ticks = 1.0};
    EXPECT_TRUE(same_bits(out.bars[0].second, expected));
}

TEST(Cascade, HandsOutTheLastBarOnlyOnceTimeHasReachedItsClose) {
    Cascade bars = cascade({"1m"});
    Collector out;
    bars.advance_to(at(0, 30), out);  // nothing exists before the first trade
    bars.on_trade({.ts = at(1, 0, 30), .price = 100.0, .size = 1.0}, out);
    bars.advance_to(at(1, 1) - 1, out);
    EXPECT_TRUE(out.bars.empty());
    bars.advance_to(at(1, 1), out);
    ASSERT_EQ(out.bars.size(), 1U);
    bars.advance_to(at(0, 0), out);
    EXPECT_EQ(out.bars.size(), 1U);
}

TEST(Cascade, CarriesTheLastCloseOverIntervalsWithoutTrades) {
    Cascade bars = cascade({"1m"});
    Collector out;
    bars.on_trade({.ts = at(0, 0), .price = 100.0, .size = 1.0}, out);
    bars.on_trade({.ts = at(0, 3), .price = 101.0, .size = 1.0}, out);
    ASSERT_EQ(out.bars.size(), 3U);
    const Bar& filled = out.bars[2].second;
    EXPECT_TRUE(filled.filled);
    EXPECT_EQ(filled.open_time, at(0, 2));
    EXPECT_EQ(filled.open, 100.0);
    EXPECT_EQ(filled.high, 100.0);
    EXPECT_EQ(filled.close, 100.0);
    EXPECT_EQ(filled.volume, 0.0);
    EXPECT_EQ(filled.trades, 0.0);
    EXPECT_TRUE(std::isnan(filled.vwap));
    EXPECT_EQ(bars.counters().filled, 2U);
}

TEST(Cascade, ComesInTheOrderOfCloseSmallerTimeframeFirst) {
    Cascade bars = cascade({"1m", "2m", "3m"});
    Collector out;
    bars.on_trade({.ts = at(0, 0), .price = 100.0, .size = 1.0}, out);
    bars.advance_to(at(0, 6), out);
    std::string order;
    for (const auto& [timeframe, bar] : out.bars)
        order += std::to_string(timeframe) + "@" + std::to_string((bar.close_time - monday) / ns_per_minute) + " ";
    EXPECT_EQ(order, "0@1 0@2 1@2 0@3 2@3 0@4 1@4 0@5 0@6 1@6 2@6 ");
}

TEST(Cascade, KnowsNoNight) {
    Cascade bars = cascade({"1m", "4h"}, "13:30-20:30");
    Collector out;
    bars.on_trade({.ts = at(20, 28), .price = 100.0, .size = 1.0}, out);
    bars.on_trade({.ts = at(20, 30), .price = 500.0, .size = 1.0}, out);  // after the close
    ASSERT_EQ(out.bars.size(), 2U);
    bars.on_trade({.ts = at(24 + 13, 31), .price = 101.0, .size = 1.0}, out);
    ASSERT_EQ(out.bars.size(), 4U);
    EXPECT_EQ(out.bars[2].first, 1U);  // the 4h bar closed at midnight, before the next day's first minute
    EXPECT_EQ(out.bars[2].second.close_time, at(24, 0));
    EXPECT_EQ(out.bars[3].second.open_time, at(24 + 13, 30));
    EXPECT_TRUE(out.bars[3].second.filled);
    EXPECT_EQ(out.bars[3].second.close, 100.0);
    EXPECT_EQ(bars.counters().trades_outside, 1U);
    EXPECT_EQ(bars.counters().trades, 2U);
}

TEST(Cascade, AnAggregateTakesItsPricesFromBarsWithPrints) {
    Cascade bars = cascade({"1m", "3m"});
    Collector out;
    bars.on_trade({.ts = at(0, 0), .price = 100.0, .size = 1.0}, out);
    bars.on_trade({.ts = at(0, 4), .price = 50.0, .size = 1.0}, out);  // 0:03 is filled with 100, outside the prints of 0:03..0:06
    bars.advance_to(at(0, 9), out);
    std::vector<Bar> three;
    for (const auto& [timeframe, bar] : out.bars) {
        if (timeframe == 1) three.push_back(bar);
    }
    ASSERT_EQ(three.size(), 3U);
    EXPECT_EQ(three[1].open, 50.0);
    EXPECT_EQ(three[1].high, 50.0);
    EXPECT_FALSE(three[1].filled);
    EXPECT_TRUE(three[2].filled);
    EXPECT_EQ(three[2].close, 50.0);
}

TEST(Cascade, CountsAndLeavesOutWhatComesTooLate) {
    Cascade bars = cascade({"1m"});
    Collector out;
    bars.on_trade({.ts = at(0, 1, 30), .price = 100.0, .size = 1.0}, out);
    bars.on_trade({.ts = at(0, 1, 10), .price = 101.0, .size = 1.0}, out);  // earlier, but its bar is still being built
    bars.on_trade({.ts = at(0, 0, 59), .price = 102.0, .size = 1.0}, out);
    bars.advance_to(at(0, 2), out);
    bars.on_trade({.ts = at(0, 1, 59), .price = 103.0, .size = 1.0}, out);
    bars.on_base_bar(base_bar(at(0, 1), 7.0), out);
    ASSERT_EQ(out.bars.size(), 1U);
    EXPECT_EQ(out.bars[0].second.high, 101.0);
    EXPECT_EQ(bars.counters(), (Counters{.trades = 2, .trades_late = 2, .bars_late = 1}));
}

TEST(Cascade, WhatABarFileDoesNotCarryStaysMissingUpward) {
    Cascade bars = cascade({"1m", "3m"});
    Collector out;
    bars.on_base_bar(base_bar(at(0, 0), 100.0), out);
    bars.on_base_bar(base_bar(at(0, 2), 104.0), out);
    ASSERT_EQ(out.bars.size(), 4U);
    const Bar& gap = out.bars[1].second;
    EXPECT_TRUE(gap.filled);
    EXPECT_EQ(gap.close, 100.0);
    EXPECT_TRUE(std::isnan(gap.buy_volume));
    const Bar& three = out.bars[3].second;
    EXPECT_EQ(three.open, 99.5);
    EXPECT_EQ(three.high, 105.0);
    EXPECT_EQ(three.low, 99.0);
    EXPECT_EQ(three.volume, 20.0);
    for (const double value : {three.vwap, three.trades, three.buy_volume, three.sell_volume, three.plus_ticks}) EXPECT_TRUE(std::isnan(value));
}

TEST(Cascade, OneMissingValueMakesTheSumMissingAndTheVwapIgnoresEmptyBars) {
    Cascade bars = cascade({"1m", "3m"});
    Collector out;
    Bar first = base_bar(at(0, 0), 100.0);
    first.vwap = 100.0;
    first.buy_volume = 4.0;
    Bar empty = base_bar(at(0, 1), 100.0);
    empty.volume = 0.0;
    empty.buy_volume = 0.0;
    Bar last = base_bar(at(0, 2), 103.0);
    last.volume = 30.0;
    last.vwap = 104.0;
    for (const Bar& bar : {first, empty, last}) bars.on_base_bar(bar, out);
    const Bar& three = out.bars.back().second;
    EXPECT_EQ(three.vwap, 103.0);
    EXPECT_TRUE(std::isnan(three.buy_volume));
}

TEST(Cascade, BarsOutsideTheSessionAreLeftOut) {
    Cascade bars = cascade({"1m"}, "13:30-20:00");
    Collector out;
    bars.on_base_bar(base_bar(at(12, 0), 99.0), out);
    bars.on_base_bar(base_bar(at(19, 59), 100.0), out);
    bars.on_base_bar(base_bar(at(20, 0), 101.0), out);
    bars.on_base_bar(base_bar(at(24 + 13, 30), 102.0), out);
    ASSERT_EQ(out.bars.size(), 2U);
    EXPECT_EQ(bars.counters(), (Counters{.base_bars = 2, .bars_outside = 2}));
}

// A base bar that reaches over the session's edge exists, and takes only the prints inside.
TEST(Cascade, ABarOverTheEdgeOfTheSessionTakesOnlyWhatIsInside) {
    Cascade bars = cascade({"1h"}, "13:30-20:00");
    Collector out;
    bars.on_trade({.ts = at(13, 20), .price = 1.0, .size = 1.0}, out);
    bars.on_trade({.ts = at(13, 40), .price = 100.0, .size = 1.0}, out);
    bars.on_trade({.ts = at(13, 50), .price = 101.0, .size = 1.0}, out);
    bars.advance_to(at(14, 0), out);
    ASSERT_EQ(out.bars.size(), 1U);
    EXPECT_EQ(out.bars[0].second.open_time, at(13, 0));
    EXPECT_EQ(out.bars[0].second.low, 100.0);
    EXPECT_EQ(out.bars[0].second.trades, 2.0);
}

TEST(Cascade, TradesMayFollowBars) {
    Cascade bars = cascade({"1m", "2m"});
    Collector out;
    bars.on_base_bar(base_bar(at(0, 0), 100.0), out);
    bars.on_trade({.ts = at(0, 1, 5), .price = 110.0, .size = 1.0}, out);
    bars.advance_to(at(0, 2), out);
    ASSERT_EQ(out.bars.size(), 3U);
    EXPECT_EQ(out.bars[2].second.high, 110.0);
    EXPECT_EQ(out.bars[2].second.low, 99.0);
    EXPECT_EQ(out.bars[2].second.volume, 11.0);
}

}  // namespace
}  // namespace sofia::bars
