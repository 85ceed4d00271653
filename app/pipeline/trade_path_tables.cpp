#include "app/pipeline/trade_path_tables.hpp"

#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

Json figure_json(const backtest::PathFigure& figure) {
    Json quantiles = Json::array();
    for (const double value : figure.quantiles) quantiles.push_back(json_number(value));
    return {{"observed", json_number(figure.observed)}, {"mean", json_number(figure.mean)}, {"quantiles", std::move(quantiles)}};
}

std::string percentile_text(double quantile) { return format_double(100.0 * quantile) + " %"; }

}  // namespace

Json paths_json(const backtest::TradePaths& paths, const backtest::TradePathOptions& options) {
    Json json = {{"paths", paths.paths}, {"trades", paths.trades}, {"block_length", paths.block_length}, {"quantiles", options.quantiles}};
    json["drawdown_percent"] = figure_json(paths.drawdown_percent);
    json["drawdown_r"] = figure_json(paths.drawdown_r);
    json["return_percent"] = figure_json(paths.return_percent);
    json["deeper"] = json_number(paths.deeper);
    json["ruin"] = Json::array();
    for (std::size_t i = 0; i < paths.ruin.size(); ++i) {
        json["ruin"].push_back({{"level", options.ruin_levels[i]}, {"share", json_number(paths.ruin[i])}});
    }
    return json;
}

report::Table paths_table(const backtest::TradePaths& paths, const backtest::TradePathOptions& options) {
    report::Table table{.title = "Trades resampled in blocks",
                        .note = fmt::format("{} lists of {} trades in blocks of {}; so many of them lie at or below each value", paths.paths,
                                            paths.trades, paths.block_length),
                        .columns = {{"figure", ""}, {"observed", ""}, {"mean", ""}},
                        .rows = {}};
    for (const double quantile : options.quantiles) table.columns.push_back({percentile_text(quantile), ""});
    const auto add = [&](const char* name, const backtest::PathFigure& figure) {
        std::vector<std::variant<double, std::string>> row = {std::string(name), figure.observed, figure.mean};
        row.insert(row.end(), figure.quantiles.begin(), figure.quantiles.end());
        table.rows.push_back(std::move(row));
    };
    add("largest drawdown, %", paths.drawdown_percent);
    add("largest drawdown, R", paths.drawdown_r);
    add("return, %", paths.return_percent);
    return table;
}

report::FigureTable ruin_table(const backtest::TradePaths& paths, const backtest::TradePathOptions& options) {
    report::FigureTable table{.title = "Ruin, by resampled lists", .figures = {}};
    for (std::size_t i = 0; i < paths.ruin.size(); ++i) {
        table.figures.push_back({fmt::format("equity at or below {} of the start", percentile_text(options.ruin_levels[i])), 100.0 * paths.ruin[i],
                                 "%", 2, "share of the lists"});
    }
    table.figures.push_back({"deeper drawdown than observed", 100.0 * paths.deeper, "%", 1, "share of the lists"});
    return table;
}

}  // namespace sofia::pipeline
