// What the simulated prints are: their number, order, grid, sizes, tails and clustering.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "synth/simulate.hpp"

namespace sofia::synth {
namespace {

using market::Side;
using market::TickDirection;
using market::Trade;

SimulationConfig small() {
    SimulationConfig config;
    config.days = 10;
    config.trades = 150'000;
    config.edge = 0.5;
    return config;
}

std::vector<Tick> ticks_of(const SimulationConfig& config, std::uint64_t seed) {
    auto simulator = TradeSimulator::make(config, RandomStream(seed)).value();
    std::vector<Tick> ticks;
    for (Tick tick; simulator.next(tick);) ticks.push_back(tick);
    return ticks;
}

std::vector<Trade> trades_of(const SimulationConfig& config, std::uint64_t seed) {
    std::vector<Trade> trades;
    const auto done = simulate_trades(config, RandomStream(seed), [&](std::span<const Trade> block) -> Result<void> {
        trades.insert(trades.end(), block.begin(), block.end());
        return {};
    });
    EXPECT_TRUE(done.has_value());
    return trades;
}

TEST(SimulatedTrades, AreExactlyAsManyAsAskedAndInsideTheSpan) {
    for (const std::int64_t count : {1, 2, 1'000, 150'000}) {
        SimulationConfig config = small();
        config.trades = count;
        const std::vector<Trade> trades = trades_of(config, 1);
        ASSERT_EQ(trades.size(), static_cast<std::size_t>(count));
        EXPECT_TRUE(std::ranges::is_sorted(trades, {}, &Trade::ts));
        EXPECT_GE(trades.front().ts, config.start_time());
        EXPECT_LT(trades.back().ts, config.end_time());
        EXPECT_TRUE(std::ranges::all_of(trades, [](const Trade& trade) { return trade.ts % ns_per_us == 0; }));
    }
    // They fill the span: the last print is minutes from its end, not days.
    EXPECT_GT(trades_of(small(), 1).back().ts, small().end_time() - ns_per_hour);
}

TEST(SimulatedTrades, DependOnTheSeedOnly) {
    SimulationConfig config = small();
    config.trades = 20'000;
    EXPECT_EQ(trades_of(config, 5), trades_of(config, 5));
    EXPECT_NE(trades_of(config, 5), trades_of(config, 6));
    const std::vector<Trade> blocks = trades_of(config, 5);
    const std::vector<Tick> single = ticks_of(config, 5);
    EXPECT_TRUE(std::ranges::equal(blocks, single, {}, {}, &Tick::trade));
}

TEST(SimulatedTrades, TheEdgeChangesMovesOnly) {
    SimulationConfig config = small();
    const std::vector<Trade> with = trades_of(config, 2);
    config.edge = 0.0;
    const std::vector<Trade> without = trades_of(config, 2);
    ASSERT_EQ(with.size(), without.size());
    EXPECT_NE(with, without);
    for (std::size_t i = 0; i < with.size(); ++i) {
        ASSERT_EQ(with[i].ts, without[i].ts);
        ASSERT_EQ(with[i].size, without[i].size);
        ASSERT_EQ(with[i].side, without[i].side);
    }
}

TEST(SimulatedTrades, PrintOnTheTickAroundTheMid) {
    SimulationConfig config = small();
    for (const double half_spread : {0.0, 0.5, 1.0}) {
        config.half_spread_ticks = half_spread;
        config.trades = 20'000;
        for (const Tick& tick : ticks_of(config, 3)) {
            ASSERT_EQ(tick.trade.price, std::round(tick.trade.price / config.tick) * config.tick);
            const double paid = (tick.trade.side == Side::buy ? tick.trade.price - tick.mid : tick.mid - tick.trade.price) / config.tick;
            ASSERT_GE(paid, half_spread - 1e-9);
            ASSERT_LE(paid, half_spread + 1.0 + 1e-9);
            ASSERT_GE(tick.trade.size, 0.01 - 1e-12);
            ASSERT_NEAR(std::round(tick.trade.size / config.lot), tick.trade.size / config.lot, 1e-6);
        }
    }
}

TEST(SimulatedTrades, CarryTheTickRule) {
    double last = 0.0;
    bool up = true;
    for (const Trade& trade : trades_of(small(), 4)) {
        if (last != 0.0 && trade.price != last) {
            up = trade.price > last;
            ASSERT_EQ(trade.tick, up ? TickDirection::plus : TickDirection::minus);
        } else {
            ASSERT_EQ(trade.tick, up ? TickDirection::zero_plus : TickDirection::zero_minus);
        }
        last = trade.price;
    }
}

TEST(SimulatedTrades, HaveFairSides) {
    double buys = 0.0;
    double repeats = 0.0;
    const std::vector<Trade> trades = trades_of(small(), 5);
    for (std::size_t i = 1; i < trades.size(); ++i) {
        buys += trades[i].side == Side::buy ? 1.0 : -1.0;
        repeats += trades[i].side == trades[i - 1].side ? 1.0 : -1.0;
    }
    const double deviation = std::sqrt(static_cast<double>(trades.size()));
    EXPECT_LT(std::fabs(buys), 4.0 * deviation);     // 6e-5
    EXPECT_LT(std::fabs(repeats), 4.0 * deviation);  // 6e-5
}

// Hill's estimate of the tail index over the largest 2 %; its standard error is index / sqrt(k). Four of them and the floor to lots.
TEST(SimulatedTrades, HaveHeavyTailedSizes) {
    std::vector<double> sizes;
    for (const Trade& trade : trades_of(small(), 6)) sizes.push_back(trade.size);
    std::ranges::sort(sizes, std::greater());
    const std::size_t k = sizes.size() / 50;
    double sum = 0.0;
    for (std::size_t i = 0; i < k; ++i) sum += std::log(sizes[i] / sizes[k]);
    const double index = static_cast<double>(k) / sum;
    EXPECT_NEAR(index, 2.5, 4.0 * 2.5 / std::sqrt(static_cast<double>(k)) + 0.05);
}

// Moves of 15 minutes of a year: fatter tails than a Gaussian, absolute moves that cluster, and the mean variance that was asked for.
TEST(SimulatedTrades, HaveStochasticVolatility) {
    SimulationConfig config;
    config.days = 365;
    config.trades = 700'000;
    auto simulator = TradeSimulator::make(config, RandomStream(7)).value();
    std::vector<double> moves;
    TimeNs boundary = config.start_time() + 15 * ns_per_minute;
    double last = config.start_price;
    double mid = last;
    double variance = 0.0;
    for (Tick tick; simulator.next(tick);) {
        for (; tick.trade.ts >= boundary; boundary += 15 * ns_per_minute) {
            moves.push_back(std::log(mid / last));
            last = mid;
        }
        mid = tick.mid;
        variance += tick.variance;
    }
    const double n = static_cast<double>(moves.size());
    double second = 0.0;
    double fourth = 0.0;
    double together = 0.0;
    double absolute = 0.0;
    for (const double move : moves) {
        second += move * move / n;
        fourth += move * move * move * move / n;
        absolute += std::fabs(move) / n;
    }
    for (std::size_t i = 1; i < moves.size(); ++i) together += (std::fabs(moves[i]) - absolute) * (std::fabs(moves[i - 1]) - absolute) / n;
    EXPECT_GT(fourth / (second * second), 5.0);                         // a Gaussian's is 3 +- 0.03
    EXPECT_GT(together / (second - absolute * absolute), 0.1);          // 0 +- 0.005 without clustering
    EXPECT_NEAR(std::sqrt(variance) / config.volatility_annual, 1.0, 0.1);
    EXPECT_NEAR(second * n / variance, 1.0, 0.1);
}

TEST(SimulatedTrades, FollowTheDaysSeason) {
    std::array<int, 24> hours{};
    for (const Trade& trade : trades_of(small(), 8)) ++hours[static_cast<std::size_t>(trade.ts / ns_per_hour % 24)];
    EXPECT_GT(hours[15], 2 * hours[3]);  // 1.4 against 0.6
}

TEST(SimulatedTrades, StopAtTheSinksError) {
    int calls = 0;
    const auto done = simulate_trades(small(), RandomStream(1), [&](std::span<const Trade>) -> Result<void> {
        ++calls;
        return fail(ErrorCode::io, "disk full");
    });
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().message, "disk full");
    EXPECT_EQ(calls, 1);
    SimulationConfig wrong = small();
    wrong.days = 0;
    EXPECT_EQ(simulate_trades(wrong, RandomStream(1), [](auto) -> Result<void> { return {}; }).error().code, ErrorCode::config);
}

}  // namespace
}  // namespace sofia::synth
