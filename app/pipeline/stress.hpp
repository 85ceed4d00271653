#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "app/pipeline/backtest.hpp"
#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/stress_config.hpp"
#include "backtest/figures.hpp"
#include "backtest/trade_paths.hpp"
#include "base/result.hpp"
#include "trading/gate.hpp"

namespace sofia::pipeline {

/// One call of `sofia stress`.
struct StressRequest {
    std::filesystem::path train_config;
    std::filesystem::path config_file;              ///< optional
    std::vector<std::string> sets;
    std::filesystem::path data_dir;                 ///< empty: the train config's
    std::vector<std::filesystem::path> extra_data;  ///< folders of other symbols or periods
    SampleMode sample = SampleMode::out_of_sample;  ///< whether the test window may be one that the model has seen
};

/// A line of the table: one scenario, run through the decision core.
struct StressRow {
    std::string group;                 ///< `base`, `fees`, `slippage`, `latency`, `parameters`, `feed`, `extra data`, `whole data`, `folds`
    std::string name;
    std::vector<std::string> changes;  ///< configuration keys with their new values
    bool unforeseen = false;           ///< the change is a cost that the gate did not know
    bool in_sample = false;            ///< the models, or the choice of their parameters, have seen this window
    backtest::Figures figures;
    trading::RefusalCounts refused{};
    std::string note;                  ///< why a fold's models were not fitted, or empty

    /// Whether it is the base's window and data, so that the two can be compared.
    [[nodiscard]] bool comparable() const { return group != "extra data" && group != "whole data" && group != "folds"; }
};

struct StressResult {
    std::filesystem::path folder;
    std::string title;                 ///< symbol, study and trial
    std::string symbol;
    std::string study;
    std::int64_t trial = 0;
    std::uint64_t seed = 0;
    bool simulated = false;
    std::vector<StressRow> rows;       ///< the base first
    std::vector<std::string> left_out;
    backtest::TradePathOptions path_options;
    backtest::TradePaths paths;        ///< of the base's trades
};

/// Runs a trained model through what may go otherwise than expected and writes stress.json, stress.html and manifest.json into
/// `model_<trial>/stress/`. Over the test window: dearer fees, more slippage, latency, parameters moved one at a time, base bars that are lost or
/// come again (features and touches are made from what was seen, orders fill on what was traded), and the base's trades resampled in blocks. Beside
/// it other data (`extra_data`), the whole data set (without shadow until a selection has let it decide), and every fold with its models fitted
/// again, each marked where it is in-sample. Everything runs through the core that the tuner and the backtest use; the same for any number of
/// threads. Errors: io, data, config, usage; blocked, when a feature audit fails or the test window is in-sample and was not asked for as such;
/// interrupted.
[[nodiscard]] Result<StressResult> stress(const StressRequest& request, const Context& context);

[[nodiscard]] Output describe(const StressResult& result);

}  // namespace sofia::pipeline
