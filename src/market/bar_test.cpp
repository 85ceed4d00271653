#include "market/bar.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace sofia::market {
namespace {

TEST(Bar, IsKnownWhenItHasClosed) {
    const Bar bar{.open_time = 60, .close_time = 120};
    EXPECT_EQ(bar.known_at(), 120);
}

TEST(Bar, WhatAFileDoesNotCarryIsMissingAndEqualToMissing) {
    const Bar a;
    Bar b;
    b.vwap = -std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(same_bits(a, b));
    b.vwap = 0.0;
    EXPECT_FALSE(same_bits(a, b));
}

TEST(Bar, EveryFieldCountsInEquality) {
    double Bar::* const fields[] = {&Bar::open,   &Bar::high,       &Bar::low,         &Bar::close,      &Bar::volume,     &Bar::vwap,
                                    &Bar::trades, &Bar::buy_volume, &Bar::sell_volume, &Bar::plus_ticks, &Bar::minus_ticks};
    for (double Bar::* const field : fields) {
        Bar a;
        a.*field = 1.0;
        Bar b = a;
        EXPECT_TRUE(same_bits(a, b));
        b.*field = std::nextafter(1.0, 2.0);
        EXPECT_FALSE(same_bits(a, b));
    }
    EXPECT_FALSE(same_bits(Bar{.open_time = 1}, Bar{}));
    EXPECT_FALSE(same_bits(Bar{.close_time = 1}, Bar{}));
    EXPECT_FALSE(same_bits(Bar{.filled = true}, Bar{}));
    EXPECT_FALSE(same_bits(Bar{.open = 0.0}, Bar{.open = -0.0}));
}

}  // namespace
}  // namespace sofia::market
