#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "market/bar.hpp"
#include "market/timeframe.hpp"

// Synthetic bars for the tests and benchmarks of this room.
namespace sofia::features {

inline constexpr TimeNs test_start = 1'577'836'800 * ns_per_second;  // 2020-01-01

inline std::vector<market::Timeframe> default_timeframes() { return market::parse_timeframes({"1m", "5m", "15m", "1h", "4h"}).value(); }

/// A random walk of minutes with every field, about one bar in twenty without a print.
inline std::vector<market::Bar> random_bars(std::size_t count, std::uint64_t seed = 1) {
    RandomStream random(seed);
    std::vector<market::Bar> bars(count);
    double price = 100.0;
    for (std::size_t i = 0; i < count; ++i) {
        market::Bar& bar = bars[i];
        bar.open_time = test_start + static_cast<TimeNs>(i) * ns_per_minute;
        bar.close_time = bar.open_time + ns_per_minute;
        bar.open = price;
        bar.filled = random.below(20) == 0;
        if (!bar.filled) price *= std::exp(0.001 * random.normal());
        bar.close = price;
        bar.high = bar.filled ? price : std::max(bar.open, price) * (1.0 + 0.0005 * random.uniform());
        bar.low = bar.filled ? price : std::min(bar.open, price) * (1.0 - 0.0005 * random.uniform());
        bar.trades = bar.filled ? 0.0 : 1.0 + static_cast<double>(random.below(50));
        bar.buy_volume = bar.filled ? 0.0 : 10.0 * random.exponential();
        bar.sell_volume = bar.filled ? 0.0 : 10.0 * random.exponential();
        bar.volume = bar.buy_volume + bar.sell_volume;
        if (!bar.filled) bar.vwap = 0.5 * (bar.high + bar.low);
        bar.plus_ticks = bar.filled ? 0.0 : static_cast<double>(random.below(20));
        bar.minus_ticks = bar.filled ? 0.0 : static_cast<double>(random.below(20));
    }
    return bars;
}

/// What becomes of larger bars that the last base bar does not fill.
enum class LastBar { drop, keep };

/// Larger bars from base bars.
inline std::vector<market::Bar> resample(std::span<const market::Bar> base, market::Timeframe timeframe, LastBar last = LastBar::drop) {
    std::vector<market::Bar> out;
    for (const market::Bar& bar : base) {
        const TimeNs open_time = timeframe.open_of(bar.open_time);
        if (out.empty() || out.back().open_time != open_time) {
            out.push_back(bar);
            out.back().open_time = open_time;
            out.back().close_time = open_time + timeframe.length();
            continue;
        }
        market::Bar& large = out.back();
        if (bar.volume > 0.0) {
            large.vwap = large.volume > 0.0 ? (large.vwap * large.volume + bar.vwap * bar.volume) / (large.volume + bar.volume) : bar.vwap;
        }
        large.high = std::max(large.high, bar.high);
        large.low = std::min(large.low, bar.low);
        large.close = bar.close;
        large.volume += bar.volume;
        large.trades += bar.trades;
        large.buy_volume += bar.buy_volume;
        large.sell_volume += bar.sell_volume;
        large.plus_ticks += bar.plus_ticks;
        large.minus_ticks += bar.minus_ticks;
        large.filled = large.filled && bar.filled;
    }
    if (last == LastBar::drop && !out.empty() && out.back().close_time > base.back().close_time) out.pop_back();
    return out;
}

inline std::vector<std::vector<market::Bar>> all_timeframes(std::span<const market::Bar> base, const std::vector<market::Timeframe>& timeframes) {
    std::vector<std::vector<market::Bar>> bars = {{base.begin(), base.end()}};
    for (std::size_t k = 1; k < timeframes.size(); ++k) bars.push_back(resample(base, timeframes[k]));
    return bars;
}

}  // namespace sofia::features
