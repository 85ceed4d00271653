#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "app/pipeline/strategy.hpp"
#include "app/pipeline/stress_feed.hpp"
#include "app/pipeline/stress_scenarios.hpp"
#include "app/pipeline/test_walk.hpp"
#include "backtest/figures.hpp"

namespace sofia::pipeline {
namespace {

constexpr std::size_t minutes = 30 * 1440;

/// A driftless walk and its strategy without gates: every touch that the position allows.
struct Market {
    Settings settings;
    History history;
    Candidates candidates;
    std::vector<trading::Signal> signals;
};

void fair_minute(market::Bar& bar, RandomStream& random) {
    bar.close = bar.open * std::exp(0.001 * random.normal());
    bar.high = std::max(bar.open, bar.close) * 1.0003;
    bar.low = std::min(bar.open, bar.close) * 0.9997;
    bar.volume = 1.0 + random.exponential();
}

std::vector<trading::Signal> signals_at(const Candidates& candidates) {
    std::vector<trading::Signal> signals;
    for (const trading::Touch& touch : candidates.touches) signals.push_back({.touch = touch});
    return signals;
}

Market make_market(std::uint64_t seed) {
    Market market{.settings = load_settings({.sets = {"touch.timeframes=15m", "features.columns=m15.*", "gate.use_gates=false",
                                                      "costs.fee_percent=0.01", "costs.maker_fee_percent=0.004"}})
                                  .value(),
                  .history = {},
                  .candidates = {},
                  .signals = {}};
    market.history = build_history(walk(minutes, seed, fair_minute), market.settings, market::Timeframe::parse("15m").value(), Context{}).value();
    market.candidates = find_candidates(market.history, market.settings.decision.touch).value();
    market.signals = signals_at(market.candidates);
    return market;
}

trading::DecisionCore run(const Market& market, const Settings& settings) {
    return run_core(market.history, settings, market.signals, {.win = 1.5, .loss = 1.0, .timeouts = 0.0, .mean_hold = 0, .labels = 1},
                    market.history.window())
        .value();
}

const Settings& scenario(const StressScenarios& plan, const std::string& name) {
    const auto found = std::ranges::find(plan.scenarios, name, &StressScenario::name);
    EXPECT_NE(found, plan.scenarios.end()) << name;
    return found->settings;
}

backtest::Figures figures(const Market& market, const trading::DecisionCore& core) {
    return backtest::figures_of(core, market.history.window(), market.settings.decision.touch.timeframes);
}

// Where no gate reacts, the trades are the same and dearer fees take what they are dearer by, to the last digits.
TEST(StressScenarios, FeesTimesFCostFLessOneTimesTheFeesWhereNoGateReacts) {
    const Market market = make_market(1);
    const StressScenarios plan = stress_scenarios(market.settings, market.history.timeframes.front());
    const backtest::Figures base = figures(market, run(market, market.settings));
    ASSERT_GT(base.trades, 30);
    ASSERT_GT(base.fee_r, 1.0);
    for (const auto& [name, factor] : {std::pair{"fees x 1.5", 1.5}, std::pair{"fees x 2", 2.0}, std::pair{"fees x 3", 3.0}}) {
        const backtest::Figures dearer = figures(market, run(market, scenario(plan, name)));
        EXPECT_EQ(dearer.trades, base.trades);
        EXPECT_NEAR(dearer.gross_r, base.gross_r, 1e-9);
        EXPECT_NEAR(dearer.net_r, base.net_r - (factor - 1.0) * base.fee_r, 1e-9) << name;
    }
}

// What is run unforeseen is the base's own signals: without any change they make the base's own trades, whatever an opposite signal does.
TEST(StressScenarios, TheSignalsActedOnAloneMakeTheSameTradesWithoutGates) {
    Market market = make_market(6);
    RandomStream random(1);
    for (trading::Signal& signal : market.signals) signal.probability = random.uniform();
    Settings& settings = market.settings;
    settings.decision.gate.use_gates = true;
    settings.decision.costs.max_fee_r = 1.0;
    for (const char* opposite : {"flip", "ignore", "close"}) {
        settings.decision.position.opposite = opposite;
        const trading::DecisionCore base = run(market, settings);
        ASSERT_GT(base.trades().size(), 20u);
        ASSERT_GT(base.refused()[static_cast<std::size_t>(trading::Refusal::expected_value)], 10);
        Market again{.settings = settings, .history = market.history, .candidates = {}, .signals = acted_on(base, market.signals)};
        again.settings.decision.gate.use_gates = false;
        const trading::DecisionCore same = run(again, again.settings);
        ASSERT_EQ(same.trades().size(), base.trades().size()) << opposite;
        for (std::size_t i = 0; i < base.trades().size(); ++i) {
            EXPECT_EQ(same.trades()[i].entry_time, base.trades()[i].entry_time);
            EXPECT_EQ(same.trades()[i].exit_time, base.trades()[i].exit_time);
            EXPECT_EQ(same.trades()[i].equity_after, base.trades()[i].equity_after);
        }
        // So dearer fees that nobody foresaw cost exactly what they are dearer by.
        const StressScenarios plan = stress_scenarios(settings, market.history.timeframes.front());
        Settings dearer = scenario(plan, "fees x 2, unforeseen");
        dearer.decision.gate.use_gates = false;
        const backtest::Figures before = figures(market, base);
        EXPECT_NEAR(figures(market, run(again, dearer)).net_r, before.net_r - before.fee_r, 1e-9);
    }
}

TEST(StressScenarios, ARebateShrinksAndAFixedFeeGrows) {
    Settings settings = make_market(1).settings;
    settings.decision.costs.maker_fee_percent = -0.02;
    settings.decision.costs.fee_per_trade_r = 0.1;
    const StressScenarios plan = stress_scenarios(settings, market::one_minute());
    const trading::CostConfig& costs = scenario(plan, "fees x 2").decision.costs;
    EXPECT_DOUBLE_EQ(costs.fee_percent, 0.02);
    EXPECT_DOUBLE_EQ(costs.maker_fee_percent, -0.01);
    EXPECT_DOUBLE_EQ(costs.fee_per_trade_r, 0.2);
}

// Bars resolve no less than a bar of latency; each further one moves the first entry by one bar.
TEST(StressScenarios, EachBarOfLatencyMovesTheFirstEntryByABar) {
    const Market market = make_market(2);
    const StressScenarios plan = stress_scenarios(market.settings, market.history.timeframes.front());
    const auto base = run(market, market.settings).trades();
    ASSERT_FALSE(base.empty());
    for (std::int64_t bars = 0; bars <= 5; ++bars) {
        const auto late = run(market, scenario(plan, "latency " + std::to_string(bars) + " x 1m")).trades();
        ASSERT_FALSE(late.empty());
        EXPECT_EQ(late.front().signal_time, base.front().signal_time);
        EXPECT_EQ(late.front().entry_time, base.front().entry_time + bars * ns_per_minute);
    }
}

TEST(StressScenarios, SlippageIsCountedFromOneTickWhereThereIsNone) {
    Settings settings = make_market(1).settings;
    settings.decision.execution.slippage_ticks = 0.0;
    const StressScenarios plan = stress_scenarios(settings, market::one_minute());
    EXPECT_DOUBLE_EQ(scenario(plan, "slippage 2 ticks").decision.execution.slippage_ticks, 2.0);
    EXPECT_DOUBLE_EQ(scenario(plan, "slippage 3 ticks").decision.execution.slippage_ticks, 3.0);
}

TEST(StressScenarios, EachParameterMovesAloneAndStaysInItsRange) {
    Settings settings = make_market(1).settings;
    settings.decision.gate.use_gates = true;
    settings.decision.gate.min_prob = 0.95;
    settings.decision.touch.min_bars_away = 3;
    const StressScenarios plan = stress_scenarios(settings, market::one_minute());
    std::vector<std::string> changes;
    for (const StressScenario& one : plan.scenarios) {
        if (one.group != "parameters") continue;
        ASSERT_EQ(one.changes.size(), 1u) << one.name;
        changes.push_back(one.changes.front());
    }
    const std::vector<std::string> expected = {"touch.ema_length=18",
                                               "touch.ema_length=22",
                                               "touch.touch_tolerance_atr=0.225",
                                               "touch.touch_tolerance_atr=0.275",
                                               "touch.min_bars_away=2",
                                               "touch.min_bars_away=4",
                                               "touch.min_slope_atr=0.045",
                                               "touch.min_slope_atr=0.055",
                                               "barriers.stop_atr=1.8",
                                               "barriers.stop_atr=2.2",
                                               "barriers.target_r=1.35",
                                               "barriers.target_r=1.65",
                                               "barriers.max_hold_bars=43",
                                               "barriers.max_hold_bars=53",
                                               "gate.ev_margin=0.045",
                                               "gate.ev_margin=0.055",
                                               "gate.min_prob=0.855"};
    EXPECT_EQ(changes, expected);
    // No cooldown to shorten, and a probability above 1 is none.
    ASSERT_EQ(plan.left_out.size(), 2u);
    EXPECT_NE(plan.left_out[0].find("position.cooldown_bars is 0"), std::string::npos);
    EXPECT_NE(plan.left_out[1].find("min_prob"), std::string::npos) << plan.left_out[1];
}

TEST(StressFeed, NothingLostAndNothingRepeatedIsTheSameMarket) {
    const Market market = make_market(3);
    const auto& bars = market.history.bars.front();
    for (const auto damage : {drop_bars, repeat_bars}) {
        const History seen = seen_history(market.history, damage(bars, 0.0, RandomStream(1)), market.settings, Context{}).value();
        EXPECT_TRUE(std::ranges::equal(seen.bars.front(), bars, market::same_bits));
        EXPECT_EQ(find_candidates(seen, market.settings.decision.touch)->touches, market.candidates.touches);
        ASSERT_EQ(seen.rows.rows(), market.history.rows.rows());
        for (std::size_t i = 0; i < seen.rows.values().size(); ++i) {
            const double a = seen.rows.values()[i];
            const double b = market.history.rows.values()[i];
            ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b)));
        }
    }
}

