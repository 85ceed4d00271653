#include "backtest/benchmarks.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "math/statistics.hpp"
#include "trading/test_support.hpp"

namespace sofia::backtest {
namespace {

namespace support = trading::testing;
using support::minute;
using trading::Direction;

constexpr std::int64_t hour = 60;
constexpr std::int64_t day = 1440;

HoldInputs plain(const market::Instrument& instrument) {
    HoldInputs inputs{.instrument = instrument, .costs = {}, .fills = {}, .starting_equity = 10'000.0};
    inputs.costs.fee_percent = 0.0;
    inputs.fills.tick = instrument.tick;
    inputs.fills.slippage = 0.0;
    return inputs;
}

TEST(BuyAndHold, OfALinearContractIsThePriceChange) {
    const std::vector<trading::Bar> bars{support::flat(0, 2000.0), support::flat(1, 1500.0), support::flat(2, 2500.0), support::flat(3, 2400.0)};
    const HoldFigures held = buy_and_hold(bars, {}, plain(support::instrument()));
    EXPECT_DOUBLE_EQ(held.contracts, 5.0);
    EXPECT_DOUBLE_EQ(held.net_pnl, 2000.0);
    EXPECT_DOUBLE_EQ(held.return_percent, 20.0);
    EXPECT_DOUBLE_EQ(held.max_drawdown_percent, 25.0);
    EXPECT_EQ(held.curve.front().time, minute(1));
    EXPECT_DOUBLE_EQ(held.curve.back().equity, 12'000.0);
}

TEST(BuyAndHold, OfAnInverseContractGainsAtMostTheEquity) {
    HoldInputs inputs = plain(support::inverse_instrument());
    inputs.starting_equity = 1.0;
    const std::vector<trading::Bar> bars{support::flat(0, 2000.0), support::flat(1, 4000.0)};
    const HoldFigures held = buy_and_hold(bars, {}, inputs);
    EXPECT_DOUBLE_EQ(held.contracts, 2000.0);
    EXPECT_DOUBLE_EQ(held.net_pnl, 0.5);  // 2000 (1/2000 - 1/4000) coins
}

TEST(BuyAndHold, PaysFeesSlippageAndTheFundingAfterItsEntry) {
    HoldInputs inputs = plain(support::instrument());
    inputs.costs.fee_percent = 0.1;
    inputs.costs.fee_per_trade_r = 5.0;  // in R: not for holding
    inputs.fills.slippage = 0.5;
    const std::vector<trading::Bar> bars{support::flat(0, 1999.5), support::flat(1, 1999.5), support::flat(2, 1999.5)};
    const std::vector<trading::Funding> funding{{minute(1), 0.5, 1000.0}, {minute(2), 0.01, NAN}, {minute(3), -0.02, 1000.0}, {minute(4), 1.0, 1.0}};
    const HoldFigures held = buy_and_hold(bars, funding, inputs);
    EXPECT_DOUBLE_EQ(held.entry_price, 2000.0);
    EXPECT_DOUBLE_EQ(held.exit_price, 1999.0);
    EXPECT_DOUBLE_EQ(held.fees, 0.001 * 5.0 * (2000.0 + 1999.0));
    EXPECT_NEAR(held.funding, 5.0 * (0.01 * 1999.5 - 0.02 * 1000.0), 1e-9);
    EXPECT_NEAR(held.net_pnl, -5.0 - held.fees - held.funding, 1e-9);
}

TEST(BuyAndHold, SharpeIsThatOfTheDailyChanges) {
    std::vector<trading::Bar> bars;
    const std::vector<double> closes{2000.0, 2020.0, 2010.0, 2050.0};  // at the ends of four days
    for (std::int64_t i = 0; i < 4 * day; ++i) bars.push_back(support::flat(i, closes[static_cast<std::size_t>(i / day)]));
    const HoldFigures held = buy_and_hold(bars, {}, plain(support::instrument()));
    const std::vector<double> changes{0.0, 0.01, -0.005, 0.02};
    EXPECT_NEAR(held.sharpe_annual, math::mean(changes) / math::stdev(changes) * std::sqrt(365.25), 1e-12);
    EXPECT_EQ(held.curve.size(), 1U + 4U * 24U);
    EXPECT_EQ(held.curve[1].time, minute(hour));
}

TEST(BuyAndHold, NeedsTwoBars) {
    const std::vector<trading::Bar> bars{support::flat(0, 2000.0)};
    EXPECT_TRUE(std::isnan(buy_and_hold(bars, {}, plain(support::instrument())).net_pnl));
    EXPECT_TRUE(buy_and_hold({}, {}, plain(support::instrument())).curve.empty());
}

ClosedTrade like(std::size_t timeframe, Direction direction) {
    ClosedTrade trade;
    trade.timeframe = timeframe;
    trade.direction = direction;
    return trade;
}

/// Fair bets whose winners last three times as long as their losers: a choice that looked at how a trade ends would show.
std::vector<EntryOutcome> fair_pool(std::int64_t moments) {
    std::vector<EntryOutcome> pool;
    RandomStream random(7);
    for (std::int64_t i = 0; i < moments; ++i) {
        const bool wins = random.below(3) == 0;
        pool.push_back({0, Direction::long_side, minute(15 * i), minute(15 * i + (wins ? 180 : 60)), wins ? 2.0 : -1.0, wins ? 1.9 : -1.1});
    }
    return pool;
}

double mean_gross(std::span<const EntryOutcome> pool) {
    std::vector<double> all;
    for (const EntryOutcome& entry : pool) all.push_back(entry.gross_r);
    return math::mean(all);
}

TEST(RandomEntries, AreCentredAtTheMeanOfThePoolHoweverLongTradesLast) {
    const std::vector<EntryOutcome> pool = fair_pool(8'000);
    const std::vector<ClosedTrade> trades(400, like(0, Direction::long_side));  // in the market a third of the time
    ThreadPool threads(2);
    const RandomEntries found = random_entries(pool, trades, {.runs = 2'000}, RandomStream(1), threads);
    ASSERT_EQ(found.expectancy_r.size(), 2'000U);
    EXPECT_EQ(found.fewest, 400);
    EXPECT_EQ(found.pool, 8'000U);
    EXPECT_NEAR(math::mean(found.gross_expectancy_r), mean_gross(pool), 4.0 * std::sqrt(2.0 / 400.0 / 2'000.0));
    EXPECT_NEAR(math::mean(found.expectancy_r), mean_gross(pool) - 0.1, 4.0 * std::sqrt(2.0 / 400.0 / 2'000.0));
    EXPECT_NEAR(math::stdev(found.gross_expectancy_r), std::sqrt(2.0 / 400.0), 0.01);
    EXPECT_TRUE(std::ranges::is_sorted(found.expectancy_r));
}

TEST(RandomEntries, KeepTheStrategysProportions) {
    std::vector<EntryOutcome> pool;
    for (std::int64_t i = 0; i < 2'000; ++i) {  // the outcome says which kind it was
        pool.push_back({0, Direction::long_side, minute(60 * i), minute(60 * i + 5), 1.0, 1.0});
        pool.push_back({1, Direction::short_side, minute(60 * i), minute(60 * i + 5), -1.0, -1.0});
        pool.push_back({1, Direction::long_side, minute(60 * i), minute(60 * i + 5), 1e6, 1e6});
    }
    std::vector<ClosedTrade> trades(150, like(0, Direction::long_side));
    trades.resize(200, like(1, Direction::short_side));
    ThreadPool threads(1);
    const RandomEntries found = random_entries(pool, trades, {.runs = 500}, RandomStream(2), threads);
    EXPECT_NEAR(math::mean(found.expectancy_r), 0.75 - 0.25, 0.01);
    EXPECT_EQ(found.pool, 4'000U);
}

TEST(RandomEntries, AreTheSameForAnyNumberOfThreadsAndSaySoWhenThereIsNoRoom) {
    const std::vector<EntryOutcome> pool = fair_pool(300);
    const std::vector<ClosedTrade> trades(20, like(0, Direction::long_side));
    ThreadPool one(1);
    ThreadPool three(3);
    const RandomEntries a = random_entries(pool, trades, {.runs = 100}, RandomStream(3), one);
    EXPECT_EQ(a.expectancy_r, random_entries(pool, trades, {.runs = 100}, RandomStream(3), three).expectancy_r);
    EXPECT_NE(a.expectancy_r, random_entries(pool, trades, {.runs = 100}, RandomStream(4), three).expectancy_r);
    const std::vector<ClosedTrade> many(280, like(0, Direction::long_side));
    const RandomEntries crowded = random_entries(pool, many, {.runs = 50}, RandomStream(3), one);
    EXPECT_LT(crowded.fewest, 280);
    EXPECT_GT(crowded.fewest, 20);
    EXPECT_TRUE(random_entries(pool, {}, {}, RandomStream(3), one).expectancy_r.empty());
    const std::vector<ClosedTrade> other(5, like(1, Direction::long_side));
    EXPECT_TRUE(random_entries(pool, other, {}, RandomStream(3), one).expectancy_r.empty());
}

TEST(Percentile, CountsEqualsHalf) {
    const std::vector<double> ascending{1.0, 2.0, 2.0, 4.0};
    EXPECT_EQ(percentile_of(ascending, 0.0), 0.0);
    EXPECT_EQ(percentile_of(ascending, 2.0), 0.5);
    EXPECT_EQ(percentile_of(ascending, 3.0), 0.75);
    EXPECT_EQ(percentile_of(ascending, 5.0), 1.0);
    EXPECT_TRUE(std::isnan(percentile_of({}, 1.0)));
    EXPECT_TRUE(std::isnan(percentile_of(ascending, NAN)));
}

}  // namespace
}  // namespace sofia::backtest
