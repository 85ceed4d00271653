#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "app/pipeline/context.hpp"
#include "app/pipeline/history.hpp"
#include "app/pipeline/settings.hpp"
#include "app/pipeline/summary.hpp"
#include "base/result.hpp"

// What selection, training and backtest hold against the tuning that they go on from.
namespace sofia::pipeline {

/// Warns of every key in which `used` and the configuration of a trial differ, with both values: what was tuned is not what is run then. Returns
/// how many there are. Error: config, when the trial's configuration cannot be read.
[[nodiscard]] Result<std::size_t> warn_of_overrides(const std::string& tuned, const Settings& used, const Context& context);

/// The study's windows: those of the tuning where the data still hold them and `settings` cuts them alike, so that data that have grown since move
/// none of them; else the data cut anew. Error: data.
[[nodiscard]] Result<labels::Splits> splits_of(const SummaryHead& head, const Settings& settings, const History& history);

/// Error blocked: the data do not hold the study's windows, or the bars of its tuning window are not those that were tuned on.
[[nodiscard]] Result<void> check_tuning_data(const std::filesystem::path& summary, const SummaryHead& head, const History& history);

}  // namespace sofia::pipeline
