#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tune/history.hpp"

namespace sofia::tune {

/// What a pruner decides.
struct PruneVerdict {
    bool prune = false;
    Attributes attributes;  ///< system attributes to be stored with the trial, whether it is pruned or not
};

/// Decides whether a trial should stop early, by its reports and those of others. Called under the study's lock, one call at a time.
///
/// Answers depend on the arguments only. What is learnt of finished trials is kept apart for each History object, so a call costs no walk
/// through the study. Others' running trials count as they were when the study last read them (at `ask`). Definitions and defaults are those
/// of Optuna 5.0's pruners of the same names.
class Pruner {
public:
    virtual ~Pruner() = default;

    /// `trial` is the running trial with its reports so far and the attributes of earlier verdicts.
    [[nodiscard]] virtual PruneVerdict prune(const History& history, const FrozenTrial& trial) const = 0;

    /// The group of trials that trial `number` is compared with, and from which a sampler draws for it; none: all trials.
    [[nodiscard]] virtual std::optional<std::int64_t> bracket(const History& /*history*/, std::int64_t /*number*/) const { return std::nullopt; }
};

/// Never.
[[nodiscard]] std::unique_ptr<Pruner> no_pruner();

/// Which calls of a trial are looked at.
struct PruneSteps {
    std::int64_t warmup = 0;    ///< steps of a trial before it may be pruned
    std::int64_t interval = 1;  ///< steps between checks, counted from `warmup`; the first report of each interval is looked at

    [[nodiscard]] Result<void> validate(const std::string& pruner) const;
    [[nodiscard]] bool looks_at(const FrozenTrial& trial, std::int64_t step) const;
};

/// Prunes when the trial's best report so far is worse than this percentile of the complete trials' reports at its last step (numpy's linear
/// interpolation; from above where the study maximizes). NaN reports of others are left out; a trial whose own reports are all NaN is pruned.
struct PercentileConfig {
    double percentile = 25.0;  ///< the part of trials that is kept
    std::int64_t startup_trials = 5;  ///< complete trials before anything is pruned
    PruneSteps steps;
    std::int64_t min_trials = 1;  ///< reports of complete trials at the step that are needed

    [[nodiscard]] Result<void> validate() const;
};
[[nodiscard]] std::unique_ptr<Pruner> percentile_pruner(const PercentileConfig& config = {});

/// The percentile pruner with the percentile 50.
[[nodiscard]] std::unique_ptr<Pruner> median_pruner(const PercentileConfig& config = {});

/// Asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning"). A trial that reports step
/// min_resource * reduction_factor^(min_early_stopping_rate + k) completes rung k (attribute `completed_rung_<k>`, its last report) and goes
/// on when that is among the best 1 / reduction_factor of the trials that completed the rung, itself included.
struct HalvingConfig {
    std::optional<std::int64_t> min_resource;  ///< none: a hundredth of the last step of the first complete trial that reported, at least 1
    std::int64_t reduction_factor = 4;
    std::int64_t min_early_stopping_rate = 0;
    std::int64_t bootstrap_count = 0;  ///< trials that must complete a rung before one goes on; with min_resource only

    [[nodiscard]] Result<void> validate() const;
};
/// Where min_resource is estimated, it is the same for all processes and after a study was opened again (Optuna estimates it anew).
[[nodiscard]] std::unique_ptr<Pruner> halving_pruner(const HalvingConfig& config = {});

/// Hyperband (Li et al. 2018): brackets of successive halving, bracket b with min_early_stopping_rate b. A trial's bracket is
/// crc32("<study>_<number>") among their budgets ceil(n * reduction_factor^s / (s + 1)), s = n - 1 - b, of n = floor(log(max / min)) + 1
/// brackets; samplers see the trials of the same bracket only.
struct HyperbandConfig {
    std::int64_t min_resource = 1;
    std::optional<std::int64_t> max_resource;  ///< none: one more than the last step of the first complete trial that reported
    std::int64_t reduction_factor = 3;
    std::int64_t bootstrap_count = 0;  ///< with max_resource only

    [[nodiscard]] Result<void> validate() const;
};
/// Until max_resource is known there are no brackets and nothing is pruned.
[[nodiscard]] std::unique_ptr<Pruner> hyperband_pruner(const HyperbandConfig& config = {});

/// Asks the wrapped pruner only when the best of the last `patience` + 1 reports is worse than the best before by more than min_delta.
struct PatientConfig {
    std::int64_t patience = 3;
    double min_delta = 0.0;

    [[nodiscard]] Result<void> validate() const;
};
/// A null `wrapped` prunes then.
[[nodiscard]] std::unique_ptr<Pruner> patient_pruner(const PatientConfig& config = {}, std::unique_ptr<Pruner> wrapped = nullptr);

/// Prunes a last report that is NaN, below `lower` or above `upper`.
struct ThresholdConfig {
    double lower = -std::numeric_limits<double>::infinity();
    double upper = std::numeric_limits<double>::infinity();
    PruneSteps steps;

    /// One of the limits at least is finite.
    [[nodiscard]] Result<void> validate() const;
};
[[nodiscard]] std::unique_ptr<Pruner> threshold_pruner(const ThresholdConfig& config);

/// For folds or other paired steps that come in any order: prunes when the reports are worse than those of the best feasible trial at the same
/// steps by Wilcoxon's signed-rank test (math/signed_rank.hpp), unless their mean is better. Not with non-finite reports on either side.
struct WilcoxonConfig {
    double p_threshold = 0.1;
    std::int64_t startup_steps = 2;  ///< common steps that are needed, at least 2

    [[nodiscard]] Result<void> validate() const;
};
[[nodiscard]] std::unique_ptr<Pruner> wilcoxon_pruner(const WilcoxonConfig& config = {});

/// A pruner by its name, `none`, `median`, `percentile`, `halving`, `hyperband`, `patient`, `threshold` or `wilcoxon`, and its options, if any:
/// `NAME:OPTION=VALUE,OPTION=VALUE`. Options are the members above (`warmup_steps` and `interval_steps` of PruneSteps); `patient:wraps=NAME`
/// wraps a pruner with its defaults; `threshold` needs `lower` or `upper`. Errors: usage (an unknown name or option, with the nearest one; no
/// number), config (out of range).
[[nodiscard]] Result<std::unique_ptr<Pruner>> make_pruner(const std::string& text);

/// The names that make_pruner knows, in that order.
[[nodiscard]] const std::vector<std::string>& pruner_names();

}  // namespace sofia::tune
