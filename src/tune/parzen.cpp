#include "tune/parzen.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>

#include "tune/parzen_kernel.hpp"
#include "tune/truncnorm.hpp"

namespace sofia::tune {

namespace {

constexpr std::size_t full_weights = 25;
constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

void set_weights(std::vector<double>& weights, std::size_t n) {
    weights.assign(n + 1, 1.0);
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

void sort_ascending(std::vector<std::uint32_t>& order, const std::vector<double>& values) {
    order.resize(values.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t i, std::uint32_t j) { return values[i] < values[j]; });
}

/// Of equal values only the outer two get the gap to a neighbour; the others get the smallest sigma there is. Which ones, must differ from parameter
/// to parameter: by trial number the same kernels would be narrow in all of them, repeat points that are known, and the others change everything at
/// once, where one parameter at a time is what finds the next better point of a grid.
void shuffle_equal(std::vector<std::uint32_t>& order, const std::vector<double>& values, std::size_t dimension) {
    RandomStream random(dimension);
    for (auto begin = order.begin(); begin != order.end();) {
        auto end = begin + 1;
        while (end != order.end() && values[*end] == values[*begin]) ++end;
        if (end - begin > 2) {
            for (auto last = end - 1; last != begin; --last) {
                std::iter_swap(last, begin + static_cast<std::ptrdiff_t>(random.below(static_cast<std::uint64_t>(last - begin) + 1)));
            }
        }
        begin = end;
    }
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

/// The larger gap to a neighbour, of kernels in ascending order of their means; the ends have one neighbour when n >= 2. Says whether three
/// neighbours are equal, where which of them is which decides.
bool set_sigmas(std::vector<double>& sigmas, const std::vector<double>& means, const std::vector<std::uint32_t>& order, double from, double to) {
    const std::size_t n = means.size();
    const double range = to - from;
    const double smallest = range / std::min(100.0, static_cast<double>(n) + 2.0);
    sigmas.resize(n);
    bool equal = false;
    double previous = from;
    double here = n > 0 ? means[order.front()] : 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        const double next = i + 1 < n ? means[order[i + 1]] : to;
        const double below = here - previous;
        const double above = next - here;
        double sigma = std::max(below, above);
        if (n >= 2 && i == 0) sigma = above;
        if (n >= 2 && i + 1 == n) sigma = below;
        equal |= i > 0 && i + 1 < n && sigma == 0.0;
        sigmas[order[i]] = std::clamp(sigma, smallest, range);
        previous = here;
        here = next;
    }
    return equal;
}

/// Kernels of equal mean and sigma get the number of a group, whose first one leads.
void group_equal(const std::vector<double>& means, const std::vector<double>& sigmas, const std::vector<std::uint32_t>& order,
                 std::vector<std::uint32_t>& group, std::vector<std::uint32_t>& leaders) {
    group.resize(means.size());
    leaders.clear();
    std::map<double, std::uint32_t> of_sigma;  // among kernels of the mean at hand
    double mean = std::numeric_limits<double>::quiet_NaN();
    const auto add = [&](std::uint32_t kernel) {
        if (means[kernel] != mean) of_sigma.clear();
        mean = means[kernel];
        const auto [found, fresh] = of_sigma.try_emplace(sigmas[kernel], static_cast<std::uint32_t>(leaders.size()));
        if (fresh) leaders.push_back(kernel);
        group[kernel] = found->second;
    };
    for (const std::uint32_t kernel : order) add(kernel);
    mean = std::numeric_limits<double>::quiet_NaN();
    add(static_cast<std::uint32_t>(means.size() - 1));
}

}  // namespace

void ParzenEstimator::set_shape(Dimension& dimension, const Distribution& distribution) {
    dimension.choices = 0;
    if (const auto* c = distribution.as_categorical()) {
        dimension.choices = c->choices.size();
        return;
    }
    if (const auto* i = distribution.as_int()) {
        dimension.low = static_cast<double>(i->low);
        dimension.high = static_cast<double>(i->high);
        dimension.step = static_cast<double>(i->step);
        dimension.log = i->log;
    } else {
        const auto& f = *distribution.as_float();
        dimension.low = f.low;
        dimension.high = f.high;
        dimension.step = f.step;
        dimension.log = f.log;
    }
    dimension.from = dimension.low - dimension.step / 2;
    dimension.to = dimension.high + dimension.step / 2;
    if (dimension.log) {
        dimension.from = std::log(dimension.from);
        dimension.to = std::log(dimension.to);
    }
}

ParzenEstimator::ParzenEstimator(std::vector<ParzenColumn> columns) {
    assert(!columns.empty());
    start(columns.front().values.size());
    for (ParzenColumn& column : columns) add(column);
}

void ParzenEstimator::start(std::size_t observations) {
    width_ = 0;
    if (weights_.size() != observations + 1) {
        set_weights(weights_, observations);
        log_weights_.resize(weights_.size());
        for (std::size_t k = 0; k < weights_.size(); ++k) log_weights_[k] = std::log(weights_[k]);
    }
    log_constants_ = log_weights_;
}

void ParzenEstimator::add(ParzenColumn& column) {
    assert(column.values.size() + 1 == weights_.size());
    if (width_ == dimensions_.size()) dimensions_.emplace_back();
    Dimension& dimension = dimensions_[width_];
    set_shape(dimension, *column.distribution);
    if (dimension.choices > 0) {
        dimension.means.clear();
        dimension.sigmas.clear();
        dimension.observed.clear();
        for (const double value : column.values) dimension.observed.push_back(static_cast<std::uint32_t>(value));
    } else {
        add_numeric(dimension, column);
    }
    ++width_;
}

void ParzenEstimator::add_numeric(Dimension& d, ParzenColumn& column) {
    if (column.order.empty()) sort_ascending(column.order, column.values);
    if (!d.log) {
        d.means.swap(column.values);
    } else if (!column.logs.empty()) {
        d.means.swap(column.logs);
    } else {
        d.means.resize(column.values.size());
        std::ranges::transform(column.values, d.means.begin(), [](double value) { return std::log(value); });
    }
    const std::vector<double>& values = d.log ? column.values : d.means;
    if (set_sigmas(d.sigmas, d.means, column.order, d.from, d.to)) {
        shuffle_equal(column.order, values, width_);
        set_sigmas(d.sigmas, d.means, column.order, d.from, d.to);
    }
    d.means.push_back(0.5 * (d.from + d.to));
    d.sigmas.push_back(d.to - d.from);
    if (d.step == 0.0) {
        scale_continuous(d, column);
    } else {
        group_equal(d.means, d.sigmas, column.order, d.group, d.leaders);
    }
}

void ParzenEstimator::scale_continuous(Dimension& d, const ParzenColumn& column) {
    const double constant = -0.5 * std::log(2.0 * std::numbers::pi);
    const std::size_t count = d.sigmas.size();
    d.inverse_sigmas.resize(count);
    for (std::size_t k = 0; k < count; ++k) d.inverse_sigmas[k] = 1.0 / d.sigmas[k];
    for (std::size_t k = 0; k < count; ++k) {
        const double sigma = d.sigmas[k];
        const std::size_t row = k < column.memo_of.size() ? column.memo_of[k] : column.memos.size();
        ScaleMemo* memo = row < column.memos.size() ? &column.memos[row] : nullptr;
        if (memo != nullptr && memo->sigma == sigma) {
            log_constants_[k] += memo->log_scale;
            continue;
        }
        const double mean = d.means[k];
        const double scale = constant - std::log(sigma) - log_gauss_mass((d.from - mean) / sigma, (d.to - mean) / sigma);
        if (memo != nullptr) *memo = {sigma, scale};
        log_constants_[k] += scale;
    }
}

std::vector<double> ParzenEstimator::sample(RandomStream& random, std::size_t count) const {
    std::vector<double> cumulative(weights_.size());
    std::partial_sum(weights_.begin(), weights_.end(), cumulative.begin());
    std::vector<double> points;
    points.reserve(count * width_);
    for (std::size_t i = 0; i < count; ++i) {
        const double u = random.uniform() * cumulative.back();
        const auto kernel =
            std::min(static_cast<std::size_t>(std::upper_bound(cumulative.begin(), cumulative.end(), u) - cumulative.begin()), weights_.size() - 1);
        for (const Dimension& d : dimensions()) {
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
            const double mean = d.means[kernel];
            const double sigma = d.sigmas[kernel];
            double x = truncated_quantile(q, (d.from - mean) / sigma, (d.to - mean) / sigma) * sigma + mean;
            if (d.log) x = std::exp(x);
            if (d.step != 0.0) x = d.low + std::nearbyint((x - d.low) / d.step) * d.step;
            points.push_back(std::clamp(x, d.low, d.high));
        }
    }
    return points;
}

void ParzenEstimator::add_continuous(const Dimension& d, double x, std::size_t begin, std::span<double> row) {
    const double at = d.log ? std::log(x) : x;
    if (!(at >= d.from && at <= d.to)) {
        std::fill(row.begin(), row.end(), minus_infinity);
        return;
    }
    subtract_half_squares(at, d.means.data() + begin, d.inverse_sigmas.data() + begin, row.data(), row.size());
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
    if (d.step == 0.0) return cells;
    const auto z = [&](double x, std::uint32_t leader) { return (x - d.means[leader]) / d.sigmas[leader]; };
    std::vector<double> whole;
    for (const std::uint32_t leader : d.leaders) whole.push_back(log_gauss_mass(z(d.from, leader), z(d.to, leader)));
    for (std::size_t i = dimension; i < points.size(); i += width_) {
        auto [found, fresh] = cells.try_emplace(points[i]);
        if (!fresh) continue;
        const double left = d.log ? std::log(points[i] - d.step / 2) : points[i] - d.step / 2;
        const double right = d.log ? std::log(points[i] + d.step / 2) : points[i] + d.step / 2;
        for (std::size_t g = 0; g < d.leaders.size(); ++g) {
            found->second.push_back(log_gauss_mass(z(left, d.leaders[g]), z(right, d.leaders[g])) - whole[g]);
        }
    }
    return cells;
}

std::vector<double> ParzenEstimator::log_pdf(std::span<const double> points) const {
    std::vector<Cells> cells;
    for (std::size_t j = 0; j < width_; ++j) cells.push_back(cells_of(dimensions_[j], j, points));
    std::vector<LogSum> sums(points.size() / width_);
    std::vector<double> row;
    for (std::size_t begin = 0; begin < weights_.size(); begin += block_size) {
        const std::size_t size = std::min(block_size, weights_.size() - begin);
        for (std::size_t i = 0; i < sums.size(); ++i) {
            const auto from = log_constants_.begin() + static_cast<std::ptrdiff_t>(begin);
            row.assign(from, from + static_cast<std::ptrdiff_t>(size));
            for (std::size_t j = 0; j < width_; ++j) {
                const Dimension& d = dimensions_[j];
                const double x = points[i * width_ + j];
                if (d.choices > 0) {
                    add_categories(d, x, begin, row);
                } else if (d.step != 0.0) {
                    const std::vector<double>& mass = cells[j].find(x)->second;
                    for (std::size_t k = 0; k < size; ++k) row[k] += mass[d.group[begin + k]];
                } else {
                    add_continuous(d, x, begin, row);
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
