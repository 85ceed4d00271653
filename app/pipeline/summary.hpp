#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "app/pipeline/history.hpp"
#include "app/pipeline/settings.hpp"
#include "app/pipeline/strategy.hpp"
#include "backtest/score.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "labels/splits.hpp"

namespace sofia::pipeline {

/// What a trial found: the content of `tuning_summary_<trial>.json`, schema 1 (docs/artifacts.md).
struct TuningSummary {
    std::string study;
    std::int64_t trial = 0;
    std::uint64_t seed = 0;
    std::filesystem::path data_dir;
    std::string symbol;
    bool simulated = false;
    std::map<std::string, std::string> params;  ///< configuration key -> value as YAML
    std::string config;                         ///< the resolved configuration, parameters included
    labels::Splits splits;
    std::vector<FoldOutcome> folds;             ///< fewer than asked for where the trial was pruned
    backtest::RobustScore score;
    double value = 0.0;                         ///< what the study was told
    std::string state;                          ///< `complete`, `pruned`
    std::vector<features::FeatureSpec> columns;
    std::int64_t positives = 0;                 ///< of all labeled touches inside tuning
    std::int64_t labeled = 0;
    std::int64_t largest_hold_bars = 0;
};

/// Writes it atomically. Error: io.
[[nodiscard]] Result<void> write_summary(const std::filesystem::path& path, const TuningSummary& summary);

/// What training needs of a summary.
struct SummaryHead {
    std::string study;
    std::int64_t trial = 0;
    std::uint64_t seed = 0;
    std::filesystem::path data_dir;
    std::string symbol;
    std::string config;
    std::string features_hash;
    std::int64_t largest_hold_bars = 0;
    std::string tuned_from;  ///< the ends of the tuning window
    std::string tuned_to;
};

/// Errors: io; data, with the file and what is missing.
[[nodiscard]] Result<SummaryHead> read_summary(const std::filesystem::path& path);

/// Reads a JSON file and checks its `schema`. Errors: io, data.
[[nodiscard]] Result<Json> read_json_file(const std::filesystem::path& path, std::int64_t schema);

/// The members of an object in an artifact, read strictly: what is missing, of another type or out of range is an error of code data that
/// names file and member.
class Members {
public:
    /// `json` and `path` must outlive it; `writer` is the verb that makes the file anew.
    Members(const Json& json, const std::filesystem::path& path, const char* writer) : json_(json), path_(path), writer_(writer) {}

    [[nodiscard]] Result<std::string> text(const char* name) const;
    [[nodiscard]] Result<std::int64_t> count(const char* name, std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
    [[nodiscard]] Result<std::uint64_t> seed(const char* name) const;
    [[nodiscard]] Result<double> number(const char* name) const;  ///< null is NaN
    [[nodiscard]] Result<Members> object(const char* name) const;

private:
    [[nodiscard]] const Json* find(const char* name) const;
    [[nodiscard]] std::unexpected<Error> error(const char* name) const;
    const Json& json_;
    const std::filesystem::path& path_;
    const char* writer_;
};

/// Warns where an artifact was made with another symbol's data than what is read now.
void warn_of_symbol(const std::filesystem::path& artifact, const std::string& made_with, const std::string& used, const Context& context);

/// The data folder that was asked for; where none was, the one that the artifact was made from, which may have been named from another folder.
[[nodiscard]] Result<store::DataFolder> open_data_of(const std::filesystem::path& asked, const std::filesystem::path& made_from);

[[nodiscard]] Json window_json(trading::Window window);
[[nodiscard]] Json refusals_json(const trading::RefusalCounts& refused);
[[nodiscard]] Json features_json(const std::vector<features::FeatureSpec>& columns);

}  // namespace sofia::pipeline
