#pragma once

#include <cstddef>
#include <limits>
#include <span>

// How much of a Sharpe ratio is luck. All figures are per period (not annual), kurtosis is RAW (3 for a normal distribution). Free functions without
// state, safe from several threads; what cannot be said is NaN.
namespace sofia::math {

/// What the formulas below need to know of a series of returns.
struct SharpeSample {
    double sharpe = std::numeric_limits<double>::quiet_NaN();  ///< mean / standard deviation (n - 1)
    double skewness = std::numeric_limits<double>::quiet_NaN();
    double kurtosis = std::numeric_limits<double>::quiet_NaN();
    std::size_t periods = 0;
};

/// NaN below 3 returns, without variance, or with a NaN among them.
[[nodiscard]] SharpeSample sharpe_sample(std::span<const double> returns);

/// P(true Sharpe > benchmark): Phi((SR - SR*) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1)/4 SR²)), Bailey and López de Prado (2012), The Sharpe ratio
/// efficient frontier. NaN where the root is not of a positive number.
[[nodiscard]] double probabilistic_sharpe(const SharpeSample& sample, double benchmark);

/// Sharpe expected of the best of `trials` independent skill-less trials whose Sharpe ratios have this variance:
/// sqrt(V) ((1 - c) Phi^-1(1 - 1/N) + c Phi^-1(1 - 1/(N e))), c Euler's constant; Bailey and López de Prado (2014), The deflated Sharpe ratio. 0 for
/// one trial or without variance; NaN below one trial.
[[nodiscard]] double expected_best_sharpe(double variance, double trials);

/// `probabilistic_sharpe` against `expected_best_sharpe`: P(true Sharpe > 0) after the choice among trials. With one trial the probabilistic Sharpe.
[[nodiscard]] double deflated_sharpe(const SharpeSample& sample, double variance, double trials);

/// How many independent trials so many alike ones are worth: c + (1 - c) N with their mean pairwise correlation c, negative ones counted as 0; Bailey
/// and López de Prado (2014), appendix. Between 1 and N; NaN without a correlation, but 1 for one trial.
[[nodiscard]] double effective_trials(double trials, double mean_correlation);

/// Periods after which `probabilistic_sharpe` reaches `confidence` (in (0.5, 1), asserted) if the sample's moments stay as they are:
/// 1 + (1 - g3 SR + (g4 - 1)/4 SR²) (Phi^-1(confidence) / (SR - SR*))². NaN at a Sharpe not above the benchmark.
[[nodiscard]] double min_track_record(const SharpeSample& sample, double benchmark, double confidence = 0.95);

}  // namespace sofia::math
