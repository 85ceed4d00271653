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

/// log(sum of exp). Terms that cannot change the last bit are not exponentiated: among thousands of kernels most are far away.
double log_sum_exp(std::span<const double> terms) {
    const double top = *std::max_element(terms.begin(), terms.end());
    if (std::isinf(top)) return top;
    double sum = 0.0;
    for (const double t : terms) {
        if (t > top - 46.0) sum += std::exp(t - top);
    }
    return top + std::log(sum);
}

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

ParzenEstimator::ParzenEstimator(const std::vector<ParzenColumn>& columns) {
    assert(!columns.empty());
    const std::size_t n = columns.front().values.size();
    weights_ = kernel_weights(n);
    log_constants_.resize(n + 1);
    for (std::size_t k = 0; k <= n; ++k) log_constants_[k] = std::log(weights_[k]);
    for (const ParzenColumn& column : columns) {
        assert(column.values.size() == n);
        Dimension dimension = shape_of(*column.distribution);
        if (dimension.choices > 0) {
            for (const double value : column.values) dimension.observed.push_back(static_cast<std::uint32_t>(value));
        } else {
            add_numeric(dimension, column);
        }
        dimensions_.push_back(std::move(dimension));
    }
}

void ParzenEstimator::add_numeric(Dimension& dimension, const ParzenColumn& column) {
    dimension.means = column.values;
    if (dimension.log) {
        for (double& mean : dimension.means) mean = std::log(mean);
    }
    const std::vector<std::uint32_t> sorted = column.order.empty() ? ascending(column.values) : std::vector<std::uint32_t>();
    const std::vector<std::uint32_t>& order = column.order.empty() ? sorted : column.order;
    set_sigmas(dimension, order, column.values.size());
    dimension.means.push_back(0.5 * (dimension.from + dimension.to));
    dimension.sigmas.push_back(dimension.to - dimension.from);
    if (dimension.step == 0.0) {
        scale_continuous(dimension, column);
    } else {
        group_equal(dimension, order);
    }
}

void ParzenEstimator::set_sigmas(Dimension& dimension, const std::vector<std::uint32_t>& order, std::size_t n) const {
    const double range = dimension.to - dimension.from;
    const double smallest = range / std::min(100.0, static_cast<double>(n) + 2.0);
    const std::vector<double>& means = dimension.means;
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

void ParzenEstimator::scale_continuous(Dimension& dimension, const ParzenColumn& column) {
    const double constant = -0.5 * std::log(2.0 * std::numbers::pi);
    dimension.inverse_sigmas.resize(dimension.sigmas.size());
    for (std::size_t k = 0; k < dimension.sigmas.size(); ++k) {
        const double sigma = dimension.sigmas[k];
        const double inverse = 1.0 / sigma;
        dimension.inverse_sigmas[k] = inverse;
        ScaleMemo* memo = k < column.memos.size() ? column.memos[k] : nullptr;
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
        const auto kernel = std::min(static_cast<std::size_t>(std::upper_bound(cumulative.begin(), cumulative.end(), u) - cumulative.begin()),
                                     weights_.size() - 1);
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

void ParzenEstimator::add_continuous(const Dimension& d, std::span<const double> x, std::vector<double>& sums) const {
    const std::size_t kernels = weights_.size();
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double at = d.log ? std::log(x[i]) : x[i];
        double* row = sums.data() + i * kernels;
        if (!(at >= d.from && at <= d.to)) {
            std::fill(row, row + kernels, minus_infinity);
            continue;
        }
        const double* means = d.means.data();
        const double* inverse = d.inverse_sigmas.data();
        for (std::size_t k = 0; k < kernels; ++k) {
            const double z = (at - means[k]) * inverse[k];
            row[k] -= 0.5 * z * z;
        }
    }
}

void ParzenEstimator::add_grid(const Dimension& d, std::span<const double> x, std::vector<double>& sums) const {
    const std::size_t kernels = weights_.size();
    std::vector<double> whole(d.leaders.size());
    for (std::size_t g = 0; g < d.leaders.size(); ++g) {
        const double mean = d.means[d.leaders[g]];
        const double sigma = d.sigmas[d.leaders[g]];
        whole[g] = log_gauss_mass((d.from - mean) / sigma, (d.to - mean) / sigma);
    }
    std::map<double, std::vector<double>> cells;  // candidates often share a value
    for (std::size_t i = 0; i < x.size(); ++i) {
        auto [found, fresh] = cells.try_emplace(x[i]);
        std::vector<double>& mass = found->second;
        if (fresh) {
            const double left = d.log ? std::log(x[i] - d.step / 2) : x[i] - d.step / 2;
            const double right = d.log ? std::log(x[i] + d.step / 2) : x[i] + d.step / 2;
            for (std::size_t g = 0; g < d.leaders.size(); ++g) {
                const double mean = d.means[d.leaders[g]];
                const double sigma = d.sigmas[d.leaders[g]];
                mass.push_back(log_gauss_mass((left - mean) / sigma, (right - mean) / sigma) - whole[g]);
            }
        }
        double* row = sums.data() + i * kernels;
        for (std::size_t k = 0; k < kernels; ++k) row[k] += mass[d.group[k]];
    }
}

void ParzenEstimator::add_categories(const Dimension& d, std::span<const double> x, std::vector<double>& sums) const {
    const std::size_t kernels = weights_.size();
    const double n = static_cast<double>(kernels);
    const double total = 1.0 + static_cast<double>(d.choices) / n;
    const double observed = std::log((1.0 + 1.0 / n) / total);
    const double other = std::log(1.0 / n / total);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto category = static_cast<std::uint32_t>(x[i]);
        double* row = sums.data() + i * kernels;
        for (std::size_t k = 0; k + 1 < kernels; ++k) row[k] += d.observed[k] == category ? observed : other;
        row[kernels - 1] -= std::log(static_cast<double>(d.choices));
    }
}

std::vector<double> ParzenEstimator::log_pdf(std::span<const double> points) const {
    const std::size_t kernels = weights_.size();
    const std::size_t width = dimensions_.size();
    const std::size_t count = points.size() / width;
    std::vector<double> sums;
    sums.reserve(count * kernels);
    for (std::size_t i = 0; i < count; ++i) sums.insert(sums.end(), log_constants_.begin(), log_constants_.end());
    std::vector<double> x(count);
    for (std::size_t j = 0; j < width; ++j) {
        for (std::size_t i = 0; i < count; ++i) x[i] = points[i * width + j];
        const Dimension& d = dimensions_[j];
        if (d.choices > 0) {
            add_categories(d, x, sums);
        } else if (d.step != 0.0) {
            add_grid(d, x, sums);
        } else {
            add_continuous(d, x, sums);
        }
    }
    std::vector<double> out(count);
    for (std::size_t i = 0; i < count; ++i) out[i] = log_sum_exp(std::span(sums).subspan(i * kernels, kernels));
    return out;
}

}  // namespace sofia::tune
