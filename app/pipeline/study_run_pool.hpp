#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/study_run_worker.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "tune/optimize.hpp"
#include "tune/study.hpp"

namespace sofia::pipeline {

struct WorkerPoolOptions {
    std::size_t workers = 2;
    std::int64_t trials = 0;  ///< of all workers together; 0: until `timeout` or the context's stop flag
    DurationNs timeout = 0;
    std::vector<tune::Direction> directions;  ///< of the study, for the best value in the progress line
    Progress* progress = nullptr;
};

/// Runs processes of this program (`study worker`) on one study in a storage that they share. Each asks for a trial whenever it is free and is
/// allowed one by this process, so that together they make exactly `trials`. Each is handed its work through its standard input: no password
/// stands in a process list. The trial of a worker that died is failed here at once, with the reason, and repeated within this call as often as
/// `work.retries` says (`study` was opened with them); another worker takes its place.
/// Stopped, the workers end their commands, fail their trials and end; `end` is then `stopped`.
/// Errors: the first worker's that could not go on; internal (a worker died before it had finished a single trial).
[[nodiscard]] Result<tune::OptimizeReport> run_worker_processes(const StudyWork& work, tune::Study& study, const WorkerPoolOptions& options,
                                                                const Context& context);

}  // namespace sofia::pipeline
