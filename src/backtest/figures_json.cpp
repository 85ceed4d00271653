#include <nlohmann/json.hpp>

#include "backtest/figures.hpp"

namespace sofia::backtest {

namespace {

/// Every number of the figures in the struct's order, with the key of metrics.json.
struct Entry {
    const char* key;
    double Figures::* value;
};
constexpr Entry numbers[] = {
    {"net_r", &Figures::net_r},
    {"gross_r", &Figures::gross_r},
    {"net_pnl", &Figures::net_pnl},
    {"gross_pnl", &Figures::gross_pnl},
    {"starting_equity", &Figures::starting_equity},
    {"final_equity", &Figures::final_equity},
    {"return_percent", &Figures::return_percent},
    {"win_rate", &Figures::win_rate},
    {"mean_win_r", &Figures::mean_win_r},
    {"mean_loss_r", &Figures::mean_loss_r},
    {"payoff", &Figures::payoff},
    {"profit_factor", &Figures::profit_factor},
    {"expectancy_r", &Figures::expectancy_r},
    {"gross_expectancy_r", &Figures::gross_expectancy_r},
    {"max_drawdown", &Figures::max_drawdown},
    {"max_drawdown_percent", &Figures::max_drawdown_percent},
    {"max_drawdown_r", &Figures::max_drawdown_r},
    {"time_under_water", &Figures::time_under_water},
    {"longest_under_water_days", &Figures::longest_under_water_days},
    {"exposure", &Figures::exposure},
    {"turnover", &Figures::turnover},
    {"mean_leverage", &Figures::mean_leverage},
    {"max_leverage", &Figures::max_leverage},
    {"mean_hold_hours", &Figures::mean_hold_hours},
    {"sharpe_daily", &Figures::sharpe_daily},
    {"sharpe_annual", &Figures::sharpe_annual},
    {"psr", &Figures::psr},
    {"min_track_record_days", &Figures::min_track_record_days},
    {"fee_r", &Figures::fee_r},
    {"slip_r", &Figures::slip_r},
    {"funding_r", &Figures::funding_r},
    {"ops_r", &Figures::ops_r},
    {"fees", &Figures::fees},
    {"funding", &Figures::funding},
    {"ops", &Figures::ops},
    {"break_even_cost_r", &Figures::break_even_cost_r},
    {"net_r_without_best", &Figures::net_r_without_best},
    {"concentration_wins", &Figures::concentration_wins},
    {"concentration_losses", &Figures::concentration_losses},
    {"concentration_months", &Figures::concentration_months},
    {"mean_mae_r", &Figures::mean_mae_r},
    {"mean_mfe_r", &Figures::mean_mfe_r},
    {"mean_mae_of_wins_r", &Figures::mean_mae_of_wins_r},
    {"mean_mfe_of_losses_r", &Figures::mean_mfe_of_losses_r},
    {"mean_expected_value", &Figures::mean_expected_value},
    {"ambiguous_share", &Figures::ambiguous_share},
};

Json counts(const std::vector<GroupFigures>& list) {
    Json out = Json::object();
    for (const GroupFigures& count : list) out[count.group] = count.trades;
    return out;
}

Json months(const std::vector<MonthFigures>& list) {
    Json out = Json::array();
    for (const MonthFigures& month : list) {
        out.push_back({{"year", month.year},
                       {"month", month.month},
                       {"trades", month.trades},
                       {"net_r", json_number(month.net_r)},
                       {"net_pnl", json_number(month.net_pnl)},
                       {"return_percent", json_number(month.return_percent)}});
    }
    return out;
}

}  // namespace

Json to_json(std::span<const GroupFigures> groups) {
    Json out = Json::array();
    for (const GroupFigures& group : groups) {
        out.push_back({{"group", group.group},
                       {"trades", group.trades},
                       {"win_rate", json_number(group.win_rate)},
                       {"net_r", json_number(group.net_r)},
                       {"gross_r", json_number(group.gross_r)},
                       {"mean_net_r", json_number(group.mean_net_r)},
                       {"mean_expected_value", json_number(group.mean_expected_value)},
                       {"net_pnl", json_number(group.net_pnl)}});
    }
    return out;
}

Json to_json(const Figures& figures) {
    Json out = Json::object();
    out["from"] = format_time(figures.window.from);
    out["to"] = format_time(figures.window.to);
    out["days"] = figures.days;
    out["signals"] = figures.signals;
    out["trades"] = figures.trades;
    out["unfilled"] = figures.unfilled;
    out["ambiguous"] = figures.ambiguous;
    for (const Entry& entry : numbers) out[entry.key] = json_number(figures.*entry.value);
    out["by_reason"] = to_json(figures.by_reason);
    out["by_direction"] = to_json(figures.by_direction);
    out["by_timeframe"] = to_json(figures.by_timeframe);
    out["refusals"] = counts(figures.refusals);
    out["unfilled_why"] = counts(figures.unfilled_why);
    out["months"] = months(figures.months);
    out["daily_net_r"] = Json::array();
    for (const double day : figures.daily_net_r) out["daily_net_r"].push_back(json_number(day));
    return out;
}

}  // namespace sofia::backtest
