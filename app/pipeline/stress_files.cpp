#include "app/pipeline/stress_files.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/summary.hpp"
#include "app/pipeline/trade_path_tables.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double against_base(const StressResult& result, const StressRow& row) {
    return row.comparable() ? row.figures.net_r - result.rows.front().figures.net_r : unknown;
}

const char* sample_of(const StressRow& row) {
    if (row.in_sample) return "in-sample";
    return row.group == "extra data" ? "extra" : "test";
}

// ---- JSON

Json row_json(const StressResult& result, const StressRow& row) {
    const backtest::Figures& f = row.figures;
    Json json = {{"group", row.group}, {"name", row.name}, {"changes", row.changes}, {"unforeseen", row.unforeseen}, {"in_sample", row.in_sample}};
    json.update(window_json(f.window));
    json["signals"] = f.signals;
    json["trades"] = f.trades;
    for (const auto& [key, value] : {std::pair{"net_r", f.net_r},
                                     {"gross_r", f.gross_r},
                                     {"net_r_against_base", against_base(result, row)},
                                     {"expectancy_r", f.expectancy_r},
                                     {"net_pnl", f.net_pnl},
                                     {"return_percent", f.return_percent},
                                     {"win_rate", f.win_rate},
                                     {"profit_factor", f.profit_factor},
                                     {"max_drawdown_percent", f.max_drawdown_percent},
                                     {"max_drawdown_r", f.max_drawdown_r},
                                     {"sharpe_annual", f.sharpe_annual},
                                     {"fee_r", f.fee_r},
                                     {"slip_r", f.slip_r},
                                     {"funding_r", f.funding_r},
                                     {"ops_r", f.ops_r}}) {
        json[key] = json_number(value);
    }
    json["unfilled"] = f.unfilled;
    json["refusals"] = refusals_json(row.refused);
    if (!row.note.empty()) json["note"] = row.note;
    return json;
}

// ---- page

using report::Figure;

report::Table rows_table(const StressResult& result, std::string title, std::string note, const std::vector<std::string>& groups) {
    report::Table table{.title = std::move(title),
                        .note = std::move(note),
                        .columns = {{"scenario", ""},
                                    {"sample", ""},
                                    {"trades", "", 0},
                                    {"net", "R", 2},
                                    {"against base", "R", 2},
                                    {"expectancy", "R", 4},
                                    {"profit factor", "", 3},
                                    {"drawdown", "%", 2},
                                    {"drawdown", "R", 2},
                                    {"Sharpe, annual", "", 2}},
                        .rows = {}};
    for (const StressRow& row : result.rows) {
        if (std::ranges::find(groups, row.group) == groups.end()) continue;
        const backtest::Figures& f = row.figures;
        table.rows.push_back({row.note.empty() ? row.name : row.name + ": " + row.note, sample_of(row), static_cast<double>(f.trades), f.net_r,
                              against_base(result, row), f.expectancy_r, f.profit_factor, f.max_drawdown_percent, f.max_drawdown_r, f.sharpe_annual});
    }
    return table;
}

/// The one of the base's window that lost most against it; the base where nothing else was run.
const StressRow& worst_of(const StressResult& result) {
    const StressRow* worst = &result.rows.front();
    for (const StressRow& row : result.rows) {
        if (row.comparable() && row.figures.net_r < worst->figures.net_r) worst = &row;
    }
    return *worst;
}

std::vector<Figure> headline_of(const StressResult& result) {
    std::int64_t scenarios = 0;
    std::int64_t positive = 0;
    for (const StressRow& row : result.rows) {
        if (!row.comparable() || row.group == "base") continue;
        ++scenarios;
        positive += row.figures.net_r > 0.0 ? 1 : 0;
    }
    const StressRow& worst = worst_of(result);
    const std::vector<double>& quantiles = result.path_options.quantiles;
    const auto high = static_cast<std::size_t>(std::ranges::find(quantiles, 0.95) - quantiles.begin());
    std::vector<Figure> figures = {
        {"net, as tuned", result.rows.front().figures.net_r, "R", 1, ""},
        {"scenarios above zero", fmt::format("{} of {}", positive, scenarios), "", 0, "over the same window"},
        {"worst scenario", worst.figures.net_r, "R", 1, worst.name},
    };
    if (high < result.paths.drawdown_percent.quantiles.size()) {
        figures.push_back({"drawdown, 95 % of lists", result.paths.drawdown_percent.quantiles[high], "%", 1, "resampled trades"});
    }
    return figures;
}

constexpr const char* in_sample_note = "in-sample: the models, or the choice of their parameters, have seen these windows";

}  // namespace

