#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "app/pipeline/market_data.hpp"
#include "base/random.hpp"

// Made markets for the tests of this room.
namespace sofia::pipeline {

/// A walk of minutes from 10,000 whose opens are the closes before, as many exchanges print them. `step(bar, random)` knows the bar's open and makes
/// the rest of it.
template <class Step>
MarketData walk(std::size_t minutes, std::uint64_t seed, const Step& step) {
    MarketData data;
    data.symbol = "WALK";
    data.kind = store::DataKind::bars;
    data.report.carried_opens = true;
    RandomStream random(seed);
    double price = 10'000.0;
    for (std::size_t i = 0; i < minutes; ++i) {
        market::Bar bar;
        bar.open_time = static_cast<TimeNs>(i) * ns_per_minute;
        bar.close_time = bar.open_time + ns_per_minute;
        bar.open = price;
        step(bar, random);
        price = bar.close;
        data.bars.push_back(bar);
    }
    return data;
}

/// From the bar's open to `middle` and on to `close`.
inline void set_path(market::Bar& bar, double middle, double close) {
    bar.close = close;
    bar.high = std::max({bar.open, middle, close});
    bar.low = std::min({bar.open, middle, close});
}

}  // namespace sofia::pipeline
