#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "backtest/figures.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// Whether a backtest may look at what the model has learnt from.
enum class SampleMode : std::uint8_t { out_of_sample, in_sample };

/// One call of `sofia backtest`.
struct BacktestRequest {
    std::filesystem::path train_config;
    std::filesystem::path config_file;  ///< optional
    std::vector<std::string> sets;
    std::filesystem::path data_dir;     ///< empty: the train config's
    std::string window = "test";        ///< test, shadow, all, or FROM..TO
    SampleMode sample = SampleMode::out_of_sample;
};

struct BacktestResult {
    std::filesystem::path folder;
    std::string window;
    bool in_sample = false;
    bool simulated = false;
    backtest::Figures figures;
};

/// Runs a trained model over a window through the decision core and writes metrics.json, trades.csv, equity.csv, equity_curve.png, report.html
/// and manifest.json into `model_<trial>/backtest_<window>/`. The settings are those of the train config; each override that differs is
/// warned of with both values. Errors: io, data, config, usage (the window); blocked, when the feature audit fails or when the window overlaps
/// what the model has seen and in-sample was not asked for.
[[nodiscard]] Result<BacktestResult> backtest(const BacktestRequest& request, const Context& context);

[[nodiscard]] Output describe(const BacktestResult& result);

}  // namespace sofia::pipeline