Json stress_json(const StressResult& result) {
    Json json = {{"schema", 1},         {"study", result.study},        {"trial", result.trial}, {"symbol", result.symbol},
                 {"seed", result.seed}, {"simulated", result.simulated}};
    json["in_sample"] = result.rows.front().in_sample;
    json["scenarios"] = Json::array();
    for (const StressRow& row : result.rows) json["scenarios"].push_back(row_json(result, row));
    json["left_out"] = result.left_out;
    json["trade_paths"] = paths_json(result.paths, result.path_options);
    return json;
}

report::ReportData stress_page(const StressResult& result) {
    const StressRow& base = result.rows.front();
    report::ReportData page;
    page.title = "Stress · " + result.title;
    page.subtitle = fmt::format("test window, {} to {}", format_time(base.figures.window.from), format_time(base.figures.window.to));
    page.simulated = result.simulated;
    if (base.in_sample) page.warnings.push_back("in-sample: the model has seen the test window, so these figures say nothing about the future");
    page.headline = headline_of(result);
    page.figures = {ruin_table(result.paths, result.path_options)};
    page.tables_title = "Scenarios";
    page.tables = {
        rows_table(result, "Costs and latency",
                   "unforeseen: the trades of the base pay more; else the gate knows the cost, refuses more, and may look the better for it",
                   {"base", "fees", "slippage", "latency"}),
        rows_table(result, "Parameters, one at a time", "the models as they were trained", {"base", "parameters"}),
        rows_table(result, "Bars lost and repeated", "features and touches from what was seen, fills on what was traded", {"base", "feed"}),
        paths_table(result.paths, result.path_options)};
    report::Table extra = rows_table(result, "Other data", "", {"extra data"});
    if (!extra.rows.empty()) page.tables.push_back(std::move(extra));
    page.tables.push_back(rows_table(result, "Whole data set and folds", in_sample_note, {"whole data", "folds"}));
    page.fold_metric = "net R a trade, in-sample";
    for (const StressRow& row : result.rows) {
        if (row.group != "folds") continue;
        page.folds.push_back({row.name, row.figures.trades > 0 ? row.figures.expectancy_r : 0.0, fmt::format("{} trades", row.figures.trades)});
    }
    for (const std::string& left_out : result.left_out) page.notes.push_back("Left out: " + left_out);
    page.notes.push_back("Scenarios are looks at one window, not forecasts: the more of them, the likelier a good and a bad one by luck.");
    page.provenance = {{"seed", std::to_string(result.seed), "", 0, ""}};
    return page;
}

std::string stress_text(const StressResult& result) {
    const auto number = [](double value, int decimals) { return std::isnan(value) ? std::string("-") : fmt::format("{:.{}f}", value, decimals); };
    std::string text;
    if (result.simulated) text += "simulated: true\n";
    if (result.rows.front().in_sample) text += "in-sample: the model has seen the test window\n";
    std::vector<std::vector<std::string>> rows;
    for (const StressRow& row : result.rows) {
        const backtest::Figures& f = row.figures;
        rows.push_back({row.name, sample_of(row), std::to_string(f.trades), number(f.net_r, 2), number(against_base(result, row), 2),
                        number(f.expectancy_r, 4), number(f.profit_factor, 3), number(f.max_drawdown_percent, 2), number(f.max_drawdown_r, 2)});
    }
    const std::vector<std::string> header = {"scenario",  "sample",        "trades",     "net R",     "against base",
                                             "R a trade", "profit factor", "drawdown %", "drawdown R"};
    text += format_table(header, rows) + "\n";
    for (const StressRow& row : result.rows) {
        if (!row.note.empty()) text += row.name + ": " + row.note + "\n";
    }
    for (const std::string& left_out : result.left_out) text += "left out: " + left_out + "\n";
    const report::Table paths = paths_table(result.paths, result.path_options);
    std::vector<std::string> path_header;
    for (const report::Column& column : paths.columns) path_header.push_back(column.name);
    std::vector<std::vector<std::string>> path_rows;
    for (const auto& row : paths.rows) {
        std::vector<std::string>& line = path_rows.emplace_back(std::vector<std::string>{std::get<std::string>(row.front())});
        for (std::size_t i = 1; i < row.size(); ++i) line.push_back(number(std::get<double>(row[i]), 2));
    }
    text += fmt::format("\n{} lists of {} trades resampled in blocks of {}\n", result.paths.paths, result.paths.trades, result.paths.block_length);
    text += format_table(path_header, path_rows) + "\n";
    for (const Figure& figure : ruin_table(result.paths, result.path_options).figures) {
        text += fmt::format("{}: {} % of the lists\n", figure.name, number(std::get<double>(figure.value), figure.decimals));
    }
    return text + "report: " + (result.folder / "stress.html").string() + "\n";
}

}  // namespace sofia::pipeline
