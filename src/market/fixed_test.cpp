#include "market/fixed.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::market {
namespace {

template <class A, class B>
concept CanAdd = requires(A a, B b) { a + b; };
static_assert(CanAdd<Money, Money>);
static_assert(!CanAdd<Money, Price>);
static_assert(!CanAdd<Qty, Price>);
static_assert(!std::is_convertible_v<double, Money>);

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

TEST(Fixed, AddsAndComparesItsUnits) {
    const Money a = Money::from_units(5);
    const Money b = Money::from_units(-7);
    EXPECT_EQ((a + b).units(), -2);
    EXPECT_EQ((a - b).units(), 12);
    EXPECT_EQ((-a).units(), -5);
    EXPECT_LT(b, a);
    EXPECT_EQ(Money().units(), 0);
}

TEST(FixedDeathTest, OverflowEndsTheProgram) {
    EXPECT_DEATH((void)(Money::from_units(largest) + Money::from_units(1)), "");
    EXPECT_DEATH((void)(Qty::from_units(-largest) - Qty::from_units(2)), "");
    EXPECT_DEATH((void)(-Price::from_units(-largest - 1)), "");
    EXPECT_DEATH((void)to_money(9.3e10), "");
    EXPECT_DEATH((void)to_money(std::nan("")), "");
    EXPECT_DEATH((void)to_money(-std::numeric_limits<double>::infinity()), "");
}

TEST(Money, RoundsHalfToEven) {
    EXPECT_EQ(to_money(1.0 / 512).units(), 195'312);  // 195312.5, exactly
    EXPECT_EQ(to_money(3.0 / 512).units(), 585'938);  // 585937.5
    EXPECT_EQ(to_money(5.0 / 512).units(), 976'562);  // 976562.5
    EXPECT_EQ(to_money(-1.0 / 512).units(), -195'312);
    EXPECT_EQ(to_money(-3.0 / 512).units(), -585'938);
    EXPECT_EQ(to_money(0.5e-8).units(), 0);
    EXPECT_EQ(to_money(2.6e-8).units(), 3);
    EXPECT_EQ(to_money(-2.6e-8).units(), -3);
    EXPECT_EQ(to_money(1.25).units(), 125'000'000);
    EXPECT_EQ(to_money(9.1e10).units(), 9'100'000'000'000'000'000);
}

RC_GTEST_PROP(Money, ComesBackFromADoubleWithinItsPrecision, ()) {
    // Below 2^53 units every amount has a double of its own after the division.
    const auto units = *rc::gen::inRange<std::int64_t>(-(1LL << 51), 1LL << 51);
    RC_ASSERT(to_money(to_double(Money::from_units(units))).units() == units);
}

RC_GTEST_PROP(Money, IsOddAndWithinHalfAUnit, ()) {
    const double coins = static_cast<double>(*rc::gen::inRange<std::int64_t>(-4'000'000'000'000, 4'000'000'000'000)) / 3e9;
    RC_ASSERT(to_money(-coins) == -to_money(coins));
    RC_ASSERT(std::fabs(to_double(to_money(coins)) - coins) <= 0.5e-8 + 1e-15 * std::fabs(coins));  // and the doubles' own steps
}

}  // namespace
}  // namespace sofia::market
