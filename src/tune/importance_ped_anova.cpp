#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "tune/importance_data.hpp"
#include "tune/truncnorm.hpp"

namespace sofia::tune {

namespace {

constexpr double cells_max = 50.0;
constexpr std::size_t regime_trials_min = 2;
constexpr double density_min = 1e-12;

/// How many observations lie in each cell of a parameter's grid; `cells` of a category are its choices.
struct Counts {
    std::vector<double> cells;
    bool category = false;
};

std::size_t cells_of(double low, double high, double step, bool log, bool integer) {
    double cells = cells_max;
    if (integer && log) {
        cells = std::min(cells, std::ceil(std::log(high - low + 1.0) / std::log(2.0)) + 1.0);
    } else if (step > 0.0) {
        cells = std::min(cells, std::nearbyint((high - low) / step) + 1.0);
    }
    return static_cast<std::size_t>(cells);
}

/// Values go to the nearest of `cells` points from low to high, ties to the lower one; log parameters in log space.
Counts count_numbers(std::span<const double> values, double low, double high, double step, bool log, bool integer) {
    Counts out;
    out.cells.resize(cells_of(low, high, step, log, integer));
    const double from = log ? std::log(low) : low;
    const double width = ((log ? std::log(high) : high) - from) / static_cast<double>(out.cells.size() - 1);
    for (const double value : values) {
        const double at = std::ceil(((log ? std::log(value) : value) - from) / width - 0.5);
        ++out.cells[static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(out.cells.size() - 1)))];
    }
    return out;
}

Counts count(const Distribution& distribution, std::span<const double> values) {
    if (const auto* f = distribution.as_float()) return count_numbers(values, f->low, f->high, f->step, f->log, false);
    if (const auto* i = distribution.as_int()) {
        return count_numbers(values, static_cast<double>(i->low), static_cast<double>(i->high), static_cast<double>(i->step), i->log, true);
    }
    Counts out;
    out.category = true;
    out.cells.resize(distribution.as_categorical()->choices.size());
    for (const double value : values) ++out.cells[static_cast<std::size_t>(value)];
    return out;
}

/// The standard deviation of the counted cells by Scott's rule (1992), robust through the quartiles, at least so wide that 90 % of a
/// kernel lie within one cell.
double bandwidth(std::span<const double> at, std::span<const double> weights, double total) {
    const auto weighted = [&](auto term) {
        double sum = 0.0;
        for (std::size_t i = 0; i < at.size(); ++i) sum += term(at[i]) * weights[i];
        return sum;
    };
    const double mean = weighted([](double x) { return x; }) / total;
    const double sigma = std::sqrt(weighted([&](double x) { return (x - mean) * (x - mean); }) / std::max(1.0, total - 1.0));
    std::vector<double> cumulated(weights.size());
    std::partial_sum(weights.begin(), weights.end(), cumulated.begin());
    const auto first = std::ranges::lower_bound(cumulated, std::floor(total / 4.0)) - cumulated.begin();
    const auto third = std::ranges::upper_bound(cumulated, std::floor(total * 3.0 / 4.0)) - cumulated.begin();
    const double quartiles = at[std::min(at.size() - 1, static_cast<std::size_t>(third))] - at[static_cast<std::size_t>(first)];
    return std::max(1.059 * std::min(quartiles / 1.34, sigma) * std::pow(total, -0.2), 0.5 / 1.64);
}

/// One kernel a counted cell, weighted by its count, and a prior of weight 1 over all of them.
std::vector<double> density(const Counts& counts) {
    std::vector<double> at;
    std::vector<double> weights;
    for (std::size_t i = 0; i < counts.cells.size(); ++i) {
        if (counts.cells[i] == 0.0) continue;
        at.push_back(static_cast<double>(i));
        weights.push_back(counts.cells[i]);
    }
    const auto size = static_cast<double>(counts.cells.size());
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<double> out(counts.cells.size(), density_min);
    if (counts.category) {
        const auto kernels = static_cast<double>(at.size() + 1);
        const double rest = 1.0 / kernels / (1.0 + size / kernels);
        for (std::size_t c = 0; c < out.size(); ++c) {
            const double own = counts.cells[c] / (1.0 + size / kernels);
            out[c] += (own + rest * total + 1.0 / size) / (total + 1.0);
        }
        return out;
    }
    const double narrow = bandwidth(at, weights, total);
    const auto add = [&](double mean, double sigma, double weight) {
        const double whole = log_gauss_mass((-0.5 - mean) / sigma, (size - 0.5 - mean) / sigma);
        for (std::size_t c = 0; c < out.size(); ++c) {
            const double left = static_cast<double>(c) - 0.5;
            out[c] += weight / (total + 1.0) * std::exp(log_gauss_mass((left - mean) / sigma, (left + 1.0 - mean) / sigma) - whole);
        }
    };
    for (std::size_t i = 0; i < at.size(); ++i) add(at[i], narrow, weights[i]);
    add((size - 1.0) / 2.0, size, 1.0);
    return out;
}

