#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/shared_cache.hpp"
#include "app/pipeline/stage_clock.hpp"
#include "app/pipeline/tune.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// What a call of `tune` with `strategy: direction` leaves.
struct DirectionTuneResult {
    std::string study;
    std::filesystem::path folder;
    std::string metric;
    std::int64_t complete = 0;
    std::int64_t failed = 0;
    std::int64_t best_trial = -1;  ///< -1: none is complete
    double best_value = 0.0;
    std::filesystem::path best_summary;
    CacheCount datasets;
    TimeUse time;
};

/// `sofia tune` of the direction strategy: each trial is one LightGBM fit on the training window, stopped and scored by validation; the test window
/// is not looked at. Trials leave `tuning_summary_<trial>.json`; the study lies in Optuna's schema. Workers are threads that each fit one trial at a
/// time, with the context's threads divided among them; neither number changes a result. Rows are binned once for each worker. Interrupted, it keeps
/// what is finished. Errors: usage, config, data, io, conflict (the study exists, or was tuned under other terms), interrupted.
[[nodiscard]] Result<DirectionTuneResult> tune_direction(const TuneRequest& request, const Context& context);

[[nodiscard]] Output describe(const DirectionTuneResult& result);

}  // namespace sofia::pipeline
