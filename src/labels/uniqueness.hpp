#pragma once

#include <span>
#include <vector>

#include "base/time.hpp"

namespace sofia::labels {

/// From when to when a label's outcome was open.
struct Interval {
    TimeNs from = 0;
    TimeNs to = 0;  ///< after `from`; otherwise it counts as one nanosecond
};

/// Average uniqueness of each label: the mean over its life of 1 / (number of labels alive), in (0, 1] (López de Prado 2018, ch. 4.4, with
/// continuous time in place of a grid of bars). Intervals in any order; the sweep is O(n log n) and its result independent of that order.
[[nodiscard]] std::vector<double> average_uniqueness(std::span<const Interval> intervals);

}  // namespace sofia::labels
