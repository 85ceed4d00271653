#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>

#include "base/random.hpp"
#include "base/threads.hpp"

// Bootstraps of dependent series: blocks of neighbours are drawn, so that what hangs together stays together. Everything drawn belongs to a
// replication's own number, so results are the same for any number of threads.
namespace sofia::math {

/// Fills `indices` with places 0 .. size - 1 of the sample, a resample of the same length, for replication 0, 1, 2, ... Pure: the same replication
/// gives the same indices, from any thread.
using Resampler = std::function<void(std::size_t replication, std::span<std::uint32_t> indices)>;

/// Stationary bootstrap (Politis, Romano 1994): blocks of geometric length around a circle. Lengths below 1 count as 1.
[[nodiscard]] Resampler stationary_blocks(double mean_length, const RandomStream& random);

/// Circular block bootstrap (Politis, Romano 1992): blocks of one length around a circle, the last one cut. `length` >= 1 (asserted).
[[nodiscard]] Resampler circular_blocks(std::size_t length, const RandomStream& random);

struct BlockLength {
    double stationary = 1.0;  ///< mean length
    double circular = 1.0;
};

/// Block lengths of least mean squared error of the variance of the mean: Politis, White (2004) with the correction of Patton, Politis, White (2009).
/// The flat-top window reaches twice as far as the first lag from which max(5, sqrt(log10 n)) correlations stay below 2 sqrt(log10 n / n). At least
/// 1, at most min(3 sqrt n, n / 3); 1 for less than 10 values, without variance or with a NaN.
[[nodiscard]] BlockLength optimal_block_length(std::span<const double> values);

/// `optimal_block_length`'s circular one, rounded up and so short that 10 blocks fit; 1 for less than 20 values.
[[nodiscard]] std::size_t whole_block_length(std::span<const double> values);

struct IntervalOptions {
    double confidence = 0.95;  ///< in (0, 1); half of the rest on each side
    std::size_t replications = 9'999;  ///< so many that the bounds are order statistics
    std::size_t block_length = 0;  ///< 0: `whole_block_length`
};

/// NaN below 10 values or with a NaN. A bound is infinite where resamples without variance reach it: the sample does not bound the mean.
struct MeanInterval {
    double mean = std::numeric_limits<double>::quiet_NaN();
    double standard_error = std::numeric_limits<double>::quiet_NaN();  ///< of circular blocks
    double lower = std::numeric_limits<double>::quiet_NaN();
    double upper = std::numeric_limits<double>::quiet_NaN();
    std::size_t block_length = 1;
};

/// Confidence interval of the mean of a dependent series: studentized circular block bootstrap (Götze, Künsch 1996), the resample's standard error
/// from its own blocks. Of percentile, BCa and studentized intervals the studentized ones covered best everywhere: see docs/touch.md.
[[nodiscard]] MeanInterval mean_interval(std::span<const double> values, const IntervalOptions& options, const RandomStream& random,
                                         ThreadPool& pool);

}  // namespace sofia::math
