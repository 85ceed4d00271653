#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "market/bar.hpp"
#include "market/trade.hpp"
#include "synth/config.hpp"

namespace sofia::synth {

/// A touch at which the simulator plants a drift: from the first print at or after `known_at` on, log mid drifts by theta a unit of its variance
/// until it has moved by `half_width` to either side. One at a time.
struct PlantedEvent {
    TimeNs known_at = 0;        ///< close of the 15m bar that touched
    int direction = 0;          ///< +1 in an up-trend, -1 in a down-trend
    int sign = 0;               ///< sign of z = -(volume z-score of the touch bar over 20 bars): +1 when its volume is below the mean
    double half_width = 0.0;    ///< a = 2 ATR / close, in log
    double probability = 0.5;   ///< p = 1/2 + edge/4 * sign: of moving half_width along the trend before against it
    double log_mid = 0.0;       ///< where the drift begins
};

/// One print with what only the simulator knows.
struct Tick {
    market::Trade trade;
    double mid = 0.0;                    ///< after the move, before the print
    double variance = 0.0;               ///< of this move of log mid, known before it
    double theta = 0.0;                  ///< drift of this move, a unit of variance, signed
    std::optional<PlantedEvent> begins;  ///< the event that begins with this print: it drives the moves after it
};

/// The market simulator, one print at a time.
///
/// Mid: log m' = log m + sqrt(v) eps - v/2 + theta v with v = sigma^2 Δ. Δ comes from a Hawkes process (branching 0.7) with a daily season,
/// sigma from a mean-reverting log-volatility with a daily season, both independent of eps, as is the aggressor, a fair coin. So at theta = 0 the mid
/// is a martingale whatever a trader knows of the past. Prints: ask = ceil(m + h), bid = floor(m - h) on the tick; buys print at the ask. Who buys at
/// Buy prints and sells at Sell prints pays at least h a side, so no strategy gains, marked at the mid, at edge 0. Sizes have a Pareto tail of
/// index 2.5 (standard deviation, no kurtosis).
/// Edge: at a touch of the EMA(20) on 15m bars of the prints (see touch_watch.hpp), p = 1/2 + edge/4 * sign and theta = direction * logit(p) / (2a).
///
/// Exactly `trades` prints, in time order, all in [start, start + days), times in whole microseconds. The streams for arrivals, sides,
/// sizes, volatility and moves are split by name: the edge changes none of them. Not thread-safe.
class TradeSimulator {
public:
    /// Error: config, when `config` is not valid. Runs through the arrivals once to learn their total.
    [[nodiscard]] static Result<TradeSimulator> make(const SimulationConfig& config, const RandomStream& random);
    ~TradeSimulator();
    TradeSimulator(TradeSimulator&&) noexcept;
    TradeSimulator& operator=(TradeSimulator&&) noexcept;

    /// The next print, or false when all were given.
    [[nodiscard]] bool next(Tick& tick);

private:
    struct State;
    explicit TradeSimulator(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// All prints in blocks of up to 65,536, in time order; stops at the first error of `sink` and returns it. Memory does not grow with the number.
[[nodiscard]] Result<void> simulate_trades(const SimulationConfig& config, RandomStream random,
                                           const std::function<Result<void>(std::span<const market::Trade>)>& sink);

/// Minutes whose direction is planted: c' = c - kappa (c - SMA20(c)) + eps, additive Gaussian, kappa = 0.6 edge, closes rounded to the tick; each bar
/// opens at the close before, its range and volume are independent of all moves to come, and vwap, counts and sides are NaN. `days` * 1440
/// bars. The best accuracy at a horizon is `direction_ceiling` (ceiling.hpp). Errors: config; data, when the additive walk falls to zero.
[[nodiscard]] Result<std::vector<market::Bar>> simulate_direction_minutes(const SimulationConfig& config, RandomStream random);

}  // namespace sofia::synth
