#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "math/oscillators.hpp"
#include "math/volatility.hpp"

namespace sofia::math {
namespace {

struct Path {
    std::vector<double> high;
    std::vector<double> low;
    std::vector<double> close;
    std::vector<double> volume;
};

Path random_path(std::size_t size) {
    RandomStream random(11);
    Path path;
    double price = 100.0;
    for (std::size_t i = 0; i < size; ++i) {
        const double open = price;
        price *= std::exp(0.01 * random.normal());
        path.close.push_back(price);
        path.high.push_back(std::max(open, price) * (1.0 + 0.003 * random.uniform()));
        path.low.push_back(std::min(open, price) * (1.0 - 0.003 * random.uniform()));
        path.volume.push_back(1000.0 * random.exponential());
    }
    return path;
}

TEST(Rsi, OfARiseIsHundredOfAFallZeroAndOfNothingZero) {
    Rsi rise(Length::of<14>());
    Rsi fall(Length::of<14>());
    Rsi flat(Length::of<14>());
    for (int i = 0; i < 40; ++i) {
        EXPECT_EQ(std::isnan(rise.step(i)), i < 14);
        fall.step(-i);
        flat.step(3.0);
    }
    EXPECT_DOUBLE_EQ(rise.value(), 100.0);
    EXPECT_DOUBLE_EQ(fall.value(), 0.0);
    EXPECT_DOUBLE_EQ(flat.value(), 0.0);
}

TEST(Rsi, OfMirroredPricesAddToHundred) {
    const Path path = random_path(300);
    Rsi up(Length::of<14>());
    Rsi down(Length::of<14>());
    for (const double close : path.close) {
        up.step(close);
        down.step(-close);
    }
    EXPECT_NEAR(up.value() + down.value(), 100.0, 1e-9);
}

TEST(Atr, OfEqualBarsIsTheirHeightAndGapsCount) {
    Atr atr(Length::of<14>());
    for (int i = 0; i < 50; ++i) EXPECT_EQ(std::isnan(atr.step(11.0, 9.0, 10.0)), i < 14);
    EXPECT_DOUBLE_EQ(atr.value(), 2.0);
    EXPECT_EQ(true_range(12.0, 11.0, 7.0), 5.0);
    EXPECT_EQ(true_range(6.0, 5.0, 7.5), 2.5);
    EXPECT_DOUBLE_EQ(atr.step(missing, 9.0, 10.0), 2.0);
}

TEST(Bollinger, OfAnAlternationIsItsMeanPlusMinusWidthTimesHalfItsHeight) {
    Bollinger bands(Length::of<20>(), 2.0);
    for (int i = 0; i < 60; ++i) bands.step(i % 2 == 0 ? 99.0 : 101.0);
    EXPECT_DOUBLE_EQ(bands.middle(), 100.0);
    EXPECT_DOUBLE_EQ(bands.upper(), 102.0);
    EXPECT_DOUBLE_EQ(bands.lower(), 98.0);
}

TEST(RealisedVolatility, OfGrowthIsItsLogRate) {
    RealisedVolatility volatility(Length::of<10>());
    for (int i = 0; i < 40; ++i) EXPECT_EQ(std::isnan(volatility.step(std::exp(0.02 * i))), i < 10);
    EXPECT_NEAR(volatility.value(), 0.02, 1e-12);
}

TEST(Parkinson, OfEqualBarsIsTheirLogHeightScaled) {
    Parkinson volatility(Length::of<10>());
    for (int i = 0; i < 40; ++i) volatility.step(std::exp(0.03), 1.0);
    EXPECT_NEAR(volatility.value(), 0.03 / std::sqrt(4.0 * std::numbers::ln2), 1e-12);
}

TEST(Frame, StochasticAndWilliamsAreTwoViewsOfOnePosition) {
    const Path path = random_path(300);
    HighLow frame(Length::of<14>());
    for (std::size_t i = 0; i < path.close.size(); ++i) {
        frame.step(path.high[i], path.low[i]);
        if (i < 13) continue;
        const double k = fast_k(frame, path.close[i]);
        EXPECT_GE(k, 0.0);
        EXPECT_LE(k, 100.0);
        EXPECT_NEAR(k - 100.0, williams_r(frame, path.close[i]), 1e-9);
    }
}

TEST(Frame, WithoutHeightBothAreZero) {
    HighLow frame(Length::of<3>());
    for (int i = 0; i < 5; ++i) frame.step(8.0, 8.0);
    EXPECT_EQ(fast_k(frame, 8.0), 0.0);
    EXPECT_EQ(williams_r(frame, 8.0), 0.0);
}

TEST(Stochastic, WarmsUpInTwoStages) {
    const Path path = random_path(60);
    HighLow frame(Length::of<14>());
    Stochastic stochastic({.k = Length::of<3>(), .d = Length::of<4>()});
    for (std::size_t i = 0; i < path.close.size(); ++i) {
        frame.step(path.high[i], path.low[i]);
        stochastic.step(frame, path.close[i]);
        EXPECT_EQ(std::isnan(stochastic.k()), i + 1 < stochastic.warm_up_k(frame));
        EXPECT_EQ(std::isnan(stochastic.d()), i + 1 < stochastic.warm_up_d(frame));
    }
    EXPECT_EQ(stochastic.warm_up_k(frame), 16U);
    EXPECT_EQ(stochastic.warm_up_d(frame), 19U);
}

// On a line the last of n points lies (n - 1) / 2 steps above the mean, and the mean absolute deviation is n / 4 steps for even n.
TEST(Cci, OfALineHasItsClosedFormAndOfAConstantIsZero) {
    Cci line(Length::of<20>());
    Cci flat(Length::of<20>());
    for (int i = 0; i < 60; ++i) {
        EXPECT_EQ(std::isnan(line.step(i + 1.0, i - 1.0, i)), i < 19);
        flat.step(0.1, 0.1, 0.1);  // whose sum rounds
    }
    EXPECT_NEAR(line.value(), 9.5 / (0.015 * 5.0), 1e-9);
    EXPECT_EQ(flat.value(), 0.0);
}

TEST(Mfi, CountsOnlyRisingFlowOnTheWayUpAndRecoversFromAMissingVolume) {
    Mfi mfi(Length::of<3>());
    for (int i = 0; i < 10; ++i) EXPECT_EQ(std::isnan(mfi.step(i + 2.0, i + 1.0, i + 1.5, 10.0)), i < 3);
    EXPECT_DOUBLE_EQ(mfi.value(), 100.0);
    EXPECT_TRUE(std::isnan(mfi.step(20.0, 19.0, 19.5, missing)));
    for (int i = 0; i < 3; ++i) mfi.step(21.0 + i, 20.0 + i, 20.5 + i, 10.0);
    EXPECT_DOUBLE_EQ(mfi.value(), 100.0);
}

TEST(Mfi, WithoutVolumeIsZero) {
    Mfi mfi(Length::of<3>());
    for (int i = 0; i < 10; ++i) mfi.step(i + 2.0, i + 1.0, i + 1.5, 0.0);
    EXPECT_EQ(mfi.value(), 0.0);
}

TEST(Obv, AddsRisesSubtractsFallsAndIgnoresTheRest) {
    Obv obv;
    EXPECT_EQ(obv.step(10.0, 5.0), 5.0);
    EXPECT_EQ(obv.step(11.0, 2.0), 7.0);
    EXPECT_EQ(obv.step(11.0, 100.0), 7.0);
    EXPECT_EQ(obv.step(9.0, 4.0), 3.0);
    EXPECT_EQ(obv.step(missing, 4.0), 3.0);
}

// Scaling prices by a power of two is exact, so scale-free figures must keep every bit.
TEST(Oscillators, DoNotDependOnTheUnitOfPrices) {
    const Path path = random_path(300);
    Rsi rsi(Length::of<14>());
    Rsi rsi_scaled(Length::of<14>());
    Cci cci(Length::of<20>());
    Cci cci_scaled(Length::of<20>());
    HighLow frame(Length::of<14>());
    HighLow frame_scaled(Length::of<14>());
    for (std::size_t i = 0; i < path.close.size(); ++i) {
        rsi.step(path.close[i]);
        rsi_scaled.step(8.0 * path.close[i]);
        cci.step(path.high[i], path.low[i], path.close[i]);
        cci_scaled.step(8.0 * path.high[i], 8.0 * path.low[i], 8.0 * path.close[i]);
        frame.step(path.high[i], path.low[i]);
        frame_scaled.step(8.0 * path.high[i], 8.0 * path.low[i]);
    }
    EXPECT_EQ(rsi.value(), rsi_scaled.value());
    EXPECT_EQ(cci.value(), cci_scaled.value());
    EXPECT_EQ(williams_r(frame, path.close.back()), williams_r(frame_scaled, 8.0 * path.close.back()));
}

}  // namespace
}  // namespace sofia::math
