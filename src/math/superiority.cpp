#include "math/superiority.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "math/statistics.hpp"

namespace sofia::math {

namespace {

constexpr std::size_t fewest_periods = 10;

/// Variance of sqrt(T) times the mean under the stationary bootstrap with this mean block length.
double variance_of_mean(std::span<const double> values, double block_length) {
    const std::size_t periods = values.size();
    const auto n = static_cast<double>(periods);
    const double center = mean(values);
    const double stay = block_length > 1.0 ? 1.0 - 1.0 / block_length : 0.0;
    std::vector<double> shifted;
    for (const double value : values) shifted.push_back(value - center);
    double total = variance(values, Divisor::n);
    if (!(total > 0.0)) return 0.0;
    for (std::size_t lag = 1; lag < periods; ++lag) {
        const auto k = static_cast<double>(lag);
        // What stays together over this distance, the long way round the circle included.
        const double weight = (1.0 - k / n) * std::pow(stay, k) + k / n * std::pow(stay, n - k);
        if (weight < 1e-18) continue;
        double products = 0.0;
        for (std::size_t i = lag; i < periods; ++i) products += shifted[i] * shifted[i - lag];
        total += 2.0 * weight * products / n;
    }
    return total;
}

/// The candidates that have a statistic, and their resampled means.
struct Table {
    std::size_t periods = 0;
    std::vector<std::size_t> who;
    std::vector<double> means;       ///< by column
    std::vector<double> deviations;  ///< of sqrt(T) mean
    std::vector<double> rows;        ///< period by period
    std::vector<double> noise;       ///< replication by replication: resampled mean less mean
};

Table table_of(std::span<const std::vector<double>> candidates, double block_length) {
    Table table;
    table.periods = candidates.front().size();
    for (std::size_t c = 0; c < candidates.size(); ++c) {
        assert(candidates[c].size() == table.periods);
        const double spread = variance_of_mean(candidates[c], block_length);
        if (!(spread > 0.0)) continue;
        table.who.push_back(c);
        table.means.push_back(mean(candidates[c]));
        table.deviations.push_back(std::sqrt(spread));
    }
    for (std::size_t t = 0; t < table.periods; ++t) {
        for (const std::size_t c : table.who) table.rows.push_back(candidates[c][t]);
    }
    return table;
}

void draw_noise(Table& table, std::size_t replications, const Resampler& resampler, ThreadPool& pool) {
    const std::size_t width = table.who.size();
    table.noise.assign(replications * width, 0.0);
    pool.for_each(replications, [&](std::size_t i) {
        std::vector<std::uint32_t> indices(table.periods);
        resampler(i, indices);
        double* const sums = table.noise.data() + i * width;
        for (const std::uint32_t t : indices) {
            const double* const row = table.rows.data() + t * width;
            for (std::size_t c = 0; c < width; ++c) sums[c] += row[c];
        }
        for (std::size_t c = 0; c < width; ++c) sums[c] = sums[c] / static_cast<double>(table.periods) - table.means[c];
    });
}

/// What the null takes off a column's resampled mean less its own: 0 where it is centred at its mean.
std::vector<double> kept_means(const Table& table, Recentring recentring) {
    const auto n = static_cast<double>(table.periods);
    std::vector<double> kept;
    for (std::size_t c = 0; c < table.who.size(); ++c) {
        const double m = table.means[c];
        const double hopeless = recentring == Recentring::lower ? 0.0 : -table.deviations[c] * std::sqrt(2.0 * std::log(std::log(n)) / n);
        kept.push_back(recentring != Recentring::upper && m < hopeless ? m : 0.0);
    }
    return kept;
}

double share(std::size_t extreme, std::size_t replications) { return static_cast<double>(extreme + 1) / static_cast<double>(replications + 1); }

/// For each column in order of its statistic, largest first: how often the largest of it and those behind it is at least its statistic.
std::vector<std::size_t> exceedances(const Table& table, std::span<const double> scales, std::span<const double> kept,
                                     std::span<const std::size_t> order) {
    const std::size_t width = table.who.size();
    std::vector<std::size_t> counts(width, 0);
    for (std::size_t first = 0; first < table.noise.size(); first += width) {
        double largest = -std::numeric_limits<double>::infinity();
        for (std::size_t s = width; s-- > 0;) {
            const std::size_t c = order[s];
            largest = std::max(largest, (table.noise[first + c] + kept[c]) / scales[c]);
            if (largest >= table.means[c] / scales[c]) ++counts[s];
        }
    }
    return counts;
}

}  // namespace

Superiority superiority_of(std::span<const std::vector<double>> candidates, const SuperiorityOptions& options, const Resampler& resampler,
                           ThreadPool& pool) {
    assert(options.replications >= 1 && options.block_length > 0.0);
    Superiority out;
    out.block_length = options.block_length;
    out.statistics.assign(candidates.size(), std::numeric_limits<double>::quiet_NaN());
    out.adjusted = out.statistics;
    const auto has_nan = [](const std::vector<double>& x) { return std::ranges::any_of(x, [](double v) { return std::isnan(v); }); };
    if (candidates.empty() || candidates.front().size() < fewest_periods || std::ranges::any_of(candidates, has_nan)) return out;
    out.adjusted.assign(candidates.size(), 1.0);
    Table table = table_of(candidates, options.block_length);
    const std::size_t width = table.who.size();
    if (width == 0) return out;
    draw_noise(table, options.replications, resampler, pool);

    const std::vector<double> scales = options.scale == Scale::none ? std::vector<double>(width, 1.0) : table.deviations;
    std::vector<double> statistics;
    for (std::size_t c = 0; c < width; ++c) {
        statistics.push_back(std::sqrt(static_cast<double>(table.periods)) * table.means[c] / scales[c]);
        out.statistics[table.who[c]] = statistics[c];
    }
    std::vector<std::size_t> order(width);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return statistics[a] > statistics[b]; });
    out.best = table.who[order.front()];
    const auto counts = [&](Recentring recentring) { return exceedances(table, scales, kept_means(table, recentring), order); };
    out.p_lower = share(counts(Recentring::lower).front(), options.replications);
    out.p_consistent = share(counts(Recentring::consistent).front(), options.replications);
    out.p_upper = share(counts(Recentring::upper).front(), options.replications);
    double before = 0.0;
    const std::vector<std::size_t> steps = counts(options.stepwise);
    for (std::size_t s = 0; s < width; ++s) {
        before = std::max(before, share(steps[s], options.replications));
        out.adjusted[table.who[order[s]]] = before;
    }
    return out;
}

Superiority superiority_of(std::span<const std::vector<double>> candidates, const SuperiorityOptions& options, const RandomStream& random,
                           ThreadPool& pool) {
    SuperiorityOptions chosen = options;
    if (chosen.block_length <= 0.0) {
        std::vector<double> lengths;
        for (const std::vector<double>& series : candidates) lengths.push_back(optimal_block_length(series).stationary);
        chosen.block_length = lengths.empty() ? 1.0 : median(lengths);
    }
    return superiority_of(candidates, chosen, stationary_blocks(chosen.block_length, random), pool);
}

}  // namespace sofia::math
