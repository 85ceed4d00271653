#include "app/pipeline/benchmarks.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/backtest_files.hpp"
#include "app/pipeline/test_adjustment.hpp"
#include "app/pipeline/test_walk.hpp"
#include "base/files.hpp"
#include "math/statistics.hpp"

namespace sofia::pipeline {
namespace {

constexpr std::size_t minutes = 40 * 1440;

/// Without drift, by equal steps in price.
void fair_minute(market::Bar& bar, RandomStream& random) {
    const double middle = bar.open + 10.0 * random.normal();
    set_path(bar, middle, middle + 10.0 * random.normal());
    bar.volume = 1.0;
}

struct World {
    Settings settings;
    History history;
    Candidates candidates;
    LabeledCandidates labeled;
    trading::Window window{10 * ns_per_day, 35 * ns_per_day};

    explicit World(std::uint64_t seed) {
        settings = load_settings({.sets = {"touch.timeframes=15m,1h", "features.columns=m15.*", "barriers.max_hold_bars=8", "gate.use_gates=false",
                                           "execution.slippage_ticks=100", "costs.fee_percent=0.01", "costs.maker_fee_percent=0.01"}})
                       .value();
        history = build_history(walk(minutes, seed, fair_minute), settings, market::Timeframe::parse("15m").value(), Context{}).value();
        candidates = find_candidates(history, settings.decision.touch).value();
        labeled = label_candidates(history, candidates, settings, settings.decision.barriers.max_hold_bars).value();
    }

    [[nodiscard]] StrategyData data() const { return {history, settings, candidates, labeled}; }
    [[nodiscard]] std::vector<std::size_t> which() const { return labels::rows_in(labeled.samples, window); }

