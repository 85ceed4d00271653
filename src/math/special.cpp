#include "math/special.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>

#include "math/window.hpp"

namespace sofia::math {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <std::size_t count>
double polynomial(const std::array<double, count>& coefficients, double x) {
    double value = 0.0;
    for (const double c : coefficients) value = value * x + c;
    return value;
}

// Acklam's approximation for p in (0, 0.5], relative error 1.2e-9.
double lower_quantile(double p) {
    constexpr std::array tail_over = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                                      -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
    constexpr std::array tail_under = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1.0};
    constexpr std::array middle_over = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                                        1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
    constexpr std::array middle_under = {-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
                                         6.680131188771972e+01,  -1.328068155288572e+01, 1.0};
    if (p < 0.02425) {
        const double q = std::sqrt(-2.0 * std::log(p));
        return polynomial(tail_over, q) / polynomial(tail_under, q);
    }
    const double q = p - 0.5;
    const double r = q * q;
    return q * polynomial(middle_over, r) / polynomial(middle_under, r);
}

}  // namespace

double normal_pdf(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi); }

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_quantile(double p) {
    if (!(p >= 0.0 && p <= 1.0)) return missing;
    if (p == 0.0) return -infinity;
    if (p == 1.0) return infinity;
    if (p > 0.5) return -normal_quantile(1.0 - p);  // 1 - p is exact here
    double x = lower_quantile(p);
    for (int step = 0; step < 2; ++step) {
        const double density = normal_pdf(x);
        if (density <= 0.0) break;  // beyond x = -38 the density is 0 in double
        const double error = (normal_cdf(x) - p) / density;
        x -= error / (1.0 + 0.5 * x * error);
    }
    return x;
}

double binomial_at_least(std::int64_t successes, std::int64_t trials, double chance) {
    assert(trials >= 0 && chance >= 0.0 && chance <= 1.0);
    if (successes <= 0) return 1.0;
    if (successes > trials || chance == 0.0) return 0.0;
    if (chance == 1.0) return 1.0;
    const double odds = std::log(chance) - std::log1p(-chance);
    double log_probability = static_cast<double>(trials) * std::log1p(-chance);  // of no success, then of one more each
    double total = 0.0;
    for (std::int64_t k = 1; k <= trials; ++k) {
        log_probability += odds + std::log(static_cast<double>(trials - k + 1) / static_cast<double>(k));
        if (k >= successes) total += std::exp(log_probability);
    }
    return std::min(total, 1.0);
}

double log_sum_exp(std::span<const double> values) {
    double top = -infinity;
    for (const double x : values) {
        if (std::isnan(x)) return missing;
        top = std::max(top, x);
    }
    if (std::isinf(top)) return top;
    double sum = 0.0;
    for (const double x : values) sum += std::exp(x - top);
    return top + std::log(sum);
}

double logistic(double x) {
    if (x >= 0.0) return 1.0 / (1.0 + std::exp(-x));
    const double e = std::exp(x);
    return e / (1.0 + e);
}

double logit(double p) {
    if (!(p >= 0.0 && p <= 1.0)) return missing;
    return std::log(p) - std::log1p(-p);
}

}  // namespace sofia::math
