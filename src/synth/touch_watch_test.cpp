#include "synth/touch_watch.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace sofia::synth {
namespace {

using market::Trade;

constexpr DurationNs quarter = 15 * ns_per_minute;

// A walk with trends, so that there is something to touch; prints a minute or so apart, with rare gaps of an hour.
std::vector<Trade> walk(std::uint64_t seed, std::size_t count) {
    RandomStream random(seed);
    std::vector<Trade> trades;
    TimeNs ts = quarter / 3;
    double price = 1'000.0;
    double drift = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
        if (random.below(500) == 0) drift = 0.2 * random.normal();
        ts += static_cast<DurationNs>(random.exponential() * (random.below(1'000) == 0 ? 1.5e12 : 6e10));
        price += random.normal() + drift;
        trades.push_back({.ts = ts, .price = price, .size = random.exponential()});
    }
    return trades;
}

std::vector<Touch> touches(const std::vector<Trade>& trades) {
    TouchWatch watch;
    std::vector<Touch> all;
    for (const Trade& trade : trades) {
        if (const auto touch = watch.on_trade(trade)) all.push_back(*touch);
    }
    return all;
}

struct Column {
    std::vector<double> high, low, close, volume, average, range;
};

// Bars by grouping, averages from their definitions over whole columns.
Column columns(const std::vector<Trade>& trades) {
    std::map<TimeNs, std::vector<Trade>> groups;
    for (const Trade& trade : trades) groups[floor_time(trade.ts, quarter)].push_back(trade);
    Column c;
    for (TimeNs open = groups.begin()->first; open <= groups.rbegin()->first; open += quarter) {
        const auto& group = groups[open];
        c.high.push_back(group.empty() ? c.close.back() : std::ranges::max(group, {}, &Trade::price).price);
        c.low.push_back(group.empty() ? c.close.back() : std::ranges::min(group, {}, &Trade::price).price);
        c.volume.push_back(std::accumulate(group.begin(), group.end(), 0.0, [](double sum, const Trade& t) { return sum + t.size; }));
        c.close.push_back(group.empty() ? c.close.back() : group.back().price);
    }
    const std::size_t n = c.close.size();
    c.average.assign(n, 0.0);
    c.range.assign(n, 0.0);
    for (std::size_t i = 19; i < n; ++i) {
        c.average[i] = i == 19 ? std::accumulate(c.close.begin(), c.close.begin() + 20, 0.0) / 20.0
                               : c.close[i] * (2.0 / 21.0) + c.average[i - 1] * (19.0 / 21.0);
    }
    const auto true_range = [&](std::size_t i) {
        return std::max({c.high[i] - c.low[i], std::fabs(c.high[i] - c.close[i - 1]), std::fabs(c.low[i] - c.close[i - 1])});
    };
    for (std::size_t i = 1; i <= 14; ++i) c.range[14] += true_range(i) / 14.0;
    for (std::size_t i = 15; i < n; ++i) c.range[i] = (c.range[i - 1] * 13.0 + true_range(i)) / 14.0;
    return c;
}

// The definition of an up-touch; a down-touch is an up-touch of the mirrored columns.
bool touches_up(const Column& c, std::size_t t) {
    const auto edge = [&](std::size_t i) { return c.average[i] + 0.25 * c.range[i]; };
    return c.low[t] <= edge(t) && c.close[t] > c.average[t] && c.low[t - 1] > edge(t - 1) && c.low[t - 2] > edge(t - 2) &&
           c.low[t - 3] > edge(t - 3) && (c.average[t] - c.average[t - 5]) / (5.0 * c.range[t]) > 0.02;
}

Column mirrored(const Column& c) {
    Column m = c;
    for (auto* column : {&m.high, &m.low, &m.close, &m.average}) {
        for (double& value : *column) value = -value;
    }
    std::swap(m.high, m.low);
    return m;
}

TEST(TouchWatch, FindsWhatTheDefinitionFinds) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
        const std::vector<Trade> trades = walk(seed, 60'000);
        const Column up = columns(trades);
        const Column down = mirrored(up);
        const TimeNs first = floor_time(trades.front().ts, quarter);
        const auto has_print = [&](TimeNs open) {
            return std::ranges::any_of(trades, [&](const Trade& trade) { return floor_time(trade.ts, quarter) == open; });
        };
        std::vector<Touch> expected;
        for (std::size_t t = 39; t + 1 < up.close.size(); ++t) {
            const int direction = touches_up(up, t) ? 1 : touches_up(down, t) ? -1 : 0;
            const TimeNs close_time = first + static_cast<TimeNs>(t + 1) * quarter;
            if (direction == 0 || !has_print(close_time)) continue;  // known only once another bar has closed: passed over
            double mean = 0.0;
            for (std::size_t i = t - 19; i <= t; ++i) mean += up.volume[i] / 20.0;
            expected.push_back({close_time, direction, up.volume[t] > mean ? 1 : -1, up.range[t], up.close[t]});
        }
        const std::vector<Touch> found = touches(trades);
        ASSERT_GT(found.size(), 50U);
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
            EXPECT_EQ(found[i].known_at, expected[i].known_at);
            EXPECT_EQ(found[i].direction, expected[i].direction);
            EXPECT_EQ(found[i].volume_sign, expected[i].volume_sign);
            EXPECT_NEAR(found[i].atr, expected[i].atr, 1e-9);
            EXPECT_EQ(found[i].close, expected[i].close);
        }
    }
}

TEST(TouchWatch, SpeaksAtTheFirstPrintAfterTheBar) {
    const std::vector<Trade> trades = walk(4, 20'000);
    TouchWatch watch;
    TimeNs last = 0;
    for (const Trade& trade : trades) {
        if (const auto touch = watch.on_trade(trade)) {
            EXPECT_GE(trade.ts, touch->known_at);
            EXPECT_LT(last, touch->known_at);
        }
        last = trade.ts;
    }
}

}  // namespace
}  // namespace sofia::synth
