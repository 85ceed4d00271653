#pragma once

// Internal to the room: parameters as coordinates in [0, 1], as Optuna 5.0's _SearchSpaceTransform scales them for QMC and CMA-ES.

#include <map>
#include <string>

#include "tune/frozen.hpp"

namespace sofia::tune {

/// The internal value at `u` in [0, 1] of the range, in log space where the distribution is logarithmic; a step widens the range by half of it
/// at both ends and the nearest value of the grid is taken. A category takes an equal part of [0, 1) each.
[[nodiscard]] double from_unit(const Distribution& distribution, double u);

/// The coordinate of an internal value of a number; outside [0, 1] where the value is outside the range. Not of a category (asserted).
[[nodiscard]] double to_unit(const Distribution& distribution, double internal);

/// What trials share: the parameters that each of them has with the same distribution (Optuna's intersection search space).
class Intersection {
public:
    void learn(const FrozenTrial& trial);

    /// Of these the ones with more than one value, and inside `asked` unless that is null.
    [[nodiscard]] SearchSpace space(const SearchSpace* asked) const;

private:
    bool any_ = false;
    std::map<std::string, std::shared_ptr<const Distribution>> shared_;
};

}  // namespace sofia::tune
