#pragma once

#include <compare>
#include <cstdint>

namespace sofia::market {

/// Ends the program: an amount left the range of 64 bits. A ledger must not go on with a wrapped amount, so release builds check too.
[[noreturn]] void amount_overflow();

/// An integer count of a fixed small unit; amounts of different tags do not mix. Arithmetic that overflows is a bug and aborts.
template <class Tag>
class Fixed {
public:
    constexpr Fixed() = default;
    [[nodiscard]] static constexpr Fixed from_units(std::int64_t units) {
        Fixed f;
        f.units_ = units;
        return f;
    }
    [[nodiscard]] constexpr std::int64_t units() const { return units_; }

    constexpr Fixed& operator+=(Fixed other) {
        if (__builtin_add_overflow(units_, other.units_, &units_)) amount_overflow();
        return *this;
    }
    constexpr Fixed& operator-=(Fixed other) {
        if (__builtin_sub_overflow(units_, other.units_, &units_)) amount_overflow();
        return *this;
    }
    friend constexpr Fixed operator+(Fixed a, Fixed b) { return a += b; }
    friend constexpr Fixed operator-(Fixed a, Fixed b) { return a -= b; }
    constexpr Fixed operator-() const { return Fixed() -= *this; }
    friend constexpr auto operator<=>(Fixed, Fixed) = default;

private:
    std::int64_t units_ = 0;
};

/// Money of a ledger: 1e-8 of the settlement coin. Price: ticks. Qty: lots.
using Money = Fixed<struct MoneyTag>;
using Price = Fixed<struct PriceTag>;
using Qty = Fixed<struct QtyTag>;

/// The one place where a double becomes money: half-even at 1e-8, where a tie is a product `coins * 1e8` that ends in exactly .5.
/// The value is finite and below 9.2e10 in size; otherwise aborts as an overflow does.
[[nodiscard]] Money to_money(double coins);
[[nodiscard]] double to_double(Money money);

}  // namespace sofia::market
