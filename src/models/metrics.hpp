#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/random.hpp"

namespace sofia::models {

// Figures of probabilities against 0/1 labels: spans of equal size (asserted). No row, or any NaN in either, gives NaN.

/// Mean of -ln of the probability given to what happened, probabilities kept 1e-15 away from 0 and 1.
[[nodiscard]] double log_loss(std::span<const double> probabilities, std::span<const double> labels);

/// Mean squared difference (Brier 1950).
[[nodiscard]] double brier_score(std::span<const double> probabilities, std::span<const double> labels);

/// Chance that a random positive is scored above a random negative, ties half (Mann, Whitney 1947). NaN when a class is absent.
[[nodiscard]] double auc(std::span<const double> scores, std::span<const double> labels);

/// Share of rows on the right side of `threshold`; a probability equal to it counts as positive.
[[nodiscard]] double accuracy(std::span<const double> probabilities, std::span<const double> labels, double threshold = 0.5);

/// Mean of the two classes' recalls. NaN when a class is absent.
[[nodiscard]] double balanced_accuracy(std::span<const double> probabilities, std::span<const double> labels, double threshold = 0.5);

/// One bin of the reliability curve: [low, high), the last closed.
struct ReliabilityBin {
    double low = 0.0;
    double high = 0.0;
    std::size_t count = 0;
    double predicted = 0.0;  ///< mean probability; NaN in an empty bin
    double observed = 0.0;   ///< share of positives; NaN in an empty bin
};

/// Bins of equal width over [0, 1]; `bins` >= 1 (asserted). Rows with a NaN are left out.
[[nodiscard]] std::vector<ReliabilityBin> reliability(std::span<const double> probabilities, std::span<const double> labels, std::size_t bins = 10);

/// Expected calibration error: mean |observed - predicted| over those bins, weighted by count (Naeini et al. 2015).
[[nodiscard]] double calibration_error(std::span<const double> probabilities, std::span<const double> labels, std::size_t bins = 10);

/// Quantile (type 7) of the calibration error that probabilities which are right would have by chance: outcomes drawn from the probabilities
/// themselves (consistency resampling, Bröcker and Smith 2007). `quantile` in [0, 1] (asserted). NaN without rows or with a NaN.
[[nodiscard]] double calibration_error_by_chance(std::span<const double> probabilities, double quantile, RandomStream random,
                                                 std::size_t replications = 1'000, std::size_t bins = 10);

}  // namespace sofia::models
