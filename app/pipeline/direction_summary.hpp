#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "base/result.hpp"
#include "models/model_folder.hpp"
#include "trading/window.hpp"

namespace sofia::pipeline {

/// The windows of a study, as its summaries keep them.
[[nodiscard]] DirectionWindows windows_of(const DirectionSamples& samples);
[[nodiscard]] Json windows_json(const DirectionWindows& windows);

/// What a trial of the direction strategy found: the content of `tuning_summary_<trial>.json` (docs/direction.md).
struct DirectionSummary {
    static constexpr std::int64_t schema = 1;
    std::string study;
    std::int64_t trial = 0;
    std::uint64_t seed = 0;
    std::filesystem::path data_dir;
    std::string symbol;
    bool simulated = false;
    std::map<std::string, std::string> params;  ///< configuration key -> value as YAML
    std::string metric;
    double value = 0.0;                         ///< what the study was told
    std::int64_t best_iteration = 0;
    std::int64_t rounds = 0;
    DirectionWindows windows;
    std::vector<models::FeatureId> features;
    std::vector<CustomPart> custom;             ///< what was registered from outside and used
    std::string rows_sha256;                    ///< of training and validation: times, features, labels
    std::string config;                         ///< resolved, the parameters included
};

/// Writes it atomically. Error: io.
[[nodiscard]] Result<void> write_direction_summary(const std::filesystem::path& path, const DirectionSummary& summary);

/// Errors: io; data, with the file and what is missing.
[[nodiscard]] Result<DirectionSummary> read_direction_summary(const std::filesystem::path& path);

/// Which strategy has made a tuning summary: `touch` where the file names none. Errors: io, data.
[[nodiscard]] Result<std::string> strategy_of_summary(const std::filesystem::path& path);

/// The summary of the best trial in a study's folder, the lowest number of equals. Error usage: there is none.
[[nodiscard]] Result<std::filesystem::path> best_direction_summary(const std::filesystem::path& study_folder);

/// The folder of the study that is meant: `study` inside `model_dir`, or the only one there that has summaries of this strategy. Error usage: none,
/// or several, which are named.
[[nodiscard]] Result<std::filesystem::path> direction_study(const std::filesystem::path& model_dir, const std::string& study);

}  // namespace sofia::pipeline
