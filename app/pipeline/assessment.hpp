#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <vector>

#include "app/pipeline/benchmarks.hpp"
#include "app/pipeline/context.hpp"
#include "app/pipeline/luck.hpp"
#include "app/pipeline/strategy.hpp"
#include "backtest/figures.hpp"
#include "backtest/trade_paths.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "math/resample.hpp"
#include "models/calibration.hpp"
#include "models/metrics.hpp"

// What a backtest's figures are worth: intervals, the model's calibration, benchmarks, resampled drawdowns, and the luck of the choice.
namespace sofia::pipeline {

/// Probabilities of the entry model against the labels of the window's touches: the outcome of each touch alone, known inside the window.
struct ModelFigures {
    std::size_t labeled = 0;
    double positives = std::numeric_limits<double>::quiet_NaN();  ///< share that reach the target
    double auc = std::numeric_limits<double>::quiet_NaN();
    double log_loss = std::numeric_limits<double>::quiet_NaN();
    double brier = std::numeric_limits<double>::quiet_NaN();
    double calibration_error = std::numeric_limits<double>::quiet_NaN();
    double calibration_error_95 = std::numeric_limits<double>::quiet_NaN();  ///< below which 95 % of the errors of right probabilities lie
    models::CalibrationLine line;
    std::size_t traded = 0;             ///< of them, those that became trades
    models::CalibrationLine traded_line;
    std::vector<models::ReliabilityBin> reliability;
};

struct Assessment {
    math::MeanInterval expectancy;        ///< net R a trade, in the order of the exits
    math::MeanInterval gross_expectancy;
    math::MeanInterval daily;             ///< net R a day
    ModelFigures model;
    std::vector<backtest::GroupFigures> by_regime;          ///< what came after the signal, by the labels' definition
    std::vector<backtest::GroupFigures> by_expected_value;  ///< fifths of the trades by predicted value, lowest first
    Benchmarks benchmarks;
    double funding_coverage = 0.0;        ///< share of the window; none without a funding file
    backtest::TradePathOptions path_options;
    backtest::TradePaths paths;
    std::optional<Luck> luck;             ///< none where the study's summaries are gone or too old
};

/// The study that a trial was chosen in.
struct StudyPlace {
    std::filesystem::path folder;
    std::int64_t trial = 0;
    Settings tuned;  ///< the trial's own settings
};

struct AssessmentInputs {
    StrategyData data;
    const std::vector<std::size_t>& which;        ///< candidates inside the window
    const std::vector<trading::Signal>& signals;  ///< what the models say of them
    const trading::DecisionCore& core;
    const backtest::Figures& figures;
    std::uint64_t seed = 0;
    const StudyPlace* study = nullptr;            ///< null: its summary is gone
};

/// The same for any number of threads and any --seed: what is drawn belongs to the study's seed. Errors: config, interrupted; a study that cannot be
/// read is warned of.
[[nodiscard]] Result<Assessment> assess(const AssessmentInputs& inputs, const Context& context);

/// Members of metrics.json beside those of the figures.
[[nodiscard]] Json to_json(const Assessment& assessment, std::int64_t trial);

}  // namespace sofia::pipeline
