#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "tune/distribution.hpp"

namespace sofia::tune {

/// What a kernel's scale was computed from, kept by the caller over many estimators: few neighbours change from trial to trial.
struct ScaleMemo {
    double sigma = -1.0;
    double log_scale = 0.0;
};

/// The observations of one parameter.
struct ParzenColumn {
    const Distribution* distribution = nullptr;
    std::vector<double> values;              ///< internal, in order of trial number
    std::vector<double> logs;                ///< their logarithms, for a log parameter; empty: computed here
    std::vector<std::uint32_t> order;        ///< positions by ascending value, equal ones by position; empty: sorted here
    std::span<ScaleMemo> memos;              ///< by row of the caller
    std::span<const std::uint32_t> memo_of;  ///< the row of each value, one without a memo where there is none; or empty
};

/// A mixture of products of kernels, one kernel an observation plus the prior, as Optuna 5.0's _ParzenEstimator defines it:
///
/// - weights 1 when n < 25, else linspace(1/n, 1, n - 25) and 25 ones, by trial number; the prior has weight 1; normalised
/// - a number: normal truncated to the range, mean at the observation (log parameters in log space, a step widens the range by half of
///   it), sigma the larger gap to a neighbour, end points to their one neighbour when n >= 2, clipped to [range / min(100, n + 2), range];
///   the prior's mean is the middle and its sigma the range. On a grid the density is the mass of the cell.
///   Which of equal observations get the gaps to their neighbours differs from parameter to parameter (Optuna: as numpy's sort leaves them)
/// - a category: 1 at the observed one + 1 / (n + 1) everywhere, normalised; the prior is uniform
class ParzenEstimator {
public:
    /// Without parameters.
    ParzenEstimator() = default;

    /// All columns have the same number of values; at least one column (asserted).
    explicit ParzenEstimator(std::vector<ParzenColumn> columns);

    /// The same step by step: forgets everything but keeps its memory, which a sampler needs again for the next trial.
    void start(std::size_t observations);

    /// Adds the next parameter. What the column's vectors hold afterwards is not specified: their memory is swapped, to be filled again.
    void add(ParzenColumn& column);

    /// `count` points, one row of internal values each.
    [[nodiscard]] std::vector<double> sample(RandomStream& random, std::size_t count) const;

    /// The log density at each row of internal values.
    [[nodiscard]] std::vector<double> log_pdf(std::span<const double> points) const;

    [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

    /// Means and sigmas of a numeric parameter's kernels by trial number, the prior last; empty for a category.
    [[nodiscard]] const std::vector<double>& means(std::size_t dimension) const { return dimensions_[dimension].means; }
    [[nodiscard]] const std::vector<double>& sigmas(std::size_t dimension) const { return dimensions_[dimension].sigmas; }

private:
    struct Dimension {
        double low = 0.0;        ///< of the distribution, internal
        double high = 0.0;
        double step = 0.0;       ///< 0: continuous
        bool log = false;
        double from = 0.0;       ///< limits of the kernels, in kernel space
        double to = 0.0;
        std::size_t choices = 0;                ///< 0: a number
        std::vector<double> means, sigmas;      ///< kernel space
        std::vector<double> inverse_sigmas;     ///< continuous only
        std::vector<std::uint32_t> observed;    ///< category of each kernel, without the prior
        std::vector<std::uint32_t> group;       ///< grid only: kernels of equal mean and sigma share a number
        std::vector<std::uint32_t> leaders;     ///< one kernel of each group
    };

    static void set_shape(Dimension& dimension, const Distribution& distribution);
    void add_numeric(Dimension& dimension, ParzenColumn& column);
    void scale_continuous(Dimension& dimension, const ParzenColumn& column);
    /// The log densities of one point under the kernels from `begin` on are added to `row`.
    static void add_continuous(const Dimension& dimension, double x, std::size_t begin, std::span<double> row);
    void add_categories(const Dimension& dimension, double x, std::size_t begin, std::span<double> row) const;

    /// On a grid points share values and kernels share shapes: value -> log density by group of kernels.
    using Cells = std::map<double, std::vector<double>>;
    [[nodiscard]] Cells cells_of(const Dimension& d, std::size_t dimension, std::span<const double> points) const;

    [[nodiscard]] std::span<const Dimension> dimensions() const { return {dimensions_.data(), width_}; }

    std::vector<Dimension> dimensions_;  ///< the first width_ of them; the others are memory from before
    std::size_t width_ = 0;
    std::vector<double> weights_;
    std::vector<double> log_weights_;
    std::vector<double> log_constants_;  ///< log weight and the log scales of the continuous parameters, a kernel
};

}  // namespace sofia::tune
