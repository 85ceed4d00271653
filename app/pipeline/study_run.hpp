#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/study_run_worker.hpp"
#include "app/pipeline/tune.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "tune/study.hpp"

namespace sofia::pipeline {

/// One call of `sofia study run`.
struct StudyRunRequest {
    /// What is run. `study` empty: a random readable name; `storage` empty: see `study_run`; `sampler` empty: tpe, or nsga2 for several
    /// objectives; `space` is read from `space_file`, `seed` is the context's.
    StudyWork work{.sampler = "", .space_file = ""};
    std::vector<tune::Direction> directions = {tune::Direction::minimize};
    StudyMode mode = StudyMode::create;
    std::int64_t trials = 100;  ///< of this call, by all its workers together; 0: until the timeout
    DurationNs timeout = 0;     ///< no new trial after it; 0: none
    std::int64_t workers = 1;
    std::int64_t batch = 0;     ///< 0: 1, each worker asking for itself
};

struct StudyRunResult {
    std::string study;
    std::string storage;  ///< as it may be shown; empty: in memory
    std::vector<tune::Direction> directions;
    tune::OptimizeReport report;
    std::vector<tune::TrialPtr> best;  ///< of the whole study: the best trial, or those that no other dominates; empty: none is complete
};

/// `minimize`, `maximize` or, for several objectives, both with commas between. Error usage.
[[nodiscard]] Result<std::vector<tune::Direction>> parse_directions(const std::string& text);

/// `random, grid, ...`: the names that StudyWork::sampler may have; `none, median, ...`: those that StudyWork::pruner may begin with.
[[nodiscard]] std::string known_samplers();
[[nodiscard]] std::string known_pruners();

/// Tunes a command or a test function.
///
/// With one worker, or with a batch, this process asks for trials and tells them in number order, and up to `workers` of a batch are measured
/// at once, commands in processes of their own: the study is the same for any number of workers. With several workers and no batch, each is a
/// process that asks for its next trial as soon as it is free (see `run_worker_processes`): faster where trials differ in length, and which
/// trial knows of which depends on the clock.
///
/// Without a storage the study lies in memory when it has no name, is not resumed and needs no other process to see it; else in NAME.db of the
/// current folder, which is logged.
/// Interrupted, it keeps what is finished, ends its commands, fails their trials and returns what there is, with `report.end` stopped.
/// Errors: usage, config, data, io, unavailable, conflict (the study exists; its directions or its space are others).
[[nodiscard]] Result<StudyRunResult> study_run(const StudyRunRequest& request, const Context& context);

/// The best trial. Exit code 130 after an interruption, 1 when every trial of the call failed.
[[nodiscard]] Output describe(const StudyRunResult& result);

}  // namespace sofia::pipeline
