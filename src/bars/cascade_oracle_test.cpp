// The cascade against an oracle that groups trades by floor, for random trades, sessions and timeframes.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "bars/cascade.hpp"
#include "base/random.hpp"

namespace sofia::bars {
namespace {

using market::Bar;
using market::Trade;

constexpr TimeNs monday = 1'704'067'200 * ns_per_second;

using Closed = std::vector<std::pair<std::size_t, Bar>>;

struct Case {
    std::vector<market::Timeframe> timeframes;
    market::Session session;
    std::vector<Trade> trades;
    TimeNs end;  // time has passed until here
    [[nodiscard]] Cascade make() const { return Cascade::make(timeframes, session).value(); }
};

// Bursts inside a second, pauses of minutes, gaps of hours and, rarely, of days.
std::vector<Trade> random_trades(RandomStream random, std::size_t count) {
    std::vector<Trade> trades;
    TimeNs ts = monday + static_cast<TimeNs>(random.below(7 * 86'400)) * ns_per_second;
    double price = 100.0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t kind = random.below(100);
        const DurationNs reach = kind < 60 ? ns_per_second : kind < 90 ? ns_per_minute : kind < 98 ? ns_per_hour : 2 * ns_per_day;
        ts += static_cast<DurationNs>(random.below(static_cast<std::uint64_t>(reach)));
        if (kind < 10) ts = floor_time(ts, ns_per_minute) + ns_per_minute;  // exactly at a close
        price = std::round((price + random.normal()) * 2.0) / 2.0;
        trades.push_back({ts, price, 0.001 * static_cast<double>(1 + random.below(5000)),
                          random.below(2) == 0 ? market::Side::buy : market::Side::sell, static_cast<market::TickDirection>(random.below(4))});
    }
    return trades;
}

Case arbitrary_case() {
    const auto timeframes = *rc::gen::element<std::vector<std::string>>(
        std::vector<std::string>{"1m", "5m", "15m", "1h", "4h"}, std::vector<std::string>{"1m", "10m", "15m"},
        std::vector<std::string>{"30s", "90s", "1h"}, std::vector<std::string>{"15m", "1h", "1d"}, std::vector<std::string>{"1d"});
    const auto session = *rc::gen::element<std::string>("24x7", "13:30-20:00", "22:00-21:00 sun-thu", "09:01-09:12 mon-sun");
    const auto count = *rc::gen::inRange<std::size_t>(0, 300);
    const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
    Case made{market::parse_timeframes(timeframes).value(), market::Session::parse(session).value(), random_trades(RandomStream(seed), count), 0};
    made.end = (made.trades.empty() ? monday : made.trades.back().ts) + *rc::gen::inRange<DurationNs>(0, ns_per_day);
    return made;
}

bool any_moment_open(const market::Session& session, TimeNs open, TimeNs close) {
    for (TimeNs time = open; time < close; time += 30 * ns_per_second) {
        if (session.contains(time)) return true;
    }
    return false;
}

Bar oracle_bar(const std::vector<Trade>& prints, TimeNs open_time, TimeNs close_time) {
    const auto sum = [&](auto term) {
        double total = 0.0;
        for (const Trade& trade : prints) total += term(trade);
        return total;
    };
    Bar bar{.open_time = open_time, .close_time = close_time, .open = prints.front().price, .high = 0.0, .low = 0.0, .close = prints.back().price};
    bar.high = std::ranges::max(prints, {}, &Trade::price).price;
    bar.low = std::ranges::min(prints, {}, &Trade::price).price;
    bar.volume = sum([](const Trade& t) { return t.size; });
    bar.vwap = sum([](const Trade& t) { return t.size * t.price; }) / bar.volume;
    bar.trades = static_cast<double>(prints.size());
    bar.buy_volume = sum([](const Trade& t) { return t.side == market::Side::buy ? t.size : 0.0; });
    bar.sell_volume = sum([](const Trade& t) { return t.side == market::Side::sell ? t.size : 0.0; });
    bar.plus_ticks = sum([](const Trade& t) { return t.tick == market::TickDirection::plus ? 1.0 : 0.0; });
    bar.minus_ticks = sum([](const Trade& t) { return t.tick == market::TickDirection::minus ? 1.0 : 0.0; });
    return bar;
}

Closed oracle(const Case& given) {
    Closed closed;
    for (std::size_t k = 0; k < given.timeframes.size(); ++k) {
        const market::Timeframe timeframe = given.timeframes[k];
        std::map<TimeNs, std::vector<Trade>> groups;
        for (const Trade& trade : given.trades) {
            if (given.session.contains(trade.ts)) groups[timeframe.open_of(trade.ts)].push_back(trade);
        }
        if (groups.empty()) continue;
        double last_close = 0.0;
        for (TimeNs open = groups.begin()->first; open + timeframe.length() <= given.end; open += timeframe.length()) {
            const TimeNs close = open + timeframe.length();
            if (groups.contains(open)) {
                closed.emplace_back(k, oracle_bar(groups[open], open, close));
                last_close = closed.back().second.close;
            } else if (any_moment_open(given.session, open, close)) {
                closed.emplace_back(k, Bar{.open_time = open,
                                           .close_time = close,
                                           .open = last_close,
                                           .high = last_close,
                                           .low = last_close,
                                           .close = last_close,
                                           .trades = 0.0,
                                           .buy_volume = 0.0,
                                           .sell_volume = 0.0,
                                           .plus_ticks = 0.0,
                                           .minus_ticks = 0.0,
                                           .filled = true});
            }
        }
    }
    std::ranges::stable_sort(
        closed, [](const auto& a, const auto& b) { return std::pair(a.second.close_time, a.first) < std::pair(b.second.close_time, b.first); });
    return closed;
}

bool near(double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= 1e-12 * std::fabs(b); }

bool agrees(const Bar& a, const Bar& b) {
    return a.open_time == b.open_time && a.close_time == b.close_time && a.open == b.open && a.high == b.high && a.low == b.low &&
           a.close == b.close && a.trades == b.trades && a.plus_ticks == b.plus_ticks && a.minus_ticks == b.minus_ticks && a.filled == b.filled &&
           near(a.volume, b.volume) && near(a.vwap, b.vwap) && near(a.buy_volume, b.buy_volume) && near(a.sell_volume, b.sell_volume);
}

auto into(Closed& closed) {
    return [&closed](std::size_t timeframe, const Bar& bar) { closed.emplace_back(timeframe, bar); };
}

Closed run(const Case& given) {
    Closed closed;
    Cascade bars = given.make();
    for (const Trade& trade : given.trades) bars.on_trade(trade, into(closed));
    bars.advance_to(given.end, into(closed));
    return closed;
}

bool same(const Closed& a, const Closed& b) {
    return std::ranges::equal(a, b, [](const auto& x, const auto& y) { return x.first == y.first && same_bits(x.second, y.second); });
}

RC_GTEST_PROP(CascadeOracle, EqualsGroupingByFloor, ()) {
    const Case given = arbitrary_case();
    const Closed built = run(given);
    const Closed expected = oracle(given);
    RC_ASSERT(built.size() == expected.size());
    for (std::size_t i = 0; i < built.size(); ++i) {
        RC_ASSERT(built[i].first == expected[i].first);
        RC_ASSERT(agrees(built[i].second, expected[i].second));
    }
}

RC_GTEST_PROP(CascadeOracle, CuttingAnywhereChangesNoBarBeforeTheCut, ()) {
    const Case given = arbitrary_case();
    const TimeNs first = given.trades.empty() ? monday : given.trades.front().ts;
    const TimeNs cut = *rc::gen::inRange<TimeNs>(first, given.end + 1);
    Case past = given;
    std::erase_if(past.trades, [&](const Trade& trade) { return trade.ts >= cut; });
    past.end = cut;
    Closed before = run(given);
    std::erase_if(before, [&](const auto& closed) { return closed.second.close_time > cut; });
    RC_ASSERT(same(run(past), before));
}

RC_GTEST_PROP(CascadeOracle, ChangingTheFutureChangesNoBarBeforeIt, ()) {
    const Case given = arbitrary_case();
    const TimeNs first = given.trades.empty() ? monday : given.trades.front().ts;
    const TimeNs cut = *rc::gen::inRange<TimeNs>(first, given.end + 1);
    Case other = given;
    for (Trade& trade : other.trades) {
        if (trade.ts >= cut) trade.price *= 3.0;
    }
    Closed a = run(given);
    Closed b = run(other);
    for (Closed* closed : {&a, &b}) std::erase_if(*closed, [&](const auto& bar) { return bar.second.close_time > cut; });
    RC_ASSERT(same(a, b));
}

RC_GTEST_PROP(CascadeOracle, BlocksOfAnySizeGiveTheSameBits, ()) {
    const Case given = arbitrary_case();
    Cascade bars = given.make();
    Closed closed;
    for (std::size_t i = 0; i < given.trades.size();) {
        const auto size = std::min(*rc::gen::inRange<std::size_t>(1, 100), given.trades.size() - i);
        bars.on_trades(std::span(given.trades).subspan(i, size), into(closed));
        i += size;
        Cascade branch = bars;  // a copy that goes another way does not disturb the stream
        branch.advance_to(given.end + ns_per_day, [](std::size_t, const Bar&) {});
    }
    bars.advance_to(given.end, into(closed));
    RC_ASSERT(same(closed, run(given)));
}

// A file of the first timeframe's bars, with or without the filled ones, gives what the trades gave.
RC_GTEST_PROP(CascadeOracle, BarFilesGiveTheSameBits, ()) {
    const Case given = arbitrary_case();
    const bool keep_filled = *rc::gen::arbitrary<bool>();
    const Closed from_trades = run(given);
    Closed from_bars;
    Cascade bars = given.make();
    for (const auto& [timeframe, bar] : from_trades) {
        if (timeframe == 0 && (keep_filled || !bar.filled)) bars.on_base_bar(bar, into(from_bars));
    }
    bars.advance_to(given.end, into(from_bars));
    RC_ASSERT(same(from_bars, from_trades));
}

RC_GTEST_PROP(CascadeOracle, EveryTradeIsCountedOnce, ()) {
    const Case given = arbitrary_case();
    Cascade bars = given.make();
    for (const Trade& trade : given.trades) bars.on_trade(trade, [](std::size_t, const Bar&) {});
    const Counters counters = bars.counters();
    RC_ASSERT(counters.trades + counters.trades_outside == given.trades.size());
    RC_ASSERT(counters.trades_late == 0U);
}

}  // namespace
}  // namespace sofia::bars
