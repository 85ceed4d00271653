#include "labels/pullback.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trading/test_support.hpp"

namespace sofia::labels {
namespace {

namespace support = trading::testing;
using support::minute;
using trading::Direction;
using trading::ExitReason;
using trading::FillMode;

std::vector<Touch> touches_of(const std::vector<trading::Signal>& signals) {
    std::vector<Touch> touches;
    for (const trading::Signal& signal : signals) touches.push_back(signal.touch);
    return touches;
}

struct World {
    std::vector<Bar> bars;
    std::vector<trading::Signal> signals;
    trading::DecisionConfig config = support::plain_config();
    FillMode fills = FillMode::bar_close;
};

World random_world(std::uint64_t seed, std::int64_t count = 600) {
    const RandomStream random(seed);
    World world;
    world.bars = support::random_bars(random.split("bars"), count, 3.0);
    world.signals = support::random_signals(random.split("signals"), world.bars, 0.8, 6.0);
    RandomStream choice = random.split("config");
    world.config.barriers = {choice.uniform(0.5, 3.0), choice.uniform(0.5, 3.0), static_cast<std::int64_t>(1 + choice.below(10))};
    world.config.execution.slippage_ticks = static_cast<double>(choice.below(3));
    world.config.costs.fee_percent = 0.075;
    world.config.costs.ops_cost_per_trade = 1.0;
    world.config.execution.latency_ms = 45'000.0 * static_cast<double>(choice.below(8));
    world.config.execution.max_wait_seconds = 60.0 * static_cast<double>(1 + choice.below(5));
    for (Bar& bar : world.bars) bar.filled = choice.below(12) == 0;
    world.fills = choice.below(2) == 0 ? FillMode::bar_close : FillMode::bar_open;
    return world;
}

std::vector<Label> label(const World& world, const std::vector<trading::Funding>& funding = {}) {
    return pullback_labels(world.config, support::instrument(), world.fills, touches_of(world.signals), world.bars, funding).value();
}

// The label of a touch is the trade that the decision core makes when it is given that touch alone: the core looks at every bar.
RC_GTEST_PROP(Labels, AreTheCoresTradesThatStandAlone, (std::uint64_t seed)) {
    const World world = random_world(seed);
    const std::vector<trading::Funding> funding{{minute(100), 0.001, NAN}, {minute(300), -0.002, 2000.0}, {minute(420), 0.001, 1990.0}};
    const auto ranges = trading::price_ranges(world.bars);
    const std::vector<Label> labels =
        pullback_labels(world.config, support::instrument(), world.fills, touches_of(world.signals), world.bars, funding, ranges).value();
    RC_ASSERT(labels.size() == world.signals.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
        trading::DecisionCore core = trading::DecisionCore::make(world.config, support::inputs(world.fills)).value();
        std::size_t stamp = 0;
        bool sent = false;
        for (const Bar& bar : world.bars) {
            if (!sent && world.signals[i].touch.known_at < bar.close_time) {
                core.on_signal(world.signals[i]);
                sent = true;
            }
            for (; stamp < funding.size() && funding[stamp].time <= bar.close_time; ++stamp) core.on_funding(funding[stamp]);
            core.on_bar(bar);
        }
        RC_ASSERT(labels[i].labeled() == !core.trades().empty());
        if (labels[i].state == LabelState::unfilled) {
            RC_ASSERT(core.unfilled().size() == 1U);
            RC_ASSERT(core.unfilled()[0].why == labels[i].why);
        }
        if (!labels[i].labeled()) continue;
        const trading::ClosedTrade& trade = core.trades()[0];
        RC_ASSERT(labels[i].y == (trade.reason == ExitReason::target ? 1 : 0));
        RC_ASSERT(labels[i].reason == trade.reason);
        RC_ASSERT(labels[i].entry_time == trade.entry_time);
        RC_ASSERT(labels[i].end_time == trade.exit_time);
        RC_ASSERT(labels[i].gross_r == trade.gross_r);
        RC_ASSERT(std::fabs(labels[i].net_r() - trade.net_r) < 1e-12);
        RC_ASSERT(labels[i].mae_r == trade.mae_r);
        RC_ASSERT(labels[i].mfe_r == trade.mfe_r);
    }
}

RC_GTEST_PROP(Labels, MoreDataChangesNoLabelThatExists, (std::uint64_t seed)) {
    const World whole = random_world(seed);
    World part = whole;
    const auto keep = *rc::gen::inRange<std::size_t>(1, whole.bars.size());
    part.bars.resize(keep);
    const std::vector<Label> a = label(part);
    const std::vector<Label> b = label(whole);
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i].state == LabelState::cut) continue;
        RC_ASSERT(a[i].state == b[i].state);
        if (!a[i].labeled()) continue;
        RC_ASSERT(a[i].end_time == b[i].end_time);
        RC_ASSERT(a[i].gross_r == b[i].gross_r);
        RC_ASSERT(a[i].end_time <= part.bars.back().close_time);
    }
}

