#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "tune/optimize.hpp"

namespace sofia::pipeline {

/// All that a worker of a study has to know, whichever process or machine it runs in.
struct StudyWork {
    std::string storage;  ///< a database URL, perhaps with a password: shown by `without_password` only; empty: in memory
    std::string study;
    std::uint64_t seed = 42;
    std::string sampler = "tpe";  ///< a name of tune::make_sampler
    std::string pruner = "none";  ///< a name of tune::make_pruner
    std::vector<std::string> command;  ///< arguments with `{name}` for a parameter's value (see CommandTemplate); empty: `function`
    std::string space;                 ///< of the command: YAML, name -> distribution
    std::string space_file = "space";  ///< what stands for `space` in messages
    std::string function;              ///< a name of tune::test_function
    std::int64_t dims = 2;             ///< of the function
    DurationNs trial_timeout = 0;      ///< of a trial's command; 0: none
    DurationNs heartbeat = 30 * ns_per_second;  ///< a trial whose worker has not been heard of for twice as long is failed; 0: never
    std::int64_t retries = 0;                   ///< how often such a trial is run again

    /// What `study_work` reads back.
    [[nodiscard]] Json json() const;
};

/// Errors: data (not what `StudyWork::json` wrote).
[[nodiscard]] Result<StudyWork> study_work(const std::string& json);

/// What a trial runs, and the parameters it is asked with.
struct StudyObjective {
    tune::SearchSpace space;  ///< empty: the objective suggests as it goes
    tune::Objective measure;
    std::vector<std::string> unused;  ///< parameters that the command is not given as arguments
};

/// Errors: usage (no such function or parameter), config (the space), unavailable (no such program). `stop` must outlive the objective.
[[nodiscard]] Result<StudyObjective> study_objective(const StudyWork& work, const StopFlag* stop);

/// Sampler, pruner and heartbeat of a worker; name, storage, directions and how it is opened are left to the caller. Errors: usage.
[[nodiscard]] Result<tune::StudyOptions> study_options(const StudyWork& work);

struct StudyWorkerOptions {
    std::int64_t trials = 0;  ///< 0: until `timeout`, the context's stop flag or `on_trial`
    DurationNs timeout = 0;   ///< no new trial after it; 0: none
    /// Called before a trial is measured. An error fails the trial.
    std::function<Result<void>(const tune::FrozenTrial&)> on_begin;
    /// Called after a trial is told: whether to go on. An error ends the worker.
    std::function<Result<bool>(const tune::FrozenTrial&)> on_trial;
    std::optional<Logger> study_log;  ///< where the study says which trials of dead workers it fails; none: the context's
};

/// One worker: opens `work.study` in `work.storage`, where it must exist, and runs one trial after the other. This call is what `sofia study
/// run --workers` makes in each of its processes, and what a cluster makes on each of its machines; they share nothing but the storage, and any
/// number of them may come and go. A trial of a worker that dies is failed by the others after the heartbeat's grace.
/// Errors: usage, config, conflict (the space contradicts earlier trials), io, unavailable.
[[nodiscard]] Result<tune::OptimizeReport> run_study_worker(const StudyWork& work, const StudyWorkerOptions& options, const Context& context);

/// A worker that is led by `run_worker_processes` through its standard input and output: reads its work, then runs a trial each time it is
/// allowed to and tells what became of it. Ends when it is told to or its leader is gone.
[[nodiscard]] Result<Output> serve_study_worker(const Context& context);

}  // namespace sofia::pipeline
