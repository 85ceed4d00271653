#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trading/core.hpp"
#include "trading/test_support.hpp"

// What holds for the decision core on any path.
namespace sofia::trading {
namespace {

using testing::inputs;
using testing::minute;
using testing::plain_config;
using testing::random_bars;
using testing::random_signals;

/// Settings drawn at random, costs and all.
DecisionConfig random_config(RandomStream random) {
    DecisionConfig config = plain_config();
    config.barriers.stop_atr = random.uniform(0.5, 3.0);
    config.barriers.target_r = random.uniform(0.5, 3.0);
    config.barriers.max_hold_bars = static_cast<std::int64_t>(1 + random.below(10));
    config.execution.slippage_ticks = static_cast<double>(random.below(3));
    config.costs.fee_percent = 0.075;
    config.costs.maker_fee_percent = -0.01;
    config.costs.ops_cost_per_trade = random.uniform();
    config.position.opposite = std::vector<std::string>{"flip", "ignore", "close"}[random.below(3)];
    config.position.cooldown_bars = static_cast<std::int64_t>(random.below(3));
    config.sizing.compounding = random.below(2) == 0;
    return config;
}

struct World {
    std::vector<Bar> bars;
    std::vector<Signal> signals;
    DecisionConfig config;
    CoreInputs in;
};

World random_world(std::uint64_t seed, std::int64_t count = 900) {
    const RandomStream random(seed);
    RandomStream choice = random.split("choice");
    World world;
    world.bars = random_bars(random.split("bars"), count, 3.0);
    world.signals = random_signals(random.split("signals"), world.bars, 0.6, 6.0);
    world.config = random_config(random.split("config"));
    world.in = inputs(choice.below(2) == 0 ? FillMode::bar_close : FillMode::bar_open);
    if (choice.below(2) == 0) world.in.instrument = testing::inverse_instrument();
    return world;
}

DecisionCore run(const World& world) {
    DecisionCore core = DecisionCore::make(world.config, world.in).value();
    testing::run(core, world.bars, world.signals);
    return core;
}

bool same(const ClosedTrade& a, const ClosedTrade& b) {
    return a.signal_time == b.signal_time && a.entry_time == b.entry_time && a.exit_time == b.exit_time && a.direction == b.direction &&
           a.contracts == b.contracts && a.entry_price == b.entry_price && a.exit_price == b.exit_price && a.reason == b.reason &&
           a.net_r == b.net_r && a.net == b.net && a.equity_after == b.equity_after && a.mae_r == b.mae_r && a.mfe_r == b.mfe_r;
}

RC_GTEST_PROP(CoreProperty, TheLedgerIsTheSumOfItsFillsToTheUnit, (std::uint64_t seed)) {
    const World world = random_world(seed);
    DecisionCore core = run(world);
    core.finish(minute(900));
    const market::Instrument& instrument = world.in.instrument;
    market::Money equity = market::to_money(world.config.sizing.starting_equity);
    for (const ClosedTrade& trade : core.trades()) {
        const double out = (trade.reason == ExitReason::target ? -0.01 : 0.075) / 100.0;
        const auto pnl = market::to_money(instrument.profit(sign(trade.direction) * trade.contracts, trade.entry_price, trade.exit_price));
        const auto fees = market::to_money(0.075 / 100.0 * instrument.notional(trade.contracts, trade.entry_price)) +
                          market::to_money(out * instrument.notional(trade.contracts, trade.exit_price));
        equity += pnl - fees - market::to_money(world.config.costs.ops_cost_per_trade);
        RC_ASSERT(trade.equity_after == equity);
    }
    RC_ASSERT(core.equity() == equity);
}

RC_GTEST_PROP(CoreProperty, EverySignalIsATradeARefusalOrAnUnfilledOrder, (std::uint64_t seed)) {
    World world = random_world(seed);
    if (world.config.position.opposite == "close") world.config.position.opposite = "flip";
    DecisionCore core = run(world);
    core.finish(minute(900));
    std::int64_t accounted = static_cast<std::int64_t>(core.trades().size() + core.unfilled().size());
    for (const std::int64_t count : core.refused()) accounted += count;
    RC_ASSERT(core.signals() == accounted);
    RC_ASSERT(core.signals() == static_cast<std::int64_t>(world.signals.size()));
}

RC_GTEST_PROP(CoreProperty, CuttingTheFutureOffChangesNoEarlierTrade, (std::uint64_t seed)) {
    const World world = random_world(seed);
    World cut = world;
    const auto keep = *rc::gen::inRange<std::size_t>(0, world.bars.size());
    const TimeNs until = keep == 0 ? minute(0) : world.bars[keep - 1].close_time;
    cut.bars.resize(keep);
    std::erase_if(cut.signals, [&](const Signal& signal) { return signal.touch.known_at > until; });
    const DecisionCore whole = run(world);
    const DecisionCore part = run(cut);
    const auto& trades = whole.trades();
    const auto earlier = std::ranges::count_if(trades, [&](const ClosedTrade& trade) { return trade.exit_time <= until; });
    // A market order at the bar's open is known only once that bar is delivered.
    RC_ASSERT(static_cast<std::int64_t>(part.trades().size()) <= earlier);
    RC_ASSERT(static_cast<std::int64_t>(part.trades().size()) + (world.in.fills == FillMode::bar_open ? 1 : 0) >= earlier);
    for (std::size_t i = 0; i < part.trades().size(); ++i) RC_ASSERT(same(part.trades()[i], trades[i]));
}

// Whatever a decision had seen may be changed without changing what the order fills at: the fill comes from later data only.
RC_GTEST_PROP(CoreProperty, NoFillUsesAPriceSeenBeforeItsDecision, (std::uint64_t seed)) {
    const World world = random_world(seed);
    const DecisionCore core = run(world);
    const TimeNs soonest = world.in.fills == FillMode::bar_close ? ns_per_minute : 0;
    for (const ClosedTrade& trade : core.trades()) {
        RC_ASSERT(trade.entry_time >= trade.signal_time + soonest);
        World poisoned = world;
        for (Bar& bar : poisoned.bars) {
            if (bar.close_time > trade.signal_time) break;
            bar.open = bar.high = bar.low = bar.close = 1234.5;
        }
        poisoned.signals.clear();
        for (const Signal& signal : world.signals) {
            if (signal.touch.known_at == trade.signal_time && signal.touch.direction == trade.direction) poisoned.signals.push_back(signal);
        }
        const DecisionCore alone = run(poisoned);
        const bool entered = !alone.trades().empty() || alone.in_position();
        RC_ASSERT(entered);
        if (!alone.trades().empty()) {
            RC_ASSERT(alone.trades()[0].entry_price == trade.entry_price);
            RC_ASSERT(alone.trades()[0].entry_time == trade.entry_time);
        }
    }
}

// Where every minute has one price, printed once by either side, bars and prints are the same market.
RC_GTEST_PROP(CoreProperty, BarsOfOnePriceAndTheirPrintsGiveTheSameTrades, (std::uint64_t seed)) {
    World world = random_world(seed);
    world.in.fills = FillMode::bar_close;
    for (Bar& bar : world.bars) bar.open = bar.high = bar.low = bar.close;
    for (Signal& signal : world.signals) {
        signal.touch.close = world.bars[static_cast<std::size_t>((signal.touch.known_at - minute(0)) / ns_per_minute) - 1].close;
    }
    const DecisionCore on_bars = run(world);

    CoreInputs in = world.in;
    in.fills = FillMode::trades;
    DecisionCore on_trades = DecisionCore::make(world.config, in).value();
    std::size_t next = 0;
    for (const Bar& bar : world.bars) {
        for (; next < world.signals.size() && world.signals[next].touch.known_at < bar.close_time; ++next) {
            on_trades.on_signal(world.signals[next]);
        }
        on_trades.on_trade(testing::print(bar.close_time - ns_per_second, bar.close, Side::buy));
        on_trades.on_trade(testing::print(bar.close_time - ns_per_second, bar.close, Side::sell));
    }
    RC_ASSERT(on_bars.trades().size() == on_trades.trades().size());
    for (std::size_t i = 0; i < on_bars.trades().size(); ++i) {
        const ClosedTrade& a = on_bars.trades()[i];
        ClosedTrade b = on_trades.trades()[i];
        b.entry_time += ns_per_second;
        b.exit_time += ns_per_second;
        // The second print of the entry's pair is seen by the walk over prints: its adverse move begins with the slippage.
        const double slippage = world.config.execution.slippage_ticks * in.instrument.tick / std::fabs(a.entry_price - a.stop);
        RC_ASSERT((b.mae_r == std::max(a.mae_r, slippage) || b.mae_r == a.mae_r));
        b.mae_r = a.mae_r;
        RC_ASSERT(same(a, b));
    }
}

RC_GTEST_PROP(CoreProperty, OnePositionAtATimeInOrder, (std::uint64_t seed)) {
    const DecisionCore core = run(random_world(seed));
    for (std::size_t i = 0; i < core.trades().size(); ++i) {
        const ClosedTrade& trade = core.trades()[i];
        RC_ASSERT(trade.entry_time <= trade.exit_time);
        if (i > 0) RC_ASSERT(trade.entry_time >= core.trades()[i - 1].exit_time);
        RC_ASSERT(trade.mae_r >= 0.0);
        RC_ASSERT(trade.mfe_r >= 0.0);
        // Nothing was made beyond the best moment, and nothing lost beyond the worst.
        const double r = trade.gross_r - trade.slip_r;
        RC_ASSERT(r <= trade.mfe_r + 1e-9);
        RC_ASSERT(r >= -trade.mae_r - trade.slip_r - 1e-9);
    }
}

// A copy of a running core goes on as the original does: live trading saves and restores it that way.
RC_GTEST_PROP(CoreProperty, ACopyGoesOnAsTheOriginal, (std::uint64_t seed)) {
    const World world = random_world(seed);
    DecisionCore original = DecisionCore::make(world.config, world.in).value();
    World half = world;
    half.bars.resize(450);
    std::erase_if(half.signals, [&](const Signal& signal) { return signal.touch.known_at > half.bars.back().close_time; });
    testing::run(original, half.bars, half.signals);
    DecisionCore copy = original;
    World rest = world;
    rest.bars.erase(rest.bars.begin(), rest.bars.begin() + 450);
    rest.signals.erase(rest.signals.begin(), rest.signals.begin() + static_cast<std::ptrdiff_t>(half.signals.size()));
    testing::run(copy, rest.bars, rest.signals);
    const DecisionCore whole = run(world);
    RC_ASSERT(copy.trades().size() == whole.trades().size());
    for (std::size_t i = 0; i < whole.trades().size(); ++i) RC_ASSERT(same(copy.trades()[i], whole.trades()[i]));
}

}  // namespace
}  // namespace sofia::trading
