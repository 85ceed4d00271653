#include "synth/touch_watch.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sofia::synth {

namespace {

constexpr DurationNs bar_length = 15 * ns_per_minute;
constexpr std::int64_t average_length = 20;
constexpr std::int64_t range_length = 14;
constexpr std::int64_t slope_bars = 5;
constexpr std::int64_t bars_away = 3;
constexpr std::int64_t warm_up = 40;
constexpr double tolerance = 0.25;
constexpr double slope_min = 0.02;

}  // namespace

std::optional<Touch> TouchWatch::on_trade(const market::Trade& trade) {
    std::optional<Touch> touch;
    if (!any_) {
        any_ = true;
        start_bar(floor_time(trade.ts, bar_length), trade.price);
    }
    while (trade.ts >= close_time_) {
        touch = close_bar();
        start_bar(close_time_, close_);
        if (trade.ts < close_time_) high_ = low_ = trade.price;
    }
    high_ = std::max(high_, trade.price);
    low_ = std::min(low_, trade.price);
    close_ = trade.price;
    volume_ += trade.size;
    return touch;
}

void TouchWatch::start_bar(TimeNs open_time, double price) {
    close_time_ = open_time + bar_length;
    high_ = low_ = close_ = price;
    volume_ = 0.0;
}

std::optional<Touch> TouchWatch::close_bar() {
    update_average();
    update_range();
    previous_close_ = close_;
    volumes_[static_cast<std::size_t>(bars_) % volume_window] = volume_;
    levels_[static_cast<std::size_t>(bars_) % kept] = {high_, low_, average_, atr_};
    ++bars_;
    if (bars_ < warm_up) return std::nullopt;
    const int direction = trend();
    if (direction == 0) return std::nullopt;
    const double mean = std::accumulate(volumes_.begin(), volumes_.end(), 0.0) / static_cast<double>(volume_window);
    const int volume_sign = volume_ > mean ? 1 : volume_ < mean ? -1 : 0;
    return Touch{close_time_, direction, volume_sign, atr_, close_};
}

void TouchWatch::update_average() {
    if (bars_ < average_length) {
        average_sum_ += close_;
        average_ = average_sum_ / static_cast<double>(bars_ + 1);
    } else {
        average_ += (close_ - average_) * 2.0 / (average_length + 1.0);
    }
}

void TouchWatch::update_range() {
    if (bars_ == 0) return;
    const double range = std::max(high_, previous_close_) - std::min(low_, previous_close_);
    if (bars_ <= range_length) {
        range_sum_ += range;
        atr_ = range_sum_ / static_cast<double>(bars_);
    } else {
        atr_ += (range - atr_) / static_cast<double>(range_length);
    }
}

// The direction of a touch by the last closed bar, 0 when there is none.
int TouchWatch::trend() const {
    const Level& now = level(0);
    const double slope = now.average - level(slope_bars).average;
    const double least = slope_min * static_cast<double>(slope_bars) * now.atr;
    const auto away = [&](auto beyond) {
        for (std::int64_t back = 1; back <= bars_away; ++back) {
            if (!beyond(level(back))) return false;
        }
        return true;
    };
    if (slope > least && close_ > now.average && now.low <= now.average + tolerance * now.atr) {
        return away([](const Level& l) { return l.low > l.average + tolerance * l.atr; }) ? 1 : 0;
    }
    if (slope < -least && close_ < now.average && now.high >= now.average - tolerance * now.atr) {
        return away([](const Level& l) { return l.high < l.average - tolerance * l.atr; }) ? -1 : 0;
    }
    return 0;
}

}  // namespace sofia::synth
