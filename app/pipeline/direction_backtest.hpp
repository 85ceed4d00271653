#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/direction_kpis.hpp"
#include "app/pipeline/direction_simulation.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// One call of `sofia backtest` for the direction strategy.
struct DirectionBacktestRequest {
    std::filesystem::path summary;   ///< tuning_summary_<trial>.json
    std::vector<std::string> sets;   ///< over the trial's settings: the rule, costs, `simulation.days`
    std::filesystem::path data_dir;  ///< empty: the summary's
    std::filesystem::path against;   ///< kpis.json or model_card.json of an accepted model; empty: nothing is compared
};

struct DirectionBacktestResult {
    std::filesystem::path folder;
    DirectionSimulation simulation;
    std::string accepted;           ///< what `checks` come from; empty: nothing was compared
    std::vector<KpiCheck> checks;
};

/// Walks the rule of a trial forward over the end of the data (simulate_direction) and writes its files into `backtest_<trial>_<from>_<to>/` beside
/// the summary, which appears whole. A comparison needs the same horizon; other data are warned of. Errors: io, data, config; blocked, when the
/// data's columns are not the summary's; usage, when there is too little data, a label other than `higher`, or KPIs of another
/// horizon; interrupted.
[[nodiscard]] Result<DirectionBacktestResult> backtest_direction(const DirectionBacktestRequest& request, const Context& context);

/// Exit 4 when a KPI is worse than the interval that it was accepted with.
[[nodiscard]] Output describe(const DirectionBacktestResult& result);

/// The KPIs as lines of a terminal.
[[nodiscard]] std::string kpi_text(const std::vector<Kpi>& kpis);

}  // namespace sofia::pipeline
