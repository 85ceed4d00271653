#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tune/frozen.hpp"

namespace sofia::tune {

/// How much a parameter matters.
struct Importance {
    std::string name;
    double value = 0.0;
};

/// What both methods ask. Only complete trials whose value of the objective is finite count.
struct ImportanceOptions {
    std::size_t objective = 0;
    std::vector<std::string> params;  ///< empty: all that the method can assess
};

struct PedAnovaOptions {
    double target_quantile = 0.1;  ///< what decides whether a trial is among the best: (0, region_quantile)
    double region_quantile = 1.0;  ///< the trials that are looked at: (target_quantile, 1]
    /// What the density of the best trials is compared with.
    enum class Against : std::uint8_t {
        trials,  ///< that of the region's trials: what mattered in this study
        space,   ///< the uniform one: what matters in the whole space
    } against = Against::trials;

    [[nodiscard]] Result<void> validate() const;
};

/// PED-ANOVA (Watanabe, Bansal, Hutter 2023) with conditional parameters (Optuna 5.0's PedAnovaImportanceEvaluator): the Pearson divergence
/// between the densities of the best trials and of the region's, on a grid of at most 50 cells or the choices, with Scott's bandwidth. A
/// parameter that has had several ranges, or that not every trial has, is the sum over its ranges, each weighted by the share of trials there.
/// Default parameters: all that a complete trial has. Largest first, equal ones by name; not normalised. Zeros with fewer than two trials.
/// Errors: usage (no such parameter, no such objective, options).
[[nodiscard]] Result<std::vector<Importance>> ped_anova(std::span<const TrialPtr> trials, const std::vector<Direction>& directions,
                                                        const ImportanceOptions& options = {}, const PedAnovaOptions& method = {});

struct FanovaOptions {
    std::size_t trees = 64;
    std::size_t depth_max = 64;
    std::uint64_t seed = 0;    ///< of the forest
    std::size_t threads = 1;   ///< 0: all cores; changes no result

    [[nodiscard]] Result<void> validate() const;
};

/// fANOVA (Hutter, Hoos, Leyton-Brown 2014): the share of a parameter's own effect in the variance of a random forest over the space,
/// averaged over the trees that vary at all. Numbers are uniform between their bounds, not in log space, as in Optuna 5.0's
/// FanovaImportanceEvaluator; each choice of a category has the same weight (Optuna spreads it over one-hot columns, impossible corners
/// included: equal for two choices). What parameters do together is in nobody's share, so shares sum to at most 1.
/// Default parameters: those that every complete trial has, with the same distribution. Largest first, equal ones by name. A parameter with a
/// single value has zero; all are zero with fewer than two trials. Errors: usage (as above; or every trial has the same value).
[[nodiscard]] Result<std::vector<Importance>> fanova(std::span<const TrialPtr> trials, const std::vector<Direction>& directions,
                                                     const ImportanceOptions& options = {}, const FanovaOptions& method = {});

/// Scaled to sum 1; equal shares where all are zero.
[[nodiscard]] std::vector<Importance> normalized(std::vector<Importance> importances);

}  // namespace sofia::tune
