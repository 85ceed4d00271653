#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/pipeline/dataset_cache.hpp"
#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/stage_clock.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "models/booster.hpp"
#include "models/learner.hpp"

namespace sofia::pipeline {

/// What the fits of the direction strategy share: `datasets` and `clock` may be null.
struct DirectionFit {
    const DirectionSamples& samples;
    const std::vector<features::FeatureSpec>& columns;
    std::uint64_t seed = 0;  ///< of the run; all fits of a study draw the same, so that a later refit is the trial's own
    std::size_t threads = 1;
    DatasetCache* datasets = nullptr;
    StageClock* clock = nullptr;
    const models::Learner* learner = nullptr;  ///< the registered one that the settings name; null: LightGBM
};

/// Fits on training; validation decides when to stop. Errors: those of models::Booster::fit.
[[nodiscard]] Result<models::Booster> fit_direction(const DirectionFit& fit, const models::GbdtConfig& config, const StopFlag& stop);

/// A fitted model of either kind. Const members are safe to call from several threads.
class FittedModel {
public:
    explicit FittedModel(models::Booster booster);

    /// `learner` must outlive it. Error: that of LearntModel::bytes.
    [[nodiscard]] static Result<FittedModel> learnt(std::unique_ptr<models::LearntModel> model, const models::Learner& learner, std::size_t columns);

    /// A probability a row. Errors: those of models::Booster::predict or models::learnt_probabilities.
    [[nodiscard]] Result<std::vector<double>> predict(models::MatrixView rows, std::size_t threads = 1) const;

    [[nodiscard]] const std::string& bytes() const;  ///< as it is kept
    [[nodiscard]] std::string file() const;          ///< under which name
    [[nodiscard]] std::size_t trees() const;         ///< 0 for a registered one, whose parts nobody knows
    [[nodiscard]] std::size_t best_iteration() const;
    [[nodiscard]] std::vector<double> gain_importance() const;   ///< by column; NaN for a registered one
    [[nodiscard]] std::vector<double> split_importance() const;

private:
    FittedModel() = default;
    std::optional<models::Booster> booster_;
    std::unique_ptr<models::LearntModel> learnt_;
    const models::Learner* learner_ = nullptr;
    std::string bytes_;
    std::size_t columns_ = 0;
};

/// Fits LightGBM or the registered learner on training; validation decides when to stop, for those that can. Errors: those of models::Booster::fit or
/// of the learner.
[[nodiscard]] Result<FittedModel> fit_model(const DirectionFit& fit, const DirectionSettings& settings, const StopFlag& stop);

/// The learner of `fit`, or LightGBM, reads what `FittedModel::bytes` were. Error: data.
[[nodiscard]] Result<FittedModel> load_model(const std::filesystem::path& file, const models::Learner* learner, std::size_t columns);

/// What a trial is told from.
struct DirectionValue {
    double value = 0.0;
    std::int64_t best_iteration = 0;
    std::int64_t rounds = 0;
};

/// `metric` (DirectionScoreConfig) of the model that `fit_direction` would make, on validation. The log loss is the one that LightGBM has measured to
/// know when to stop, where it has. Errors: as fit_direction; data, when LightGBM finds nothing to split.
[[nodiscard]] Result<DirectionValue> direction_value(const DirectionFit& fit, const models::GbdtConfig& config, const std::string& metric,
                                                     const StopFlag& stop);

/// The same of the model that `fit_model` would make, by `score.metric`.
[[nodiscard]] Result<DirectionValue> model_value(const DirectionFit& fit, const DirectionSettings& settings, const StopFlag& stop);

/// The metric of a name; see models/metrics.hpp.
[[nodiscard]] double metric_of(const std::string& metric, std::span<const double> probabilities, std::span<const double> labels);

}  // namespace sofia::pipeline
