#include "math/sharpe.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

#include "math/special.hpp"
#include "math/statistics.hpp"
#include "math/window.hpp"

namespace sofia::math {

namespace {

/// Variance of the Sharpe estimate, times T - 1; NaN unless positive.
double spread(const SharpeSample& s) {
    const double value = 1.0 - s.skewness * s.sharpe + (s.kurtosis - 1.0) / 4.0 * s.sharpe * s.sharpe;
    return value > 0.0 ? value : missing;
}

}  // namespace

SharpeSample sharpe_sample(std::span<const double> returns) {
    SharpeSample sample;
    sample.periods = returns.size();
    const double deviation = returns.size() < 3 ? missing : stdev(returns);
    if (!(deviation > 0.0)) return sample;
    sample.sharpe = mean(returns) / deviation;
    sample.skewness = skewness(returns);
    sample.kurtosis = kurtosis(returns);
    return sample;
}

double probabilistic_sharpe(const SharpeSample& sample, double benchmark) {
    if (sample.periods < 3) return missing;
    return normal_cdf((sample.sharpe - benchmark) * std::sqrt(static_cast<double>(sample.periods) - 1.0) / std::sqrt(spread(sample)));
}

double expected_best_sharpe(double variance, double trials) {
    if (!(trials >= 1.0) || std::isnan(variance)) return missing;
    if (trials == 1.0 || variance <= 0.0) return 0.0;
    constexpr double c = std::numbers::egamma;
    return std::sqrt(variance) * ((1.0 - c) * normal_quantile(1.0 - 1.0 / trials) + c * normal_quantile(1.0 - 1.0 / (trials * std::numbers::e)));
}

double deflated_sharpe(const SharpeSample& sample, double variance, double trials) {
    return probabilistic_sharpe(sample, trials == 1.0 ? 0.0 : expected_best_sharpe(variance, trials));
}

double effective_trials(double trials, double mean_correlation) {
    if (trials == 1.0) return 1.0;
    if (std::isnan(mean_correlation)) return missing;
    const double c = std::clamp(mean_correlation, 0.0, 1.0);
    return c + (1.0 - c) * trials;
}

double min_track_record(const SharpeSample& sample, double benchmark, double confidence) {
    assert(confidence > 0.5 && confidence < 1.0);
    if (!(sample.sharpe > benchmark)) return missing;
    const double z = normal_quantile(confidence) / (sample.sharpe - benchmark);
    return 1.0 + spread(sample) * z * z;
}

}  // namespace sofia::math
