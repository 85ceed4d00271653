#include "tune/truncnorm.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "math/special.hpp"

namespace sofia::tune {

namespace {

using math::normal_cdf;
using math::normal_quantile;

/// Left of it erfc loses digits to subnormal numbers.
constexpr double far_tail = -36.0;

/// Phi(x) sqrt(2 pi) exp(x^2 / 2) |x| as Laplace's continued fraction, which converges fast for x << 0.
double tail_factor(double x) {
    const double z = -x;
    double f = z;
    for (int k = 40; k >= 1; --k) f = z + k / f;
    return z / f;
}

/// The x with log Phi(x) = y in the far left tail: Newton on log Phi, whose curvature there is nearly that of -x^2 / 2.
double far_quantile(double y) {
    double x = -std::sqrt(-2.0 * y);
    for (int i = 0; i < 30; ++i) {
        const double log_phi = log_ndtr(x);
        const double slope = std::exp(-0.5 * x * x - 0.5 * std::log(2.0 * std::numbers::pi) - log_phi);
        const double step = (log_phi - y) / slope;
        x -= step;
        if (std::abs(step) <= 1e-14 * std::abs(x)) break;
    }
    return x;
}

/// The quantile when the interval lies in the left half or spans the middle.
double left_quantile(double q, double low, double high) {
    const double p_low = normal_cdf(low);
    const double p_high = normal_cdf(high);
    if (p_high < 1e-290) {
        const double base = log_ndtr(low);
        const double target = std::log(q) + log_gauss_mass(low, high);
        const double top = std::max(base, target);
        return far_quantile(top + std::log1p(std::exp(std::min(base, target) - top)));
    }
    const double p = p_low + q * (p_high - p_low);
    if (p <= 0.5) return normal_quantile(p);
    // Counted from the right end, where 1 - p keeps its digits.
    const double rest = normal_cdf(-high) + (1.0 - q) * (normal_cdf(-low) - normal_cdf(-high));
    return -normal_quantile(rest);
}

}  // namespace

double log_ndtr(double x) {
    if (x < far_tail) return -0.5 * x * x - std::log(-x) - 0.5 * std::log(2.0 * std::numbers::pi) + std::log(tail_factor(x));
    if (x > 5.0) return std::log1p(-normal_cdf(-x));
    return std::log(normal_cdf(x));
}

double log_gauss_mass(double low, double high) {
    if (low > 0.0) return log_gauss_mass(-high, -low);
    if (high > 0.0) return std::log1p(-normal_cdf(low) - normal_cdf(-high));
    if (high > far_tail) return std::log(normal_cdf(high) - normal_cdf(low));
    const double log_high = log_ndtr(high);
    return log_high + std::log1p(-std::exp(log_ndtr(low) - log_high));
}

double truncated_quantile(double q, double low, double high) {
    if (q <= 0.0) return low;
    if (q >= 1.0) return high;
    const double x = low >= 0.0 ? -left_quantile(1.0 - q, -high, -low) : left_quantile(q, low, high);
    return std::clamp(x, low, high);
}

}  // namespace sofia::tune
