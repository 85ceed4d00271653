#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "app/pipeline/direction_summary.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// A tuned trial with its data, as `train` and `backtest` go on with it.
struct DirectionTrial {
    DirectionSummary head;
    DirectionSettings settings;  ///< the trial's, with the call's over them
    Minutes minutes;
};

/// Reads a trial's summary and its data (`data_dir`; empty: the summary's). Settings that differ from the trial's are warned of. Errors: io, data,
/// config; blocked, when the data's columns are not those of the summary.
[[nodiscard]] Result<DirectionTrial> load_trial(const std::filesystem::path& summary, const std::vector<std::string>& sets,
                                                const std::filesystem::path& data_dir, const Context& context);

}  // namespace sofia::pipeline
