#pragma once

#include <string>
#include <vector>

#include "app/pipeline/settings.hpp"
#include "market/timeframe.hpp"

// What may go otherwise than expected: the same strategy with one thing changed.
namespace sofia::pipeline {

/// One change of the settings. Data and models stay.
struct StressScenario {
    std::string group;                 ///< `fees`, `slippage`, `latency`, `parameters`
    std::string name;                  ///< `fees x 1.5`
    std::vector<std::string> changes;  ///< configuration keys with their new values, `costs.fee_percent=0.1125`
    Settings settings;
};

struct StressScenarios {
    std::vector<StressScenario> scenarios;
    std::vector<std::string> left_out;  ///< changes that cannot be made, each with its reason
};

/// The scenarios of `settings.stress`, in the order of the table: fees (the gate knows of them, as it would trading), slippage, latency in bars of
/// `base`, and each parameter of touch, barriers, gate and position down and up by a share, whole numbers by at least one. A parameter of a gate
/// that is off has no scenario; a value that is 0 or would leave its range is left out.
[[nodiscard]] StressScenarios stress_scenarios(const Settings& settings, market::Timeframe base);

}  // namespace sofia::pipeline
