#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/pipeline/history.hpp"
#include "app/pipeline/members.hpp"
#include "app/pipeline/settings.hpp"
#include "app/pipeline/strategy.hpp"
#include "app/pipeline/verdict.hpp"
#include "backtest/score.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "labels/splits.hpp"
#include "models/model_folder.hpp"

namespace sofia::pipeline {

/// What a trial found: the content of `tuning_summary_<trial>.json` (docs/artifacts.md).
struct TuningSummary {
    static constexpr std::int64_t schema = 2;
    std::string study;
    std::int64_t trial = 0;
    std::uint64_t seed = 0;
    std::filesystem::path data_dir;
    std::string symbol;
    bool simulated = false;
    std::map<std::string, std::string> params;  ///< configuration key -> value as YAML
    labels::Splits splits;
    std::vector<FoldOutcome> folds;             ///< fewer than asked for where the trial was pruned
    backtest::RobustScore score;
    double value = 0.0;                         ///< what the study was told
    std::string state;                          ///< `complete`, `pruned`
    std::vector<features::FeatureSpec> columns;
    std::int64_t positives = 0;                 ///< of all labeled touches inside tuning
    std::int64_t labeled = 0;
    std::int64_t largest_hold_bars = 0;
    std::string tuning_bars_sha256;             ///< of the base bars inside tuning
};

/// Writes it atomically, with the trial's resolved settings. Error: io.
[[nodiscard]] Result<void> write_summary(const std::filesystem::path& path, const TuningSummary& summary, Settings settings);

/// What a summary says of a fold.
struct FoldHead {
    std::int64_t index = 0;
    std::int64_t trades = 0;
    std::string trades_sha256;
    std::string note;  ///< why nothing was fitted, or empty
};

/// What selection, training and backtest need of a summary.
struct SummaryHead {
    std::string study;
    std::int64_t trial = 0;
    std::string state;
    std::uint64_t seed = 0;
    std::filesystem::path data_dir;
    std::string symbol;
    std::string config;
    std::vector<models::FeatureId> features;
    labels::Splits splits;
    std::string tuning_bars_sha256;
    std::int64_t largest_hold_bars = 0;
    backtest::RobustScore score;
    std::vector<FoldHead> folds;
    Verdict verdict;

    [[nodiscard]] std::int64_t trades() const;  ///< of all folds
};

/// Errors: io; data, with the file and what is missing.
[[nodiscard]] Result<SummaryHead> read_summary(const std::filesystem::path& path);

/// Warns where an artifact was made with another symbol's data than what is read now.
void warn_of_symbol(const std::filesystem::path& artifact, const std::string& made_with, const std::string& used, const Context& context);

/// The data folder that was asked for; where none was, the one that the artifact was made from, which may have been named from another folder.
[[nodiscard]] Result<store::DataFolder> open_data_of(const std::filesystem::path& asked, const std::filesystem::path& made_from);

[[nodiscard]] Json window_json(trading::Window window);
[[nodiscard]] Json refusals_json(const trading::RefusalCounts& refused);

/// `names`, `versions`, `hash`.
[[nodiscard]] Json features_json(const std::vector<models::FeatureId>& features);
[[nodiscard]] Json features_json(const std::vector<features::FeatureSpec>& columns);

/// What `features_json` has written. Error: data.
[[nodiscard]] Result<std::vector<models::FeatureId>> features_from(const Members& features);

}  // namespace sofia::pipeline
