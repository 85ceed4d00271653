#include "math/signed_rank.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace sofia::math {
namespace {

TEST(SignedRank, CountsTheSignsExactly) {
    // Of the 8 signs of ranks 1, 2, 3 one sums to 6, one to 5, one to 4, two to 3.
    EXPECT_EQ(signed_rank_p(std::vector{1.0, 2.0, 3.0}), 1.0 / 8);
    EXPECT_EQ(signed_rank_p(std::vector{-1.0, 2.0, 3.0}), 2.0 / 8);
    EXPECT_EQ(signed_rank_p(std::vector{0.1, -20.0, 300.0}), 3.0 / 8);
    EXPECT_EQ(signed_rank_p(std::vector{-1.0, -2.0, 3.0}), 5.0 / 8);
    EXPECT_EQ(signed_rank_p(std::vector{-1.0, -2.0, -3.0}), 1.0);
}

TEST(SignedRank, SharesRanksAndSplitsZeros) {
    EXPECT_EQ(signed_rank_p(std::vector{1.0, 1.0}), 1.0 / 4);
    EXPECT_EQ(signed_rank_p(std::vector{1.0, -1.0}), 3.0 / 4);
    EXPECT_EQ(signed_rank_p(std::vector{0.0, 1.0}), 1.0 / 2);
    EXPECT_EQ(signed_rank_p(std::vector{0.0, 0.0, 0.0}), 1.0);
}

TEST(SignedRank, BothSidesShareTheMiddle) {
    // P(W >= w) + P(W <= w) = 1 + P(W = w); by the normal approximation exactly 1.
    std::vector<double> up;
    std::vector<double> down;
    for (int i = 1; i <= 60; ++i) {
        up.push_back(i % 3 == 0 ? -i : i);
        down.push_back(-up.back());
    }
    EXPECT_NEAR(signed_rank_p(up) + signed_rank_p(down), 1.0, 1e-15);
    EXPECT_LT(signed_rank_p(up), 0.05);
    const std::vector<double> fifty(up.begin(), up.begin() + 50);
    const std::vector<double> mirrored(down.begin(), down.begin() + 50);
    EXPECT_GT(signed_rank_p(fifty) + signed_rank_p(mirrored), 1.0);
    EXPECT_LT(signed_rank_p(fifty) + signed_rank_p(mirrored), 1.01);
}

TEST(SignedRank, OfNothingOrNaNIsNaN) {
    EXPECT_TRUE(std::isnan(signed_rank_p({})));
    EXPECT_TRUE(std::isnan(signed_rank_p(std::vector{1.0, std::numeric_limits<double>::quiet_NaN()})));
}

}  // namespace
}  // namespace sofia::math
