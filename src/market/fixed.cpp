#include "market/fixed.hpp"

#include <cmath>
#include <cstdlib>

namespace sofia::market {

namespace {

constexpr double units_per_coin = 1e8;
constexpr double coins_max = 9.2e10;

// Half-even whatever the rounding mode of the thread. Beyond 2^52 every double is whole and the rest is 0.
double half_even(double x) {
    const double below = std::floor(x);
    const double rest = x - below;
    if (rest < 0.5) return below;
    if (rest > 0.5) return below + 1.0;
    return std::fmod(below, 2.0) == 0.0 ? below : below + 1.0;
}

}  // namespace

void amount_overflow() { std::abort(); }

Money to_money(double coins) {
    if (!(std::fabs(coins) < coins_max)) amount_overflow();
    return Money::from_units(static_cast<std::int64_t>(half_even(coins * units_per_coin)));
}

double to_double(Money money) { return static_cast<double>(money.units()) / units_per_coin; }

}  // namespace sofia::market