    [[nodiscard]] trading::DecisionCore every_touch() const {
        std::vector<trading::Signal> signals;
        for (const std::size_t index : which()) signals.push_back({.touch = candidates.touches[index], .probability = 0.5});
        return run_core(history, settings, signals, {}, window).value();
    }
    [[nodiscard]] backtest::Figures figures(const trading::DecisionCore& core) const {
        return backtest::figures_of(core, window, settings.decision.touch.timeframes);
    }
};

trading::ClosedTrade like(std::size_t timeframe, trading::Direction direction) {
    trading::ClosedTrade trade;
    trade.timeframe = timeframe;
    trade.direction = direction;
    return trade;
}

std::vector<trading::ClosedTrade> all_kinds() {
    return {like(0, trading::Direction::long_side), like(0, trading::Direction::short_side), like(1, trading::Direction::long_side),
            like(1, trading::Direction::short_side)};
}

TEST(EntryPool, HoldsTheTouchesWithTheirOwnLabels) {
    const World world(3);
    const auto pool = entry_pool(world.history, world.settings, all_kinds(), world.window, RandomStream(1)).value();
    std::map<TouchKey, const backtest::EntryOutcome*> found;
    for (const backtest::EntryOutcome& entry : pool) found[{entry.known_at, entry.timeframe, entry.direction}] = &entry;
    std::size_t compared = 0;
    for (const std::size_t index : world.which()) {
        const labels::Label& label = world.labeled.labels[index];
        const DurationNs longest = 8 * (label.touch.timeframe == 0 ? 15 : 60) * ns_per_minute;
        if (!label.labeled() || label.touch.known_at + longest >= world.window.to) continue;
        const auto at = found.find(key_of(label.touch));
        ASSERT_NE(at, found.end());
        EXPECT_EQ(at->second->gross_r, label.gross_r);
        EXPECT_EQ(at->second->net_r, label.net_r());
        EXPECT_EQ(at->second->end_time, label.end_time);
        ++compared;
    }
    EXPECT_GT(compared, 20U);
}

TEST(EntryPool, KeepsToTheKindsThatWereTradedAndToTheWindow) {
    const World world(3);
    const std::vector<trading::ClosedTrade> shorts{like(1, trading::Direction::short_side)};
    const auto pool = entry_pool(world.history, world.settings, shorts, world.window, RandomStream(1)).value();
    EXPECT_GT(pool.size(), 500U);
    EXPECT_LE(pool.size(), 25U * 24U);
    for (const backtest::EntryOutcome& entry : pool) {
        EXPECT_EQ(entry.timeframe, 1U);
        EXPECT_EQ(entry.direction, trading::Direction::short_side);
        EXPECT_TRUE(world.window.contains(entry.known_at));
        EXPECT_LT(entry.known_at + 8 * ns_per_hour, world.window.to);
        EXPECT_GT(entry.end_time, entry.known_at);
    }
    EXPECT_TRUE(entry_pool(world.history, world.settings, {}, world.window, RandomStream(1)).value().empty());
}

// A walk without drift pays nothing to anybody: random entries lose what they cost, whatever the barriers are.
TEST(Benchmarks, RandomEntriesLoseTheirCostsOnAFairWalk) {
    std::vector<double> gross;
    std::vector<double> cost;
    for (const std::uint64_t seed : {3U, 4U, 5U, 6U}) {
        const World world(seed);
        const trading::DecisionCore core = world.every_touch();
        const backtest::Figures own = world.figures(core);
        ThreadPool pool(2);
        const Benchmarks found = benchmarks_of(world.data(), world.which(), core, own, RandomStream(9), pool).value();
        ASSERT_EQ(found.random.expectancy_r.size(), 1'000U);
        EXPECT_EQ(found.random.fewest, static_cast<std::int64_t>(core.trades().size()));
        gross.push_back(math::mean(found.random.gross_expectancy_r));
        cost.push_back(gross.back() - math::mean(found.random.expectancy_r));
        double paid = 0.0;
        for (const trading::ClosedTrade& trade : core.trades()) paid += trade.gross_r - trade.net_r;
        EXPECT_NEAR(cost.back(), paid / static_cast<double>(core.trades().size()), 0.1 * cost.back());
        EXPECT_GT(cost.back(), 0.01);
    }
    // About 25 days of trades of some four hours each, in four worlds: a standard error of a tenth.
    EXPECT_NEAR(math::mean(gross), 0.0, 0.2);
}

TEST(Benchmarks, EveryTouchIsTheCoreWithoutGates) {
    const World world(7);
    const trading::DecisionCore core = world.every_touch();
    const backtest::Figures own = world.figures(core);
    ThreadPool one(1);
    ThreadPool three(3);
    const Benchmarks a = benchmarks_of(world.data(), world.which(), core, own, RandomStream(9), one).value();
    const Benchmarks b = benchmarks_of(world.data(), world.which(), core, own, RandomStream(9), three).value();
    EXPECT_EQ(a.every_touch.trades, own.trades);
    EXPECT_EQ(a.every_touch.net_r, own.net_r);
    EXPECT_EQ(a.every_touch.final_equity, own.final_equity);
    EXPECT_EQ(a.random.expectancy_r, b.random.expectancy_r);
    EXPECT_EQ(a.percentile, b.percentile);
    EXPECT_EQ(a.p, static_cast<double>(1 + std::ranges::count_if(a.random.expectancy_r, [&](double r) { return r >= own.expectancy_r; })) / 1001.0);
    const std::vector<market::Bar>& bars = world.history.bars.front();
    EXPECT_EQ(a.hold.entry_price, bars[10 * 1440].close + 1.0);  // a hundred ticks
    EXPECT_EQ(a.hold.exit_price, bars[35 * 1440 - 1].close - 1.0);
}

TEST(StressPart, ShowsTheScenariosOfAStressJson) {
    const std::filesystem::path file = std::filesystem::temp_directory_path() / ("stress_part_" + std::to_string(::getpid()) + ".json");
    Json scenario = {{"name", "fees x2"}, {"in_sample", false}, {"trades", 12}, {"net_r", 1.5}};
    for (const char* key : {"net_r_against_base", "expectancy_r", "max_drawdown_percent", "max_drawdown_r", "sharpe_annual"}) scenario[key] = nullptr;
    ASSERT_TRUE(write_file(file, format_json({{"schema", 1}, {"scenarios", Json::array({scenario})}})));
    const auto part = stress_part(file);
    ASSERT_TRUE(part.has_value());
    ASSERT_EQ(part->tables.at(0).rows.size(), 1U);
    EXPECT_EQ(std::get<std::string>(part->tables[0].rows[0][0]), "fees x2");
    EXPECT_EQ(std::get<double>(part->tables[0].rows[0][3]), 1.5);
    EXPECT_EQ(part->tables[0].rows[0].size(), part->tables[0].columns.size());
    ASSERT_TRUE(write_file(file, "{\"schema\": 1, \"scenarios\": [{}]}"));
    EXPECT_FALSE(stress_part(file).has_value());
    std::filesystem::remove(file);
    EXPECT_FALSE(stress_part(file).has_value());
}

WindowFigures daily(std::uint64_t seed, std::size_t days, double edge) {
    WindowFigures figures;
    RandomStream random(seed);
    for (std::size_t day = 0; day < days; ++day) figures.daily_net_r.push_back(edge + random.normal());
    return figures;
}

TEST(AdjustTest, OfOneTrialIsTheTestOfItsMean) {
    const WindowFigures good = daily(1, 200, 0.3);
    ThreadPool pool(2);
    const AdjustedTest alone = adjust_test({{4, &good}}, 7, pool);
    EXPECT_EQ(alone.p_of(4), alone.result.p_upper);
    EXPECT_LT(alone.p_of(4), 0.01);
    EXPECT_TRUE(std::isnan(alone.p_of(5)));
    const WindowFigures other = daily(2, 200, 0.0);
    const AdjustedTest both = adjust_test({{4, &good}, {5, &other}}, 7, pool);
    EXPECT_GE(both.p_of(4), alone.p_of(4));
    EXPECT_GT(both.p_of(5), 0.05);
}

TEST(AdjustTest, CountsATrialWithoutAModelAsNotTrading) {
    const WindowFigures good = daily(1, 100, 0.3);
    const WindowFigures shorter = daily(2, 50, 0.3);
    WindowFigures none;
    none.note = "too few rows";
    ThreadPool pool(1);
    const AdjustedTest found = adjust_test({{1, &none}, {2, &good}, {3, &shorter}}, 7, pool);
    EXPECT_EQ(found.trials, (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(found.days, 100U);
    EXPECT_EQ(found.p_of(1), 1.0);
    EXPECT_TRUE(adjust_test({{1, &none}}, 7, pool).trials.empty());
    EXPECT_TRUE(adjust_test({}, 7, pool).trials.empty());
}

}  // namespace
}  // namespace sofia::pipeline
