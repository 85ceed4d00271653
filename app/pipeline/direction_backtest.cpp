#include "app/pipeline/direction_backtest.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/direction_trial.hpp"
#include "app/pipeline/manifest.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

std::string shown(double value) { return std::isfinite(value) ? fmt::format("{:.5f}", value) : "-"; }

Result<std::vector<KpiCheck>> compare(const AcceptedKpis& accepted, const DirectionTrial& trial, const DirectionSimulation& simulation,
                                      const Context& context) {
    if (accepted.horizon != trial.settings.horizon) {
        return fail(ErrorCode::usage,
                    fmt::format("{}: its figures are of {} minutes ahead, these of {}", accepted.name, accepted.horizon, trial.settings.horizon),
                    "hold a model against one of the same horizon");
    }
    const std::vector<market::Bar>& bars = trial.minutes.bars;
    if (accepted.bars_sha256 != bars_hash(bars, {bars.front().open_time, bars.back().close_time})) {
        context.log.warning(fmt::format("{} was measured on other data: a difference may be the market's", accepted.name));
    }
    return check_kpis(accepted.kpis, simulation.whole.kpis);
}

std::filesystem::path folder_of(const std::filesystem::path& summary, std::int64_t trial, trading::Window window) {
    return summary.parent_path() / fmt::format("backtest_{}_{}_{}", trial, format_date(window.from), format_date(window.to));
}

}  // namespace

Result<DirectionBacktestResult> backtest_direction(const DirectionBacktestRequest& request, const Context& context) {
    std::optional<AcceptedKpis> accepted;
    if (!request.against.empty()) {
        // A file that cannot be compared with is told before anything is fitted.
        SOFIA_TRY(accepted, read_kpis(request.against));
    }
    SOFIA_TRY(const DirectionTrial trial, load_trial(request.summary, request.sets, request.data_dir, context));
    SOFIA_CHECK(check_custom(trial.head.custom, trial.minutes.custom.parts, RowsSince::not_compared, context));
    if (trial.minutes.custom.label != nullptr) {
        return fail(ErrorCode::usage,
                    fmt::format("the rule trades rises of the close, and trial {} predicts the label {}: there is nothing to simulate",
                                trial.head.trial, trial.settings.label));
    }
    SOFIA_TRY(std::optional<DirectionSimulation> simulation, simulate_direction(trial.minutes, trial.settings, trial.head.seed, context));
    if (!simulation) {
        return fail(ErrorCode::usage,
                    "there is nothing to simulate: simulation.days is 0, or the data does not reach beyond what the first fit needs",
                    "use more data, or lower split.val_days");
    }
    DirectionBacktestResult result{.folder = folder_of(request.summary, trial.head.trial, simulation->whole.window),
                                   .simulation = *std::move(simulation)};
    if (accepted) {
        result.accepted = accepted->name;
        SOFIA_TRY(result.checks, compare(*accepted, trial, result.simulation, context));
    }
    SOFIA_TRY(StagedFolder staged, StagedFolder::create(result.folder));
    const SimulationTitle title{.title = fmt::format("{} · {} · trial {}", trial.minutes.symbol, trial.head.study, trial.head.trial),
                                .seed = trial.head.seed};
    SOFIA_TRY(const auto written, write_simulation(staged.path(), result.simulation, trial.minutes, trial.settings, title, context));
    const Manifest manifest{.verb = "backtest",
                            .config = show_settings(trial.settings),
                            .inputs = trial.minutes.files,
                            .facts = {{"strategy", "direction"}, {"study", trial.head.study}, {"trial", std::to_string(trial.head.trial)}},
                            .outputs = written};
    SOFIA_CHECK(write_manifest(staged.path() / "manifest.json", manifest, context));
    SOFIA_CHECK(context.go_on());
    SOFIA_CHECK(staged.commit());
    return result;
}

std::string kpi_text(const std::vector<Kpi>& kpis) {
    std::vector<std::vector<std::string>> rows;
    for (const Kpi& kpi : kpis) rows.push_back({kpi.name, shown(kpi.estimate.value), shown(kpi.estimate.lower), shown(kpi.estimate.upper)});
    const std::vector<std::string> header = {"KPI", "value", "from", "to (95 %)"};
    return format_table(header, rows);
}

Output describe(const DirectionBacktestResult& result) {
    const DirectionSimulation& simulation = result.simulation;
    const backtest::Figures& f = simulation.whole.figures;
    Json json = {{"strategy", "direction"}, {"folder", result.folder.string()}, {"fits", simulation.steps.size()}, {"rows", simulation.rows}};
    json["trades"] = f.trades;
    json["return_percent"] = json_number(f.return_percent);
    json["max_drawdown_percent"] = json_number(f.max_drawdown_percent);
    json["kpis"] = kpis_json(simulation.whole.kpis);
    json["untouched"] = kpis_json(simulation.untouched.kpis);
    const std::vector<std::vector<std::string>> rows = {{"from", format_time(simulation.whole.window.from)},
                                                        {"to", format_time(simulation.whole.window.to)},
                                                        {"fits", std::to_string(simulation.steps.size())},
                                                        {"signals", std::to_string(f.signals)},
                                                        {"trades", std::to_string(f.trades)},
                                                        {"return", fmt::format("{:.2f} %", f.return_percent)},
                                                        {"max drawdown", fmt::format("{:.2f} %", f.max_drawdown_percent)}};
    const std::vector<std::string> header = {"backtest", ""};
    std::string text = format_table(header, rows) + "\n" + kpi_text(simulation.whole.kpis);
    if (!result.accepted.empty()) {
        std::vector<std::vector<std::string>> checked;
        for (const KpiCheck& check : result.checks) {
            const Estimate& was = check.accepted.estimate;
            checked.push_back(
                {check.accepted.name, shown(check.value), shown(was.value), shown(was.lower), shown(was.upper), std::string(name(check.verdict))});
        }
        const std::vector<std::string> columns = {"against " + result.accepted, "now", "accepted", "from", "to", ""};
        text += "\n" + format_table(columns, checked);
        json["against"] = {{"file", result.accepted}, {"regression", any_regression(result.checks)}, {"checks", checks_json(result.checks)}};
    }
    text += "report: " + (result.folder / "report.html").string() + "\n";
    Output output = make_output(std::move(text), std::move(json));
    if (any_regression(result.checks)) output.exit = exit_code(ErrorCode::blocked);
    return output;
}

}  // namespace sofia::pipeline
