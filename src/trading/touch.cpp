#include "trading/touch.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace sofia::trading {

namespace {
constexpr std::int64_t slope_bars_max = 1000;
constexpr auto atr_length = math::Length::of<14>();
}  // namespace

void TouchConfig::describe(config::Keys& keys) {
    keys.integer("ema_length", ema_length, {2, 1000}, "Bars of the moving average that is touched.");
    keys.number("touch_tolerance_atr", touch_tolerance_atr, {0.0, 10.0}, "How near to the average a low (high) counts as a touch, in ATR.");
    keys.integer("min_bars_away", min_bars_away, {0, 1000}, "Bars before the touch that must have kept away from the average.");
    keys.number("min_slope_atr", min_slope_atr, {0.0, 10.0}, "Smallest slope of the average, in ATR a bar.");
    keys.integer("slope_bars", slope_bars, {1, slope_bars_max}, "Bars over which the slope is measured.");
    keys.list("timeframes", timeframes, "Timeframes on which touches are looked for, such as 15m, 1h.");
}

Result<void> TouchConfig::validate() const {
    if (timeframes.empty()) return fail(ErrorCode::config, "touch.timeframes is empty", "name at least one, such as [15m]");
    SOFIA_CHECK(market::parse_timeframes(timeframes));
    SOFIA_CHECK(math::Length::make(ema_length));
    if (slope_bars < 1 || slope_bars > slope_bars_max) {
        return fail(ErrorCode::config, "touch.slope_bars " + std::to_string(slope_bars) + " is not in 1..1000");
    }
    if (min_bars_away < 0) return fail(ErrorCode::config, "touch.min_bars_away " + std::to_string(min_bars_away) + " is below 0");
    if (!(touch_tolerance_atr >= 0.0)) {
        return fail(ErrorCode::config, "touch.touch_tolerance_atr " + format_double(touch_tolerance_atr) + " is below 0");
    }
    if (!(min_slope_atr >= 0.0)) return fail(ErrorCode::config, "touch.min_slope_atr " + format_double(min_slope_atr) + " is below 0");
    return {};
}

Result<TouchDetector> TouchDetector::make(const TouchConfig& config, std::size_t timeframe) {
    SOFIA_CHECK(config.validate());
    SOFIA_TRY(const math::Length length, math::Length::make(config.ema_length));
    return TouchDetector(config, timeframe, length);
}

TouchDetector::TouchDetector(const TouchConfig& config, std::size_t timeframe, math::Length length)
    : timeframe_(timeframe),
      tolerance_(config.touch_tolerance_atr),
      min_slope_(config.min_slope_atr),
      min_bars_away_(config.min_bars_away),
      ema_(length),
      atr_(atr_length),
      averages_(static_cast<std::size_t>(config.slope_bars), std::numeric_limits<double>::quiet_NaN()) {}

std::size_t TouchDetector::warm_up() const {
    return std::max(ema_.warm_up() + averages_.size(), std::max(ema_.warm_up(), atr_.warm_up()) + static_cast<std::size_t>(min_bars_away_) + 1);
}

std::optional<Touch> TouchDetector::step(const Bar& bar) {
    const double average = ema_.step(bar.close);
    const double range = atr_.step(bar.high, bar.low, bar.close);
    const double before = averages_[next_];  // slope_bars ago
    averages_[next_] = average;
    next_ = next_ + 1 == averages_.size() ? 0 : next_ + 1;

    // Until everything is warm the comparisons below meet NaN and are false, so nothing is found or counted.
    const double upper = average + tolerance_ * range;
    const double lower = average - tolerance_ * range;
    const double slope = (average - before) / (static_cast<double>(averages_.size()) * range);
    std::optional<Touch> found;
    if (bar.low <= upper && bar.close > average && above_ >= min_bars_away_ && slope > min_slope_) {
        found = Touch{bar.close_time, timeframe_, Direction::long_side, bar.close, average, range};
    } else if (bar.high >= lower && bar.close < average && below_ >= min_bars_away_ && slope < -min_slope_) {
        found = Touch{bar.close_time, timeframe_, Direction::short_side, bar.close, average, range};
    }
    above_ = bar.low > upper ? above_ + 1 : 0;
    below_ = bar.high < lower ? below_ + 1 : 0;
    return found;
}

Result<TouchScanner> TouchScanner::make(const TouchConfig& config) {
    TouchScanner scanner;
    SOFIA_TRY(scanner.timeframes_, market::parse_timeframes(config.timeframes));
    for (std::size_t i = 0; i < scanner.timeframes_.size(); ++i) {
        SOFIA_TRY(TouchDetector detector, TouchDetector::make(config, i));
        scanner.detectors_.push_back(std::move(detector));
    }
    return scanner;
}

void TouchScanner::step(std::size_t timeframe, const Bar& bar) {
    if (const auto touch = detectors_[timeframe].step(bar)) found_.push_back(*touch);
}

std::span<const Touch> TouchScanner::take() {
    taken_.swap(found_);
    found_.clear();
    std::ranges::stable_sort(
        taken_, [](const Touch& a, const Touch& b) { return a.known_at != b.known_at ? a.known_at < b.known_at : a.timeframe > b.timeframe; });
    return taken_;
}

Result<std::vector<Touch>> find_touches(const TouchConfig& config, std::span<const std::vector<Bar>> columns) {
    SOFIA_TRY(TouchScanner scanner, TouchScanner::make(config));
    if (columns.size() != scanner.timeframes().size()) {
        return fail(ErrorCode::data,
                    "touches need bars of " + std::to_string(scanner.timeframes().size()) + " timeframes, got " + std::to_string(columns.size()));
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
        for (const Bar& bar : columns[i]) scanner.step(i, bar);
    }
    const auto touches = scanner.take();
    return std::vector<Touch>(touches.begin(), touches.end());
}

}  // namespace sofia::trading
