#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "app/pipeline/settings.hpp"
#include "market/timeframe.hpp"
#include "trading/core.hpp"

// What may go otherwise than expected: the same strategy with one thing changed.
namespace sofia::pipeline {

/// Whether the gate knows of a cost. A gate that does refuses more, and a strategy that trades less may look the better for it.
enum class Foresight : std::uint8_t {
    foreseen,
    unforeseen,  ///< the signals that the strategy acted on without the change are acted on, and no others
};

/// One change of the settings. Data and models stay.
struct StressScenario {
    std::string group;                 ///< `fees`, `slippage`, `latency`, `parameters`
    std::string name;                  ///< `fees x 1.5`
    std::vector<std::string> changes;  ///< configuration keys with their new values, `costs.fee_percent=0.1125`
    Settings settings;
    Foresight foresight = Foresight::foreseen;
};

struct StressScenarios {
    std::vector<StressScenario> scenarios;
    std::vector<std::string> left_out;  ///< changes that cannot be made, each with its reason
};

/// The scenarios of `settings.stress`, in the order of the table: fees and slippage, unforeseen and foreseen, latency in bars of `base`, and each
/// parameter of touch, barriers, gate and position down and up by a share, whole numbers by at least one. A parameter of a gate
/// that is off has no scenario; a value that is 0 or would leave its range is left out.
[[nodiscard]] StressScenarios stress_scenarios(const Settings& settings, market::Timeframe base);

/// Of `signals` those that `core`, which was run with them, acted on: entry orders, filled or not, and what closed a position. The same run with
/// these alone and without gates has the same trades.
[[nodiscard]] std::vector<trading::Signal> acted_on(const trading::DecisionCore& core, std::span<const trading::Signal> signals);

}  // namespace sofia::pipeline
