#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/backtest_files.hpp"
#include "app/pipeline/members.hpp"

namespace sofia::pipeline {
namespace {

using Row = std::vector<std::variant<double, std::string>>;

Result<Row> row_of(const Members& scenario) {
    SOFIA_TRY(const std::string name, scenario.text("name"));
    SOFIA_TRY(const bool in_sample, scenario.flag("in_sample"));
    SOFIA_TRY(const std::int64_t trades, scenario.count("trades"));
    Row row = {name, std::string(in_sample ? "in-sample" : "unseen"), static_cast<double>(trades)};
    for (const char* key : {"net_r", "net_r_against_base", "expectancy_r", "max_drawdown_percent", "max_drawdown_r", "sharpe_annual"}) {
        SOFIA_TRY(const double value, scenario.number(key));
        row.emplace_back(value);
    }
    return row;
}

Result<report::Table> table_from(const std::filesystem::path& file) {
    SOFIA_TRY(const Json json, read_json_file(file, 1));
    SOFIA_TRY(const std::vector<Members> scenarios, Members(json, file, "stress").objects("scenarios"));
    report::Table table{.title = "Scenarios",
                        .note = "",
                        .columns = {{"scenario", ""},
                                    {"data", ""},
                                    {"trades", "", 0},
                                    {"net", "R", 2},
                                    {"against base", "R", 2},
                                    {"expectancy", "R", 4},
                                    {"drawdown", "%", 2},
                                    {"drawdown", "R", 2},
                                    {"Sharpe, annual", "", 2}},
                        .rows = {}};
    for (const Members& scenario : scenarios) {
        SOFIA_TRY(Row row, row_of(scenario));
        table.rows.push_back(std::move(row));
    }
    return table;
}

}  // namespace

std::optional<report::Part> stress_part(const std::filesystem::path& file) {
    std::error_code error;
    if (!std::filesystem::exists(file, error)) return std::nullopt;
    auto table = table_from(file);
    if (!table) return std::nullopt;
    return report::Part{.title = "Stress",
                        .note = "As sofia stress last found it for this model, over the test window.",
                        .figures = {},
                        .tables = {*std::move(table)},
                        .distributions = {}};
}

}  // namespace sofia::pipeline
