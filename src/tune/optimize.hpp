#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "base/log.hpp"
#include "base/progress.hpp"
#include "tune/study.hpp"

namespace sofia::tune {

/// What an objective returns when its trial should stop early.
struct Pruned {};

/// One value, several (one an objective), or pruned.
using Outcome = std::variant<double, std::vector<double>, Pruned>;

/// Measures a trial. Called from several threads at once, each with its own trial. An error fails the trial with its text and the study
/// goes on, except ErrorCode::interrupted, which fails the trial and ends the study.
using Objective = std::function<Result<Outcome>(Trial&)>;

struct OptimizeOptions {
    std::int64_t trials = 100;              ///< of this call; 0: until `timeout` or `stop`
    DurationNs timeout = 0;                 ///< no new batch after it; 0: none
    std::size_t batch = 1;                  ///< trials asked together and told together in number order
    std::size_t threads = 1;                ///< 0: all cores; does not change the study
    const SearchSpace* space = nullptr;     ///< given: every trial is asked with it
    const StopFlag* stop = nullptr;         ///< asked between batches; the objective may ask it too
    Progress* progress = nullptr;           ///< advanced by each trial, noted with the best value
    Logger log;                             ///< failures and new bests
    /// After each tell, in number order, with the trial as told. An error ends the study after the batch.
    std::function<Result<void>(const Study&, const TrialPtr&)> on_trial;

    [[nodiscard]] Result<void> validate() const;
};

struct OptimizeReport {
    std::int64_t complete = 0;
    std::int64_t pruned = 0;
    std::int64_t failed = 0;
    std::int64_t lost = 0;  ///< finished by somebody else while they ran here (see Heartbeat); their results are dropped
    enum class End : std::uint8_t {
        trials,
        timeout,
        stopped,
        exhausted,  ///< the sampler had no more to give (a grid)
    } end = End::trials;
    DurationNs study_time = 0;  ///< that asking and telling took: sampler and storage
};

/// Runs trials until their count, the timeout or the stop flag. What is finished is kept. Errors: usage, io; a storage error ends it, but a
/// trial that somebody else has failed meanwhile is logged and counted as lost.
/// An exception of the objective fails its trial with its text as well.
[[nodiscard]] Result<OptimizeReport> optimize(Study& study, const Objective& objective, const OptimizeOptions& options);

}  // namespace sofia::tune
