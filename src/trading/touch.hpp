#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "market/bar.hpp"
#include "market/timeframe.hpp"
#include "market/trade.hpp"
#include "math/trend.hpp"
#include "math/volatility.hpp"

// The event the strategy trades: price comes back to its moving average in a trend. Definition: docs/touch.md.
namespace sofia::trading {

using market::Bar;
using market::Trade;

/// Which way a trade goes: with an up-trend (long) or with a down-trend (short).
enum class Direction : std::int8_t { long_side = 1, short_side = -1 };

[[nodiscard]] constexpr double sign(Direction direction) { return direction == Direction::long_side ? 1.0 : -1.0; }
[[nodiscard]] constexpr Direction opposite(Direction direction) {
    return direction == Direction::long_side ? Direction::short_side : Direction::long_side;
}
[[nodiscard]] constexpr std::string_view name(Direction direction) { return direction == Direction::long_side ? "long" : "short"; }

struct TouchConfig {
    std::int64_t ema_length = 20;
    double touch_tolerance_atr = 0.25;
    std::int64_t min_bars_away = 3;
    double min_slope_atr = 0.05;
    std::int64_t slope_bars = 5;
    std::vector<std::string> timeframes = {"15m", "1h"};

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

/// A touch, known when its bar has closed. A plain value.
struct Touch {
    TimeNs known_at = 0;
    std::size_t timeframe = 0;  ///< index into the configuration's timeframes, ascending by length
    Direction direction = Direction::long_side;
    double close = std::numeric_limits<double>::quiet_NaN();  ///< of the touching bar, quote units, as are ema and atr
    double ema = std::numeric_limits<double>::quiet_NaN();
    double atr = std::numeric_limits<double>::quiet_NaN();

    friend bool operator==(const Touch&, const Touch&) = default;
};

/// Finds touches in the bars of one timeframe. With T the tolerance, k the bars away, L the slope bars, s the smallest slope, a long touch
/// at t is
///
///   low_t <= EMA_t + T ATR_t,   close_t > EMA_t,   low_{t-j} > EMA_{t-j} + T ATR_{t-j} for j = 1..k,   (EMA_t - EMA_{t-L}) / (L ATR_t) > s
///
/// and a short one its mirror image. The average runs over closes; ATR is Wilder's over 14 bars. A bar that pierces through the average counts
/// only when it closes on the trend's side again. A value type: copy it to branch a stream.
class TouchDetector {
public:
    /// `timeframe` is what the touches will carry. Error: config.
    [[nodiscard]] static Result<TouchDetector> make(const TouchConfig& config, std::size_t timeframe);

    /// Takes the next closed bar.
    std::optional<Touch> step(const Bar& bar);

    [[nodiscard]] double ema() const { return ema_.value(); }
    [[nodiscard]] double atr() const { return atr_.value(); }

    /// Bars before which no touch can be found.
    [[nodiscard]] std::size_t warm_up() const;

    /// Everything that `step` changes, for an archive (base/state.hpp).
    template <class Archive>
    void visit_state(Archive& archive) {
        archive("ema", ema_);
        archive("atr", atr_);
        archive("averages", averages_);
        archive.index("next", next_, averages_.size());
        archive("above", above_);
        archive("below", below_);
    }

private:
    TouchDetector(const TouchConfig& config, std::size_t timeframe, math::Length length);

    std::size_t timeframe_;
    double tolerance_;
    double min_slope_;
    std::int64_t min_bars_away_;
    math::Ema ema_;
    math::Atr atr_;
    std::vector<double> averages_;  // ring of the last slope_bars averages
    std::size_t next_ = 0;
    std::int64_t above_ = 0;        // bars in a row that kept away above the average, and below it
    std::int64_t below_ = 0;
};

/// Touches of several timeframes in the order in which they are acted on: by time, and at one moment the highest timeframe first.
class TouchScanner {
public:
    [[nodiscard]] static Result<TouchScanner> make(const TouchConfig& config);

    /// Ascending; a touch's `timeframe` is an index into them.
    [[nodiscard]] const std::vector<market::Timeframe>& timeframes() const { return timeframes_; }

    /// Takes a closed bar of `timeframes()[timeframe]`.
    void step(std::size_t timeframe, const Bar& bar);

    /// The touches of the bars stepped since the last `take`, to be called once all bars that close at one moment have been stepped. The span
    /// is valid until the next call.
    [[nodiscard]] std::span<const Touch> take();

    /// The state of the detectors. Touches that have not been taken are no part of it.
    template <class Archive>
    void visit_state(Archive& archive) {
        archive.each("detectors", detectors_);
    }

private:
    std::vector<market::Timeframe> timeframes_;
    std::vector<TouchDetector> detectors_;
    std::vector<Touch> found_;
    std::vector<Touch> taken_;
};

/// All touches of a history in the scanner's order. `columns[i]` holds the bars of the i-th timeframe, ascending as in the scanner. Errors:
/// config; data, when there is not one column for each timeframe.
[[nodiscard]] Result<std::vector<Touch>> find_touches(const TouchConfig& config, std::span<const std::vector<Bar>> columns);

}  // namespace sofia::trading
