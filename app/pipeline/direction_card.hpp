#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_fit.hpp"
#include "app/pipeline/direction_promote.hpp"
#include "app/pipeline/direction_scores.hpp"
#include "app/pipeline/direction_simulation.hpp"
#include "app/pipeline/direction_summary.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "models/metrics.hpp"

namespace sofia::pipeline {

/// How much a column matters to a model.
struct ColumnImportance {
    std::string name;
    double gain = 0.0;
    double splits = 0.0;
    Estimate log_loss;  ///< how much worse it gets when the column's values are shuffled; bounds: least and most of the repeats
    double accuracy = 0.0;  ///< how much is lost, mean of the repeats
};

/// Shuffles each column of `sample` `repeats` times (Breiman 2001; Fisher, Rudin, Dominici 2019). Error: as FittedModel::predict.
[[nodiscard]] Result<std::vector<ColumnImportance>> column_importance(const FittedModel& model, const std::vector<features::FeatureSpec>& columns,
                                                                      const DirectionSample& sample, std::size_t repeats, const RandomStream& random,
                                                                      std::size_t threads);

/// The figures of one window.
struct CardFigures {
    ProbabilityScores model;
    std::vector<BaselineScores> baselines;
    std::vector<models::ReliabilityBin> reliability;
};

/// A file that was read.
struct InputFile {
    std::string name;
    std::size_t bytes = 0;
    std::string sha256;
};

/// The KPIs of a simulation against those of the model that was in use.
struct KpiGate {
    std::string accepted;  ///< folder of the model in use
    std::vector<KpiCheck> checks;
};

/// Everything that a model card says (docs/direction.md has its schema).
struct DirectionCard {
    static constexpr std::int64_t schema = 1;
    DirectionSummary trial;
    std::int64_t trials = 0;  ///< of its study
    std::int64_t horizon = 0;
    std::vector<features::FeatureSpec> columns;
    std::vector<std::pair<double, double>> ranges;  ///< of the columns in training: least and most
    std::vector<InputFile> files;
    trading::Window bars;          ///< from the first minute to the last
    std::string bars_sha256;
    std::string rows_sha256;
    std::vector<std::pair<std::string, const DirectionSample*>> samples;  ///< train, validation, test
    labels::LabelerSpec label = {"higher", "the close is higher after the horizon", 1};
    std::optional<models::LearnerSpec> learner;     ///< a registered one; nothing: LightGBM
    std::map<std::string, std::string> parameters;  ///< LightGBM's, resolved, or those that a registered learner was given
    std::string model_file;
    std::size_t trees = 0;
    std::size_t model_bytes = 0;
    std::string model_sha256;
    CardFigures validation;
    CardFigures test;
    std::vector<ColumnImportance> importance;
    Promotion promotion;
    const DirectionSimulation* simulation = nullptr;     ///< null: there was none
    std::shared_ptr<const Json> simulation_json;         ///< as the card shows it
    std::optional<KpiGate> kpi_gate;
    std::uint64_t seed = 0;
    std::vector<std::string> limits;
};

/// What everyone who uses the model should know, from what the card holds.
[[nodiscard]] std::vector<std::string> limits_of_use(const DirectionCard& card);

[[nodiscard]] Json card_json(const DirectionCard& card);

/// The same as one page that opens offline. Error: io.
[[nodiscard]] Result<void> write_card_html(const std::filesystem::path& path, const DirectionCard& card);

}  // namespace sofia::pipeline
