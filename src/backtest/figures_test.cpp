#include "backtest/figures.hpp"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <nlohmann/json.hpp>

#include "backtest/replay.hpp"
#include "math/special.hpp"
#include "trading/test_support.hpp"

namespace sofia::backtest {
namespace {

namespace support = trading::testing;
using support::minute;
using trading::Direction;
using trading::ExitReason;

constexpr std::int64_t day = 1440;
const std::vector<std::string> timeframes{"15m", "1h"};

/// A trade of one hour that ends at `exit_minute` and earns `net` coins at 100 coins a R.
ClosedTrade trade(std::int64_t exit_minute, double net, market::Money& equity) {
    ClosedTrade made;
    made.entry_time = minute(exit_minute - 60);
    made.exit_time = minute(exit_minute);
    made.reason = net > 0.0 ? ExitReason::target : ExitReason::stop;
    made.net_r = net / 100.0;
    made.gross_r = made.net_r + 0.1;
    made.fee_r = 0.1;
    made.net = market::to_money(net);
    made.pnl = market::to_money(net + 10.0);
    made.fees = market::to_money(10.0);
    made.notional = 5'000.0;
    equity += made.net;
    made.equity_after = equity;
    return made;
}

std::vector<ClosedTrade> five_trades() {
    market::Money equity = market::to_money(10'000.0);
    return {trade(100, 200.0, equity), trade(day + 100, -100.0, equity), trade(day + 200, -100.0, equity), trade(2 * day, 300.0, equity),
            trade(3 * day, -50.0, equity)};
}

Figures figures() { return figures_of(five_trades(), {minute(0), minute(4 * day)}, 10'000.0, timeframes); }

TEST(Figures, OfFiveTradesByHand) {
    const Figures f = figures();
    EXPECT_EQ(f.trades, 5);
    EXPECT_DOUBLE_EQ(f.net_r, 2.5);
    EXPECT_DOUBLE_EQ(f.gross_r, 3.0);
    EXPECT_DOUBLE_EQ(f.net_pnl, 250.0);
    EXPECT_DOUBLE_EQ(f.gross_pnl, 300.0);
    EXPECT_DOUBLE_EQ(f.fees, 50.0);
    EXPECT_DOUBLE_EQ(f.final_equity, 10'250.0);
    EXPECT_DOUBLE_EQ(f.return_percent, 2.5);
    EXPECT_DOUBLE_EQ(f.win_rate, 0.4);
    EXPECT_DOUBLE_EQ(f.mean_win_r, 2.5);
    EXPECT_DOUBLE_EQ(f.payoff, 2.5 / (2.5 / 3.0));
    EXPECT_DOUBLE_EQ(f.profit_factor, 2.0);
    EXPECT_DOUBLE_EQ(f.expectancy_r, 0.5);
    EXPECT_DOUBLE_EQ(f.break_even_cost_r, 0.6);
    EXPECT_DOUBLE_EQ(f.max_drawdown, 200.0);
    EXPECT_DOUBLE_EQ(f.max_drawdown_percent, 100.0 * 200.0 / 10'200.0);
    EXPECT_DOUBLE_EQ(f.max_drawdown_r, 2.0);
    // Under water from the loss on day 1 to the win at day 2, and from day 3 to the end.
    EXPECT_DOUBLE_EQ(f.time_under_water, (2.0 * day - (day + 100.0) + day) / (4.0 * day));
    EXPECT_DOUBLE_EQ(f.longest_under_water_days, 1.0);
    EXPECT_DOUBLE_EQ(f.exposure, 5.0 * 60.0 / (4.0 * day));
    EXPECT_DOUBLE_EQ(f.mean_hold_hours, 1.0);
    EXPECT_DOUBLE_EQ(f.max_leverage, 0.5);
}

TEST(Figures, CountDaysWithoutTradesAsZeros) {
    const Figures f = figures();
    EXPECT_EQ(f.daily_net_r, (std::vector<double>{2.0, -2.0, 3.0, -0.5}));
    const Figures longer = figures_of(five_trades(), {minute(0), minute(8 * day)}, 10'000.0, timeframes);
    EXPECT_EQ(longer.daily_net_r.size(), 8U);
    EXPECT_LT(longer.sharpe_daily, f.sharpe_daily);
    EXPECT_DOUBLE_EQ(std::accumulate(longer.daily_net_r.begin(), longer.daily_net_r.end(), 0.0), f.net_r);
}

TEST(Figures, CountTheTradesOfEachDay) {
    EXPECT_EQ(daily_trades(five_trades(), {minute(0), minute(5 * day)}), (std::vector<std::int64_t>{1, 2, 1, 1, 0}));
    EXPECT_EQ(daily_trades(five_trades(), {minute(0), minute(2 * day)}), (std::vector<std::int64_t>{1, 4}));  // late ones on the last day
}

TEST(Figures, SayHowFewTradesTheResultHangsOn) {
    const Figures f = figures();
    EXPECT_DOUBLE_EQ(f.net_r_without_best, 2.5 - 3.0);
    EXPECT_DOUBLE_EQ(f.concentration_wins, (0.4 * 0.4 + 0.6 * 0.6 - 0.5) / 0.5);
    EXPECT_DOUBLE_EQ(f.concentration_losses, (0.4 * 0.4 + 0.4 * 0.4 + 0.2 * 0.2 - 1.0 / 3.0) / (1.0 - 1.0 / 3.0));
    EXPECT_TRUE(std::isnan(f.concentration_months));  // one month
    const Figures none = figures_of({}, {minute(0), minute(4 * day)}, 10'000.0, timeframes);
    EXPECT_EQ(none.net_r_without_best, 0.0);
    EXPECT_TRUE(std::isnan(none.concentration_wins));
}

TEST(FundingCoverage, LeavesOutWhatNoStampSpeaksFor) {
    std::vector<trading::Funding> funding;
    for (const std::int64_t hours : {8, 16, 24, 32, 56, 64}) funding.push_back({minute(60 * hours), 0.0001, 1.0});  // two are missing
    EXPECT_DOUBLE_EQ(funding_coverage(funding, {minute(0), minute(60 * 32)}), 1.0);
    EXPECT_DOUBLE_EQ(funding_coverage(funding, {minute(0), minute(60 * 64)}), 48.0 / 64.0);
    EXPECT_DOUBLE_EQ(funding_coverage(funding, {minute(60 * 32), minute(60 * 48)}), 0.0);
    EXPECT_DOUBLE_EQ(funding_coverage(funding, {minute(60 * 60), minute(60 * 68)}), 0.5);
    EXPECT_EQ(funding_coverage({}, {minute(0), minute(60)}), 0.0);
}

TEST(Figures, GroupsAddUpToTheWhole) {
    const Figures f = figures();
    for (const auto* groups : {&f.by_reason, &f.by_direction, &f.by_timeframe}) {
        std::int64_t trades = 0;
        double net = 0.0;
        for (const GroupFigures& group : *groups) {
            trades += group.trades;
            net += group.net_pnl;
        }
        EXPECT_EQ(trades, f.trades);
        EXPECT_DOUBLE_EQ(net, f.net_pnl);
    }
    EXPECT_EQ(f.by_reason[0].group, "target");
    EXPECT_EQ(f.by_timeframe[1].trades, 0);
    EXPECT_TRUE(std::isnan(f.by_timeframe[1].mean_net_r));
}

TEST(Figures, ListEveryMonthOfTheWindow) {
    market::Money equity = market::to_money(1'000.0);
    // From 2021-01-04 on: January, nothing in February, March.
    const std::vector<ClosedTrade> trades{trade(10 * day, 100.0, equity), trade(60 * day, -110.0, equity)};
    const Figures f = figures_of(trades, {minute(0), minute(70 * day)}, 1'000.0, timeframes);
    ASSERT_EQ(f.months.size(), 3U);
    EXPECT_DOUBLE_EQ(f.months[0].return_percent, 10.0);
    EXPECT_EQ(f.months[1].trades, 0);
    EXPECT_EQ(f.months[1].return_percent, 0.0);
    EXPECT_EQ(f.months[2].month, 3);
    EXPECT_DOUBLE_EQ(f.months[2].return_percent, -10.0);
}

TEST(Figures, WithoutTradesAreZeroOrMissing) {
    const Figures f = figures_of(std::span<const ClosedTrade>{}, {minute(0), minute(day)}, 1'000.0, timeframes);
    EXPECT_EQ(f.trades, 0);
    EXPECT_EQ(f.final_equity, 1'000.0);
    EXPECT_EQ(f.max_drawdown, 0.0);
    EXPECT_TRUE(std::isnan(f.win_rate));
    EXPECT_TRUE(std::isnan(f.sharpe_daily));
    EXPECT_TRUE(to_json(f)["profit_factor"].is_null());
}

TEST(Figures, AreWrittenInAFixedOrderWithTheNamesOfTheSchema) {
    const Json json = to_json(figures());
    EXPECT_EQ(json["trades"], 5);
    EXPECT_EQ(json["net_r"], 2.5);
    EXPECT_EQ(json["from"], "2021-01-04T00:00:00Z");
    for (const char* key : {"gross_r", "net_pnl", "max_drawdown", "psr", "fee_r", "by_reason", "months", "daily_net_r"}) {
        EXPECT_TRUE(json.contains(key)) << key;
    }
    EXPECT_EQ(json.dump(), to_json(figures()).dump());
    EXPECT_EQ(json.begin().key(), "from");
}

// Two-valued daily returns have skewness 0 and raw kurtosis 1: the formulas' spread is exactly one.
TEST(Figures, TakeTheSharpeStatisticsFromDailyNetR) {
    std::vector<ClosedTrade> trades(100);
    for (std::size_t i = 0; i < trades.size(); ++i) {
        trades[i].exit_time = static_cast<TimeNs>(i) * ns_per_day + 1;
        trades[i].net_r = i % 2 == 0 ? 1.2 : -0.8;
    }
    const Figures f = figures_of(trades, {0, 100 * ns_per_day}, 1'000.0, {});
    const double sharpe = 0.2 / std::sqrt(100.0 / 99.0);
    EXPECT_NEAR(f.sharpe_daily, sharpe, 1e-12);
    EXPECT_NEAR(f.psr, math::normal_cdf(sharpe * std::sqrt(99.0)), 1e-12);
    EXPECT_NEAR(f.min_track_record_days, 1.0 + std::pow(1.6448536269514722 / sharpe, 2), 1e-9);
}

RC_GTEST_PROP(Figures, OfARunAgreeWithItsCore, (std::uint64_t seed)) {
    const RandomStream random(seed);
    const auto bars = support::random_bars(random.split("bars"), 2'000, 3.0);
    const auto signals = support::random_signals(random.split("signals"), bars, 0.7, 6.0);
    trading::DecisionConfig config = support::plain_config();
    config.costs.fee_percent = 0.05;
    config.execution.slippage_ticks = 1.0;
    trading::DecisionCore core = trading::DecisionCore::make(config, support::inputs(trading::FillMode::bar_close)).value();
    replay(core, bars, {signals, {}}, minute(2'000));
    const std::vector<std::string> names{"15m"};
    const Figures f = figures_of(core, {minute(0), minute(2'000)}, names);
    RC_ASSERT(f.signals == static_cast<std::int64_t>(signals.size()));
    RC_ASSERT(std::fabs(f.final_equity - market::to_double(core.equity())) < 1e-6);
    RC_ASSERT(std::fabs(f.gross_r - f.fee_r - f.slip_r - f.funding_r - f.ops_r - f.net_r) < 1e-9);
    RC_ASSERT(std::fabs(f.gross_pnl - f.fees - f.funding - f.ops - f.net_pnl) < 1e-6);
    RC_ASSERT(f.exposure <= 1.0);
    RC_ASSERT(f.time_under_water <= 1.0 + 1e-12);
    RC_ASSERT(f.max_drawdown_percent <= 100.0);
    const auto curve = equity_curve(core.trades(), f.window, f.starting_equity);
    RC_ASSERT(curve.size() == core.trades().size() + 1);
    RC_ASSERT(std::fabs(curve.back().equity - f.final_equity) < 1e-6);
    RC_ASSERT(std::fabs(curve.back().cumulative_r - f.net_r) < 1e-9);
}

}  // namespace
}  // namespace sofia::backtest
