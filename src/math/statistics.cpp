#include "math/statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "math/window.hpp"

namespace sofia::math {

namespace {

// Neumaier's sum of `term(value)`. Not finite means that the plain sum is the answer: the correction would be infinity minus infinity.
template <class Term>
double compensated(std::span<const double> values, Term term) {
    double total = 0.0;
    double lost = 0.0;
    for (const double value : values) {
        const double x = term(value);
        const double next = total + x;
        lost += std::fabs(total) >= std::fabs(x) ? (total - next) + x : (x - next) + total;
        total = next;
    }
    return std::isfinite(total) ? total + lost : total;
}

struct Moments {
    double second;
    double third;
    double fourth;
};

Moments central_moments(std::span<const double> values) {
    const double center = mean(values);
    const auto n = static_cast<double>(values.size());
    return {.second = compensated(values,
                                  [&](double x) {
                                      const double d = x - center;
                                      return d * d;
                                  }) /
                      n,
            .third = compensated(values,
                                 [&](double x) {
                                     const double d = x - center;
                                     return d * d * d;
                                 }) /
                     n,
            .fourth = compensated(values,
                                  [&](double x) {
                                      const double d = x - center;
                                      return d * d * d * d;
                                  }) /
                      n};
}

// The mean of equal values may miss them by a rounding, which would pass for a spread.
bool constant(std::span<const double> values) {
    return std::ranges::all_of(values, [&](double x) { return x == values.front(); });
}

}  // namespace

double sum(std::span<const double> values) {
    return compensated(values, [](double x) { return x; });
}

double mean(std::span<const double> values) {
    if (values.empty()) return missing;
    return sum(values) / static_cast<double>(values.size());
}

double variance(std::span<const double> values, Divisor divisor) {
    const std::size_t lost = divisor == Divisor::n ? 0 : 1;
    if (values.size() <= lost) return missing;
    if (constant(values)) return 0.0;
    const double center = mean(values);
    const double squares = compensated(values, [&](double x) {
        const double d = x - center;
        return d * d;
    });
    return squares / static_cast<double>(values.size() - lost);
}

double stdev(std::span<const double> values, Divisor divisor) { return std::sqrt(variance(values, divisor)); }

double skewness(std::span<const double> values) {
    if (values.empty() || constant(values)) return missing;
    const Moments m = central_moments(values);
    return m.third / (m.second * std::sqrt(m.second));
}

double kurtosis(std::span<const double> values) {
    if (values.empty() || constant(values)) return missing;
    const Moments m = central_moments(values);
    return m.fourth / (m.second * m.second);
}

double quantile_sorted(std::span<const double> ascending, double p) {
    assert(p >= 0.0 && p <= 1.0);
    if (ascending.empty()) return missing;
    const double position = p * static_cast<double>(ascending.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const double low = ascending[below];
    if (below + 1 >= ascending.size()) return low;
    const double share = position - static_cast<double>(below);
    return share == 0.0 ? low : low + share * (ascending[below + 1] - low);
}

double quantile(std::span<const double> values, double p) {
    if (std::ranges::any_of(values, [](double x) { return std::isnan(x); })) return missing;
    std::vector<double> ascending(values.begin(), values.end());
    std::ranges::sort(ascending);
    return quantile_sorted(ascending, p);
}

double median(std::span<const double> values) { return quantile(values, 0.5); }

double correlation(std::span<const double> x, std::span<const double> y) {
    assert(x.size() == y.size());
    if (x.size() < 2 || constant(x) || constant(y)) return missing;
    const double center_x = mean(x);
    const double center_y = mean(y);
    std::vector<double> products(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) products[i] = (x[i] - center_x) * (y[i] - center_y);
    const double both = sum(products) / static_cast<double>(x.size());
    return both / (stdev(x, Divisor::n) * stdev(y, Divisor::n));
}

}  // namespace sofia::math
