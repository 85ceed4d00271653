#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "app/pipeline/dataset_cache.hpp"
#include "app/pipeline/history.hpp"
#include "app/pipeline/settings.hpp"
#include "app/pipeline/stage_clock.hpp"
#include "base/progress.hpp"
#include "labels/uniqueness.hpp"
#include "models/booster.hpp"
#include "models/calibration.hpp"

namespace sofia::pipeline {

/// What a classifier of touches learns from. The vectors have one entry a row.
struct ClassifierTask {
    std::string purpose;                      ///< names its seeds, so that a later refit draws the same
    std::size_t classes = 2;
    std::vector<std::size_t> rows;            ///< candidates, ascending, purged
    std::vector<double> labels;               ///< 0 .. classes - 1
    std::vector<std::size_t> asked;           ///< the class whose probability will be asked for
    std::vector<labels::Interval> intervals;  ///< from when to when the label was open: its weight is its average uniqueness
};

/// One booster a seed; the mean of their probabilities, calibrated.
struct Classifier {
    std::vector<models::Booster> members;
    models::Calibrator calibrator;
    std::size_t classes = 2;
    std::size_t rows = 0;
    std::size_t calibration_rows = 0;  ///< predictions that the calibrator was fitted on; 0: it leaves everything as it is
};

/// What the fits of a search share. None of it changes a result; null: each fit bins its own rows, and no time is taken.
struct FitTools {
    DatasetCache* datasets = nullptr;
    StageClock* clock = nullptr;
};

/// Everything a fit works on besides its task. References; the owner keeps them alive.
struct FitInputs {
    const History& history;
    const Settings& settings;
    const Candidates& candidates;
    std::span<const labels::Sample> samples;  ///< of all candidates, for purging
    FitTools tools;
};

/// Fits one booster for each of `fit.seeds` on all but the last of `fit.early_stopping_blocks` blocks of the rows; the last one decides when to stop.
/// The calibrator is fitted on forward-chained predictions of `fit.calibration_blocks` blocks, each made by a model that was trained on earlier and
/// purged rows for as many rounds as the first booster has: Platt's below 1,000 of them, else isotonic (Niculescu-Mizil, Caruana 2005).
/// Errors: data, when there are too few rows or a class is missing; those of the models' fit.
[[nodiscard]] Result<Classifier> fit_classifier(const FitInputs& inputs, const ClassifierTask& task, std::uint64_t seed, std::size_t threads,
                                                const StopFlag& stop);

/// What a classifier says of some candidates when nobody keeps it.
struct Forecast {
    std::vector<double> probabilities;  ///< calibrated, of the class that each was asked for
    std::size_t best_iteration = 0;  ///< of the first booster
};

/// What the classifier that `fit_classifier` would make says (as `predict_asked`) of candidates `which`. Errors: as fit_classifier.
[[nodiscard]] Result<Forecast> forecast_asked(const FitInputs& inputs, const ClassifierTask& task, std::span<const std::size_t> which,
                                              std::span<const std::size_t> asked, std::uint64_t seed, std::size_t threads, const StopFlag& stop);

/// The calibrated probability of class `asked[i]` for candidate `which[i]`.
[[nodiscard]] Result<std::vector<double>> predict_asked(const Classifier& classifier, const History& history, const Candidates& candidates,
                                                        std::span<const std::size_t> which, std::span<const std::size_t> asked);

/// The feature rows of some candidates as one matrix, row-major.
[[nodiscard]] std::vector<double> feature_matrix(const History& history, const Candidates& candidates, std::span<const std::size_t> which);

/// The seed of a fit: by what it is for, the same in tuning and in a later refit.
[[nodiscard]] std::uint64_t fit_seed(std::uint64_t seed, std::string_view purpose);

}  // namespace sofia::pipeline
