#include "trading/core.hpp"

#include <gtest/gtest.h>

#include "trading/test_support.hpp"

namespace sofia::trading {
namespace {

using testing::bar;
using testing::flat;
using testing::inputs;
using testing::minute;
using testing::plain_config;
using testing::print;
using testing::signal;

DecisionCore make(const DecisionConfig& config, const CoreInputs& in = inputs(FillMode::bar_close)) { return DecisionCore::make(config, in).value(); }

std::int64_t refused(const DecisionCore& core, Refusal refusal) { return core.refused()[static_cast<std::size_t>(refusal)]; }

constexpr Direction up = Direction::long_side;
constexpr Direction down = Direction::short_side;

// Entry at 100, ATR 1, stop 98, target 103.
TEST(Core, ATradeFromSignalToTarget) {
    DecisionCore core = make(plain_config());
    core.on_bar(flat(14, 100.0));
    core.on_signal(signal(15, up, 100.0, 1.0));
    EXPECT_FALSE(core.in_position());
    core.on_bar(bar(15, 100.0, 110.0, 90.0, 100.0));  // the entry fills at its close: what happened inside is not ours
    EXPECT_TRUE(core.in_position());
    core.on_bar(bar(16, 100.0, 101.0, 99.0, 100.5));
    EXPECT_DOUBLE_EQ(core.equity_at(102.0), 10'100.0);
    core.on_bar(bar(17, 100.5, 104.0, 100.5, 104.0));
    ASSERT_EQ(core.trades().size(), 1U);
    const ClosedTrade& trade = core.trades()[0];
    EXPECT_EQ(trade.reason, ExitReason::target);
    EXPECT_EQ(trade.signal_time, minute(15));
    EXPECT_EQ(trade.entry_time, minute(16));
    EXPECT_EQ(trade.exit_time, minute(18));
    EXPECT_EQ(trade.entry_price, 100.0);
    EXPECT_EQ(trade.stop, 98.0);
    EXPECT_EQ(trade.target, 103.0);
    EXPECT_EQ(trade.contracts, 50.0);
    EXPECT_DOUBLE_EQ(trade.net_r, 1.5);
    EXPECT_DOUBLE_EQ(trade.mae_r, 0.5);
    EXPECT_DOUBLE_EQ(trade.mfe_r, 1.5);
    EXPECT_EQ(trade.pnl, market::to_money(150.0));
    EXPECT_EQ(core.equity(), market::to_money(10'150.0));
}

TEST(Core, CostsTakeTheirShareInRAndInMoney) {
    DecisionConfig config = plain_config();
    config.execution.slippage_ticks = 1.0;
    config.costs.fee_percent = 0.1;
    config.costs.ops_cost_per_trade = 3.0;
    DecisionCore core = make(config);
    core.on_signal(signal(15, up, 99.5, 1.0));
    core.on_bar(flat(15, 99.5));  // bought at 100
    core.on_funding({minute(16), 0.01, 100.0});  // at the entry: not paid
    core.on_bar(flat(16, 100.0));
    core.on_funding({minute(18), 0.001, 100.0});  // at the exit: paid
    core.on_bar(bar(17, 100.0, 100.0, 97.0, 97.0));  // stop at 98, sold at 97.5
    ASSERT_EQ(core.trades().size(), 1U);
    const ClosedTrade& trade = core.trades()[0];
    EXPECT_DOUBLE_EQ(trade.gross_r, (98.0 - 99.5) / 2.0);
    EXPECT_DOUBLE_EQ(trade.slip_r, 0.5);
    EXPECT_DOUBLE_EQ(trade.fee_r, 0.001 * (100.0 + 97.5) / 2.0);
    EXPECT_DOUBLE_EQ(trade.funding_r, 0.05);
    EXPECT_DOUBLE_EQ(trade.ops_r, 0.03);
    EXPECT_DOUBLE_EQ(trade.net_r, trade.gross_r - trade.slip_r - trade.fee_r - trade.funding_r - trade.ops_r);
    const double q = trade.contracts;
    EXPECT_EQ(trade.pnl, market::to_money(q * -2.5));
    EXPECT_EQ(trade.fees, market::to_money(q * 0.1) + market::to_money(q * 0.0975));
    EXPECT_EQ(trade.funding, market::to_money(q * 0.1));
    EXPECT_EQ(trade.net, trade.pnl - trade.fees - trade.funding - market::to_money(3.0));
    EXPECT_EQ(trade.equity_after, market::to_money(10'000.0) + trade.net);
}

TEST(Core, AnInverseContractEarnsInCoin) {
    DecisionConfig config = plain_config();
    config.sizing.starting_equity = 10.0;
    config.costs.fee_percent = 0.1;
    CoreInputs in = inputs(FillMode::bar_close);
    in.instrument = testing::inverse_instrument();
    DecisionCore core = make(config, in);
    core.on_signal(signal(15, down, 10'000.0, 100.0));  // stop 10200, target 9700
    core.on_bar(flat(15, 10'000.0));
    core.on_bar(flat(16, 9'600.0));
    ASSERT_EQ(core.trades().size(), 1U);
    const ClosedTrade& trade = core.trades()[0];
    EXPECT_EQ(trade.contracts, 51'000.0);  // 0.1 / (1 / 10000 - 1 / 10200)
    EXPECT_EQ(trade.pnl, market::to_money(-trade.contracts * (1.0 / 10'000.0 - 1.0 / 9'700.0)));
    EXPECT_EQ(trade.fees, market::to_money(0.001 * trade.contracts / 10'000.0));  // the maker pays nothing here
    EXPECT_DOUBLE_EQ(trade.gross_r, 1.5);
}

TEST(Core, ABadPrintRuinsTheAccountAndNoMore) {
    CoreInputs in = inputs(FillMode::bar_close);
    in.instrument = testing::inverse_instrument();
    DecisionCore core = make(plain_config(), in);
    core.on_signal(signal(15, up, 10'000.0, 100.0));
    core.on_bar(flat(15, 10'000.0));
    core.on_bar(flat(16, 1e-300));  // more coins than a ledger can count
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_EQ(core.trades()[0].reason, ExitReason::stop);
    EXPECT_EQ(core.trades()[0].pnl, market::to_money(-1e9));
    core.on_signal(signal(30, up, 10'000.0, 100.0));
    EXPECT_EQ(refused(core, Refusal::equity), 1);
}

TEST(Core, AFlipIsACloseAndAnOpenOfTheSameMoment) {
    DecisionConfig config = plain_config();
    config.costs.fee_percent = 0.1;
    DecisionCore core = make(config);
    core.on_signal(signal(15, up, 100.0, 1.0));
    core.on_bar(flat(15, 100.0));
    core.on_signal(signal(30, down, 101.0, 1.0));
    core.on_bar(flat(30, 101.0));
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_EQ(core.trades()[0].reason, ExitReason::flip);
    EXPECT_EQ(core.trades()[0].exit_time, minute(31));
    EXPECT_TRUE(core.in_position());
    core.on_bar(flat(31, 97.0));
    ASSERT_EQ(core.trades().size(), 2U);

    // The same as a core that closes, and another that opens.
    DecisionConfig closing = config;
    closing.position.opposite = "close";
    DecisionCore first = make(closing);
    first.on_signal(signal(15, up, 100.0, 1.0));
    first.on_bar(flat(15, 100.0));
    first.on_signal(signal(30, down, 101.0, 1.0));
    first.on_bar(flat(30, 101.0));
    ASSERT_EQ(first.trades().size(), 1U);
    EXPECT_EQ(first.trades()[0].reason, ExitReason::close);
    EXPECT_FALSE(first.in_position());
    EXPECT_EQ(first.trades()[0].net, core.trades()[0].net);
    DecisionCore second = make(config);
    second.on_signal(signal(30, down, 101.0, 1.0));
    second.on_bar(flat(30, 101.0));
    second.on_bar(flat(31, 97.0));
    ASSERT_EQ(second.trades().size(), 1U);
    EXPECT_DOUBLE_EQ(second.trades()[0].net_r, core.trades()[1].net_r);
    EXPECT_EQ(second.trades()[0].entry_time, core.trades()[1].entry_time);
    EXPECT_EQ(second.trades()[0].entry_price, core.trades()[1].entry_price);
}

TEST(Core, AStopBetweenAFlipsDecisionAndItsFillStillLeavesTheNewEntry) {
    DecisionCore core = make(plain_config());
    core.on_signal(signal(15, up, 100.0, 1.0));
    core.on_bar(flat(15, 100.0));
    core.on_signal(signal(30, down, 100.0, 1.0));
    core.on_bar(bar(30, 100.0, 100.0, 97.0, 97.5));
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_EQ(core.trades()[0].reason, ExitReason::stop);
    EXPECT_TRUE(core.in_position());
}

TEST(Core, IgnoresTheOppositeWhenToldTo) {
    DecisionConfig config = plain_config();
    config.position.opposite = "ignore";
    DecisionCore core = make(config);
    core.on_signal(signal(15, up, 100.0, 1.0));
    core.on_bar(flat(15, 100.0));
    core.on_signal(signal(30, down, 100.0, 1.0));
    core.on_bar(flat(30, 100.0));
    EXPECT_TRUE(core.in_position());
    EXPECT_TRUE(core.trades().empty());
    EXPECT_EQ(refused(core, Refusal::in_position), 1);
}

TEST(Core, LeavesAtTheVerticalBarrier) {
    DecisionCore core = make(plain_config());
    core.on_signal(signal(15, up, 100.0, 1.0));
    for (int i = 15; i < 80; ++i) core.on_bar(flat(i, 100.0));
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_EQ(core.trades()[0].reason, ExitReason::timeout);
    EXPECT_EQ(core.trades()[0].exit_time, minute(15 + 4 * 15 + 1));
}

TEST(Core, HoldsThroughEverythingWhenThereAreNoBarriers) {
    DecisionConfig config = plain_config();
    config.barriers.exits = Exits::hold;
    for (const Direction way : {up, down}) {
        DecisionCore core = make(config);
        core.on_signal(signal(15, way, 100.0, 1.0));
        core.on_bar(flat(15, 100.0));
        core.on_bar(bar(16, 100.0, 200.0, 1.0, 100.0));  // past where stop and target would lie, on both sides
        EXPECT_TRUE(core.in_position());
        for (std::int64_t i = 17; i <= 75; ++i) core.on_bar(flat(i, 101.0));
        ASSERT_EQ(core.trades().size(), 1U);
        const ClosedTrade& trade = core.trades()[0];
        EXPECT_EQ(trade.reason, ExitReason::timeout);
        EXPECT_EQ(trade.exit_time, minute(76));          // decided at the close of the fourth bar of 15 minutes, filled a bar later
        EXPECT_DOUBLE_EQ(trade.net_r, sign(way) * 0.5);  // one R is two ATR all the same
        EXPECT_EQ(trade.contracts, 50.0);
    }
    DecisionCore core = make(config, inputs(FillMode::trades));
    core.on_signal(signal(15, up, 100.0, 1.0));
    core.on_trade(print(minute(15) + ns_per_second, 100.0, market::Side::buy));
    core.on_trade(print(minute(16), 1.0, market::Side::sell));
    core.on_trade(print(minute(17), 500.0, market::Side::buy));
    EXPECT_TRUE(core.in_position());
    core.on_trade(print(minute(76), 110.0, market::Side::sell));
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_DOUBLE_EQ(core.trades()[0].net_r, 5.0);
    EXPECT_DOUBLE_EQ(core.trades()[0].mae_r, 49.5);
}

TEST(Core, WhoHoldsExpectsToPayForTwoMarketOrders) {
    DecisionConfig config = plain_config();
    config.gate = {.use_gates = true, .ev_margin = 0.0, .use_expected_value_gate = false};
    config.costs = {.fee_percent = 0.5, .maker_fee_percent = 0.0, .max_fee_r = 0.49};
    config.barriers.exits = Exits::hold;
    Signal sure = signal(15, up, 100.0, 1.0);
    sure.probability = 1.0;
    DecisionCore core = make(config);
    core.on_signal(sure);  // 2 * 0.5 % of 100 over a risk of 2: half an R
    EXPECT_EQ(refused(core, Refusal::fee), 1);
    config.barriers.exits = Exits::barriers;
    DecisionCore target = make(config);
    target.on_signal(sure);  // a certain target pays the maker's fee only
    EXPECT_EQ(refused(target, Refusal::fee), 0);
    EXPECT_EQ(refused(target, Refusal::expected_value), 0);  // no labels, so no value: and nobody asks
}

TEST(Core, RefusesByWhatItHolds) {
    DecisionConfig config = plain_config();
    config.position.cooldown_bars = 2;
    DecisionCore core = make(config);
    core.on_signal(signal(15, up, 100.0, 1.0));
    core.on_signal(signal(15, down, 100.0, 1.0));
    EXPECT_EQ(refused(core, Refusal::outranked), 1);
    core.on_signal(signal(16, down, 100.0, 1.0));
    EXPECT_EQ(refused(core, Refusal::entry_pending), 1);
    core.on_bar(flat(16, 100.0));
    core.on_signal(signal(17, up, 100.0, 1.0));
    EXPECT_EQ(refused(core, Refusal::in_position), 1);
    core.on_bar(flat(29, 97.0));
    ASSERT_EQ(core.trades().size(), 1U);  // stopped at minute 30: two bars of 15 minutes to wait
    core.on_signal(signal(59, up, 100.0, 1.0));
    EXPECT_EQ(refused(core, Refusal::cooldown), 1);
    core.on_signal(signal(60, up, 100.0, 1.0));
    EXPECT_EQ(core.signals(), 6);
    core.on_bar(flat(60, 100.0));
    EXPECT_TRUE(core.in_position());
}

TEST(Core, RefusesByWindowLevelsSizeAndEquity) {
    DecisionConfig config = plain_config();
    CoreInputs in = inputs(FillMode::bar_close);
    in.window = {minute(30), minute(120)};
    DecisionCore core = make(config, in);
    core.on_signal(signal(15, up, 100.0, 1.0));
    core.on_signal(signal(120, up, 100.0, 1.0));
    EXPECT_EQ(refused(core, Refusal::window), 2);
    core.on_signal(signal(60, up, 100.0, 1.0));  // ends at minute 120
    EXPECT_EQ(refused(core, Refusal::window_end), 1);
    core.on_signal(signal(45, up, 100.0, NAN));
    EXPECT_EQ(refused(core, Refusal::levels), 1);

    in = inputs(FillMode::bar_close);
    in.instrument.lot = 1000.0;
    DecisionCore coarse = make(config, in);
    coarse.on_signal(signal(15, up, 100.0, 1.0));
    EXPECT_EQ(refused(coarse, Refusal::size), 1);

    config.sizing.risk_fraction = 1.0;
    config.sizing.max_leverage = 1000.0;
    DecisionCore ruined = make(config);
    ruined.on_signal(signal(15, up, 100.0, 1.0));
    ruined.on_bar(flat(15, 100.0));
    ruined.on_bar(flat(16, 90.0));
    ruined.on_signal(signal(30, up, 100.0, 1.0));
    EXPECT_LT(market::to_double(ruined.equity()), 0.0);
    EXPECT_EQ(refused(ruined, Refusal::equity), 1);
}

TEST(Core, RefusesByTheGates) {
    DecisionConfig config = plain_config();
    config.gate.use_gates = true;
    config.gate.min_prob = 0.3;
    config.costs.fee_percent = 0.1;
    config.costs.max_fee_r = 0.2;
    CoreInputs in = inputs(FillMode::bar_close);
    in.ev = {.win = 1.5, .loss = 1.0, .timeouts = 0.0, .mean_hold = 0, .labels = 10};
    DecisionCore core = make(config, in);
    Signal one = signal(15, up, 100.0, 0.2);  // a risk of 0.5 after rounding, fees of 0.2 both ways
    one.probability = 0.9;
    core.on_signal(one);
    EXPECT_EQ(refused(core, Refusal::fee), 1);
    one = signal(15, up, 100.0, 1.0);
    one.probability = 0.2;
    core.on_signal(one);
    EXPECT_EQ(refused(core, Refusal::probability), 1);
    one.probability = 0.42;
    core.on_signal(one);
    EXPECT_EQ(refused(core, Refusal::expected_value), 1);
    // Nearest is the first one, whose fees are 0.1 at the entry and, one time in ten, at the exit, on a risk of 0.5; a target costs none.
    EXPECT_NEAR(core.gate_headroom(), config.costs.max_fee_r - (0.1 + 0.1 * 0.1) / 0.5, 1e-9);
    one.probability = 0.6;
    core.on_signal(one);
    core.on_bar(flat(15, 100.0));
    EXPECT_TRUE(core.in_position());
}

TEST(Core, AnOrderThatDoesNotFillSaysWhy) {
    DecisionConfig config = plain_config();
    config.execution.max_wait_seconds = 120.0;
    DecisionCore core = make(config);
    core.on_signal(signal(15, up, 100.0, 1.0));
    for (int i = 15; i < 20; ++i) {
        Bar empty = flat(i, 100.0);
        empty.filled = true;
        core.on_bar(empty);
    }
    ASSERT_EQ(core.unfilled().size(), 1U);
    EXPECT_EQ(core.unfilled()[0].why, Unfilled::no_print);
    core.on_signal(signal(30, up, 100.0, 1.0));
    core.finish(minute(31));
    ASSERT_EQ(core.unfilled().size(), 2U);
    EXPECT_EQ(core.unfilled()[1].why, Unfilled::end_of_data);
    config.execution.latency_ms = 3600.0 * 1000.0;
    config.execution.max_wait_seconds = 3600.0;
    DecisionCore slow = make(config);
    slow.on_signal(signal(15, up, 100.0, 1.0));
    slow.on_bar(flat(75, 100.0));
    ASSERT_EQ(slow.unfilled().size(), 1U);
    EXPECT_EQ(slow.unfilled()[0].why, Unfilled::too_late);
}

TEST(Core, TheEndOfTheDataClosesAtTheLastPrice) {
    DecisionCore core = make(plain_config());
    core.on_signal(signal(15, up, 100.0, 1.0));
    core.on_bar(flat(15, 100.0));
    core.on_bar(flat(16, 101.0));
    core.finish(minute(18));
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_EQ(core.trades()[0].reason, ExitReason::end);
    EXPECT_EQ(core.trades()[0].exit_price, 101.0);
    EXPECT_FALSE(core.in_position());
}

TEST(Core, OnTradesFillsOnlyAtPrintsOfItsSide) {
    DecisionConfig config = plain_config();
    config.execution.latency_ms = 500.0;
    DecisionCore core = make(config, inputs(FillMode::trades));
    core.on_trade(print(minute(15), 90.0, Side::buy));
    core.on_signal(signal(15, up, 100.0, 1.0));
    core.on_trade(print(minute(15) + 400 * ns_per_ms, 99.0, Side::buy));
    core.on_trade(print(minute(15) + 600 * ns_per_ms, 99.5, Side::sell));
    EXPECT_FALSE(core.in_position());
    core.on_trade(print(minute(15) + 700 * ns_per_ms, 100.0, Side::buy));
    EXPECT_TRUE(core.in_position());
    core.on_trade(print(minute(16), 103.5, Side::buy));
    ASSERT_EQ(core.trades().size(), 1U);
    EXPECT_EQ(core.trades()[0].entry_price, 100.0);
    EXPECT_EQ(core.trades()[0].exit_price, 103.0);
}

TEST(Core, RefusesASettingItDoesNotKnow) {
    DecisionConfig config = plain_config();
    config.position.opposite = "hedge";
    EXPECT_EQ(DecisionCore::make(config, inputs(FillMode::trades)).error().message, "position.opposite \"hedge\" is none of flip, ignore, close");
}

}  // namespace
}  // namespace sofia::trading
