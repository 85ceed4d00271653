#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "app/pipeline/direction_data.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"
#include "math/window.hpp"

namespace sofia::pipeline {

/// A figure and its confidence interval; NaN where there is none.
struct Estimate {
    double value = std::numeric_limits<double>::quiet_NaN();
    double lower = std::numeric_limits<double>::quiet_NaN();
    double upper = std::numeric_limits<double>::quiet_NaN();
};

/// The figures of probabilities on the rows of one window (models/metrics.hpp has their definitions).
struct ProbabilityScores {
    std::size_t rows = 0;
    std::size_t ups = 0;
    Estimate accuracy;
    Estimate balanced_accuracy;
    Estimate log_loss;
    Estimate brier;
    Estimate ece;
    Estimate auc;
    double ece_by_chance = std::numeric_limits<double>::quiet_NaN();  ///< 95 % quantile of what right probabilities would have
    std::size_t block_length = 1;                                     ///< of the bootstrap, in rows
};

struct ScoreOptions {
    double confidence = 0.95;
    std::size_t replications = 999;
    std::size_t least_block = 1;  ///< labels that overlap belong together: at least the horizon
};

/// What each row adds to the accuracy (1 or 0; the call is up from 0.5) and to the log loss.
[[nodiscard]] std::vector<double> hits(std::span<const double> probabilities, std::span<const double> labels);
[[nodiscard]] std::vector<double> log_losses(std::span<const double> probabilities, std::span<const double> labels);

/// The mean of a dependent series with its studentized interval, by the blocks of `score_probabilities`. NaN bounds below 10 values.
[[nodiscard]] Estimate mean_estimate(std::span<const double> series, const ScoreOptions& options, const RandomStream& random, ThreadPool& pool);

/// Labels of neighbouring rows overlap by the horizon, so rows are drawn in circular blocks (math/resample.hpp), not shorter than `least_block` nor
/// than the automatic length of the losses. Means (accuracy, log loss, Brier) get studentized intervals, the others percentiles of the same
/// resamples. The same for any number of threads. NaN where a class is missing.
[[nodiscard]] ProbabilityScores score_probabilities(std::span<const double> probabilities, std::span<const double> labels,
                                                    const ScoreOptions& options, const RandomStream& random, ThreadPool& pool);

/// What predicts without a model, from what training knows.
struct Baseline {
    std::string name;
    std::string rule;
    std::vector<double> probabilities;  ///< of a rise
    std::vector<double> calls;          ///< 1: up is called
};

/// `majority`: always the commoner class of training, with its share there. `last_direction`: the last minute's direction goes on (`ret1` > 0 is up),
/// with the share of rises in training after such a minute.
[[nodiscard]] std::vector<Baseline> baselines(const DirectionSample& train, const DirectionSample& judged);

/// A baseline's figures, and how much better the model is on the same rows.
struct BaselineScores {
    std::string name;
    std::string rule;
    double accuracy = 0.0;
    double balanced_accuracy = 0.0;
    double log_loss = 0.0;
    double brier = 0.0;
    double ece = 0.0;
    double auc = 0.0;
    Estimate accuracy_gain;  ///< the model's accuracy less the baseline's
    Estimate log_loss_gain;  ///< the baseline's log loss less the model's
};
[[nodiscard]] BaselineScores compare_with(const Baseline& baseline, std::span<const double> probabilities, std::span<const double> labels,
                                          const ScoreOptions& options, const RandomStream& random, ThreadPool& pool);

[[nodiscard]] Json scores_json(const ProbabilityScores& scores);
[[nodiscard]] Json scores_json(const BaselineScores& scores);

}  // namespace sofia::pipeline