TEST(StressFeed, ABarSentTwiceChangesNothing) {
    const Market market = make_market(3);
    std::vector<market::Bar> doubled;
    for (const market::Bar& bar : market.history.bars.front()) doubled.insert(doubled.end(), {bar, bar});
    const History seen = seen_history(market.history, std::move(doubled), market.settings, Context{}).value();
    EXPECT_EQ(find_candidates(seen, market.settings.decision.touch)->touches, market.candidates.touches);
}

TEST(StressFeed, LosesTheShareAskedForAndMoreOfTheSame) {
    const Market market = make_market(4);
    const auto& bars = market.history.bars.front();
    const std::vector<market::Bar> few = drop_bars(bars, 0.01, RandomStream(9));
    const std::vector<market::Bar> many = drop_bars(bars, 0.05, RandomStream(9));
    // Six standard deviations of a binomial.
    const double n = static_cast<double>(bars.size());
    EXPECT_NEAR(static_cast<double>(bars.size() - few.size()), 0.01 * n, 6.0 * std::sqrt(0.01 * 0.99 * n));
    EXPECT_NEAR(static_cast<double>(bars.size() - many.size()), 0.05 * n, 6.0 * std::sqrt(0.05 * 0.95 * n));
    EXPECT_TRUE(std::ranges::includes(few, many, {}, &market::Bar::open_time, &market::Bar::open_time));
    EXPECT_TRUE(std::ranges::equal(few, drop_bars(bars, 0.01, RandomStream(9)), market::same_bits));
}

