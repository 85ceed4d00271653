#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "market/bar.hpp"

// Targets that are written elsewhere, in Python for instance.
namespace sofia::labels {

/// What a registered label is.
struct LabelerSpec {
    std::string name;
    std::string formula;  ///< in words: when `y` is 1
    int version = 1;      ///< goes up when the labels change
};

/// A label a bar, and when it is known.
struct BarLabels {
    std::vector<double> y;         ///< 1, 0, NaN where there is none
    std::vector<TimeNs> end_time;  ///< no bar that closes later has any part in `y`; of rows without a label nothing is asked
};

/// A function from bars to labels that somebody registers. Implementations are safe to call from several threads, keep nothing between calls, and
/// give the same labels for the same bars.
class Labeler {
public:
    virtual ~Labeler() = default;

    [[nodiscard]] virtual const LabelerSpec& spec() const = 0;

    /// SHA-256 of the code that computes the labels; empty where it cannot be known.
    [[nodiscard]] virtual std::string source_sha256() const = 0;

    /// `horizon` in minutes, as the strategy has it; what it means is the labeler's matter. Errors: the implementation's own.
    [[nodiscard]] virtual Result<BarLabels> compute(std::span<const market::Bar> bars, std::int64_t horizon) const = 0;
};

/// `labeler.compute(bars, horizon)`, checked: a label and an end a bar, labels of 0, 1 or NaN, ends after the bar's own close, since a label that is
/// known with its row is no target. Errors: usage (another count, another number); blocked (an end that is too early, with its row); those of
/// `compute`.
[[nodiscard]] Result<BarLabels> bar_labels(const Labeler& labeler, std::span<const market::Bar> bars, std::int64_t horizon);

}  // namespace sofia::labels
