#pragma once

// Internal to the room: small charts as inline SVG, coloured by the page's style sheet.

#include <span>
#include <string>
#include <vector>

#include "report/report.hpp"

namespace sofia::report {

/// Round numbers that cover [low, high], about `count` of them.
struct Ticks {
    std::vector<double> values;
    int decimals = 0;
};
[[nodiscard]] Ticks nice_ticks(double low, double high, int count);

/// One bar of a list of horizontal bars. `tone` is a class of the style sheet.
struct BarItem {
    std::string label;
    double value = 0.0;
    std::string tone;
    std::string value_text;
};

/// Horizontal bars, longest length to the largest value; values are >= 0.
[[nodiscard]] std::string bar_list(std::span<const BarItem> items, const std::string& axis);

/// One column a fold, up or down from zero.
[[nodiscard]] std::string fold_columns(std::span<const FoldScore> folds, const std::string& axis);

/// Floating columns from the first step to the sum of all, which is added as `net`.
[[nodiscard]] std::string waterfall_chart(std::span<const WaterfallStep> steps, const std::string& unit);

/// Observed frequency against predicted probability, dots as large as their bins are full.
[[nodiscard]] std::string reliability_chart(std::span<const ReliabilityPoint> points);

/// A cell for each pair of classes: above zero in the colour of gains, below in that of losses, the stronger the further away.
[[nodiscard]] std::string heat_map(const HeatMap& map);

/// About thirty classes of equal width.
[[nodiscard]] std::string histogram(const Distribution& distribution);

}  // namespace sofia::report
