#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/backtest_files.hpp"
#include "app/pipeline/direction_simulation.hpp"
#include "app/pipeline/summary.hpp"
#include "app/pipeline/trades_csv.hpp"
#include "base/files.hpp"

namespace sofia::pipeline {
namespace {

const std::vector<std::string> timeframes = {"1m"};

/// The figures that people ask for first; metrics.json has all.
Json figures_json(const SimulationFigures& part) {
    const backtest::Figures& f = part.figures;
    Json json = window_json(part.window);
    json["labeled"] = part.labeled;
    json["trades"] = f.trades;
    json["return_percent"] = json_number(f.return_percent);
    json["max_drawdown_percent"] = json_number(f.max_drawdown_percent);
    json["sharpe_annual"] = json_number(f.sharpe_annual);
    json["profit_factor"] = json_number(f.profit_factor);
    json["exposure"] = json_number(f.exposure);
    json["kpis"] = kpis_json(part.kpis);
    return json;
}

report::Table step_table(const DirectionSimulation& simulation) {
    report::Table table{.title = "Fits",
                        .note = "Each model knows what lies before its first prediction, and nothing else.",
                        .columns = {{"train from", "", 0}, {"validation from", "", 0}, {"predicts from", "", 0}, {"to", "", 0}, {"trees", "", 0}},
                        .rows = {}};
    for (const SimulationStep& step : simulation.steps) {
        table.rows.push_back({format_time(step.windows.train.from), format_time(step.windows.validation.from), format_time(step.windows.test.from),
                              format_time(step.windows.test.to), static_cast<double>(step.trees)});
    }
    return table;
}

report::ReportData report_of(const DirectionSimulation& simulation, const Minutes& minutes, const DirectionSettings& settings,
                             const SimulationTitle& title) {
    const backtest::Figures& f = simulation.whole.figures;
    report::ReportData data;
    data.title = title.title;
    data.subtitle = fmt::format("walked forward, {} to {}: {} fits, threshold {}, held for {} minutes", format_time(f.window.from),
                                format_time(f.window.to), simulation.steps.size(), settings.rule.threshold, settings.horizon);
    data.simulated = settings.instrument.simulated;
    const auto number = [](std::string name, double value, std::string unit, int decimals) {
        return report::Figure{.name = std::move(name), .value = value, .unit = std::move(unit), .decimals = decimals, .note = {}};
    };
    data.headline = {number("trades", static_cast<double>(f.trades), "", 0), number("return", f.return_percent, "%", 2),
                     number("max drawdown", f.max_drawdown_percent, "%", 2), number("Sharpe, annual", f.sharpe_annual, "", 2)};
    for (const Kpi& kpi : simulation.whole.kpis) {
        if (kpi.name == "accuracy") data.headline.push_back(number("accuracy", 100.0 * kpi.estimate.value, "%", 2));
        if (kpi.name == "net_bps") data.headline.push_back(number("net a trade", kpi.estimate.value, "bps", 2));
    }
    data.figures = figure_tables(f);
    data.tables_title = "KPIs and fits";
    const char* note =
        "95 % intervals by blocks. Untouched: the test window, which the search for parameters has not seen. bps: hundredths of a percent of a "
        "trade's value at entry.";
    data.tables = {kpi_table(simulation, "KPIs", note), step_table(simulation), group_table("By direction", f.by_direction),
                   count_table("Signals refused", f.refusals, "the first reason that applied; probability: below the threshold"),
                   count_table("Orders that did not fill", f.unfilled_why, "")};
    data.symbol = minutes.symbol;
    add_trades(simulation.trades, f, data);
    data.notes = {
        "R is the ATR over 14 minutes at the signal. There is no stop and no target: a position is left by a market order after the horizon.",
        fmt::format("Fills: {}; fee {} % a side, {} ticks of slippage a side.", trading::name(minutes.fills), settings.decision.costs.fee_percent,
                    settings.decision.execution.slippage_ticks),
        "The parameters were searched on the validation window of the study, which this walk covers up to the test window: only the part called "
        "untouched is free of that choice."};
    data.provenance = {{"seed", std::to_string(title.seed), ""}};
    return data;
}

}  // namespace

report::Table kpi_table(const DirectionSimulation& simulation, std::string title, std::string note) {
    report::Table table{
        .title = std::move(title),
        .note = std::move(note),
        .columns = {{"KPI", "", 0}, {"value", "", 5}, {"from", "", 5}, {"to", "", 5}, {"untouched", "", 5}, {"from ", "", 5}, {"to ", "", 5}},
        .rows = {}};
    for (std::size_t i = 0; i < simulation.whole.kpis.size(); ++i) {
        const Kpi& all = simulation.whole.kpis[i];
        const Estimate& late = simulation.untouched.kpis[i].estimate;
        table.rows.push_back({all.name, all.estimate.value, all.estimate.lower, all.estimate.upper, late.value, late.lower, late.upper});
    }
    return table;
}

Json simulation_json(const DirectionSimulation& simulation, const DirectionSettings& settings) {
    Json json = figures_json(simulation.whole);
    json["asked_days"] = settings.simulation.days;
    json["step_days"] = settings.simulation.step_days;
    json["fits"] = simulation.steps.size();
    json["rows"] = simulation.rows;
    json["rule"] = {{"threshold", settings.rule.threshold}, {"sides", settings.rule.sides}, {"hold_minutes", settings.horizon}};
    json["costs"] = {{"fee_percent", settings.decision.costs.fee_percent},
                     {"slippage_ticks", settings.decision.execution.slippage_ticks},
                     {"funding", !settings.funding.file.empty()}};
    json["untouched"] = figures_json(simulation.untouched);
    return json;
}

Result<std::vector<std::filesystem::path>> write_simulation(const std::filesystem::path& folder, const DirectionSimulation& simulation,
                                                            const Minutes& minutes, const DirectionSettings& settings, const SimulationTitle& title,
                                                            const Context& context) {
    std::vector<std::filesystem::path> written = {folder / "kpis.json", folder / "metrics.json", folder / "trades.csv", folder / "equity.csv",
                                                  folder / "report.html"};
    SOFIA_CHECK(make_folder(folder));
    const backtest::Figures& f = simulation.whole.figures;
    Json kpis = {{"schema", 1},
                 {"symbol", minutes.symbol},
                 {"simulated", minutes.simulated},
                 {"horizon_minutes", settings.horizon},
                 {"features_hash", features::feature_hash(minutes.columns)},
                 {"bars_sha256", bars_hash(minutes.bars, {minutes.bars.front().open_time, minutes.bars.back().close_time})}};
    kpis.update(simulation_json(simulation, settings));
    SOFIA_CHECK(write_file(written[0], format_json(kpis)));
    Json metrics = {{"schema", 1}, {"simulated", minutes.simulated}};
    metrics.update(backtest::to_json(f));
    metrics["untouched"] = backtest::to_json(simulation.untouched.figures);
    SOFIA_CHECK(write_file(written[1], format_json(metrics)));
    SOFIA_CHECK(write_file(written[2], trades_csv(simulation.trades, timeframes)));
    SOFIA_CHECK(write_equity_csv(written[3], backtest::equity_curve(simulation.trades, f.window, f.starting_equity)));
    const report::ReportData data = report_of(simulation, minutes, settings, title);
    SOFIA_CHECK(report::write_html(written[4], data));
    SOFIA_TRY(const bool drawn, draw_equity(folder, data, context));
    if (drawn) written.push_back(folder / "equity_curve.png");
    return written;
}

}  // namespace sofia::pipeline
