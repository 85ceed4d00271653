#include "synth/ceiling.hpp"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace sofia::synth {
namespace {

TEST(TouchCeiling, IsAHalfPlusAQuarterOfTheEdge) {
    EXPECT_EQ(touch_ceiling(0.0), 0.5);
    EXPECT_EQ(touch_ceiling(0.6), 0.65);
    EXPECT_EQ(touch_ceiling(1.0), 0.75);
}

TEST(HitProbability, IsLogisticForEvenBarriers) {
    for (const double x : {-3.0, -0.1, 0.0, 0.5, 2.0, 400.0}) EXPECT_NEAR(hit_probability(x, 0.5, 0.5), 1.0 / (1.0 + std::exp(-x)), 1e-14);
}

TEST(HitProbability, HasItsLimitsAndItsFormula) {
    EXPECT_DOUBLE_EQ(hit_probability(0.0, 3.0, 1.0), 0.25);
    EXPECT_NEAR(hit_probability(1e-8, 3.0, 1.0), 0.25, 1e-7);
    const double theta = 0.7;
    const double up = 1.3;
    const double down = 0.4;
    const double formula = (1.0 - std::exp(2.0 * theta * down)) / (std::exp(-2.0 * theta * up) - std::exp(2.0 * theta * down));
    EXPECT_NEAR(hit_probability(theta, up, down), formula, 1e-14);
    EXPECT_NEAR(hit_probability(-theta, down, up), 1.0 - formula, 1e-14);
}

// Figures of the reference: kappa 0.6 gives 0.7259, kappa 0.3 gives 0.688.
TEST(DirectionCeiling, EqualsTheReference) {
    EXPECT_NEAR(direction_ceiling(1.0, 5).accuracy, 0.7259, 5e-5);
    EXPECT_NEAR(direction_ceiling(0.5, 5).accuracy, 0.688, 5e-4);
    EXPECT_NEAR(direction_ceiling(0.0, 5).accuracy, 0.5, 1e-12);
    EXPECT_GE(direction_ceiling(0.42, 5).accuracy, 0.6701);
}

// One step ahead the gap to SMA20 is all there is to know: R^2 = 1 - Var eps / Var d, with the variance of d from a long simulated path.
TEST(DirectionCeiling, OneStepAheadLeavesOnlyTheNoise) {
    RandomStream random(3);
    std::array<double, 19> changes{};  // newest first
    double squares = 0.0;
    const int steps = 400'000;
    for (int i = 0; i < steps; ++i) {
        double gap = 0.0;
        for (std::size_t j = 0; j < 19; ++j) gap += changes[j] * static_cast<double>(19 - j) / 20.0;
        const double change = -0.6 * gap + random.normal();
        for (std::size_t j = 18; j > 0; --j) changes[j] = changes[j - 1];
        changes[0] = change;
        squares += change * change;
    }
    EXPECT_NEAR(direction_ceiling(1.0, 1).r_squared, 1.0 - steps / squares, 0.006);  // four standard errors
}

}  // namespace
}  // namespace sofia::synth
