#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "tune/distribution.hpp"
#include "tune/parzen_axis.hpp"

namespace sofia::tune {

/// The observations of one parameter.
struct ParzenColumn {
    const Distribution* distribution = nullptr;
    std::vector<double> values;  ///< internal, in order of trial number
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
    /// Without observations; at least one parameter (asserted). Parameters are in the space's order wherever a row of them is taken or given.
    explicit ParzenEstimator(const SearchSpace& space);

    /// All columns have the same number of values; at least one column (asserted).
    explicit ParzenEstimator(const std::vector<ParzenColumn>& columns);

    /// Changes the list of observations, which is in order of trial number. The result is that of a new estimator of the new list, to the bit; when
    /// little changes it is much sooner there.
    void edit(const ParzenEdit& edit);

    [[nodiscard]] std::size_t observations() const { return weights_.size() - 1; }

    /// `count` points, one row of internal values each.
    [[nodiscard]] std::vector<double> sample(RandomStream& random, std::size_t count) const;

    /// The log density at each row of internal values.
    [[nodiscard]] std::vector<double> log_pdf(std::span<const double> points) const;

    [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

    /// Means and sigmas of a numeric parameter's kernels by trial number, the prior last; empty for a category.
    [[nodiscard]] std::vector<double> means(std::size_t dimension) const;
    [[nodiscard]] std::vector<double> sigmas(std::size_t dimension) const;

private:
    struct Dimension {
        std::optional<ParzenAxis> axis;  ///< of a number
        std::size_t choices = 0;  ///< of a category
        std::vector<std::uint32_t> observed;  ///< category of each kernel, without the prior
    };

    void add_dimension(const Distribution& distribution);
    void set_constants(std::size_t observations);

    /// The log densities of one point under the kernels from `begin` on are added to `row`.
    static void add_continuous(const ParzenAxis& axis, double x, std::size_t begin, std::span<double> row);
    void add_categories(const Dimension& dimension, double x, std::size_t begin, std::span<double> row) const;

    /// On a grid points share values and kernels share shapes: value -> log density by group of kernels.
    using Cells = std::map<double, std::vector<double>>;
    [[nodiscard]] Cells cells_of(const Dimension& d, std::size_t dimension, std::span<const double> points) const;

    std::vector<Dimension> dimensions_;
    std::vector<double> weights_;
    std::vector<double> log_weights_;
    std::vector<double> log_constants_;  ///< log weight and the log scales of the continuous parameters, a kernel
};

}  // namespace sofia::tune
