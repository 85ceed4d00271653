#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tune/history.hpp"

namespace sofia::tune {

/// Decides whether a trial should stop early. Called under the study's lock; its answer depends on its arguments only.
class Pruner {
public:
    virtual ~Pruner() = default;

    /// `trial` is the running trial with its reports so far.
    [[nodiscard]] virtual bool prune(const History& history, const FrozenTrial& trial) const = 0;
};

/// Never.
[[nodiscard]] std::unique_ptr<Pruner> no_pruner();

/// Optuna's MedianPruner.
struct MedianConfig {
    std::int64_t startup_trials = 5;  ///< complete trials before anything is pruned
    std::int64_t warmup_steps = 0;    ///< steps of a trial before it may be pruned
    std::int64_t interval_steps = 1;  ///< steps between checks, counted from warmup_steps
    std::int64_t min_trials = 1;      ///< reports of complete trials at the step that are needed

    [[nodiscard]] Result<void> validate() const;
};

/// Prunes when the trial's best report so far is worse than the median of the complete trials' reports at its last step. NaN reports of
/// others are left out; a trial whose own reports are all NaN is pruned.
[[nodiscard]] std::unique_ptr<Pruner> median_pruner(const MedianConfig& config = {});

/// `none`, `median`. Error usage with the nearest known name.
[[nodiscard]] Result<std::unique_ptr<Pruner>> make_pruner(const std::string& name);

}  // namespace sofia::tune
