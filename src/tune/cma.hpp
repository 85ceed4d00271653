#pragma once

// Internal to the room: CMA-ES in the unit cube.

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/random.hpp"

namespace sofia::tune {

/// The state of a CMA-ES (Hansen 2016, arXiv 1604.00772) with active covariance updates; parameters and their clipping as in the Python
/// package `cmaes` 0.13. A value type.
class Cma {
public:
    /// Mean in the middle of [0, 1]^n, the given step size. `population` 0: 4 + floor(3 ln n). n >= 1, population >= 2 (asserted).
    Cma(std::size_t dimensions, double sigma, std::size_t population = 0);
    ~Cma();
    Cma(const Cma& other);
    Cma& operator=(const Cma& other);
    Cma(Cma&&) noexcept;
    Cma& operator=(Cma&&) noexcept;

    [[nodiscard]] std::size_t dimensions() const;
    [[nodiscard]] std::size_t population() const;

    /// One generation: `population` points of n coordinates each, the best first (asserted).
    void tell(std::span<const std::vector<double>> points);

    /// A point of the distribution inside [0, 1]^n: drawn up to 10 n times, then clipped.
    [[nodiscard]] std::vector<double> sample(RandomStream& random) const;

    [[nodiscard]] std::vector<double> mean() const;
    [[nodiscard]] double sigma() const;
    [[nodiscard]] std::vector<double> covariance() const;  ///< n x n, without sigma

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sofia::tune
