#include "math/trend.hpp"

#include <bit>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::math {
namespace {

std::vector<double> run(Length length, const std::vector<double>& in) {
    std::vector<double> out(in.size());
    Ema average(length);
    ema(in, average, out);
    return out;
}

TEST(Ema, IsMissingUntilWarmAndThenStartsAtTheMean) {
    const std::vector<double> out = run(Length::of<3>(), {1.0, 2.0, 6.0, 3.0});
    EXPECT_TRUE(std::isnan(out[0]));
    EXPECT_TRUE(std::isnan(out[1]));
    EXPECT_DOUBLE_EQ(out[2], 3.0);
    EXPECT_DOUBLE_EQ(out[3], 3.0);
}

// After the seed an impulse decays by (1 - weight) a step: the closed form, not the recurrence.
TEST(Ema, ImpulseDecaysGeometrically) {
    std::vector<double> in(9, 0.0);
    in.push_back(1.0);
    in.resize(in.size() + 40, 0.0);
    const std::vector<double> out = run(Length::of<9>(), in);
    for (std::size_t k = 0; k <= 40; ++k) EXPECT_NEAR(out[9 + k], 0.2 * std::pow(0.8, k), 1e-15);
}

TEST(Ema, AMissingObservationChangesNothing) {
    const std::vector<double> with = run(Length::of<2>(), {1.0, missing, 3.0, missing, 5.0});
    const std::vector<double> without = run(Length::of<2>(), {1.0, 3.0, 5.0});
    EXPECT_EQ(with[2], without[1]);
    EXPECT_EQ(with[3], without[1]);
    EXPECT_EQ(with[4], without[2]);
}

RC_GTEST_PROP(Ema, ColumnsInPiecesEqualTheStreamToTheLastBit, (std::vector<double> in)) {
    const Length length = Length::make(*rc::gen::inRange<std::int64_t>(1, 50)).value();
    const auto cut = *rc::gen::inRange<std::size_t>(0, in.size() + 1);
    Ema stream(length);
    Ema pieces(length);
    std::vector<double> out(in.size());
    ema(std::span(in).first(cut), pieces, std::span(out).first(cut));
    ema(std::span(in).subspan(cut), pieces, std::span(out).subspan(cut));
    for (std::size_t i = 0; i < in.size(); ++i) {
        RC_ASSERT(std::bit_cast<std::uint64_t>(stream.step(in[i])) == std::bit_cast<std::uint64_t>(out[i]));
    }
}

TEST(WilderMean, ImpulseDecaysByOneOverLength) {
    WilderMean mean(Length::of<4>());
    for (int i = 0; i < 4; ++i) mean.step(0.0);
    double expected = 0.25;
    EXPECT_DOUBLE_EQ(mean.step(1.0), expected);
    for (int i = 0; i < 20; ++i) EXPECT_NEAR(mean.step(0.0), expected *= 0.75, 1e-16);
}

TEST(Sma, OfALineLagsByHalfItsLength) {
    Sma sma(Length::of<21>());
    for (int i = 0; i < 200; ++i) {
        const double value = sma.step(i);
        if (i >= 20) {
            EXPECT_NEAR(value, i - 10.0, 1e-12);
        }
    }
}

// On a straight line of slope b an EMA of length n lags by b (n - 1) / 2, so MACD settles at b (slow - fast) / 2.
TEST(Macd, SettlesOnALineAndItsHistogramVanishes) {
    Macd macd({.fast = Length::of<12>(), .slow = Length::of<26>(), .signal = Length::of<9>()});
    std::size_t first_line = 0;
    std::size_t first_signal = 0;
    for (std::size_t i = 1; i <= 1000; ++i) {
        const Macd::Value& value = macd.step(3.0 * static_cast<double>(i));
        if (first_line == 0 && !std::isnan(value.line)) first_line = i;
        if (first_signal == 0 && !std::isnan(value.histogram)) first_signal = i;
    }
    EXPECT_EQ(first_line, macd.warm_up_line());
    EXPECT_EQ(first_signal, macd.warm_up());
    EXPECT_NEAR(macd.value().line, 3.0 * 7.0, 1e-9);
    EXPECT_NEAR(macd.value().histogram, 0.0, 1e-9);
}

TEST(Macd, TakesItsLengthsInAnyOrder) {
    Macd one({.fast = Length::of<5>(), .slow = Length::of<8>(), .signal = Length::of<3>()});
    Macd two({.fast = Length::of<8>(), .slow = Length::of<5>(), .signal = Length::of<3>()});
    for (int i = 0; i < 50; ++i) {
        one.step(std::sin(i));
        two.step(std::sin(i));
    }
    EXPECT_EQ(one.value().histogram, two.value().histogram);
}

// Every bar one higher than the last: all movement is upward, and true range is 2.
TEST(Directional, OfASteadyRiseIsOneSided) {
    Directional directional(Length::of<14>());
    for (int i = 0; i < 100; ++i) {
        const Directional::Value& value = directional.step(100.0 + i + 1.0, 100.0 + i, 100.0 + i);
        EXPECT_EQ(std::isnan(value.plus_di), i < 14);
        EXPECT_EQ(std::isnan(value.adx), i < 27);
    }
    EXPECT_NEAR(directional.value().plus_di, 50.0, 1e-9);
    EXPECT_EQ(directional.value().minus_di, 0.0);
    EXPECT_NEAR(directional.value().adx, 100.0, 1e-9);
}

TEST(Directional, MirroredPricesSwapItsSides) {
    Directional up(Length::of<5>());
    Directional down(Length::of<5>());
    for (int i = 0; i < 60; ++i) {
        const double mid = 4.0 * std::sin(0.7 * i) + 2.0 * std::cos(1.9 * i);
        up.step(mid + 1.0, mid - 1.0, mid + 0.5);
        down.step(-mid + 1.0, -mid - 1.0, -mid - 0.5);
    }
    EXPECT_NEAR(up.value().plus_di, down.value().minus_di, 1e-9);
    EXPECT_NEAR(up.value().adx, down.value().adx, 1e-9);
}

TEST(Directional, WithoutRangeIsZeroAndABadBarChangesNothing) {
    Directional directional(Length::of<3>());
    for (int i = 0; i < 20; ++i) directional.step(5.0, 5.0, 5.0);
    EXPECT_EQ(directional.value().plus_di, 0.0);
    EXPECT_EQ(directional.value().adx, 0.0);
    directional.step(missing, 5.0, 5.0);
    EXPECT_EQ(directional.value().plus_di, 0.0);
}

TEST(EfficiencyRatio, IsOneOnALineAndSmallOnAZigzag) {
    EfficiencyRatio line(Length::of<10>());
    EfficiencyRatio zigzag(Length::of<10>());
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(std::isnan(line.step(2.0 * i)), i < 10);
        zigzag.step(i % 2);
    }
    EXPECT_DOUBLE_EQ(line.value(), 1.0);
    EXPECT_DOUBLE_EQ(zigzag.value(), 0.0);
    EfficiencyRatio flat(Length::of<10>());
    for (int i = 0; i < 50; ++i) flat.step(7.0);
    EXPECT_EQ(flat.value(), 0.0);
}

}  // namespace
}  // namespace sofia::math
