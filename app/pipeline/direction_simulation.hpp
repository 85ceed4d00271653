#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_kpis.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "backtest/figures.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "trading/core.hpp"

namespace sofia::report {
struct Table;
}

// The rule on the probability, walked forward: what the strategy would have traded at the end of the data, always with a model that knew only what
// was known then.
namespace sofia::pipeline {

/// The folder of a simulation's files in a dated model folder.
inline constexpr const char* simulation_folder = "simulation";

/// A fit of the walk and the minutes that it predicts.
struct SimulationStep {
    DirectionWindows windows;  ///< train, validation, and in `test` what is predicted
    std::size_t trees = 0;
    std::string left_out;  ///< why there is no model and so no probability in this step; empty where there is one
};

/// What the minutes from some moment on gave.
struct SimulationFigures {
    trading::Window window;
    std::size_t labeled = 0;  ///< minutes with a probability and a label
    backtest::Figures figures;
    std::vector<Kpi> kpis;
};

struct DirectionSimulation {
    std::vector<SimulationStep> steps;
    std::size_t rows = 0;         ///< minutes with a probability
    SimulationFigures whole;
    SimulationFigures untouched;  ///< its part inside the test window, which the search for parameters has not seen
    std::vector<trading::ClosedTrade> trades;
};

/// Walks over the last `simulation.days`: at its begin, and from the begin of test every `simulation.step_days` back and forth, the model is fitted
/// on the training and validation windows that end there (`split`), with the parameters of `settings`, and predicts until the next fit. So the fit at
/// the begin of test is the trial's own. A minute whose probability reaches the rule's threshold is a signal; the decision core holds one position at
/// a time for the horizon, and fills, fees, slippage and funding are its own. The walk begins no earlier than after half of the data and two
/// validation windows; where less than was asked for is left, it says so, and where nothing is left there is no simulation. A step whose training or
/// validation has no row to learn from (a market that was closed) is left out and said; what it would predict needs no label. KPIs, each with a 95 %
/// interval by blocks: `accuracy` and `log_loss` of all labeled minutes; over trades `hit_rate` (share whose gross is above 0), `gross_bps` (price
/// move in the trade's direction) and `net_bps` (money after all costs), both in hundredths of a percent of the entry's value; `daily_percent`, the
/// mean return of a UTC day on its first equity, days without trades as zeros. The same for any number of threads. Errors: those of the fits; config;
/// io (a funding file); interrupted.
[[nodiscard]] Result<std::optional<DirectionSimulation>> simulate_direction(const Minutes& minutes, const DirectionSettings& settings,
                                                                            std::uint64_t seed, const Context& context);

/// Member `simulation` of a model card: windows, rule, costs, figures and KPIs.
[[nodiscard]] Json simulation_json(const DirectionSimulation& simulation, const DirectionSettings& settings);

/// The KPIs of the whole walk, and beside them those of its part in the test window, as a page shows them.
[[nodiscard]] report::Table kpi_table(const DirectionSimulation& simulation, std::string title, std::string note);

/// What the files of a simulation say of their model.
struct SimulationTitle {
    std::string title;
    std::uint64_t seed = 0;
};

/// Writes kpis.json, metrics.json, trades.csv, equity.csv, report.html and, where gnuplot is there, equity_curve.png into `folder`. Returns what was
/// written. Errors: io, internal, interrupted.
[[nodiscard]] Result<std::vector<std::filesystem::path>> write_simulation(const std::filesystem::path& folder, const DirectionSimulation& simulation,
                                                                          const Minutes& minutes, const DirectionSettings& settings,
                                                                          const SimulationTitle& title, const Context& context);

}  // namespace sofia::pipeline