double divergence(const Distribution& distribution, std::span<const double> best, std::span<const double> region, PedAnovaOptions::Against against) {
    const std::vector<double> top = density(count(distribution, best));
    std::vector<double> base(top.size(), 1.0 / static_cast<double>(top.size()));
    if (against == PedAnovaOptions::Against::trials) base = density(count(distribution, region));
    double sum = 0.0;
    for (std::size_t i = 0; i < top.size(); ++i) sum += base[i] * (top[i] / base[i] - 1.0) * (top[i] / base[i] - 1.0);
    return sum;
}

/// Indices of the trials whose loss is at most the quantile (the inverted distribution function): ties are all kept.
std::vector<std::size_t> best_of(std::span<const double> losses, double quantile) {
    std::vector<double> sorted(losses.begin(), losses.end());
    const auto at = std::ceil(quantile * static_cast<double>(losses.size())) - 1.0;
    const auto cut = sorted.begin() + static_cast<std::ptrdiff_t>(std::max(0.0, at));
    std::ranges::nth_element(sorted, cut);
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < losses.size(); ++i) {
        if (quantile >= 1.0 || losses[i] <= *cut) out.push_back(i);
    }
    return out;
}

/// The trials of the region in which a parameter had one distribution, or in which it was not there.
struct Regime {
    const Distribution* distribution = nullptr;
    std::size_t trials = 0;
    std::vector<double> region;
    std::vector<double> best;
    std::size_t best_trials = 0;
};

std::vector<Regime> regimes_of(const std::string& name, const ImportanceTrials& data, std::span<const std::size_t> region,
                               const std::set<std::size_t>& best) {
    std::vector<Regime> out;
    for (const std::size_t i : region) {
        const Param* param = data.finite[i]->param(name);
        const Distribution* distribution = param == nullptr ? nullptr : param->distribution.get();
        auto regime = std::ranges::find_if(out, [&](const Regime& one) {
            if (one.distribution == distribution) return true;
            return one.distribution != nullptr && distribution != nullptr && *one.distribution == *distribution;
        });
        if (regime == out.end()) regime = out.insert(out.end(), Regime{distribution, 0, {}, {}, 0});
        const bool is_best = best.contains(i);
        ++regime->trials;
        if (is_best) ++regime->best_trials;
        if (param == nullptr) continue;
        regime->region.push_back(param->internal);
        if (is_best) regime->best.push_back(param->internal);
    }
    return out;
}

double importance_of(std::span<const Regime> regimes, std::size_t best, std::size_t region, PedAnovaOptions::Against against) {
    double sum = 0.0;
    for (const Regime& regime : regimes) {
        if (regime.trials < regime_trials_min || regime.distribution == nullptr || regime.distribution->single() || regime.best.empty()) continue;
        const double of_best = static_cast<double>(regime.best_trials) / static_cast<double>(best);
        const double of_region = static_cast<double>(regime.trials) / static_cast<double>(region);
        sum += of_best * of_best / of_region * divergence(*regime.distribution, regime.best, regime.region, against);
    }
    return sum;
}

}  // namespace

Result<std::vector<Importance>> ped_anova(std::span<const TrialPtr> trials, const std::vector<Direction>& directions,
                                          const ImportanceOptions& options, const PedAnovaOptions& method) {
    SOFIA_CHECK(method.validate());
    SOFIA_TRY(const ImportanceTrials data, importance_trials(trials, directions, options));
    std::set<std::string> names(options.params.begin(), options.params.end());
    if (names.empty()) {
        for (const TrialPtr& trial : data.complete) {
            for (const Param& param : trial->params) names.insert(param.name);
        }
    }
    std::vector<Importance> out;
    if (data.finite.size() < 2) {
        for (const std::string& name : names) out.push_back({name, 0.0});
        return out;
    }
    const std::vector<std::size_t> best = best_of(data.losses, method.target_quantile);
    const std::vector<std::size_t> region = best_of(data.losses, method.region_quantile);
    const std::set<std::size_t> chosen(best.begin(), best.end());
    const double quantile = static_cast<double>(best.size()) / static_cast<double>(region.size());
    for (const std::string& name : names) {
        const std::vector<Regime> regimes = regimes_of(name, data, region, chosen);
        out.push_back({name, quantile * quantile * importance_of(regimes, best.size(), region.size(), method.against)});
    }
    return largest_first(std::move(out));
}

}  // namespace sofia::tune
