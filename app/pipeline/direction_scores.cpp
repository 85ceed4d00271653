#include "app/pipeline/direction_scores.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numeric>

#include <nlohmann/json.hpp>

#include "math/resample.hpp"
#include "math/statistics.hpp"
#include "models/metrics.hpp"

namespace sofia::pipeline {
namespace {

constexpr std::size_t bins = 10;

std::vector<double> squares(std::span<const double> probabilities, std::span<const double> labels) {
    std::vector<double> out(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) out[i] = (probabilities[i] - labels[i]) * (probabilities[i] - labels[i]);
    return out;
}

std::vector<double> differences(std::span<const double> a, std::span<const double> b) {
    std::vector<double> out(a.size());
    std::ranges::transform(a, b, out.begin(), std::minus());
    return out;
}

std::size_t block_of(std::span<const double> series, const ScoreOptions& options) {
    const std::size_t most = std::max<std::size_t>(series.size() / 10, 1);
    return std::min(std::max(options.least_block, math::whole_block_length(series)), most);
}

Estimate mean_of(std::span<const double> series, std::size_t block, const ScoreOptions& options, const RandomStream& random, ThreadPool& pool) {
    const math::MeanInterval interval =
        math::mean_interval(series, {.confidence = options.confidence, .replications = options.replications, .block_length = block}, random, pool);
    return {math::mean(series), interval.lower, interval.upper};
}

/// What is no mean, from how often each row was drawn.
struct Ranked {
    double balanced_accuracy = math::missing;
    double ece = math::missing;
    double auc = math::missing;
};

/// Rows in ascending order of their probabilities, so that a resample needs no sorting.
class RankedRows {
public:
    RankedRows(std::span<const double> probabilities, std::span<const double> labels) : probabilities_(probabilities), labels_(labels) {
        order_.resize(labels.size());
        std::iota(order_.begin(), order_.end(), std::uint32_t{0});
        std::ranges::stable_sort(order_, {}, [&](std::uint32_t i) { return probabilities_[i]; });
    }

