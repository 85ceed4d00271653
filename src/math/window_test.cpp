#include "math/window.hpp"

#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::math {
namespace {

std::uint64_t bits(double x) { return std::isnan(x) ? 0x7ff8000000000000U : std::bit_cast<std::uint64_t>(x); }

TEST(Length, RefusesWhatIsOutsideItsRangeAndNamesIt) {
    EXPECT_EQ(Length::make(0).error().message, "length 0 is not in 1..1000000");
    EXPECT_EQ(Length::make(-3).error().code, ErrorCode::config);
    EXPECT_FALSE(Length::make(1'000'001).has_value());
    EXPECT_EQ(Length::make(1'000'000).value().value(), 1'000'000U);
}

// Integers below 2^53 add exactly in any order, so the plain fold of the window is the truth to the last bit.
RC_GTEST_PROP(Rolling, EqualsTheFoldOfTheWindow, ()) {
    const auto length = *rc::gen::inRange<std::int64_t>(1, 40);
    const auto in = *rc::gen::container<std::vector<int>>(rc::gen::inRange(-1000, 1000));
    const Length n = Length::make(length).value();
    RollingSum sum(n);
    RollingMin low(n);
    RollingMax high(n);
    for (std::size_t i = 0; i < in.size(); ++i) {
        const double s = sum.step(in[i]);
        const double l = low.step(in[i]);
        const double h = high.step(in[i]);
        if (i + 1 < n.value()) {
            RC_ASSERT((std::isnan(s) && std::isnan(l) && std::isnan(h)));
            continue;
        }
        const auto last = in.begin() + static_cast<std::ptrdiff_t>(i) + 1;
        const auto first = last - length;
        RC_ASSERT(s == std::accumulate(first, last, 0.0));
        RC_ASSERT(l == *std::min_element(first, last));
        RC_ASSERT(h == *std::max_element(first, last));
    }
}

// A running sum with subtraction would carry the rounding of the large value for ever.
TEST(Rolling, ALargeValueLeavesNoTrace) {
    RollingSum sum(Length::of<7>());
    RollingMoments moments(Length::of<7>());
    for (int i = 0; i < 10; ++i) {
        sum.step(0.1);
        moments.step(0.1);
    }
    sum.step(1e300);
    moments.step(1e150);
    for (int i = 0; i < 14; ++i) {
        sum.step(0.25);
        moments.step(0.25);
    }
    EXPECT_EQ(sum.value(), 7 * 0.25);
    EXPECT_EQ(moments.mean(), 0.25);
    EXPECT_EQ(moments.variance(), 0.0);
}

TEST(Rolling, ANanEmptiesTheWindowAndItRecoversAfterLengthNumbers) {
    RollingMin low(Length::of<3>());
    RollingMoments moments(Length::of<3>());
    std::vector<bool> missing_low;
    std::vector<bool> missing_mean;
    for (const double x : {5.0, 4.0, 3.0, 2.0, missing, 9.0, 8.0, 7.0, 6.0}) {
        missing_low.push_back(std::isnan(low.step(x)));
        missing_mean.push_back(std::isnan(moments.step(x)));
    }
    const std::vector<bool> expected = {true, true, false, false, true, true, true, false, false};
    EXPECT_EQ(missing_low, expected);
    EXPECT_EQ(missing_mean, expected);
    EXPECT_EQ(low.value(), 6.0);
}

RC_GTEST_PROP(Rolling, ACopyContinuesLikeTheOriginal, (const std::vector<double>& before, const std::vector<double>& after)) {
    const Length n = Length::make(*rc::gen::inRange<std::int64_t>(1, 20)).value();
    RollingSum sum(n);
    RollingMoments moments(n);
    for (const double x : before) {
        sum.step(x);
        moments.step(x);
    }
    RollingSum sum_copy = sum;
    RollingMoments moments_copy = moments;
    for (const double x : after) {
        RC_ASSERT(bits(sum.step(x)) == bits(sum_copy.step(x)));
        RC_ASSERT(bits(moments.step(x)) == bits(moments_copy.step(x)));
        RC_ASSERT(bits(moments.variance()) == bits(moments_copy.variance()));
    }
}

// Shifted by a million the variance of small integers is still theirs: nothing is lost to cancellation.
RC_GTEST_PROP(RollingMoments, VarianceDoesNotDependOnTheLevel, ()) {
    const auto length = *rc::gen::inRange<std::int64_t>(1, 30);
    const auto in = *rc::gen::container<std::vector<int>>(rc::gen::inRange(-50, 50));
    const Length n = Length::make(length).value();
    RollingMoments moments(n);
    for (std::size_t i = 0; i < in.size(); ++i) {
        moments.step(1e9 + in[i]);
        if (i + 1 < n.value()) continue;
        long long sum = 0;
        long long squares = 0;
        for (std::size_t k = i + 1 - n.value(); k <= i; ++k) {
            sum += in[k];
            squares += static_cast<long long>(in[k]) * in[k];
        }
        const double exact = static_cast<double>(length * squares - sum * sum) / static_cast<double>(length * length);
        RC_ASSERT(std::fabs(moments.variance() - exact) <= 1e-12 * std::max(1.0, exact));
    }
}

TEST(RollingMoments, AConstantWindowHasNoVarianceAtAll) {
    RollingMoments moments(Length::of<20>());
    for (int i = 0; i < 100; ++i) moments.step(0.1);
    EXPECT_EQ(moments.variance(), 0.0);
    EXPECT_EQ(moments.mean(), 0.1);
}

TEST(History, RemembersExactlyItsReach) {
    History history(Length::of<5>());
    EXPECT_TRUE(std::isnan(history.ago(0)));
    for (int i = 0; i < 100; ++i) history.push(i);
    for (std::size_t k = 0; k <= 5; ++k) EXPECT_EQ(history.ago(k), 99.0 - static_cast<double>(k));
}

TEST(Ratio, SaysWhatItIsWithoutAScaleAndKeepsMissing) {
    EXPECT_EQ(ratio(1.0, 0.0, 0.5), 0.5);
    EXPECT_EQ(ratio(1.0, 4.0, 0.5), 0.25);
    EXPECT_TRUE(std::isnan(ratio(missing, 4.0, 0.5)));
    EXPECT_TRUE(std::isnan(ratio(1.0, missing, 0.5)));
}

}  // namespace
}  // namespace sofia::math
