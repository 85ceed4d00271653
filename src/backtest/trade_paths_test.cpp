#include "backtest/trade_paths.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "backtest/figures.hpp"
#include "market/fixed.hpp"

namespace sofia::backtest {
namespace {

std::vector<PathTrade> list_of(std::uint64_t seed, std::size_t count, double risk = 0.01) {
    RandomStream random(seed);
    std::vector<PathTrade> trades;
    for (std::size_t i = 0; i < count; ++i) {
        const double r = random.uniform() < 0.45 ? 1.2 : -1.0;
        trades.push_back({risk * r, r});
    }
    return trades;
}

TEST(TradePaths, OfEqualLossesAreOnePath) {
    ThreadPool pool(1);
    const std::vector<PathTrade> trades(10, {-0.1, -1.0});
    const TradePaths found = trade_paths(trades, {.paths = 50, .ruin_levels = {0.9, 0.3487, 0.3486}}, RandomStream(1), pool);
    const double left = std::pow(0.9, 10);  // 0.34868
    EXPECT_NEAR(found.drawdown_percent.observed, 100.0 * (1.0 - left), 1e-9);
    for (const double q : found.drawdown_percent.quantiles) EXPECT_NEAR(q, 100.0 * (1.0 - left), 1e-9);
    for (const double q : found.drawdown_r.quantiles) EXPECT_EQ(q, 10.0);
    for (const double q : found.return_percent.quantiles) EXPECT_NEAR(q, 100.0 * (left - 1.0), 1e-9);
    EXPECT_EQ(found.ruin, (std::vector<double>{1.0, 1.0, 0.0}));
    EXPECT_EQ(found.deeper, 0.0);
}

// Two trades, half lost or half won: of the four equally likely paths one falls to a quarter, three reach a half or less but one wins twice.
TEST(TradePaths, OfTwoTradesAreFourAlikeOnes) {
    ThreadPool pool(2);
    const std::vector<PathTrade> trades{{0.5, 1.0}, {-0.5, -1.0}};
    const TradePaths found = trade_paths(trades, {.paths = 40'000, .block_length = 1, .ruin_levels = {0.25, 0.5, 0.76}}, RandomStream(3), pool);
    EXPECT_NEAR(found.ruin[0], 0.25, 0.01);   // down, down
    EXPECT_NEAR(found.ruin[1], 0.5, 0.01);    // down first
    EXPECT_NEAR(found.ruin[2], 0.75, 0.01);   // up, down ends at 0.75
    EXPECT_NEAR(found.deeper, 0.25, 0.01);
    EXPECT_NEAR(found.return_percent.mean, 0.0, 1.0);
    EXPECT_NEAR(found.drawdown_r.mean, (2.0 + 1.0 + 1.0 + 0.0) / 4.0, 0.02);
}

RC_GTEST_PROP(TradePaths, AreTheSameForAnyNumberOfThreadsAndOrdered, (std::uint64_t seed)) {
    const auto trades = list_of(seed, 5 + seed % 60, 0.05);
    ThreadPool one(1);
    ThreadPool two(2);
    const TradePathOptions options{.paths = 60};
    const TradePaths a = trade_paths(trades, options, RandomStream(seed), one);
    const TradePaths b = trade_paths(trades, options, RandomStream(seed), two);
    RC_ASSERT(a.drawdown_percent.quantiles == b.drawdown_percent.quantiles);
    RC_ASSERT(a.return_percent.mean == b.return_percent.mean);
    RC_ASSERT(a.ruin == b.ruin);
    for (const PathFigure* figure : {&a.drawdown_percent, &a.drawdown_r, &a.return_percent}) {
        RC_ASSERT(std::ranges::is_sorted(figure->quantiles));
    }
    RC_ASSERT(std::ranges::is_sorted(a.ruin));
    RC_ASSERT(a.drawdown_percent.quantiles.back() <= 100.0);
}

// A losing streak that stands together falls deeper when blocks keep it together.
TEST(TradePaths, BlocksKeepStreaksTogether) {
    std::vector<PathTrade> trades;
    for (int i = 0; i < 200; ++i) trades.push_back(i / 10 % 2 == 0 ? PathTrade{0.02, 1.0} : PathTrade{-0.02, -1.0});
    ThreadPool pool(2);
    const TradePaths alone = trade_paths(trades, {.paths = 2'000, .block_length = 1}, RandomStream(4), pool);
    const TradePaths together = trade_paths(trades, {.paths = 2'000, .block_length = 20}, RandomStream(4), pool);
    EXPECT_GT(together.drawdown_r.quantiles[0], 9.0);
    EXPECT_GT(together.drawdown_r.quantiles[0], alone.drawdown_r.quantiles[0]);
    EXPECT_GT(trade_paths(trades, {.paths = 10}, RandomStream(4), pool).block_length, 1U);
}

TEST(TradePaths, TakeTheFiguresDrawdownForTheObservedOne) {
    std::vector<trading::ClosedTrade> closed;
    double equity = 1'000.0;
    for (const double net : {50.0, -200.0, 30.0, -80.0, 500.0}) {
        trading::ClosedTrade trade;
        equity += net;
        trade.net = market::to_money(net);
        trade.equity_after = market::to_money(equity);
        trade.net_r = net / 100.0;
        trade.exit_time = static_cast<TimeNs>(closed.size() + 1) * ns_per_day;
        closed.push_back(trade);
    }
    const Figures figures = figures_of(closed, {0, 10 * ns_per_day}, 1'000.0, {});
    ThreadPool pool(1);
    const TradePaths found = trade_paths(path_trades(closed), {.paths = 5}, RandomStream(1), pool);
    EXPECT_NEAR(found.drawdown_percent.observed, figures.max_drawdown_percent, 1e-9);
    EXPECT_NEAR(found.drawdown_r.observed, figures.max_drawdown_r, 1e-9);
    EXPECT_NEAR(found.return_percent.observed, figures.return_percent, 1e-9);
}

TEST(TradePaths, KnowTheEndOfAnAccountAndOfTheTrades) {
    ThreadPool pool(1);
    const std::vector<PathTrade> trades{{-1.5, -3.0}, {1.0, 1.0}};
    const TradePaths found = trade_paths(trades, {.paths = 200, .block_length = 2}, RandomStream(1), pool);
    EXPECT_EQ(found.drawdown_percent.quantiles.back(), 100.0);
    EXPECT_EQ(found.return_percent.quantiles.front(), -100.0);
    EXPECT_EQ(found.ruin, (std::vector<double>{1.0, 1.0, 1.0}));
    const TradePaths none = trade_paths({}, {}, RandomStream(1), pool);
    EXPECT_TRUE(std::isnan(none.deeper));
    EXPECT_TRUE(std::isnan(none.ruin.front()));
    EXPECT_TRUE(std::isnan(none.drawdown_r.quantiles.front()));
}

}  // namespace
}  // namespace sofia::backtest
