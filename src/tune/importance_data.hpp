#pragma once

// Internal to the room: what both methods of importance look at.

#include <span>
#include <vector>

#include "tune/importance.hpp"

namespace sofia::tune {

struct ImportanceTrials {
    std::vector<TrialPtr> complete;  ///< by number
    std::vector<TrialPtr> finite;    ///< of these the ones with a finite value
    std::vector<double> losses;      ///< of the latter, lower is better
};

/// Errors usage: no such objective, no such parameter.
[[nodiscard]] Result<ImportanceTrials> importance_trials(std::span<const TrialPtr> trials, const std::vector<Direction>& directions,
                                                         const ImportanceOptions& options);

[[nodiscard]] std::vector<Importance> largest_first(std::vector<Importance> importances);

}  // namespace sofia::tune
