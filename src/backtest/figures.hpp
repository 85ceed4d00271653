#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/time.hpp"
#include "trading/core.hpp"

// What a run of the decision core earned, in figures.
namespace sofia::backtest {

using trading::ClosedTrade;
using trading::Window;

/// Trades of one kind together.
struct GroupFigures {
    std::string group;  ///< `target`, `long`, `15m`
    std::int64_t trades = 0;
    double win_rate = std::numeric_limits<double>::quiet_NaN();
    double net_r = 0.0;
    double gross_r = 0.0;
    double mean_net_r = std::numeric_limits<double>::quiet_NaN();
    double mean_expected_value = std::numeric_limits<double>::quiet_NaN();  ///< predicted, over the trades that have one
    double net_pnl = 0.0;
};

/// A calendar month (UTC) by exit time.
struct MonthFigures {
    int year = 1970;
    int month = 1;
    std::int64_t trades = 0;
    double net_r = 0.0;
    double net_pnl = 0.0;
    double return_percent = 0.0;  ///< net_pnl over the equity at the month's start
};

/// A point of the equity curve.
struct EquityPoint {
    TimeNs time = 0;
    double equity = 0.0;            ///< settlement coin
    double drawdown_percent = 0.0;  ///< below the highest so far, not negative
    double cumulative_r = 0.0;      ///< net
};

/// NaN where a figure does not exist (no trades, no losses, a single day). Money in the settlement coin.
struct Figures {
    Window window;
    std::int64_t signals = 0;
    std::int64_t trades = 0;
    double net_r = 0.0;
    double gross_r = 0.0;
    double net_pnl = 0.0;
    double gross_pnl = 0.0;  ///< before fees, funding and operations; slippage is inside
    double starting_equity = 0.0;
    double final_equity = 0.0;
    double return_percent = 0.0;

    double win_rate = std::numeric_limits<double>::quiet_NaN();       ///< share of trades with net_r > 0
    double mean_win_r = std::numeric_limits<double>::quiet_NaN();
    double mean_loss_r = std::numeric_limits<double>::quiet_NaN();    ///< negative
    double payoff = std::numeric_limits<double>::quiet_NaN();         ///< mean win / |mean loss|
    double profit_factor = std::numeric_limits<double>::quiet_NaN();  ///< sum of wins / |sum of losses|, in R
    double expectancy_r = std::numeric_limits<double>::quiet_NaN();   ///< mean net_r
    double gross_expectancy_r = std::numeric_limits<double>::quiet_NaN();

    double max_drawdown = 0.0;          ///< settlement coin, of equity after each trade, from the starting equity
    double max_drawdown_percent = 0.0;
    double max_drawdown_r = 0.0;        ///< of the cumulative net R
    double time_under_water = 0.0;      ///< share of the window below the highest equity so far
    double longest_under_water_days = 0.0;

    double exposure = 0.0;              ///< share of the window with a position
    double turnover = 0.0;              ///< value traded (both sides, at entry) over the mean equity
    double mean_leverage = std::numeric_limits<double>::quiet_NaN();  ///< value at entry over equity
    double max_leverage = std::numeric_limits<double>::quiet_NaN();
    double mean_hold_hours = std::numeric_limits<double>::quiet_NaN();

    std::int64_t days = 0;              ///< UTC days that the window touches
    double sharpe_daily = std::numeric_limits<double>::quiet_NaN();   ///< mean / standard deviation (n - 1) of daily net R, zeros included
    double sharpe_annual = std::numeric_limits<double>::quiet_NaN();  ///< times sqrt(365.25)
    double psr = std::numeric_limits<double>::quiet_NaN();            ///< P(true Sharpe > 0), Bailey and López de Prado 2012
    double min_track_record_days = std::numeric_limits<double>::quiet_NaN();  ///< days until psr would reach 0.95; NaN at a Sharpe <= 0

    double fee_r = 0.0;                 ///< the waterfall: gross_r - fee_r - slip_r - funding_r - ops_r = net_r
    double slip_r = 0.0;
    double funding_r = 0.0;
    double ops_r = 0.0;
    double fees = 0.0;                  ///< settlement coin
    double funding = 0.0;
    double ops = 0.0;
    double break_even_cost_r = std::numeric_limits<double>::quiet_NaN();  ///< gross R a trade: what all costs may be at most

    double net_r_without_best = 0.0;    ///< without the best twentieth of the trades, at least one
    double concentration_wins = std::numeric_limits<double>::quiet_NaN();    ///< of the winners' net R: 0 all alike, 1 one trade has it all
    double concentration_losses = std::numeric_limits<double>::quiet_NaN();  ///< López de Prado (2018), 14.5: (sum w² - 1/n) / (1 - 1/n), w shares
    double concentration_months = std::numeric_limits<double>::quiet_NaN();  ///< of the number of trades a month

    double mean_mae_r = std::numeric_limits<double>::quiet_NaN();
    double mean_mfe_r = std::numeric_limits<double>::quiet_NaN();
    double mean_mae_of_wins_r = std::numeric_limits<double>::quiet_NaN();
    double mean_mfe_of_losses_r = std::numeric_limits<double>::quiet_NaN();
    double mean_expected_value = std::numeric_limits<double>::quiet_NaN();  ///< predicted by the gate, over trades that have one

    std::int64_t ambiguous = 0;         ///< exits whose bar held stop and target
    double ambiguous_share = std::numeric_limits<double>::quiet_NaN();
    std::int64_t unfilled = 0;

    std::vector<GroupFigures> by_reason;     ///< every reason, in the order of ExitReason
    std::vector<GroupFigures> by_direction;  ///< long, short
    std::vector<GroupFigures> by_timeframe;  ///< ascending
    std::vector<MonthFigures> months;        ///< every month of the window
    std::vector<GroupFigures> refusals;      ///< signals refused, counted in `trades`, every reason
    std::vector<GroupFigures> unfilled_why;  ///< entry orders, counted in `trades`, every reason
    std::vector<double> daily_net_r;         ///< one a UTC day of the window, by exit time
};

/// `timeframes` names the strategy's timeframes. Trades that left after the window count on its last day.
[[nodiscard]] Figures figures_of(const trading::DecisionCore& core, Window window, std::span<const std::string> timeframes);

/// The same of a list of trades alone (signals, refusals and unfilled orders stay empty).
[[nodiscard]] Figures figures_of(std::span<const ClosedTrade> trades, Window window, double starting_equity, std::span<const std::string> timeframes);

/// Of these trades together.
[[nodiscard]] GroupFigures group_figures(std::string name, std::span<const ClosedTrade> trades);

/// One net R a UTC day that the window touches, zeros included; a trade counts on the day of its exit.
[[nodiscard]] std::vector<double> daily_net_r(std::span<const ClosedTrade> trades, Window window);

/// How many of them leave on each of those days.
[[nodiscard]] std::vector<std::int64_t> daily_trades(std::span<const ClosedTrade> trades, Window window);

/// The start of the window, then a point a trade at its exit.
[[nodiscard]] std::vector<EquityPoint> equity_curve(std::span<const ClosedTrade> trades, Window window, double starting_equity);

/// Share of the window for which funding is known: a stamp speaks for the time since the one before it, or for the usual time between two (their
/// median) where that is more than half as long again. 0 below two stamps or in an empty window.
[[nodiscard]] double funding_coverage(std::span<const trading::Funding> funding, Window window);

/// Keys in the struct's order; NaN is null.
[[nodiscard]] Json to_json(const Figures& figures);
[[nodiscard]] Json to_json(std::span<const GroupFigures> groups);

}  // namespace sofia::backtest
