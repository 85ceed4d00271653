#include "app/pipeline/verdict.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/summary.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

constexpr std::array<std::string_view, 5> status_names = {"not_evaluated", "rejected_test", "passed_test", "rejected_shadow", "selected"};

Result<std::optional<WindowFigures>> optional_figures(const Members& selection, const char* name) {
    if (selection.is_null(name)) return std::nullopt;
    SOFIA_TRY(const Members members, selection.object(name));
    SOFIA_TRY(WindowFigures figures, figures_from(members));
    return figures;
}

}  // namespace

void SelectConfig::describe(config::Keys& keys) {
    keys.integer("top", top, {1, 1e6}, "Trials that `select` runs over the test window, the best by robust score.");
    keys.number("min_expectancy_r", min_expectancy_r, {-100.0, 100.0}, "Mean net R a trade that test, and then shadow, has to exceed.");
    keys.integer("min_trades", min_trades, {1, 1e6}, "Trades that test, and then shadow, needs at least.");
    keys.number("max_drawdown_percent", max_drawdown_percent, {0.0, 100.0}, "Largest drawdown of the equity in test, and then in shadow.");
}

Result<void> SelectConfig::validate() const {
    if (top < 1) return fail(ErrorCode::config, fmt::format("select.top {} is below 1", top));
    if (min_trades < 1) return fail(ErrorCode::config, fmt::format("select.min_trades {} is below 1", min_trades));
    return {};
}

std::string refusal_of(const WindowFigures& figures, const SelectConfig& limits) {
    if (!figures.note.empty()) return figures.note;
    std::vector<std::string> reasons;
    if (figures.trades < limits.min_trades)
        reasons.push_back(fmt::format("{} trades, fewer than select.min_trades {}", figures.trades, limits.min_trades));
    if (!(figures.expectancy_r > limits.min_expectancy_r) && figures.trades > 0) {
        reasons.push_back(
            fmt::format("{:.4f} R a trade, not above select.min_expectancy_r {}", figures.expectancy_r, format_double(limits.min_expectancy_r)));
    }
    if (figures.max_drawdown_percent > limits.max_drawdown_percent) {
        reasons.push_back(fmt::format("drawdown of {:.1f} %, above select.max_drawdown_percent {}", figures.max_drawdown_percent,
                                      format_double(limits.max_drawdown_percent)));
    }
    return join(reasons, "; ");
}

std::string_view name(Status status) { return status_names[static_cast<std::size_t>(status)]; }

Json figures_json(const std::optional<WindowFigures>& figures) {
    if (!figures) return {};
    Json json = window_json(figures->window);
    json["trades"] = figures->trades;
    json["net_r"] = json_number(figures->net_r);
    json["gross_r"] = json_number(figures->gross_r);
    json["expectancy_r"] = json_number(figures->expectancy_r);
    json["net_pnl"] = json_number(figures->net_pnl);
    json["max_drawdown_percent"] = json_number(figures->max_drawdown_percent);
    json["max_drawdown_r"] = json_number(figures->max_drawdown_r);
    json["daily_net_r"] = Json::array();
    for (const double day : figures->daily_net_r) json["daily_net_r"].push_back(json_number(day));
    json["trades_sha256"] = figures->trades_sha256;
    json["bars_sha256"] = figures->bars_sha256;
    json["note"] = figures->note;
    return json;
}

Result<WindowFigures> figures_from(const Members& members) {
    WindowFigures figures;
    SOFIA_TRY(figures.window, members.window());
    SOFIA_TRY(figures.trades, members.count("trades"));
    SOFIA_TRY(figures.net_r, members.number("net_r"));
    SOFIA_TRY(figures.gross_r, members.number("gross_r"));
    SOFIA_TRY(figures.expectancy_r, members.number("expectancy_r"));
    SOFIA_TRY(figures.net_pnl, members.number("net_pnl"));
    SOFIA_TRY(figures.max_drawdown_percent, members.number("max_drawdown_percent"));
    SOFIA_TRY(figures.max_drawdown_r, members.number("max_drawdown_r"));
    if (members.has("daily_net_r")) {
        SOFIA_TRY(figures.daily_net_r, members.numbers("daily_net_r"));
    }
    SOFIA_TRY(figures.trades_sha256, members.text("trades_sha256"));
    SOFIA_TRY(figures.bars_sha256, members.text("bars_sha256"));
    SOFIA_TRY(figures.note, members.text("note"));
    return figures;
}

Json selection_json(const Verdict& verdict) {
    if (verdict.rank == 0) return {};
    return {{"rank", verdict.rank}, {"test", figures_json(verdict.test)}, {"shadow", figures_json(verdict.shadow)}};
}

Result<Verdict> read_verdict(const Members& summary) {
    Verdict verdict;
    SOFIA_TRY(const std::string status, summary.text("status"));
    const auto found = std::ranges::find(status_names, status);
    if (found == status_names.end()) return summary.error("status");
    verdict.status = static_cast<Status>(found - status_names.begin());
    SOFIA_TRY(verdict.reason, summary.text("reason"));
    if (summary.is_null("selection")) return verdict;
    SOFIA_TRY(const Members selection, summary.object("selection"));
    SOFIA_TRY(verdict.rank, selection.count("rank"));
    SOFIA_TRY(verdict.test, optional_figures(selection, "test"));
    SOFIA_TRY(verdict.shadow, optional_figures(selection, "shadow"));
    return verdict;
}

Result<void> write_verdict(const std::filesystem::path& summary, const Verdict& verdict) {
    SOFIA_TRY(Json json, read_json_file(summary, TuningSummary::schema));
    const Json before = json;
    json["status"] = name(verdict.status);
    json["reason"] = verdict.reason;
    json["selection"] = selection_json(verdict);
    if (json == before) return {};
    return write_file(summary, format_json(json));
}

}  // namespace sofia::pipeline
