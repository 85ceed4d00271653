#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "app/pipeline/dataset_cache.hpp"
#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/stage_clock.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "models/booster.hpp"

namespace sofia::pipeline {

/// What the fits of the direction strategy share: `datasets` and `clock` may be null.
struct DirectionFit {
    const DirectionSamples& samples;
    const std::vector<features::FeatureSpec>& columns;
    std::uint64_t seed = 0;  ///< of the run; all fits of a study draw the same, so that a later refit is the trial's own
    std::size_t threads = 1;
    DatasetCache* datasets = nullptr;
    StageClock* clock = nullptr;
};

/// Fits on training; validation decides when to stop. Errors: those of models::Booster::fit.
[[nodiscard]] Result<models::Booster> fit_direction(const DirectionFit& fit, const models::GbdtConfig& config, const StopFlag& stop);

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

/// The metric of a name; see models/metrics.hpp.
[[nodiscard]] double metric_of(const std::string& metric, std::span<const double> probabilities, std::span<const double> labels);

}  // namespace sofia::pipeline
