#pragma once

// Internal to the room: the kernels of one numeric parameter.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tune/distribution.hpp"

namespace sofia::tune {

/// What changes in a list of observations.
struct ParzenEdit {
    std::vector<std::size_t> erased;    ///< positions before, ascending
    std::vector<std::size_t> inserted;  ///< positions afterwards, ascending
    std::vector<double> values;         ///< of those inserted, a row of internal values each
};

/// Means and sigmas of the kernels of one number by position, the prior last (see ParzenEstimator). An edit of a few observations moves a few sigmas:
/// only these are computed again.
class ParzenAxis {
public:
    /// `dimension`: the parameter's place among the others.
    ParzenAxis(const Distribution& distribution, std::size_t dimension);

    /// `column` of `width` in the edit's rows is this parameter.
    void edit(const ParzenEdit& edit, std::size_t column, std::size_t width);

    [[nodiscard]] std::size_t count() const { return order_.size(); }
    [[nodiscard]] const std::vector<double>& means() const { return means_; }
    [[nodiscard]] const std::vector<double>& sigmas() const { return sigmas_; }

    /// Continuous only: 1 / sigma, and the logarithm of what a kernel's exponential is multiplied with.
    [[nodiscard]] const std::vector<double>& inverse_sigmas() const { return inverse_sigmas_; }
    [[nodiscard]] const std::vector<double>& log_scales() const { return log_scales_; }

    /// Grid only: kernels of equal mean and sigma share a group; one kernel of each group.
    [[nodiscard]] const std::vector<std::uint32_t>& groups() const { return groups_; }
    [[nodiscard]] const std::vector<std::uint32_t>& leaders() const { return leaders_; }

    /// Of the distribution, internal; `step` 0: continuous.
    double low = 0.0;
    double high = 0.0;
    double step = 0.0;
    bool log = false;

    /// Limits of the kernels: in log space for a log parameter, half a step wider on a grid.
    double from = 0.0;
    double to = 0.0;

private:
    void erase(std::size_t position);
    void insert(std::size_t position, double mean);
    void rebuild(const ParzenEdit& edit, std::span<const double> means);

    [[nodiscard]] std::size_t place_of(double mean, std::size_t position) const;
    [[nodiscard]] double smallest_sigma() const;
    [[nodiscard]] double sigma_at(const std::vector<std::uint32_t>& order, std::size_t place, double smallest) const;
    [[nodiscard]] bool three_equal(std::size_t place) const;
    void set_sigma(std::size_t position, double sigma);
    void set_sigmas();
    void set_sigmas_near(const std::vector<std::size_t>& places);
    void shuffle_equal(std::vector<std::uint32_t>& order) const;
    void set_groups(const std::vector<std::uint32_t>& order);

    std::size_t dimension_ = 0;
    std::vector<double> means_, sigmas_;  ///< kernel space
    std::vector<double> inverse_sigmas_, log_scales_;
    std::vector<std::uint32_t> order_;  ///< positions by ascending mean, equal ones by position; without the prior
    std::vector<std::uint32_t> groups_, leaders_;
    double smallest_ = 0.0;  ///< what the sigmas were clipped to
    bool tied_ = false;  ///< three or more have the same mean
};

}  // namespace sofia::tune
