#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/assessment.hpp"
#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "backtest/figures.hpp"
#include "base/result.hpp"
#include "models/model_folder.hpp"
#include "store/report.hpp"
#include "trading/window.hpp"

namespace sofia::pipeline {

/// Whether a backtest may look at what the model has learnt from.
enum class SampleMode : std::uint8_t { out_of_sample, in_sample };

/// Whether `model` has seen something of `window`: what it was fitted on, or time before its training's end. Error blocked, with `way_out` as hint:
/// it has, and `mode` is out_of_sample.
[[nodiscard]] Result<bool> check_sample(const models::Model& model, trading::Window window, SampleMode mode, const std::string& way_out);

/// One call of `sofia backtest`.
struct BacktestRequest {
    std::filesystem::path train_config;
    std::filesystem::path config_file;  ///< optional
    std::vector<std::string> sets;
    std::filesystem::path data_dir;     ///< empty: the train config's
    std::string window = "test";        ///< test, shadow, all, or FROM..TO
    SampleMode sample = SampleMode::out_of_sample;
    std::optional<std::size_t> fold;    ///< instead of a window: the tuner's fold of this index, with its models fitted again
};

/// A fold's trades against those of the tuner.
struct FoldCheck {
    std::size_t index = 0;
    std::int64_t tuner_trades = 0;
    std::string tuner_sha256;  ///< of the trades as a trades.csv
    std::string sha256;        ///< of the trades.csv that was written

    [[nodiscard]] bool equal() const { return sha256 == tuner_sha256; }
};

struct BacktestResult {
    std::filesystem::path folder;
    std::string window;
    bool in_sample = false;
    bool simulated = false;
    std::size_t overrides = 0;  ///< settings that are not those of the tuning
    backtest::Figures figures;
    Assessment assessment;
    store::ReadReport read;     ///< of the data
    std::int64_t trial = 0;
    std::optional<FoldCheck> fold;
};

/// Runs a trained model over a window through the decision core and writes metrics.json, trades.csv, equity.csv, equity_curve.png, report.html
/// and manifest.json into `model_<trial>/backtest_<window>/`. The settings are those of the train config; each that differs from the tuning
/// summary's is warned of with both values. What the figures are worth is said beside them (Assessment). The feature audit comes before any data are
/// read. A fold is run on the tuning data with the fold's own models, and its trades are held against those that the tuner counted. Errors: io, data,
/// config, usage (the window, the fold); blocked, when the feature audit fails, when a window overlaps what the model has seen and in-sample was not
/// asked for, or when a fold's data have changed.
[[nodiscard]] Result<BacktestResult> backtest(const BacktestRequest& request, const Context& context);

/// Exit 4 when a fold's trades are not the tuner's although nothing was overridden.
[[nodiscard]] Output describe(const BacktestResult& result);

}  // namespace sofia::pipeline
