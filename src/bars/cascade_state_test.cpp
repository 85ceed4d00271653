#include <algorithm>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bars/cascade.hpp"
#include "base/random.hpp"
#include "base/state_json.hpp"

// A cascade that was written down and read back goes on as if nothing had happened.
namespace sofia::bars {
namespace {

using market::Bar;
using market::Trade;

constexpr TimeNs monday = 1'704'067'200 * ns_per_second;

struct Collector {
    std::vector<std::pair<std::size_t, Bar>> bars;
    void operator()(std::size_t timeframe, const Bar& bar) { bars.emplace_back(timeframe, bar); }
};

Cascade cascade(const char* session = "24x7", const std::vector<std::string>& timeframes = {"1m", "4m", "6m", "1h"}) {
    return Cascade::make(market::parse_timeframes(timeframes).value(), market::Session::parse(session).value()).value();
}

/// Prints some seconds apart, with holes of up to an hour, over two days.
std::vector<Trade> prints(std::uint64_t seed) {
    RandomStream random(seed);
    std::vector<Trade> trades;
    for (TimeNs time = monday; time < monday + 2 * ns_per_day;) {
        const double gap = random.exponential() * (random.below(60) == 0 ? 2000.0 : 15.0);
        time += 1 + static_cast<TimeNs>(gap * static_cast<double>(ns_per_second));
        if (random.below(200) == 0) time = floor_time(time, ns_per_minute);
        if (!trades.empty()) time = std::max(time, trades.back().ts);
        const double price = trades.empty() ? 100.0 : trades.back().price + 0.5 * static_cast<double>(random.below(5)) - 1.0;
        trades.push_back({.ts = time,
                          .price = price,
                          .size = 0.1 * static_cast<double>(1 + random.below(30)),
                          .side = static_cast<market::Side>(random.below(2)),
                          .tick = static_cast<market::TickDirection>(random.below(4))});
    }
    return trades;
}

void expect_equal(const Collector& a, const Collector& b, const std::string& what) {
    ASSERT_EQ(a.bars.size(), b.bars.size()) << what;
    for (std::size_t i = 0; i < a.bars.size(); ++i) {
        ASSERT_EQ(a.bars[i].first, b.bars[i].first) << what << ", bar " << i;
        ASSERT_TRUE(same_bits(a.bars[i].second, b.bars[i].second)) << what << ", bar " << i;
    }
}

// Moments anywhere: inside a bar of each timeframe, at closes, in holes, before the first print, outside the session.
TEST(CascadeState, BarsGoOnFromAnyMoment) {
    for (const char* session : {"24x7", "13:30-20:00", "22:00-21:00"}) {
        const std::vector<Trade> trades = prints(3);
        Cascade uninterrupted = cascade(session);
        Collector whole;
        uninterrupted.on_trades(trades, whole);
        RandomStream random(7);
        for (int round = 0; round < 150; ++round) {
            TimeNs moment = monday - ns_per_hour + static_cast<TimeNs>(random.uniform() * 49.0 * static_cast<double>(ns_per_hour));
            if (round % 3 == 0) moment = floor_time(moment, ns_per_minute);
            const auto first = std::ranges::lower_bound(trades, moment, {}, &Trade::ts);
            Cascade before = cascade(session);
            Collector out;
            before.on_trades(std::span(trades.begin(), first), out);
            if (round % 2 == 0) before.advance_to(moment, out);
            const std::string text = canonical_json(state_of(before));
            Cascade after = cascade(session);
            ASSERT_TRUE(read_state(parse_json(text, "state").value(), after).has_value()) << text;
            EXPECT_EQ(canonical_json(state_of(after)), text);
            after.on_trades(std::span(first, trades.end()), out);
            expect_equal(out, whole, std::string(session) + ", cut at " + format_time(moment));
        }
    }
}

TEST(CascadeState, AStateOfOtherTimeframesIsRefused) {
    Cascade before = cascade();
    Collector out;
    for (const Trade& trade : prints(1)) {
        if (trade.ts < monday + 30 * ns_per_hour + 20 * ns_per_minute) before.on_trade(trade, out);  // in the middle of larger bars
    }
    Cascade fewer = cascade("24x7", {"1m", "4m", "6m"});
    EXPECT_FALSE(read_state(state_of(before), fewer).has_value());
    Cascade other = cascade("24x7", {"1m", "4m", "6m", "4h"});
    const auto read = read_state(state_of(before), other);
    ASSERT_FALSE(read.has_value());
    EXPECT_NE(read.error().message.find("holds bars that do not lie on the grid"), std::string::npos);
}

// Whatever numbers a damaged state holds: it is refused, or bars go on from it; nothing crashes.
TEST(CascadeState, AnyNumbersAreRefusedOrTaken) {
    const std::vector<Trade> trades = prints(5);
    const std::size_t half = trades.size() / 2;
    Cascade before = cascade("13:30-20:00");
    Collector out;
    before.on_trades(std::span(trades).first(half), out);
    const Json state = state_of(before);
    const Json flat = state.flatten();
    std::size_t refused = 0;
    for (const auto& [place, value] : flat.items()) {
        for (const Json& odd :
             {Json(0), Json(-1), Json(1), Json(60'000'000'000), Json(true), Json(nullptr), Json("x"), Json(value.is_number() ? 1e300 : 0.0)}) {
            Json damaged = state;
            damaged[Json::json_pointer(place)] = odd;
            Cascade after = cascade("13:30-20:00");
            if (!read_state(damaged, after)) {
                ++refused;
                continue;
            }
            Collector rest;
            after.on_trades(std::span(trades).subspan(half, 500), rest);
        }
    }
    EXPECT_GT(refused, flat.size());
}

}  // namespace
}  // namespace sofia::bars
