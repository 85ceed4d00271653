#pragma once

// Internal to the room: the random forest that fANOVA takes apart.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.hpp"

namespace sofia::tune {

/// One input of the forest: a number in [low, high], or a choice 0..choices-1.
struct ForestInput {
    double low = 0.0;
    double high = 1.0;
    std::size_t choices = 0;  ///< 0: a number
};

/// Rows of numbers or choice indices by input, and what they gave.
struct ForestData {
    std::vector<ForestInput> inputs;
    std::vector<std::vector<double>> columns;  ///< one an input, equally long
    std::vector<double> values;
};

/// A binary regression tree. A row goes left when its number is at most `split`, or its choice is `split`. A child stands behind its parent.
struct ForestNode {
    std::int32_t input = -1;  ///< -1: a leaf
    double split = 0.0;
    std::int32_t left = -1;
    std::int32_t right = -1;
    double value = 0.0;  ///< the mean of its rows
};
using ForestTree = std::vector<ForestNode>;

/// The row numbers of each column by ascending value, equal ones by number: made once for all trees.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> sorted_rows(const ForestData& data);

/// A tree on a bootstrap sample of the rows (Breiman 2001), split by squared error, all inputs tried at every node as in scikit-learn's
/// RandomForestRegressor; thresholds lie in the middle between neighbours. Equal splits: an input by lot, drawn anew at each node, so that the
/// order of the inputs favours none; then the lower threshold.
[[nodiscard]] ForestTree grow_tree(const ForestData& data, const std::vector<std::vector<std::uint32_t>>& sorted, std::size_t depth_max,
                                   RandomStream random);

}  // namespace sofia::tune
