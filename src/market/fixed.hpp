#pragma once

#include <compare>
#include <cstdint>

namespace sofia::market {

/// An integer count of a fixed small unit; amounts of different tags do not mix. Arithmetic asserts on overflow.
template <class Tag>
class Fixed {
public:
    constexpr Fixed() = default;
    [[nodiscard]] static constexpr Fixed from_units(std::int64_t units) { Fixed f; f.units_ = units; return f; }
    [[nodiscard]] constexpr std::int64_t units() const { return units_; }

    constexpr Fixed& operator+=(Fixed other) { units_ += other.units_; return *this; }
    constexpr Fixed& operator-=(Fixed other) { units_ -= other.units_; return *this; }
    friend constexpr Fixed operator+(Fixed a, Fixed b) { return a += b; }
    friend constexpr Fixed operator-(Fixed a, Fixed b) { return a -= b; }
    constexpr Fixed operator-() const { return from_units(-units_); }
    friend constexpr auto operator<=>(Fixed, Fixed) = default;

private:
    std::int64_t units_ = 0;
};

/// Money of a ledger: 1e-8 of the settlement coin. Price: ticks. Qty: lots.
using Money = Fixed<struct MoneyTag>;
using Price = Fixed<struct PriceTag>;
using Qty = Fixed<struct QtyTag>;

/// The one place where a double becomes money: half-even at 1e-8. The value is finite and below 9.2e10 in size (asserted).
[[nodiscard]] Money to_money(double coins);
[[nodiscard]] double to_double(Money money);

}  // namespace sofia::market
