#pragma once

#include <cstddef>

#include "base/result.hpp"
#include "tune/optimize.hpp"

namespace sofia::pipeline {

/// As tune::optimize, with a window of trials under way in place of batches: trial n is asked when all trials up to n - `options.batch` are told, in
/// number order. What a trial knows follows from its number here too, so the study is the same for any number of workers; but nobody waits for the
/// slowest trial of a batch, only for one that takes as long as all others of the window together. After the timeout or the stop flag nothing is
/// asked any more, and what is under way ends. `workers` threads measure; `options.threads` is not used. Errors: as tune::optimize.
[[nodiscard]] Result<tune::OptimizeReport> optimize_in_window(tune::Study& study, const tune::Objective& objective,
                                                              const tune::OptimizeOptions& options, std::size_t workers);

}  // namespace sofia::pipeline
