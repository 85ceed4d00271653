#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "base/result.hpp"
#include "features/catalogue.hpp"
#include "market/bar.hpp"

// Columns that are written elsewhere, in Python for instance, and join a strategy's own under the same leak audit.
namespace sofia::features {

/// Columns that somebody registers: what they are, and a function from bars to their numbers. Implementations are safe to call from several threads,
/// keep nothing between calls, and give the same numbers for the same bars.
class Feature {
public:
    virtual ~Feature() = default;

    /// At least one; constant. `warm_up` is the number of bars that a row waits for before it is used.
    [[nodiscard]] virtual const std::vector<FeatureSpec>& columns() const = 0;

    /// SHA-256 of the code that computes the columns; empty where it cannot be known.
    [[nodiscard]] virtual std::string source_sha256() const = 0;

    /// A row a bar in the order of `columns()`, row-major: what is known when the bar has closed, from this bar and those before it. NaN is missing.
    /// Errors: the implementation's own.
    [[nodiscard]] virtual Result<std::vector<double>> compute(std::span<const market::Bar> bars) const = 0;
};

/// `feature.compute(bars)`, checked: a number or NaN for each bar and column. Errors: usage (another count, an infinite number, with its row);
/// those of `compute`.
[[nodiscard]] Result<std::vector<double>> feature_values(const Feature& feature, std::span<const market::Bar> bars);

/// How much of the data the audit of a registered column looks at, so that it costs about as much as computing the column two or three times.
struct CustomAuditOptions {
    std::size_t bars = 5'000;  ///< the first so many, or three times the warm-up where that is more
    std::size_t cuts = 16;  ///< moments among them at which they are cut and their future changed
    std::uint64_t seed = 1;  ///< of the moments and futures
    const StopFlag* stop = nullptr;  ///< asked between the moments
};

/// The bars that an audit under `options` runs on, for something that waits for `warm_up` bars.
[[nodiscard]] std::span<const market::Bar> audited_bars(std::span<const market::Bar> bars, std::size_t warm_up, const CustomAuditOptions& options);

/// The feature's numbers for all bars once they have passed the leak audit (leak_audit.hpp): cuts, changed futures and order on the first bars, and
/// four cuts of all bars, at a half, 3/4, 7/8 and 15/16 of them, which find what looks ahead further than those reach or begins to later. Errors:
/// blocked, with the first offending row; data (too few bars to audit); interrupted; those of `feature_values`.
[[nodiscard]] Result<std::vector<double>> audited_values(const Feature& feature, std::span<const market::Bar> bars,
                                                         const CustomAuditOptions& options = {});

}  // namespace sofia::features
