#include "app/pipeline/stress_config.hpp"

#include <set>
#include <utility>

#include "base/text.hpp"

namespace sofia::pipeline {

void StressConfig::describe(config::Keys& keys) {
    keys.list("fee_factors", fee_factors, {1.0, 100.0}, "Fees are multiplied by each of them; a rebate is divided.");
    keys.list("slippage_factors", slippage_factors, {1.0, 100.0}, "Slippage is multiplied by each of them; none counts as one tick.");
    keys.integer("latency_bars", latency_bars, {0.0, 60.0}, "Latencies from 0 to so many base bars between decision and market.");
    keys.number("parameter_share", parameter_share, {0.001, 0.9},
                "Share by which each touch, barrier, gate and position parameter is moved down and up, one at a time.");
    keys.list("drop_shares", drop_shares, {0.0, 0.9}, "Shares of the base bars that never reach the strategy.");
    keys.list("repeat_shares", repeat_shares, {0.0, 0.9}, "Shares of the base bars in whose place the bar before comes again.");
    keys.integer("paths", paths, {100.0, 1e6}, "Resampled lists of the trades.");
    keys.list("ruin_levels", ruin_levels, {0.001, 0.999}, "Fractions of the starting equity; an equity ever at or below one is a ruin.");
}

Result<void> StressConfig::validate() const {
    for (const auto& [key, values] :
         {std::pair{"fee_factors", &fee_factors}, std::pair{"slippage_factors", &slippage_factors}, std::pair{"drop_shares", &drop_shares},
          std::pair{"repeat_shares", &repeat_shares}, std::pair{"ruin_levels", &ruin_levels}}) {
        std::set<double> seen;
        for (const double value : *values) {
            if (seen.insert(value).second) continue;
            return fail(ErrorCode::config, std::string("stress.") + key + " holds " + format_double(value) + " twice: one scenario is enough");
        }
    }
    return {};
}

}  // namespace sofia::pipeline
