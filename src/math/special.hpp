#pragma once

#include <cstdint>
#include <span>

// Special functions. Pure, safe from several threads; NaN in, NaN out.
namespace sofia::math {

/// Density of the standard normal distribution.
[[nodiscard]] double normal_pdf(double x);

/// Distribution function of the standard normal distribution: erfc(-x / sqrt 2) / 2, accurate in the lower tail too.
[[nodiscard]] double normal_cdf(double x);

/// Its inverse: Acklam's rational approximation (2003) with Halley steps on `normal_cdf`, relative error below 1e-13 for p >= 1e-300. -inf at 0, inf
/// at 1, NaN outside [0, 1].
[[nodiscard]] double normal_quantile(double p);

/// P(at least `successes` of `trials` independent tries with this chance succeed). Relative error below 1e-9 up to 100,000 trials.
/// `trials` >= 0 and `chance` in [0, 1] (asserted).
[[nodiscard]] double binomial_at_least(std::int64_t successes, std::int64_t trials, double chance);

/// log(sum of exp(x)), without overflow; -inf for an empty span.
[[nodiscard]] double log_sum_exp(std::span<const double> values);

/// 1 / (1 + exp(-x)) and its inverse, without overflow; logit is -inf at 0, inf at 1, NaN outside.
[[nodiscard]] double logistic(double x);
[[nodiscard]] double logit(double p);

}  // namespace sofia::math
