#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "market/trade.hpp"

namespace sofia::synth {

/// A touch of the moving average, seen on prints alone.
struct Touch {
    TimeNs known_at = 0;
    int direction = 0;       ///< +1 up-trend, -1 down-trend
    int volume_sign = 0;     ///< sign of the bar's volume less the mean volume of the last 20 bars, its own included
    double atr = 0.0;
    double close = 0.0;
};

/// The simulator's own 15m bars and touches, apart from the platform's so that the data cannot inherit a mistake of what it tests.
///
/// Up-trend (mirrored for down): low_t <= EMA_t + 0.25 ATR_t; close_t > EMA_t; low > EMA + 0.25 ATR in each of the 3 bars before;
/// (EMA_t - EMA_{t-5}) / (5 ATR_t) > 0.02. EMA of 20 closes, seeded with their mean; ATR of 14, Wilder's. An interval without prints carries the
/// last close.
class TouchWatch {
public:
    /// Takes a print; times do not go back. A touch is returned with the first print at or after the close of its bar, and only
    /// when no other bar has closed since.
    std::optional<Touch> on_trade(const market::Trade& trade);

private:
    struct Level {
        double high = 0.0;
        double low = 0.0;
        double average = 0.0;
        double atr = 0.0;
    };
    static constexpr std::size_t kept = 8;            // levels remembered, at least 6 for the slope
    static constexpr std::size_t volume_window = 20;

    void start_bar(TimeNs open_time, double price);
    std::optional<Touch> close_bar();
    void update_average();
    void update_range();
    [[nodiscard]] const Level& level(std::int64_t back) const { return levels_[static_cast<std::size_t>(bars_ - 1 - back) % kept]; }
    [[nodiscard]] int trend() const;

    TimeNs close_time_ = 0;
    double high_ = 0.0;
    double low_ = 0.0;
    double close_ = 0.0;
    double volume_ = 0.0;
    bool any_ = false;

    std::int64_t bars_ = 0;
    double previous_close_ = 0.0;
    double average_ = 0.0;
    double average_sum_ = 0.0;
    double atr_ = 0.0;
    double range_sum_ = 0.0;
    std::array<Level, kept> levels_{};
    std::array<double, volume_window> volumes_{};
};

}  // namespace sofia::synth
