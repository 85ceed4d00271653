#pragma once

// Internal to the room: what the charts of a study draw, as values.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "report/study.hpp"

namespace sofia::report {

/// A new best value, from this trial on.
struct BestStep {
    std::int64_t number = 0;
    double value = 0.0;
};

/// The best value so far, where it changes: over complete and feasible trials whose value is not NaN, in order of number. The first of them
/// always makes a step. Optuna's plot_optimization_history draws the same line, with infinity before the first.
[[nodiscard]] std::vector<BestStep> best_line(std::span<const StudyTrial> trials, std::size_t objective, Goal goal);

/// What colours and focused axes span. The best finite value is one end. The other is the worst one, or the 90 % quantile (type 7) on that side
/// when the worst lies more than three times as far from the best: a few bad trials do not flatten the others.
struct ValueRange {
    double best = 0.0;
    double worst = 1.0;
    enum class End : std::uint8_t { whole, cut } end = End::whole;
};

/// Over complete trials with finite values; best = worst = NaN without any.
[[nodiscard]] ValueRange value_range(std::span<const StudyTrial> trials, std::size_t objective, Goal goal);

/// Indices of at most `most` of `trials`, ascending: `keep` first (as many as fit, in their order), the others evenly over what is left.
[[nodiscard]] std::vector<std::size_t> thin_trials(std::size_t trials, std::span<const std::size_t> keep, std::size_t most);

/// At most `most` >= 2 of the reports, evenly, with the first and the last.
[[nodiscard]] std::vector<StudyReport> thin_reports(std::span<const StudyReport> reports, std::size_t most);

/// Where on its axis a value lies, 0..1; of a category its index. NaN for NaN, and for what has no logarithm. A single value lies at 0.5.
[[nodiscard]] double axis_position(const StudyParameter& parameter, double value);

/// How many nodes a contour has along a parameter: 24 for numbers, one a choice for categories.
inline constexpr std::size_t contour_nodes = 24;
[[nodiscard]] std::size_t nodes_of(const StudyParameter& parameter);

/// Positions of one parameter in all trials on its nodes: 0 .. nodes - 1, NaN missing.
[[nodiscard]] std::vector<double> node_positions(const StudyParameter& parameter, std::span<const StudyTrial> trials, std::size_t index);

/// A surface over two parameters on their nodes, row by row of y.
struct Surface {
    std::size_t columns = 0;
    std::size_t rows = 0;
    std::vector<double> values;   ///< NaN: no trial anywhere near
    std::vector<double> support;  ///< 0..1, how much of the surface there is seen rather than guessed: 1 - exp(-trials near by)
};

/// The local mean of `z` (Nadaraya 1964, Watson 1964): a Gaussian kernel along numbers, whose width is Scott's rule (1992) for two
/// dimensions, at least one node; categories are not mixed. Only points where x, y and z are all finite count. A surface needs no two points
/// apart: one gives a constant.
[[nodiscard]] Surface contour_surface(const StudyParameter& x_axis, std::span<const double> x, const StudyParameter& y_axis,
                                      std::span<const double> y, std::span<const double> z);

}  // namespace sofia::report
