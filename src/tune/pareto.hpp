#pragma once

// Internal to the room: who is better than whom among trials of several objectives.

#include <cstddef>
#include <span>
#include <vector>

#include "tune/frozen.hpp"

namespace sofia::tune {

/// Not worse in any objective, and better in one. Both are complete.
[[nodiscard]] bool dominates(const FrozenTrial& a, const FrozenTrial& b, const std::vector<Direction>& directions);

/// Constrained domination (Deb et al. 2002): feasible ones dominate infeasible ones, which the smaller violation decides.
[[nodiscard]] bool constrained_dominates(const FrozenTrial& a, const FrozenTrial& b, const std::vector<Direction>& directions);

/// Complete trials by rank, the best first, each rank in the order given: rank 0 is dominated by none, rank 1 only by rank 0, and so on
/// (non-dominated sorting of Deb et al. 2002). Behind the feasible ones, equal violations share a rank, the smallest first.
[[nodiscard]] std::vector<std::vector<TrialPtr>> nondominated_fronts(std::span<const TrialPtr> trials, const std::vector<Direction>& directions);

/// The crowding distance of each trial among these (Deb et al. 2002, as Optuna 5.0 extends it to infinities): the sum over the objectives
/// of the gap between its neighbours over the range of the finite values, infinite at the ends; 0 where all have the same value.
[[nodiscard]] std::vector<double> crowding_distances(std::span<const TrialPtr> trials);

/// The best `count`: whole fronts, then the least crowded of the front that does not fit. By number.
[[nodiscard]] std::vector<TrialPtr> elite(std::span<const TrialPtr> trials, const std::vector<Direction>& directions, std::size_t count);

}  // namespace sofia::tune
