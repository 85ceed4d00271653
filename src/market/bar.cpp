#include "market/bar.hpp"

#include <bit>
#include <cmath>

namespace sofia::market {

namespace {

bool same(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

bool same_bits(const Bar& a, const Bar& b) {
    return a.open_time == b.open_time && a.close_time == b.close_time && same(a.open, b.open) && same(a.high, b.high) && same(a.low, b.low) &&
           same(a.close, b.close) && same(a.volume, b.volume) && same(a.vwap, b.vwap) && same(a.trades, b.trades) &&
           same(a.buy_volume, b.buy_volume) && same(a.sell_volume, b.sell_volume) && same(a.plus_ticks, b.plus_ticks) &&
           same(a.minus_ticks, b.minus_ticks) && a.filled == b.filled;
}

}  // namespace sofia::market