// One touch's label does not depend on which other touches there are.
RC_GTEST_PROP(Labels, StandAlone, (std::uint64_t seed)) {
    const World world = random_world(seed);
    const std::vector<Label> together = label(world);
    World half = world;
    half.signals.clear();
    for (std::size_t i = 0; i < world.signals.size(); i += 2) half.signals.push_back(world.signals[i]);
    const std::vector<Label> fewer = label(half);
    for (std::size_t i = 0; i < fewer.size(); ++i) {
        RC_ASSERT(fewer[i].state == together[2 * i].state);
        if (fewer[i].labeled()) RC_ASSERT(fewer[i].gross_r == together[2 * i].gross_r);
    }
}

// Going past several bars in one step is as good as a step for each, wherever a trade begins and ends and whatever bars have no print.
RC_GTEST_PROP(Labels, AreTheSameWithAndWithoutRanges, (std::uint64_t seed)) {
    World world = random_world(seed, 2'000);
    RandomStream choice = RandomStream(seed).split("long");
    world.config.barriers = {choice.uniform(0.5, 15.0), choice.uniform(0.5, 3.0), static_cast<std::int64_t>(1 + choice.below(80))};
    for (Bar& bar : world.bars) bar.filled = choice.below(10) == 0;
    const std::vector<Touch> touches = touches_of(world.signals);
    const auto ranges = trading::price_ranges(world.bars);
    const auto with = pullback_labels(world.config, support::instrument(), world.fills, touches, world.bars, {}, ranges).value();
    const auto without = label(world);
    RC_ASSERT(with.size() == without.size());
    for (std::size_t i = 0; i < with.size(); ++i) {
        RC_ASSERT(with[i].state == without[i].state);
        if (!with[i].labeled()) continue;
        RC_ASSERT(with[i].reason == without[i].reason);
        RC_ASSERT(with[i].end_time == without[i].end_time);
        RC_ASSERT(with[i].gross_r == without[i].gross_r);
        RC_ASSERT(with[i].mae_r == without[i].mae_r);
        RC_ASSERT(with[i].mfe_r == without[i].mfe_r);
    }
}

TEST(Labels, ATouchWhosePathIsCutHasNoLabelAndSaysSo) {
    World world;
    for (int i = 0; i < 30; ++i) world.bars.push_back(support::flat(i, 100.0));
    world.signals = {support::signal(15, Direction::long_side, 100.0, 1.0), support::signal(30, Direction::long_side, 100.0, 1.0),
                     support::signal(15, Direction::long_side, 100.0, NAN)};
    std::ranges::stable_sort(world.signals, {}, [](const trading::Signal& s) { return s.touch.known_at; });
    const std::vector<Label> labels = label(world);
    EXPECT_EQ(labels[0].state, LabelState::cut);
    EXPECT_EQ(labels[0].y, -1);
    EXPECT_TRUE(std::isnan(labels[0].gross_r));
    EXPECT_EQ(labels[1].state, LabelState::no_levels);
    EXPECT_EQ(labels[2].state, LabelState::cut);
    for (int i = 30; i < 100; ++i) world.bars.push_back(support::flat(i, 100.0));
    const std::vector<Label> later = label(world);
    EXPECT_TRUE(later[0].labeled());
    EXPECT_EQ(later[0].reason, ExitReason::timeout);
    EXPECT_EQ(later[0].end_time, minute(15 + 60 + 1));
}

TEST(Labels, OverPrintsFollowTheSameRules) {
    const trading::DecisionConfig config = support::plain_config();
    const std::vector<Touch> touches{support::touch(15, Direction::long_side, 100.0, 1.0), support::touch(15, Direction::short_side, 100.0, 1.0)};
    std::vector<Trade> trades;
    for (int i = 0; i < 20; ++i) {
        const double price = i < 17 ? 100.0 : 100.0 + 2.0 * (i - 16);
        trades.push_back(support::print(minute(i) + ns_per_second, price, market::Side::buy));
        trades.push_back(support::print(minute(i) + 2 * ns_per_second, price, market::Side::sell));
    }
    const auto labels = pullback_labels(config, support::instrument(), touches, trades).value();
    EXPECT_EQ(labels[0].y, 1);
    EXPECT_EQ(labels[0].end_time, minute(18) + ns_per_second);  // 104: the first print beyond 103
    EXPECT_EQ(labels[1].y, 0);
    EXPECT_EQ(labels[1].reason, ExitReason::stop);
    EXPECT_EQ(labels[1].gross_r, -1.0);  // bought back at 102 by the Buy print
}

// Without drift the target gives away its tick of penetration and nothing else: W p - l (1 - p) = -p * tick / risk.
TEST(RealizedEv, OnAFairWalkIsZeroButForThePenetration) {
    World world;
    world.config.barriers = {2.0, 2.0, 8};
    world.fills = FillMode::bar_close;
    RandomStream random(99);
    double price = 20'000.0;
    for (std::int64_t i = 0; i < 400'000; ++i) {
        price += random.below(2) == 0 ? 0.5 : -0.5;
        world.bars.push_back(support::flat(i, price));
    }
    world.signals = support::random_signals(random.split("signals"), world.bars, 1.0, 4.0);  // risk 8, 16 steps of half a point
    const std::vector<Label> labels = label(world);
    std::vector<std::size_t> rows(labels.size());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
    const trading::EvModel ev = realized_ev(labels, rows);
    EXPECT_GT(ev.timeouts, 0.2);
    EXPECT_GT(ev.labels, 26'000);
    double wins = 0.0;
    double squares = 0.0;
    for (const Label& one : labels) {
        if (!one.labeled()) continue;
        wins += one.y;
        squares += one.gross_r * one.gross_r;
    }
    const double n = static_cast<double>(ev.labels);
    const double p = wins / n;
    // Up to eight labels overlap, so the error of the mean is that of fewer: eight times the variance bounds it.
    EXPECT_NEAR(p * ev.win - (1.0 - p) * ev.loss + p * 0.5 / 8.0, 0.0, 4.0 * std::sqrt(8.0 * squares) / n);
    // Counting every timeout as a full loss says something else.
    EXPECT_LT(p * 2.0 - (1.0 - p), -0.1);
}

TEST(RealizedEv, UsesTheGivenRowsAndIsMissingWithoutAnOutcome) {
    std::vector<Label> labels(4);
    for (Label& one : labels) one.state = LabelState::labeled;
    labels[0].y = 1;
    labels[0].gross_r = 2.0;
    labels[1].y = 0;
    labels[1].gross_r = -1.0;
    labels[1].end_time = 10;
    labels[2].y = 0;
    labels[2].gross_r = 0.5;
    labels[2].reason = ExitReason::timeout;
    labels[3].state = LabelState::cut;
    const std::vector<std::size_t> all{0, 1, 2, 3};
    const trading::EvModel ev = realized_ev(labels, all);
    EXPECT_EQ(ev.labels, 3);
    EXPECT_DOUBLE_EQ(ev.win, 2.0);
    EXPECT_DOUBLE_EQ(ev.loss, 0.25);
    EXPECT_DOUBLE_EQ(ev.timeouts, 1.0 / 3.0);
    const std::vector<std::size_t> losses{1, 2};
    EXPECT_TRUE(std::isnan(realized_ev(labels, losses).win));
    EXPECT_EQ(realized_ev(labels, losses).mean_hold, 5);
}

}  // namespace
}  // namespace sofia::labels
