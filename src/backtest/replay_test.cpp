#include "backtest/replay.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trading/test_support.hpp"

namespace sofia::backtest {
namespace {

namespace support = trading::testing;
using support::minute;
using trading::DecisionCore;
using trading::FillMode;

DecisionCore make(FillMode fills, const trading::DecisionConfig& config = support::plain_config()) {
    return DecisionCore::make(config, support::inputs(fills)).value();
}

RC_GTEST_PROP(Replay, FeedsBarsAsAPlainLoopDoes, (std::uint64_t seed)) {
    const RandomStream random(seed);
    const auto bars = support::random_bars(random.split("bars"), 900, 3.0);
    const auto signals = support::random_signals(random.split("signals"), bars, 0.6, 6.0);
    DecisionCore replayed = make(FillMode::bar_close);
    DecisionCore looped = make(FillMode::bar_close);
    replay(replayed, bars, {signals, {}}, minute(900));
    support::run(looped, bars, signals);
    looped.finish(minute(900));
    RC_ASSERT(replayed.trades().size() == looped.trades().size());
    for (std::size_t i = 0; i < looped.trades().size(); ++i) {
        RC_ASSERT(replayed.trades()[i].exit_time == looped.trades()[i].exit_time);
        RC_ASSERT(replayed.trades()[i].equity_after == looped.trades()[i].equity_after);
    }
    RC_ASSERT(replayed.refused() == looped.refused());
    RC_ASSERT(replayed.signals() == looped.signals());
}

TEST(Replay, PaysFundingOfTheStampsInsideATrade) {
    std::vector<trading::Bar> bars;
    for (int i = 0; i < 120; ++i) bars.push_back(support::flat(i, 100.0));
    const std::vector<trading::Signal> signals{support::signal(15, trading::Direction::long_side, 100.0, 1.0)};
    // Entry at minute 16, exit at 76: the first stamp is at the entry, the last after the exit.
    const std::vector<trading::Funding> funding{
        {minute(16), 0.001, 100.0}, {minute(17), 0.001, 100.0}, {minute(76), 0.002, 100.0}, {minute(77), 0.001, 100.0}};
    DecisionCore core = make(FillMode::bar_close);
    replay(core, bars, {signals, funding}, minute(120));
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_EQ(core.trades()[0].entry_time, minute(16));
    EXPECT_EQ(core.trades()[0].exit_time, minute(76));
    EXPECT_DOUBLE_EQ(core.trades()[0].funding_r, 0.003 * 100.0 / 2.0);
}

TEST(Replay, LooksAtNothingAfterItsEnd) {
    std::vector<trading::Bar> bars;
    for (int i = 0; i < 60; ++i) bars.push_back(support::flat(i, 100.0));
    const std::vector<trading::Signal> signals{support::signal(15, trading::Direction::long_side, 100.0, 1.0),
                                               support::signal(45, trading::Direction::short_side, 100.0, 1.0)};
    DecisionCore core = make(FillMode::bar_close);
    replay(core, bars, {signals, {}}, minute(30));
    EXPECT_EQ(core.signals(), 1);
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_EQ(core.trades()[0].reason, trading::ExitReason::end);
    EXPECT_EQ(core.trades()[0].exit_time, minute(30));
}

TEST(Replay, OverPrintsASignalActsOnPrintsAfterItOnly) {
    std::vector<trading::Trade> trades;
    for (int i = 0; i < 40; ++i) trades.push_back(support::print(minute(i), 100.0 + i, market::Side::buy));
    trading::DecisionConfig config = support::plain_config();
    config.execution.latency_ms = 0.0;
    const std::vector<trading::Signal> signals{support::signal(15, trading::Direction::long_side, 115.0, 50.0)};
    DecisionCore core = make(FillMode::trades, config);
    replay(core, trades, {signals, {}}, minute(40));
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_EQ(core.trades()[0].entry_time, minute(16));
    EXPECT_EQ(core.trades()[0].entry_price, 116.0);
}

}  // namespace
}  // namespace sofia::backtest