TEST(StressFeed, ARepeatedBarHasTheNumbersOfTheOneBeforeAndTimesOfItsOwn) {
    const Market market = make_market(5);
    const auto& bars = market.history.bars.front();
    const std::vector<market::Bar> seen = repeat_bars(bars, 0.05, RandomStream(9));
    ASSERT_EQ(seen.size(), bars.size());
    std::size_t repeated = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
        ASSERT_EQ(seen[i].open_time, bars[i].open_time);
        ASSERT_EQ(seen[i].close_time, bars[i].close_time);
        if (same_bits(seen[i], bars[i])) continue;
        ++repeated;
        ASSERT_EQ(seen[i].close, seen[i - 1].close);
        ASSERT_EQ(seen[i].volume, seen[i - 1].volume);
    }
    const double n = static_cast<double>(bars.size());
    EXPECT_NEAR(static_cast<double>(repeated), 0.05 * n, 6.0 * std::sqrt(0.05 * 0.95 * n));
}

TEST(StressFeed, NamesTheColumnsThatOtherDataLeaveEmpty) {
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    market::Table known({"a", "b", "c"});
    known.append(1, std::vector<double>{missing, missing, missing});
    known.append(2, std::vector<double>{1.0, 2.0, missing});
    market::Table other({"a", "b", "c"});
    other.append(1, std::vector<double>{missing, 3.0, 4.0});
    EXPECT_EQ(empty_columns(known, other), std::vector<std::string>{"a"});
    EXPECT_TRUE(empty_columns(known, known).empty());
}

}  // namespace
}  // namespace sofia::pipeline
