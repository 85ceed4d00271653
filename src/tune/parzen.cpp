#include "tune/parzen.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "tune/parzen_kernel.hpp"
#include "tune/roomy.hpp"
#include "tune/truncnorm.hpp"

namespace sofia::tune {

namespace {

constexpr std::size_t full_weights = 25;
constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

void set_weights(std::vector<double>& weights, std::size_t n) {
    weights.clear();
    resize_with_room(weights, n + 1, 1.0);
    if (n >= full_weights) {
        const std::size_t ramp = n - full_weights;
        const double first = 1.0 / static_cast<double>(n);
        for (std::size_t i = 0; i < ramp; ++i) {
            weights[i] = ramp == 1 ? first : first + static_cast<double>(i) * (1.0 - first) / static_cast<double>(ramp - 1);
        }
    }
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& w : weights) w /= sum;
}

/// Kernels worked on at once: a block of all parameters' means and sigmas stays in the second-level cache for every point.
constexpr std::size_t block_size = 512;

/// log(sum of exp) of numbers that come in blocks. Terms that cannot change the last bit are not exponentiated: among thousands of
/// kernels most are far away.
class LogSum {
public:
    void add(std::span<const double> terms) {
        constexpr double negligible = 46.0;
        std::array<double, block_size> near;
        const std::span<const double> kept(near.data(), keep_above(top_ - negligible, terms.data(), terms.size(), near.data()));
        if (kept.empty()) return;
        const double top = *std::max_element(kept.begin(), kept.end());
        if (top > top_) {
            sum_ *= std::exp(top_ - top);
            top_ = top;
        }
        for (const double t : kept) {
            if (t > top_ - negligible) sum_ += std::exp(t - top_);
        }
    }
    [[nodiscard]] double value() const { return std::isinf(top_) ? top_ : top_ + std::log(sum_); }

private:
    double top_ = minus_infinity;
    double sum_ = 0.0;
};

}  // namespace

ParzenEstimator::ParzenEstimator(const SearchSpace& space) {
    assert(!space.empty());
    for (const auto& [name, distribution] : space) add_dimension(distribution);
    set_constants(0);
}

ParzenEstimator::ParzenEstimator(const std::vector<ParzenColumn>& columns) {
    assert(!columns.empty());
    ParzenEdit all;
    all.inserted.resize(columns.front().values.size());
    std::iota(all.inserted.begin(), all.inserted.end(), std::size_t{0});
    for (const ParzenColumn& column : columns) {
        assert(column.values.size() == all.inserted.size());
        add_dimension(*column.distribution);
    }
    for (const std::size_t i : all.inserted) {
        for (const ParzenColumn& column : columns) all.values.push_back(column.values[i]);
    }
    set_constants(0);
    edit(all);
}

void ParzenEstimator::add_dimension(const Distribution& distribution) {
    Dimension out;
    if (const auto* c = distribution.as_categorical()) {
        out.choices = c->choices.size();
    } else {
        out.axis.emplace(distribution, dimensions_.size());
    }
    dimensions_.push_back(std::move(out));
}

void ParzenEstimator::edit(const ParzenEdit& edit) {
    const std::size_t n = observations() + edit.inserted.size() - edit.erased.size();
    const std::size_t width = dimensions_.size();
    for (std::size_t j = 0; j < width; ++j) {
        Dimension& d = dimensions_[j];
        if (d.axis) {
            d.axis->edit(edit, j, width);
            continue;
        }
        for (std::size_t i = edit.erased.size(); i-- > 0;) d.observed.erase(d.observed.begin() + static_cast<std::ptrdiff_t>(edit.erased[i]));
        for (std::size_t i = 0; i < edit.inserted.size(); ++i) {
            const auto at = d.observed.begin() + static_cast<std::ptrdiff_t>(edit.inserted[i]);
            d.observed.insert(at, static_cast<std::uint32_t>(edit.values[i * width + j]));
        }
    }
    set_constants(n);
}

void ParzenEstimator::set_constants(std::size_t observations) {
    if (weights_.size() != observations + 1) {
        set_weights(weights_, observations);
        resize_with_room(log_weights_, weights_.size());
        for (std::size_t k = 0; k < weights_.size(); ++k) log_weights_[k] = std::log(weights_[k]);
    }
    reserve_with_room(log_constants_, log_weights_.size());
    log_constants_ = log_weights_;
    for (const Dimension& d : dimensions_) {
        if (!d.axis || d.axis->step != 0.0) continue;
        const std::vector<double>& scales = d.axis->log_scales();
        for (std::size_t k = 0; k < log_constants_.size(); ++k) log_constants_[k] += scales[k];
    }
}

std::vector<double> ParzenEstimator::means(std::size_t dimension) const {
    const auto& axis = dimensions_[dimension].axis;
    return axis ? axis->means() : std::vector<double>();
}

std::vector<double> ParzenEstimator::sigmas(std::size_t dimension) const {
    const auto& axis = dimensions_[dimension].axis;
    return axis ? axis->sigmas() : std::vector<double>();
}

