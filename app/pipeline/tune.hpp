#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/shared_cache.hpp"
#include "app/pipeline/stage_clock.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "tune/study.hpp"

namespace sofia::pipeline {

enum class StudyMode : std::uint8_t { create, resume };

/// One call of `sofia tune`.
struct TuneRequest {
    std::filesystem::path config_file;
    std::vector<std::string> sets;
    std::filesystem::path data_dir;
    std::filesystem::path model_dir;  ///< models/<SYMBOL>
    std::string study;                ///< empty: a random readable name
    std::string storage;              ///< a database URL; empty: optuna.db in the study's folder
    std::int64_t trials = 100;        ///< of this call; 0: until the timeout
    DurationNs timeout = 0;
    std::int64_t batch = 0;           ///< 0: `tune.batch`
    std::int64_t workers = 0;         ///< folds worked on at the same time; 0: one a thread
    StudyMode mode = StudyMode::create;
    tune::Share share{};              ///< of workers that share a number of trials; `trials` is 0 then
};

/// What a call of `tune` leaves.
struct TuneResult {
    std::string study;
    std::filesystem::path folder;
    std::int64_t complete = 0;
    std::int64_t pruned = 0;
    std::int64_t failed = 0;
    std::int64_t best_trial = -1;  ///< -1: none is complete
    double best_value = 0.0;
    std::filesystem::path best_summary;
    CacheCount touches;   ///< sets of touches by the settings that find them
    CacheCount labels;    ///< and their labels
    CacheCount datasets;  ///< rows binned for a fit
    TimeUse time;
};

/// Searches the configuration's space: each trial is scored on walk-forward folds inside the tuning window, never beyond it, and leaves
/// `tuning_summary_<trial>.json`; the study lies in Optuna's schema. Workers are threads that share one history in memory and take the folds of a
/// batch's trials; a fit of theirs uses the context's threads divided among them. Neither number changes a result. What does not change between
/// trials is made once. Interrupted, it keeps what is finished. Errors: usage, config, data, io, conflict (the study exists), interrupted.
[[nodiscard]] Result<TuneResult> tune(const TuneRequest& request, const Context& context);

[[nodiscard]] Output describe(const TuneResult& result);

}  // namespace sofia::pipeline