    /// `counts`: how often each row was drawn.
    [[nodiscard]] Ranked of(std::span<const std::uint32_t> counts) const {
        double positives = 0.0;
        double negatives = 0.0;
        double right_positives = 0.0;
        double right_negatives = 0.0;
        double above = 0.0;  // pairs in which the positive is ranked higher
        double tied_positives = 0.0;
        double tied_negatives = 0.0;
        std::array<double, bins> gap{};  // predicted less observed, of each bin
        double last = -1.0;
        const auto close_tie = [&] {
            above += tied_positives * (negatives + 0.5 * tied_negatives);
            positives += tied_positives;
            negatives += tied_negatives;
            tied_positives = tied_negatives = 0.0;
        };
        for (const std::uint32_t i : order_) {
            const double count = counts[i];
            if (count == 0.0) continue;
            const double p = probabilities_[i];
            if (p != last) close_tie();
            last = p;
            const bool up = labels_[i] > 0.5;
            (up ? tied_positives : tied_negatives) += count;
            if (up && p >= 0.5) right_positives += count;
            if (!up && p < 0.5) right_negatives += count;
            gap[std::min(static_cast<std::size_t>(p * bins), bins - 1)] += count * (p - labels_[i]);
        }
        close_tie();
        Ranked out;
        out.ece = std::accumulate(gap.begin(), gap.end(), 0.0, [](double sum, double one) { return sum + std::abs(one); }) / (positives + negatives);
        if (positives > 0.0 && negatives > 0.0) {
            out.auc = above / (positives * negatives);
            out.balanced_accuracy = 0.5 * (right_positives / positives + right_negatives / negatives);
        }
        return out;
    }

private:
    std::span<const double> probabilities_;
    std::span<const double> labels_;
    std::vector<std::uint32_t> order_;
};

/// Percentiles of what resamples give; none where a resample lacks a class.
Estimate percentiles(double value, std::vector<double> resampled, double confidence) {
    if (std::ranges::any_of(resampled, [](double one) { return std::isnan(one); })) return {.value = value};
    std::ranges::sort(resampled);
    const double tail = 0.5 * (1.0 - confidence);
    return {value, math::quantile_sorted(resampled, tail), math::quantile_sorted(resampled, 1.0 - tail)};
}

double share_of_ups(const DirectionSample& train, std::size_t column, bool risen) {
    double rows = 0.0;
    double ups = 0.0;
    for (std::size_t i = 0; i < train.rows(); ++i) {
        if ((train.features[i * train.width + column] > 0.0) != risen) continue;
        rows += 1.0;
        ups += train.y[i];
    }
    return rows > 0.0 ? ups / rows : 0.5;
}

Json estimate_json(const Estimate& estimate) {
    return {{"value", json_number(estimate.value)}, {"lower", json_number(estimate.lower)}, {"upper", json_number(estimate.upper)}};
}

}  // namespace

std::vector<double> hits(std::span<const double> probabilities, std::span<const double> labels) {
    std::vector<double> out(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) out[i] = (probabilities[i] >= 0.5) == (labels[i] > 0.5) ? 1.0 : 0.0;
    return out;
}

std::vector<double> log_losses(std::span<const double> probabilities, std::span<const double> labels) {
    std::vector<double> out(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) out[i] = models::log_loss(probabilities.subspan(i, 1), labels.subspan(i, 1));
    return out;
}

Estimate mean_estimate(std::span<const double> series, const ScoreOptions& options, const RandomStream& random, ThreadPool& pool) {
    return mean_of(series, block_of(series, options), options, random, pool);
}

ProbabilityScores score_probabilities(std::span<const double> probabilities, std::span<const double> labels, const ScoreOptions& options,
                                      const RandomStream& random, ThreadPool& pool) {
    assert(probabilities.size() == labels.size());
    ProbabilityScores out{.rows = labels.size()};
    out.ups = static_cast<std::size_t>(std::llround(std::accumulate(labels.begin(), labels.end(), 0.0)));
    const std::vector<double> losses = log_losses(probabilities, labels);
    out.block_length = block_of(losses, options);
    out.accuracy = mean_of(hits(probabilities, labels), out.block_length, options, random.split("accuracy"), pool);
    out.log_loss = mean_of(losses, out.block_length, options, random.split("log loss"), pool);
    out.brier = mean_of(squares(probabilities, labels), out.block_length, options, random.split("brier"), pool);
    const math::Resampler draw = math::circular_blocks(out.block_length, random.split("ranked"));
    const RankedRows rows(probabilities, labels);
    std::vector<Ranked> resampled(options.replications);
    pool.for_each(options.replications, [&](std::size_t replication) {
        std::vector<std::uint32_t> indices(labels.size());
        draw(replication, indices);
        std::vector<std::uint32_t> counts(labels.size(), 0);
        for (const std::uint32_t index : indices) ++counts[index];
        resampled[replication] = rows.of(counts);
    });
    const auto estimate = [&](double value, double Ranked::* member) {
        std::vector<double> values;
        for (const Ranked& one : resampled) values.push_back(one.*member);
        return percentiles(value, std::move(values), options.confidence);
    };
    out.balanced_accuracy = estimate(models::balanced_accuracy(probabilities, labels), &Ranked::balanced_accuracy);
    out.ece = estimate(models::calibration_error(probabilities, labels, bins), &Ranked::ece);
    out.auc = estimate(models::auc(probabilities, labels), &Ranked::auc);
    out.ece_by_chance = models::calibration_error_by_chance(probabilities, 0.95, random.split("ece by chance"), options.replications, bins);
    return out;
}

std::vector<Baseline> baselines(const DirectionSample& train, const DirectionSample& judged) {
    constexpr std::size_t ret1 = 1;  // its column
    const double share = train.ups() / static_cast<double>(train.rows());
    Baseline majority{.name = "majority",
                      .rule = share >= 0.5 ? "always up, the commoner class of training" : "always down, the commoner class of training",
                      .probabilities = std::vector<double>(judged.rows(), share),
                      .calls = std::vector<double>(judged.rows(), share >= 0.5 ? 1.0 : 0.0)};
    Baseline last{.name = "last_direction", .rule = "the last minute's direction goes on", .probabilities = {}, .calls = {}};
    const double after_rise = share_of_ups(train, ret1, true);
    const double after_fall = share_of_ups(train, ret1, false);
    for (std::size_t i = 0; i < judged.rows(); ++i) {
        const bool risen = judged.features[i * judged.width + ret1] > 0.0;
        last.calls.push_back(risen ? 1.0 : 0.0);
        last.probabilities.push_back(risen ? after_rise : after_fall);
    }
    return {std::move(majority), std::move(last)};
}

BaselineScores compare_with(const Baseline& baseline, std::span<const double> probabilities, std::span<const double> labels,
                            const ScoreOptions& options, const RandomStream& random, ThreadPool& pool) {
    BaselineScores out{.name = baseline.name, .rule = baseline.rule};
    out.accuracy = models::accuracy(baseline.calls, labels);
    out.balanced_accuracy = models::balanced_accuracy(baseline.calls, labels);
    out.log_loss = models::log_loss(baseline.probabilities, labels);
    out.brier = models::brier_score(baseline.probabilities, labels);
    out.ece = models::calibration_error(baseline.probabilities, labels, bins);
    out.auc = models::auc(baseline.probabilities, labels);
    const std::vector<double> better = differences(hits(probabilities, labels), hits(baseline.calls, labels));
    const std::vector<double> saved = differences(log_losses(baseline.probabilities, labels), log_losses(probabilities, labels));
    const RandomStream stream = random.split(baseline.name);
    out.accuracy_gain = mean_of(better, block_of(better, options), options, stream.split("accuracy"), pool);
    out.log_loss_gain = mean_of(saved, block_of(saved, options), options, stream.split("log loss"), pool);
    return out;
}

Json scores_json(const ProbabilityScores& scores) {
    return {{"rows", scores.rows},
            {"ups", scores.ups},
            {"accuracy", estimate_json(scores.accuracy)},
            {"balanced_accuracy", estimate_json(scores.balanced_accuracy)},
            {"log_loss", estimate_json(scores.log_loss)},
            {"brier", estimate_json(scores.brier)},
            {"ece", estimate_json(scores.ece)},
            {"ece_by_chance", json_number(scores.ece_by_chance)},
            {"auc", estimate_json(scores.auc)},
            {"block_length", scores.block_length}};
}

Json scores_json(const BaselineScores& scores) {
    return {{"rule", scores.rule},
            {"accuracy", json_number(scores.accuracy)},
            {"balanced_accuracy", json_number(scores.balanced_accuracy)},
            {"log_loss", json_number(scores.log_loss)},
            {"brier", json_number(scores.brier)},
            {"ece", json_number(scores.ece)},
            {"auc", json_number(scores.auc)},
            {"accuracy_gain", estimate_json(scores.accuracy_gain)},
            {"log_loss_gain", estimate_json(scores.log_loss_gain)}};
}

}  // namespace sofia::pipeline
