#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/time.hpp"

namespace sofia::market {

/// One bar over [open_time, close_time); known at close_time. Prices in quote units, volumes in the trades' size unit.
/// What a bar file does not carry (buy volume, ticks, vwap) is NaN, never zero.
struct Bar {
    TimeNs open_time = 0;
    TimeNs close_time = 0;
    double open = 0.0;
    double high = 0.0;
    double low = 0.0;
    double close = 0.0;
    double volume = 0.0;
    double vwap = std::numeric_limits<double>::quiet_NaN();         ///< volume-weighted; NaN without volume
    double trades = std::numeric_limits<double>::quiet_NaN();       ///< number of prints
    double buy_volume = std::numeric_limits<double>::quiet_NaN();   ///< aggressor bought
    double sell_volume = std::numeric_limits<double>::quiet_NaN();
    double plus_ticks = std::numeric_limits<double>::quiet_NaN();   ///< prints with tick direction plus (not zero plus)
    double minus_ticks = std::numeric_limits<double>::quiet_NaN();
    bool filled = false;                                            ///< no print: the last close carried on, volume zero

    [[nodiscard]] TimeNs known_at() const { return close_time; }
};

/// Whether two bars are equal field by field, NaN equal to NaN, to the last bit.
[[nodiscard]] bool same_bits(const Bar& a, const Bar& b);

}  // namespace sofia::market
