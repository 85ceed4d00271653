#include "models/metrics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "math/statistics.hpp"

namespace sofia::models {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool has_nan(std::span<const double> values) {
    return std::ranges::any_of(values, [](double v) { return std::isnan(v); });
}

bool undefined(std::span<const double> a, std::span<const double> b) {
    assert(a.size() == b.size());
    return a.empty() || has_nan(a) || has_nan(b);
}

/// Hits and rows of each class at a threshold.
struct Confusion {
    double positives = 0.0, negatives = 0.0, true_positives = 0.0, true_negatives = 0.0;
};

Confusion confusion(std::span<const double> probabilities, std::span<const double> labels, double threshold) {
    Confusion c;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const bool positive = labels[i] > 0.5;
        const bool called = probabilities[i] >= threshold;
        (positive ? c.positives : c.negatives) += 1.0;
        if (positive && called) c.true_positives += 1.0;
        if (!positive && !called) c.true_negatives += 1.0;
    }
    return c;
}

}  // namespace

double log_loss(std::span<const double> probabilities, std::span<const double> labels) {
    if (undefined(probabilities, labels)) return nan;
    constexpr double edge = 1e-15;
    double sum = 0.0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const double p = std::clamp(probabilities[i], edge, 1.0 - edge);
        sum -= labels[i] * std::log(p) + (1.0 - labels[i]) * std::log1p(-p);
    }
    return sum / static_cast<double>(labels.size());
}

double brier_score(std::span<const double> probabilities, std::span<const double> labels) {
    if (undefined(probabilities, labels)) return nan;
    double sum = 0.0;
    for (std::size_t i = 0; i < labels.size(); ++i) sum += (probabilities[i] - labels[i]) * (probabilities[i] - labels[i]);
    return sum / static_cast<double>(labels.size());
}

double auc(std::span<const double> scores, std::span<const double> labels) {
    if (undefined(scores, labels)) return nan;
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
    double positives = 0.0;
    double rank_sum = 0.0;  // of the positives; equal scores share their mean rank
    for (std::size_t i = 0; i < order.size();) {
        std::size_t end = i;
        double here = 0.0;
        while (end < order.size() && scores[order[end]] == scores[order[i]]) here += labels[order[end++]] > 0.5 ? 1.0 : 0.0;
        rank_sum += here * (static_cast<double>(i + end) + 1.0) / 2.0;
        positives += here;
        i = end;
    }
    const double negatives = static_cast<double>(labels.size()) - positives;
    if (positives == 0.0 || negatives == 0.0) return nan;
    return (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives);
}

double accuracy(std::span<const double> probabilities, std::span<const double> labels, double threshold) {
    if (undefined(probabilities, labels)) return nan;
    const Confusion c = confusion(probabilities, labels, threshold);
    return (c.true_positives + c.true_negatives) / static_cast<double>(labels.size());
}

double balanced_accuracy(std::span<const double> probabilities, std::span<const double> labels, double threshold) {
    if (undefined(probabilities, labels)) return nan;
    const Confusion c = confusion(probabilities, labels, threshold);
    if (c.positives == 0.0 || c.negatives == 0.0) return nan;
    return (c.true_positives / c.positives + c.true_negatives / c.negatives) / 2.0;
}

std::vector<ReliabilityBin> reliability(std::span<const double> probabilities, std::span<const double> labels, std::size_t bins) {
    assert(bins >= 1 && probabilities.size() == labels.size());
    const auto count = static_cast<double>(bins);
    std::vector<ReliabilityBin> out(bins);
    for (std::size_t b = 0; b < bins; ++b) {
        out[b].low = static_cast<double>(b) / count;
        out[b].high = static_cast<double>(b + 1) / count;
    }
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (std::isnan(probabilities[i]) || std::isnan(labels[i])) continue;
        const double place = std::clamp(probabilities[i], 0.0, 1.0) * count;
        ReliabilityBin& bin = out[std::min(static_cast<std::size_t>(place), bins - 1)];
        ++bin.count;
        bin.predicted += probabilities[i];
        bin.observed += labels[i];
    }
    for (ReliabilityBin& bin : out) {
        bin.predicted = bin.count > 0 ? bin.predicted / static_cast<double>(bin.count) : nan;
        bin.observed = bin.count > 0 ? bin.observed / static_cast<double>(bin.count) : nan;
    }
    return out;
}

double calibration_error(std::span<const double> probabilities, std::span<const double> labels, std::size_t bins) {
    if (undefined(probabilities, labels)) return nan;
    double sum = 0.0;
    for (const ReliabilityBin& bin : reliability(probabilities, labels, bins)) {
        if (bin.count > 0) sum += static_cast<double>(bin.count) * std::abs(bin.observed - bin.predicted);
    }
    return sum / static_cast<double>(labels.size());
}

double calibration_error_by_chance(std::span<const double> probabilities, double quantile, RandomStream random, std::size_t replications,
                                   std::size_t bins) {
    if (probabilities.empty() || has_nan(probabilities)) return nan;
    std::vector<double> labels(probabilities.size());
    std::vector<double> errors;
    for (std::size_t i = 0; i < replications; ++i) {
        for (std::size_t row = 0; row < labels.size(); ++row) labels[row] = random.uniform() < probabilities[row] ? 1.0 : 0.0;
        errors.push_back(calibration_error(probabilities, labels, bins));
    }
    return math::quantile(errors, quantile);
}

}  // namespace sofia::models
