#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/time.hpp"
#include "market/bar.hpp"
#include "trading/touch.hpp"

// What the market did after a touch, whatever the trade would have made of it: the targets of the trend and the regime model.
namespace sofia::labels {

/// The first bars of the touch's own timeframe after it. Scale-free, so that touches of several timeframes can be compared.
struct ForwardMove {
    TimeNs end_time = 0;  ///< close of the last of them; 0: the data ends before, and the numbers are NaN
    double move_atr = std::numeric_limits<double>::quiet_NaN();    ///< last close less the touch's close, in its ATR
    /// |move| over the sum of |close to close| (Kaufman 1995), 0..1; 0 when nothing moved.
    double efficiency = std::numeric_limits<double>::quiet_NaN();
    double volatility = std::numeric_limits<double>::quiet_NaN();  ///< root of the mean square of close to close, in the touch's ATR

    [[nodiscard]] bool known() const { return end_time != 0; }
};

/// One for each touch. `columns[i]` holds the bars of the i-th touch timeframe, ascending, the touching bars among them (asserted); a touch without
/// an ATR has no move. `horizon_bars` >= 1 (asserted).
[[nodiscard]] std::vector<ForwardMove> forward_moves(std::span<const trading::Touch> touches, std::span<const std::vector<market::Bar>> columns,
                                                     std::int64_t horizon_bars);

/// Section `trend`.
struct TrendConfig {
    std::int64_t horizon_bars = 24;
    double threshold_atr = 1.0;

    void describe(config::Keys& keys);
};

enum class Trend : std::uint8_t { up, down, flat };
inline constexpr std::size_t trends = 3;
[[nodiscard]] std::string_view name(Trend trend);

/// Up or down when the move is larger than the threshold, else flat. The move must be known (asserted).
[[nodiscard]] Trend trend_of(const ForwardMove& move, const TrendConfig& config);

/// Section `regime`.
struct RegimeConfig {
    std::int64_t horizon_bars = 24;
    double efficiency_quantile = 0.6;
    double volatility_quantile = 0.7;

    void describe(config::Keys& keys);
};

enum class Regime : std::uint8_t { trending_up, trending_down, ranging, volatile_range };
inline constexpr std::size_t regimes = 4;
[[nodiscard]] std::string_view name(Regime regime);

/// Quantiles of the training moves: what counts as efficient and as volatile. NaN where no move is known.
struct RegimeLimits {
    double efficiency = std::numeric_limits<double>::quiet_NaN();
    double volatility = std::numeric_limits<double>::quiet_NaN();
};

/// Quantiles (type 7) over the known ones of `training`, which must hold training moves only: the limits shape the labels.
[[nodiscard]] RegimeLimits regime_limits(std::span<const ForwardMove> training, const RegimeConfig& config);

/// Trending in the move's direction when the efficiency is above its limit, else volatile above the other limit, else ranging. The move must be
/// known (asserted).
[[nodiscard]] Regime regime_of(const ForwardMove& move, const RegimeLimits& limits);

}  // namespace sofia::labels
