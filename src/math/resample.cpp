#include "math/resample.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "math/statistics.hpp"

namespace sofia::math {

namespace {

constexpr std::size_t fewest = 10;  // values that an interval or a block length can be made of

std::size_t rounded_up_root(double x) { return static_cast<std::size_t>(std::ceil(std::sqrt(x))); }

/// The lag from which `run` correlations in a row are small, looked for up to `last`; 0 when there is none.
std::size_t first_quiet_lag(std::span<const double> covariance, double limit, std::size_t run, std::size_t last) {
    std::size_t quiet = 0;
    for (std::size_t lag = 1; lag < last; ++lag) {
        quiet = std::fabs(covariance[lag]) < limit * covariance[0] ? quiet + 1 : 0;
        if (quiet == run) return lag + 1 - run;
    }
    return 0;
}

std::vector<double> autocovariance(std::span<const double> values, std::size_t last) {
    const double center = mean(values);
    std::vector<double> shifted;
    for (const double value : values) shifted.push_back(value - center);
    std::vector<double> out(last + 1, 0.0);
    for (std::size_t lag = 0; lag <= last && lag < shifted.size(); ++lag) {
        for (std::size_t i = lag; i < shifted.size(); ++i) out[lag] += shifted[i] * shifted[i - lag];
        out[lag] /= static_cast<double>(shifted.size());
    }
    return out;
}

}  // namespace

Resampler stationary_blocks(double mean_length, const RandomStream& random) {
    const double stay = mean_length > 1.0 ? 1.0 - 1.0 / mean_length : 0.0;
    return [stay, random](std::size_t replication, std::span<std::uint32_t> indices) {
        RandomStream draw = random.split(replication);
        const std::size_t count = indices.size();
        std::uint64_t at = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0 && draw.uniform() < stay) {
                at = at + 1 < count ? at + 1 : 0;
            } else {
                at = draw.below(count);
            }
            indices[i] = static_cast<std::uint32_t>(at);
        }
    };
}

Resampler circular_blocks(std::size_t length, const RandomStream& random) {
    assert(length >= 1);
    return [length, random](std::size_t replication, std::span<std::uint32_t> indices) {
        RandomStream draw = random.split(replication);
        const std::size_t count = indices.size();
        for (std::size_t i = 0; i < count;) {
            std::uint64_t at = draw.below(count);
            for (const std::size_t end = std::min(i + length, count); i < end; ++i) {
                indices[i] = static_cast<std::uint32_t>(at);
                at = at + 1 < count ? at + 1 : 0;
            }
        }
    };
}

BlockLength optimal_block_length(std::span<const double> values) {
    const auto n = static_cast<double>(values.size());
    if (values.size() < fewest || !(variance(values) > 0.0)) return {};
    const std::size_t run = std::max<std::size_t>(5, rounded_up_root(std::log10(n)));
    const std::size_t last = rounded_up_root(n) + run;
    const std::vector<double> covariance = autocovariance(values, last);
    const std::size_t quiet = first_quiet_lag(covariance, 2.0 * std::sqrt(std::log10(n) / n), run, last);
    const std::size_t reach = quiet == 0 ? last : std::min(2 * quiet, last);
    double moment = 0.0;             // sum of |k| R(k) under the window
    double density = covariance[0];  // the spectral density at 0
    for (std::size_t lag = 1; lag <= reach; ++lag) {
        const double weight = 2 * lag <= reach ? 1.0 : 2.0 * (1.0 - static_cast<double>(lag) / static_cast<double>(reach));
        moment += 2.0 * weight * static_cast<double>(lag) * covariance[lag];
        density += 2.0 * weight * covariance[lag];
    }
    const double most = std::ceil(std::min(3.0 * std::sqrt(n), n / 3.0));
    const auto length = [&](double factor) {
        const double block = std::cbrt(2.0 * moment * moment / (factor * density * density) * n);
        return std::clamp(block, 1.0, most);
    };
    return {.stationary = length(2.0), .circular = length(4.0 / 3.0)};
}

std::size_t whole_block_length(std::span<const double> values) {
    const auto most = std::max<std::size_t>(1, values.size() / 10);
    return std::min(most, static_cast<std::size_t>(std::ceil(optimal_block_length(values).circular)));
}

namespace {

struct MeanAndError {
    double mean;
    double error;
};

/// Of block means: divisor n - 1 against the few blocks of a short series.
MeanAndError of_blocks(std::span<const double> means, double blocks) {
    double total = 0.0;
    for (const double x : means) total += x;
    const double center = total / static_cast<double>(means.size());
    double squares = 0.0;
    for (const double x : means) squares += (x - center) * (x - center);
    return {center, std::sqrt(squares / static_cast<double>(means.size()) / (blocks - 1.0))};
}

/// The mean of the `length` values that follow each place of the circle.
std::vector<double> circular_means(std::span<const double> values, std::size_t length) {
    std::vector<double> means;
    for (std::size_t start = 0; start < values.size(); ++start) {
        double total = 0.0;
        for (std::size_t i = 0; i < length; ++i) total += values[(start + i) % values.size()];
        means.push_back(total / static_cast<double>(length));
    }
    return means;
}

}  // namespace

MeanInterval mean_interval(std::span<const double> values, const IntervalOptions& options, const RandomStream& random, ThreadPool& pool) {
    assert(options.confidence > 0.0 && options.confidence < 1.0 && options.replications >= 1);
    MeanInterval out;
    const double center = mean(values);
    if (values.size() < fewest || std::isnan(center)) return out;
    out.block_length = std::min(options.block_length == 0 ? whole_block_length(values) : options.block_length, values.size() / 2);
    const std::size_t blocks = (values.size() + out.block_length - 1) / out.block_length;
    const std::vector<double> means = circular_means(values, out.block_length);
    out.mean = center;
    out.standard_error = of_blocks(means, static_cast<double>(blocks)).error;
    // Below this a spread is rounding.
    const double negligible = 1e-12 * std::max(out.standard_error, std::fabs(center));
    std::vector<double> t(options.replications);
    pool.for_each(options.replications, [&](std::size_t i) {
        RandomStream draw = random.split(i);
        std::vector<double> drawn(blocks);
        for (double& block : drawn) block = means[draw.below(means.size())];
        const MeanAndError found = of_blocks(drawn, static_cast<double>(blocks));
        const double off = found.mean - center;
        if (found.error > negligible) {
            t[i] = off / found.error;
        } else {
            t[i] = std::fabs(off) <= negligible ? 0.0 : std::copysign(std::numeric_limits<double>::infinity(), off);
        }
    });
    std::ranges::sort(t);
    const double tail = (1.0 - options.confidence) / 2.0 * static_cast<double>(options.replications + 1);
    const auto rank = static_cast<std::size_t>(std::max(1.0, std::floor(tail + 1e-9)));
    if (!(out.standard_error > negligible)) {
        out.lower = out.upper = center;
        return out;
    }
    out.lower = center - t[t.size() - rank] * out.standard_error;
    out.upper = center - t[rank - 1] * out.standard_error;
    return out;
}

}  // namespace sofia::math
