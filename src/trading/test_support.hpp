#pragma once

#include <cmath>
#include <vector>

#include "base/random.hpp"
#include "trading/core.hpp"

// Small markets for the tests of the rooms that use the decision core.
namespace sofia::trading::testing {

/// 2021-01-04 00:00 UTC, a Monday.
inline constexpr TimeNs start = 1'609'718'400 * ns_per_second;

[[nodiscard]] constexpr TimeNs minute(std::int64_t index) { return start + index * ns_per_minute; }

/// The bar of the index-th minute; it closes at minute(index + 1).
[[nodiscard]] inline Bar bar(std::int64_t index, double open, double high, double low, double close) {
    Bar made;
    made.open_time = minute(index);
    made.close_time = minute(index + 1);
    made.open = open;
    made.high = high;
    made.low = low;
    made.close = close;
    made.volume = 1.0;
    return made;
}
[[nodiscard]] inline Bar flat(std::int64_t index, double price) { return bar(index, price, price, price, price); }

[[nodiscard]] inline Trade print(TimeNs ts, double price, market::Side side) {
    Trade made;
    made.ts = ts;
    made.price = price;
    made.size = 1.0;
    made.side = side;
    return made;
}

/// Tick 0.5, lot 0.001, linear.
[[nodiscard]] inline market::Instrument instrument() {
    market::Instrument made;
    made.symbol = "TEST";
    made.tick = 0.5;
    made.lot = 0.001;
    return made;
}

[[nodiscard]] inline market::Instrument inverse_instrument() {
    market::Instrument made = instrument();
    made.lot = 1.0;
    made.kind_name = "inverse";
    return made;
}

/// 15m touches; stop at 2 ATR, target at 1.5 R, four bars; no fees, no slippage, no gates.
[[nodiscard]] inline DecisionConfig plain_config() {
    DecisionConfig config;
    config.touch.timeframes = {"15m"};
    config.barriers = {.stop_atr = 2.0, .target_r = 1.5, .max_hold_bars = 4};
    config.execution.slippage_ticks = 0.0;
    config.costs.fee_percent = 0.0;
    config.costs.maker_fee_percent = 0.0;
    config.gate.use_gates = false;
    return config;
}

[[nodiscard]] inline Touch touch(std::int64_t at_minute, Direction direction, double close, double atr) {
    return {minute(at_minute), 0, direction, close, close, atr};
}

[[nodiscard]] inline Signal signal(std::int64_t at_minute, Direction direction, double close, double atr) {
    Signal made;
    made.touch = touch(at_minute, direction, close, atr);
    return made;
}

[[nodiscard]] inline CoreInputs inputs(FillMode fills) {
    CoreInputs made;
    made.instrument = instrument();
    made.fills = fills;
    made.window = {minute(0), minute(1'000'000)};
    return made;
}

/// Bars of a random walk on the tick grid whose opens are carried, as most exchanges publish them.
[[nodiscard]] inline std::vector<Bar> random_bars(RandomStream random, std::int64_t count, double step_ticks) {
    std::vector<Bar> bars;
    double price = 2000.0;
    for (std::int64_t i = 0; i < count; ++i) {
        const double open = price;
        double high = price;
        double low = price;
        for (int move = 0; move < 4; ++move) {
            price = std::max(10.0, price + 0.5 * std::round(step_ticks * random.normal()));
            high = std::max(high, price);
            low = std::min(low, price);
        }
        bars.push_back(bar(i, open, high, low, price));
    }
    return bars;
}

/// A signal now and then on the 15-minute grid, in either direction.
[[nodiscard]] inline std::vector<Signal> random_signals(RandomStream random, const std::vector<Bar>& bars, double chance, double atr) {
    std::vector<Signal> signals;
    for (std::size_t i = 14; i < bars.size(); i += 15) {
        if (random.uniform() >= chance) continue;
        const Direction direction = random.below(2) == 0 ? Direction::long_side : Direction::short_side;
        signals.push_back(signal(static_cast<std::int64_t>(i) + 1, direction, bars[i].close, atr));
    }
    return signals;
}

/// Bars and signals in the order that the core asks for, as a plain loop: signals after the bars that they have seen.
inline void run(DecisionCore& core, const std::vector<Bar>& bars, const std::vector<Signal>& signals) {
    std::size_t next = 0;
    for (const Bar& one : bars) {
        for (; next < signals.size() && signals[next].touch.known_at < one.close_time; ++next) core.on_signal(signals[next]);
        core.on_bar(one);
    }
    for (; next < signals.size(); ++next) core.on_signal(signals[next]);
}

}  // namespace sofia::trading::testing