std::vector<double> ParzenEstimator::sample(RandomStream& random, std::size_t count) const {
    std::vector<double> cumulative(weights_.size());
    std::partial_sum(weights_.begin(), weights_.end(), cumulative.begin());
    std::vector<double> points;
    points.reserve(count * dimensions_.size());
    for (std::size_t i = 0; i < count; ++i) {
        const double u = random.uniform() * cumulative.back();
        const auto kernel =
            std::min(static_cast<std::size_t>(std::upper_bound(cumulative.begin(), cumulative.end(), u) - cumulative.begin()), weights_.size() - 1);
        for (const Dimension& d : dimensions_) {
            const double q = random.uniform();
            if (d.choices > 0) {
                // The kernel is uniform with weight prior/n everywhere plus one at the observed category.
                const double n = static_cast<double>(weights_.size());
                const double everywhere = 1.0 / (n + static_cast<double>(d.choices));
                const bool prior = kernel == d.observed.size();
                const double flat = prior ? 1.0 : everywhere * static_cast<double>(d.choices);
                const auto drawn = static_cast<std::size_t>(q / flat * static_cast<double>(d.choices));
                points.push_back(static_cast<double>(q < flat ? std::min(drawn, d.choices - 1) : d.observed[kernel]));
                continue;
            }
            const ParzenAxis& a = *d.axis;
            const double mean = a.means()[kernel];
            const double sigma = a.sigmas()[kernel];
            double x = truncated_quantile(q, (a.from - mean) / sigma, (a.to - mean) / sigma) * sigma + mean;
            if (a.log) x = std::exp(x);
            if (a.step != 0.0) x = a.low + std::nearbyint((x - a.low) / a.step) * a.step;
            points.push_back(std::clamp(x, a.low, a.high));
        }
    }
    return points;
}

void ParzenEstimator::add_continuous(const ParzenAxis& axis, double x, std::size_t begin, std::span<double> row) {
    const double at = axis.log ? std::log(x) : x;
    if (!(at >= axis.from && at <= axis.to)) {
        std::fill(row.begin(), row.end(), minus_infinity);
        return;
    }
    subtract_half_squares(at, axis.means().data() + begin, axis.inverse_sigmas().data() + begin, row.data(), row.size());
}

void ParzenEstimator::add_categories(const Dimension& d, double x, std::size_t begin, std::span<double> row) const {
    const double n = static_cast<double>(weights_.size());
    const double choices = static_cast<double>(d.choices);
    const double observed = std::log((1.0 + 1.0 / n) / (1.0 + choices / n));
    const double other = std::log(1.0 / n / (1.0 + choices / n));
    const auto category = static_cast<std::uint32_t>(x);
    for (std::size_t k = 0; k < row.size(); ++k) {
        if (begin + k == d.observed.size()) {
            row[k] -= std::log(choices);
        } else {
            row[k] += d.observed[begin + k] == category ? observed : other;
        }
    }
}

ParzenEstimator::Cells ParzenEstimator::cells_of(const Dimension& d, std::size_t dimension, std::span<const double> points) const {
    Cells cells;
    if (!d.axis || d.axis->step == 0.0) return cells;
    const ParzenAxis& a = *d.axis;
    const auto z = [&](double x, std::uint32_t leader) { return (x - a.means()[leader]) / a.sigmas()[leader]; };
    std::vector<double> whole;
    for (const std::uint32_t leader : a.leaders()) whole.push_back(log_gauss_mass(z(a.from, leader), z(a.to, leader)));
    for (std::size_t i = dimension; i < points.size(); i += dimensions_.size()) {
        auto [found, fresh] = cells.try_emplace(points[i]);
        if (!fresh) continue;
        const double left = a.log ? std::log(points[i] - a.step / 2) : points[i] - a.step / 2;
        const double right = a.log ? std::log(points[i] + a.step / 2) : points[i] + a.step / 2;
        for (std::size_t g = 0; g < a.leaders().size(); ++g) {
            found->second.push_back(log_gauss_mass(z(left, a.leaders()[g]), z(right, a.leaders()[g])) - whole[g]);
        }
    }
    return cells;
}

std::vector<double> ParzenEstimator::log_pdf(std::span<const double> points) const {
    const std::size_t width = dimensions_.size();
    std::vector<Cells> cells;
    for (std::size_t j = 0; j < width; ++j) cells.push_back(cells_of(dimensions_[j], j, points));
    std::vector<LogSum> sums(points.size() / width);
    std::array<double, block_size> terms;
    for (std::size_t begin = 0; begin < weights_.size(); begin += block_size) {
        const std::span<double> row(terms.data(), std::min(block_size, weights_.size() - begin));
        for (std::size_t i = 0; i < sums.size(); ++i) {
            std::copy_n(log_constants_.begin() + static_cast<std::ptrdiff_t>(begin), row.size(), row.begin());
            for (std::size_t j = 0; j < width; ++j) {
                const Dimension& d = dimensions_[j];
                const double x = points[i * width + j];
                if (!d.axis) {
                    add_categories(d, x, begin, row);
                } else if (d.axis->step != 0.0) {
                    const std::vector<double>& mass = cells[j].find(x)->second;
                    const std::uint32_t* group = d.axis->groups().data() + begin;
                    for (std::size_t k = 0; k < row.size(); ++k) row[k] += mass[group[k]];
                } else {
                    add_continuous(*d.axis, x, begin, row);
                }
            }
            sums[i].add(row);
        }
    }
    std::vector<double> out;
    for (const LogSum& sum : sums) out.push_back(sum.value());
    return out;
}

}  // namespace sofia::tune
