#include "labels/forward.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "math/statistics.hpp"

namespace sofia::labels {

namespace {

constexpr double horizon_max = 10'000.0;

ForwardMove forward_move(const trading::Touch& touch, std::span<const market::Bar> bars, std::size_t horizon) {
    const auto at = std::ranges::lower_bound(bars, touch.known_at, {}, &market::Bar::close_time);
    assert(at != bars.end() && at->close_time == touch.known_at);
    ForwardMove out;
    if (static_cast<std::size_t>(bars.end() - at) <= horizon || !(touch.atr > 0.0)) return out;
    double path = 0.0;
    double squares = 0.0;
    for (std::size_t i = 1; i <= horizon; ++i) {
        const double step = at[static_cast<std::ptrdiff_t>(i)].close - at[static_cast<std::ptrdiff_t>(i) - 1].close;
        path += std::abs(step);
        squares += step * step;
    }
    const market::Bar& last = at[static_cast<std::ptrdiff_t>(horizon)];
    const double move = last.close - at->close;
    out.end_time = last.close_time;
    out.move_atr = move / touch.atr;
    out.efficiency = path > 0.0 ? std::abs(move) / path : 0.0;
    out.volatility = std::sqrt(squares / static_cast<double>(horizon)) / touch.atr;
    return out;
}

}  // namespace

std::vector<ForwardMove> forward_moves(std::span<const trading::Touch> touches, std::span<const std::vector<market::Bar>> columns,
                                       std::int64_t horizon_bars) {
    assert(horizon_bars >= 1);
    std::vector<ForwardMove> out;
    out.reserve(touches.size());
    for (const trading::Touch& touch : touches) {
        out.push_back(forward_move(touch, columns[touch.timeframe], static_cast<std::size_t>(horizon_bars)));
    }
    return out;
}

void TrendConfig::describe(config::Keys& keys) {
    keys.integer("horizon_bars", horizon_bars, {1, horizon_max}, "Bars of the touch's own timeframe over which the trend model looks ahead.");
    keys.number("threshold_atr", threshold_atr, {0.0, 100.0}, "Smallest move, in ATR, that is a trend; less is flat.");
}

std::string_view name(Trend trend) {
    switch (trend) {
        case Trend::up: return "up";
        case Trend::down: return "down";
        case Trend::flat: break;
    }
    return "flat";
}

Trend trend_of(const ForwardMove& move, const TrendConfig& config) {
    assert(move.known());
    if (move.move_atr > config.threshold_atr) return Trend::up;
    return move.move_atr < -config.threshold_atr ? Trend::down : Trend::flat;
}

void RegimeConfig::describe(config::Keys& keys) {
    keys.integer("horizon_bars", horizon_bars, {1, horizon_max}, "Bars of the touch's own timeframe over which the regime model looks ahead.");
    keys.number("efficiency_quantile", efficiency_quantile, {0.0, 1.0}, "Quantile of the training efficiency ratios above which a market trends.");
    keys.number("volatility_quantile", volatility_quantile, {0.0, 1.0},
                "Quantile of the training volatilities above which a market without trend is volatile.");
}

std::string_view name(Regime regime) {
    switch (regime) {
        case Regime::trending_up: return "trending up";
        case Regime::trending_down: return "trending down";
        case Regime::ranging: return "ranging";
        case Regime::volatile_range: break;
    }
    return "volatile";
}

RegimeLimits regime_limits(std::span<const ForwardMove> training, const RegimeConfig& config) {
    std::vector<double> efficiencies;
    std::vector<double> volatilities;
    for (const ForwardMove& move : training) {
        if (!move.known()) continue;
        efficiencies.push_back(move.efficiency);
        volatilities.push_back(move.volatility);
    }
    return {math::quantile(efficiencies, config.efficiency_quantile), math::quantile(volatilities, config.volatility_quantile)};
}

Regime regime_of(const ForwardMove& move, const RegimeLimits& limits) {
    assert(move.known());
    if (move.efficiency > limits.efficiency) return move.move_atr > 0.0 ? Regime::trending_up : Regime::trending_down;
    return move.volatility > limits.volatility ? Regime::volatile_range : Regime::ranging;
}

}  // namespace sofia::labels
