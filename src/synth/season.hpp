#pragma once

#include <array>
#include <cstddef>

#include "base/time.hpp"

namespace sofia::synth {

inline constexpr std::size_t minutes_per_day = 1440;

/// Weights of the minutes of the UTC day, mean 1, highest at 15:00.
[[nodiscard]] std::array<double, minutes_per_day> daily_season(double amplitude);

/// Turns even business time into calendar time in which activity follows the season: a day of one is a day of the other. Called with times that
/// do not go back.
class SeasonClock {
public:
    explicit SeasonClock(double amplitude);

    /// Both in ns since a midnight.
    double calendar(double business);

private:
    std::array<double, minutes_per_day> weights_;
    std::array<double, minutes_per_day + 1> elapsed_{};  // business ns since midnight at the start of each minute
    double day_ = 0.0;
    std::size_t minute_ = 0;
};

}  // namespace sofia::synth
