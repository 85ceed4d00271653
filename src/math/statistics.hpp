#pragma once

#include <cstddef>
#include <span>

// Figures of a sample. Free functions without state, safe from several threads. Sums run in the order of the sample, compensated
// (Neumaier 1974). A NaN in the sample makes the figure NaN, as does a sample too small for it; leave missing values out beforehand.
namespace sofia::math {

/// Compensated sum; 0 for an empty sample.
[[nodiscard]] double sum(std::span<const double> values);

/// From 1 value.
[[nodiscard]] double mean(std::span<const double> values);

/// What the sum of squared deviations is divided by.
enum class Divisor { n, n_minus_1 };

/// Two passes. From 1 value (n) or 2 (n_minus_1).
[[nodiscard]] double variance(std::span<const double> values, Divisor divisor = Divisor::n_minus_1);
[[nodiscard]] double stdev(std::span<const double> values, Divisor divisor = Divisor::n_minus_1);

/// Third standardised moment m3 / m2^1.5 with divisor n (scipy.stats.skew). NaN for a constant sample.
[[nodiscard]] double skewness(std::span<const double> values);

/// Fourth standardised moment m4 / m2², divisor n: RAW, 3 for a normal distribution (scipy.stats.kurtosis with fisher=False). NaN for a constant
/// sample.
[[nodiscard]] double kurtosis(std::span<const double> values);

/// Quantile by linear interpolation between order statistics: type 7 of Hyndman and Fan (1996), numpy's default. `p` in [0, 1] (asserted).
/// NaN for an empty sample or one with NaN. Copies the sample.
[[nodiscard]] double quantile(std::span<const double> values, double p);

/// The same of an ascending sample without NaN, without a copy.
[[nodiscard]] double quantile_sorted(std::span<const double> ascending, double p);

[[nodiscard]] double median(std::span<const double> values);

/// Pearson's correlation. Same size (asserted); NaN when one is constant or with less than 2 pairs.
[[nodiscard]] double correlation(std::span<const double> x, std::span<const double> y);

}  // namespace sofia::math
