#include "bars/repair.hpp"

#include <gtest/gtest.h>

namespace sofia::bars {
namespace {

TEST(WidenOpen, LeavesAnOpenInsideAlone) {
    market::Bar bar{.open = 2.0, .high = 3.0, .low = 2.0, .close = 2.5};
    const market::Bar before = bar;
    EXPECT_FALSE(widen_open(bar));
    EXPECT_TRUE(same_bits(bar, before));
}

TEST(WidenOpen, WidensOnTheSideOfTheOpenOnly) {
    market::Bar above{.open = 4.0, .high = 3.0, .low = 2.0, .close = 2.5};
    EXPECT_TRUE(widen_open(above));
    EXPECT_EQ(above.high, 4.0);
    EXPECT_EQ(above.low, 2.0);
    EXPECT_FALSE(widen_open(above));
    market::Bar below{.open = 1.0, .high = 3.0, .low = 2.0, .close = 2.5};
    EXPECT_TRUE(widen_open(below));
    EXPECT_EQ(below.high, 3.0);
    EXPECT_EQ(below.low, 1.0);
    EXPECT_EQ(below.open, 1.0);
}

}  // namespace
}  // namespace sofia::bars
