#include "tune/parzen.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>

#include "tune/truncnorm.hpp"

namespace sofia::tune {

namespace {

constexpr std::size_t full_weights = 25;
constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

std::vector<double> kernel_weights(std::size_t n) {
    std::vector<double> weights(n + 1, 1.0);
    if (n >= full_weights) {
        const std::size_t ramp = n - full_weights;
        const double first = 1.0 / static_cast<double>(n);
        for (std::size_t i = 0; i < ramp; ++i) {
            weights[i] = ramp == 1 ? first : first + static_cast<double>(i) * (1.0 - first) / static_cast<double>(ramp - 1);
        }
    }
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& w : weights) w /= sum;
    return weights;
}

std::vector<std::uint32_t> ascending(const std::vector<double>& values) {
    std::vector<std::uint32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t i, std::uint32_t j) { return values[i] < values[j]; });
    return order;
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

/// log(sum of exp) of numbers that come in blocks. Terms that cannot change the last bit are not exponentiated: among thousands of
/// kernels most are far away.
class LogSum {
public:
    void add(std::span<const double> terms) {
        const double top = *std::max_element(terms.begin(), terms.end());
        if (top > top_) {
            sum_ *= std::exp(top_ - top);
            top_ = top;
        }
        if (std::isinf(top_)) return;
        for (const double t : terms) {
            if (t > top_ - 46.0) sum_ += std::exp(t - top_);
        }
    }
    [[nodiscard]] double value() const { return std::isinf(top_) ? top_ : top_ + std::log(sum_); }

private:
    double top_ = minus_infinity;
    double sum_ = 0.0;
};

/// Kernels worked on at once: a block of all parameters' means and sigmas stays in the second-level cache for every point.
constexpr std::size_t block_size = 512;

}  // namespace

ParzenEstimator::Dimension ParzenEstimator::shape_of(const Distribution& distribution) {
    Dimension out;
    if (const auto* c = distribution.as_categorical()) {
        out.choices = c->choices.size();
        return out;
    }
    if (const auto* i = distribution.as_int()) {
        out.low = static_cast<double>(i->low);
        out.high = static_cast<double>(i->high);
        out.step = static_cast<double>(i->step);
        out.log = i->log;
    } else {
        const auto& f = *distribution.as_float();
        out.low = f.low;
        out.high = f.high;
        out.step = f.step;
        out.log = f.log;
    }
    out.from = out.low - out.step / 2;
    out.to = out.high + out.step / 2;
    if (out.log) {
        out.from = std::log(out.from);
        out.to = std::log(out.to);
    }
    return out;
}

ParzenEstimator::ParzenEstimator(std::vector<ParzenColumn> columns) {
    assert(!columns.empty());
    const std::size_t n = columns.front().values.size();
    weights_ = kernel_weights(n);
    log_constants_.resize(n + 1);
    for (std::size_t k = 0; k <= n; ++k) log_constants_[k] = std::log(weights_[k]);
    for (ParzenColumn& column : columns) {
        assert(column.values.size() == n);
        Dimension dimension = shape_of(*column.distribution);
        if (dimension.choices > 0) {
            for (const double value : column.values) dimension.observed.push_back(static_cast<std::uint32_t>(value));
        } else {
            add_numeric(dimension, std::move(column));
        }
        dimensions_.push_back(std::move(dimension));
    }
}

void ParzenEstimator::add_numeric(Dimension& dimension, ParzenColumn column) {
    const std::size_t n = column.values.size();
    std::vector<std::uint32_t> order = column.order.empty() ? ascending(column.values) : std::move(column.order);
    shuffle_equal(order, column.values, dimensions_.size());
    dimension.means = std::move(column.values);
    if (dimension.log) {
        for (double& mean : dimension.means) mean = std::log(mean);
    }
    set_sigmas(dimension, order, n);
    dimension.means.push_back(0.5 * (dimension.from + dimension.to));
    dimension.sigmas.push_back(dimension.to - dimension.from);
    if (dimension.step == 0.0) {
        scale_continuous(dimension, column.memos);
    } else {
        group_equal(dimension, order);
    }
}

