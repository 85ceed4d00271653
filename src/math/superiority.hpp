#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "base/threads.hpp"
#include "math/resample.hpp"

// Which of several candidates are better than a benchmark, when the best was picked after looking at all of them.
namespace sofia::math {

/// What a candidate's mean is divided by. `none` is White's reality check (2000) with Hansen's recentring, and what arch 8.0 computes in SPA and
/// StepM whatever its `studentize` says.
enum class Scale { deviation, none };

/// Which null the resamples are centred at: each mean (`upper`, the least favourable one: White; Romano, Wolf), 0 for candidates so bad that they
/// cannot matter (`consistent`, Hansen), 0 for all candidates below 0 (`lower`).
enum class Recentring { lower, consistent, upper };

struct SuperiorityOptions {
    std::size_t replications = 9'999;
    double block_length = 0.0;                    ///< mean, of the stationary bootstrap; 0: median over candidates of `optimal_block_length`
    Scale scale = Scale::deviation;
    Recentring stepwise = Recentring::upper;      ///< of the step-down test; `consistent` is Hsu, Hsu, Kuan (2010)
};

/// p-values are (1 + resamples at least as extreme) / (1 + resamples), so never 0.
struct Superiority {
    std::size_t best = 0;                                              ///< candidate of the largest statistic
    double p_lower = std::numeric_limits<double>::quiet_NaN();         ///< Hansen's three p-values of "no candidate beats the benchmark"
    double p_consistent = std::numeric_limits<double>::quiet_NaN();
    double p_upper = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> statistics;                                    ///< by candidate: sqrt(T) mean / scale; NaN without variance
    std::vector<double> adjusted;                                      ///< by candidate: step-down p-value; 1 without variance
    double block_length = 1.0;
};

/// `candidates`: one series each, of the same length T (asserted), of performance above the benchmark a period, higher is better.
/// - Superior predictive ability: Hansen (2005). The scale is the variance of the mean under the stationary bootstrap (Politis, Romano 1994, in
///   closed form); the largest statistic is not cut off at 0, which matters only where nobody beats the benchmark.
/// - `adjusted`: StepM (Romano, Wolf 2005) as p-values (Romano, Wolf 2016): rejecting all at or below a level keeps the chance of one false rejection
///   or more below it.
/// NaN p-values below 10 periods, without candidates with variance, or with a NaN.
[[nodiscard]] Superiority superiority_of(std::span<const std::vector<double>> candidates, const SuperiorityOptions& options,
                                         const RandomStream& random, ThreadPool& pool);

/// The same with a resampler of the caller's; `options.block_length` (positive, asserted) then only sets the variances.
[[nodiscard]] Superiority superiority_of(std::span<const std::vector<double>> candidates, const SuperiorityOptions& options,
                                         const Resampler& resampler, ThreadPool& pool);

}  // namespace sofia::math
