#include "synth/season.hpp"

#include <cmath>
#include <numbers>

namespace sofia::synth {

namespace {
constexpr double minute_ns = static_cast<double>(ns_per_minute);
constexpr double day_ns = static_cast<double>(ns_per_day);
constexpr double busiest_minute = 15.0 * 60.0;
}  // namespace

std::array<double, minutes_per_day> daily_season(double amplitude) {
    std::array<double, minutes_per_day> weights{};
    for (std::size_t i = 0; i < minutes_per_day; ++i) {
        const double phase = (static_cast<double>(i) + 0.5 - busiest_minute) / static_cast<double>(minutes_per_day);
        weights[i] = 1.0 + amplitude * std::cos(2.0 * std::numbers::pi * phase);
    }
    return weights;
}

SeasonClock::SeasonClock(double amplitude) : weights_(daily_season(amplitude)) {
    for (std::size_t i = 0; i < minutes_per_day; ++i) elapsed_[i + 1] = elapsed_[i] + weights_[i] * minute_ns;
    elapsed_[minutes_per_day] = day_ns;
}

double SeasonClock::calendar(double business) {
    const double day = std::floor(business / day_ns);
    if (day != day_) {
        day_ = day;
        minute_ = 0;
    }
    const double rest = business - day * day_ns;
    while (minute_ + 1 < minutes_per_day && elapsed_[minute_ + 1] <= rest) ++minute_;
    return day * day_ns + static_cast<double>(minute_) * minute_ns + (rest - elapsed_[minute_]) / weights_[minute_];
}

}  // namespace sofia::synth