void ParzenEstimator::set_sigmas(Dimension& dimension, const std::vector<std::uint32_t>& order, std::size_t n) const {
    const double range = dimension.to - dimension.from;
    const double smallest = range / std::min(100.0, static_cast<double>(n) + 2.0);
    const std::vector<double>& means = dimension.means;
    dimension.sigmas.reserve(n + 1);
    dimension.sigmas.resize(n);
    double previous = dimension.from;
    for (std::size_t i = 0; i < n; ++i) {
        const double here = means[order[i]];
        const double next = i + 1 < n ? means[order[i + 1]] : dimension.to;
        double sigma = std::max(here - previous, next - here);
        if (n >= 2 && i == 0) sigma = next - here;
        if (n >= 2 && i + 1 == n) sigma = here - previous;
        dimension.sigmas[order[i]] = std::clamp(sigma, smallest, range);
        previous = here;
    }
}

void ParzenEstimator::scale_continuous(Dimension& dimension, const std::vector<ScaleMemo*>& memos) {
    const double constant = -0.5 * std::log(2.0 * std::numbers::pi);
    dimension.inverse_sigmas.resize(dimension.sigmas.size());
    for (std::size_t k = 0; k < dimension.sigmas.size(); ++k) {
        const double sigma = dimension.sigmas[k];
        const double inverse = 1.0 / sigma;
        dimension.inverse_sigmas[k] = inverse;
        ScaleMemo* memo = k < memos.size() ? memos[k] : nullptr;
        if (memo != nullptr && memo->sigma == sigma) {
            log_constants_[k] += memo->log_scale;
            continue;
        }
        const double mean = dimension.means[k];
        const double scale = constant - std::log(sigma) - log_gauss_mass((dimension.from - mean) / sigma, (dimension.to - mean) / sigma);
        if (memo != nullptr) *memo = {sigma, scale};
        log_constants_[k] += scale;
    }
}

void ParzenEstimator::group_equal(Dimension& dimension, const std::vector<std::uint32_t>& order) const {
    dimension.group.resize(dimension.means.size());
    std::map<double, std::uint32_t> of_sigma;  // among kernels of the mean at hand
    double mean = std::numeric_limits<double>::quiet_NaN();
    const auto add = [&](std::uint32_t kernel) {
        if (dimension.means[kernel] != mean) of_sigma.clear();
        mean = dimension.means[kernel];
        const auto [found, fresh] = of_sigma.try_emplace(dimension.sigmas[kernel], static_cast<std::uint32_t>(dimension.leaders.size()));
        if (fresh) dimension.leaders.push_back(kernel);
        dimension.group[kernel] = found->second;
    };
    for (const std::uint32_t kernel : order) add(kernel);
    mean = std::numeric_limits<double>::quiet_NaN();
    add(static_cast<std::uint32_t>(dimension.means.size() - 1));
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

void ParzenEstimator::add_continuous(const Dimension& d, double x, std::size_t begin, std::span<double> row) const {
    const double at = d.log ? std::log(x) : x;
    if (!(at >= d.from && at <= d.to)) {
        std::fill(row.begin(), row.end(), minus_infinity);
        return;
    }
    const double* means = d.means.data() + begin;
    const double* inverse = d.inverse_sigmas.data() + begin;
    double* out = row.data();
    for (std::size_t k = 0; k < row.size(); ++k) {
        const double z = (at - means[k]) * inverse[k];
        out[k] -= 0.5 * z * z;
    }
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
    for (std::size_t i = dimension; i < points.size(); i += dimensions_.size()) {
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
    const std::size_t width = dimensions_.size();
    std::vector<Cells> cells;
    for (std::size_t j = 0; j < width; ++j) cells.push_back(cells_of(dimensions_[j], j, points));
    std::vector<LogSum> sums(points.size() / width);
    std::vector<double> row;
    for (std::size_t begin = 0; begin < weights_.size(); begin += block_size) {
        const std::size_t size = std::min(block_size, weights_.size() - begin);
        for (std::size_t i = 0; i < sums.size(); ++i) {
            const auto from = log_constants_.begin() + static_cast<std::ptrdiff_t>(begin);
            row.assign(from, from + static_cast<std::ptrdiff_t>(size));
            for (std::size_t j = 0; j < width; ++j) {
                const Dimension& d = dimensions_[j];
                const double x = points[i * width + j];
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
