#include "tune/truncnorm.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::tune {
namespace {

// Values from scipy.special.log_ndtr.
TEST(Truncnorm, LogPhiAgreesWithScipyInBothTails) {
    EXPECT_NEAR(log_ndtr(0.0), -0.69314718055994531, 1e-15);
    EXPECT_NEAR(log_ndtr(-10.0) / -53.231285150512468, 1.0, 1e-14);
    EXPECT_NEAR(log_ndtr(-36.5) / -670.6420000003138, 1.0, 1e-13);
    EXPECT_NEAR(log_ndtr(-100.0) / -5005.5242086942050, 1.0, 1e-14);
    EXPECT_NEAR(log_ndtr(8.0) / -6.2209605742717405e-16, 1.0, 1e-9);
}

RC_GTEST_PROP(Truncnorm, TheMassIsSymmetricAndAdds, ()) {
    const double a = static_cast<double>(*rc::gen::inRange(-80000, 80000)) / 1000.0;
    const double width = static_cast<double>(*rc::gen::inRange(1, 5000)) / 1000.0;
    const double b = a + width;
    const double c = b + width;
    RC_ASSERT(std::abs(log_gauss_mass(a, b) - log_gauss_mass(-b, -a)) <= 1e-9 * std::max(1.0, std::abs(log_gauss_mass(a, b))));
    const double whole = log_gauss_mass(a, c);
    const double parts = log_gauss_mass(a, b) + std::log1p(std::exp(log_gauss_mass(b, c) - log_gauss_mass(a, b)));
    RC_ASSERT((std::isinf(parts) || std::abs(whole - parts) <= 1e-9 * std::max(1.0, std::abs(whole))));
}

RC_GTEST_PROP(Truncnorm, TheQuantileInvertsTheMass, ()) {
    const double a = static_cast<double>(*rc::gen::inRange(-60000, 60000)) / 1000.0;
    const double b = a + static_cast<double>(*rc::gen::inRange(10, 60000)) / 1000.0;
    const double q = static_cast<double>(*rc::gen::inRange(1, 1000)) / 1000.0;
    const double x = truncated_quantile(q, a, b);
    RC_ASSERT((x >= a && x <= b));
    if (x > a) RC_ASSERT(std::abs(std::exp(log_gauss_mass(a, x) - log_gauss_mass(a, b)) - q) < 1e-6);
}

TEST(Truncnorm, TheEndsAreTheEnds) {
    EXPECT_EQ(truncated_quantile(0.0, -1.0, 2.0), -1.0);
    EXPECT_EQ(truncated_quantile(1.0, -1.0, 2.0), 2.0);
    EXPECT_NEAR(truncated_quantile(0.5, -3.0, 3.0), 0.0, 1e-15);
}

}  // namespace
}  // namespace sofia::tune
