#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"
#include "trading/gate.hpp"

namespace sofia::pipeline {

/// Which data the final model learns from.
enum class TrainThrough : std::uint8_t {
    tuning,  ///< the tuning window, so that test and shadow stay unseen
    all,     ///< everything, for live use; every backtest of it is in-sample
};

/// One call of `sofia train`.
struct TrainRequest {
    std::filesystem::path summary;      ///< tuning_summary_<trial>.json
    std::filesystem::path config_file;  ///< optional
    std::vector<std::string> sets;
    std::filesystem::path data_dir;     ///< empty: the summary's
    TrainThrough through = TrainThrough::tuning;
};

struct TrainResult {
    std::filesystem::path train_config;
    std::filesystem::path model;
    std::size_t rows = 0;
    std::size_t positives = 0;
    std::size_t trees = 0;
    std::string train_end;
};

/// Fits the model of a trial on the tuning window and writes `model_<trial>/`, with the state of its features at the window's end
/// (app/pipeline/feature_state.hpp), and `train_config_<trial>.json` beside the summary. Errors: io, data, config; blocked, when the data's columns
/// are not those of the summary.
[[nodiscard]] Result<TrainResult> train(const TrainRequest& request, const Context& context);

[[nodiscard]] Output describe(const TrainResult& result);

/// The content of `train_config_<trial>.json`, schema 1.
struct TrainConfig {
    std::string study;
    std::int64_t trial = 0;
    std::uint64_t seed = 0;
    std::string symbol;
    std::filesystem::path data_dir;
    std::filesystem::path tuning_summary_path;
    std::filesystem::path model_path;  ///< relative to the file's folder
    std::string config;                ///< resolved, as YAML
    trading::EvModel ev;
    std::string through;
};

/// Errors: io, data.
[[nodiscard]] Result<TrainConfig> read_train_config(const std::filesystem::path& path);

}  // namespace sofia::pipeline
