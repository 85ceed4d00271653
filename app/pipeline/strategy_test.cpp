#include "app/pipeline/strategy.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "app/pipeline/model_members.hpp"
#include "app/pipeline/test_walk.hpp"
#include "base/random.hpp"
#include "features/batch.hpp"

namespace sofia::pipeline {
namespace {

/// Without drift, by equal steps in the price's logarithm.
void fair_minute(market::Bar& bar, RandomStream& random) {
    const double middle = bar.open * std::exp(0.001 * random.normal());
    set_path(bar, middle, middle * std::exp(0.001 * random.normal()));
    bar.volume = 1.0 + random.exponential();
}

Settings small_settings() {
    return load_settings({.sets = {"touch.timeframes=15m", "features.columns=m15.*,h1.*", "split.folds=3", "fit.min_train_rows=20", "model.rounds=20",
                                   "model.min_data_in_leaf=5", "gate.use_gates=false", "costs.max_fee_r=1", "execution.slippage_ticks=0"}})
        .value();
}

constexpr std::size_t minutes = 60 * 1440;

History history_of(MarketData data, const Settings& settings) {
    const auto built = build_history(std::move(data), settings, market::Timeframe::parse("15m").value(), Context{});
    EXPECT_TRUE(built.has_value()) << (built ? "" : built.error().message);
    return *built;
}

std::vector<FoldOutcome> run_folds(const History& history, const Settings& settings, trading::Window tuning, std::size_t threads) {
    const Candidates candidates = find_candidates(history, settings.decision.touch).value();
    const LabeledCandidates labeled = label_candidates(history, candidates, settings, settings.decision.barriers.max_hold_bars).value();
    const StrategyData data{history, settings, candidates, labeled};
    const StopFlag stop;
    std::vector<FoldOutcome> outcomes;
    const std::vector<labels::Fold> folds = labels::walk_forward(settings.split, tuning).value();
    for (const labels::Fold& fold : folds) {
        outcomes.push_back(run_fold(data, fold, 7, threads, stop).value());
    }
    return outcomes;
}

void expect_equal(const std::vector<FoldOutcome>& a, const std::vector<FoldOutcome>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].train_rows, b[i].train_rows);
        EXPECT_EQ(a[i].best_iteration, b[i].best_iteration);
        ASSERT_EQ(a[i].trades.size(), b[i].trades.size());
        for (std::size_t j = 0; j < a[i].trades.size(); ++j) {
            EXPECT_EQ(a[i].trades[j].entry_time, b[i].trades[j].entry_time);
            EXPECT_EQ(a[i].trades[j].exit_price, b[i].trades[j].exit_price);
            EXPECT_EQ(a[i].trades[j].probability, b[i].trades[j].probability);
            EXPECT_EQ(a[i].trades[j].equity_after, b[i].trades[j].equity_after);
        }
    }
}

TEST(History, RowsAreTheFeaturesOfTheBatchAtTheSameMoments) {
    const Settings settings = small_settings();
    const History history = history_of(walk(5'000, 1, fair_minute), settings);
    const market::Table all = features::compute(settings.features, history.timeframes, {.bars = history.bars}).value();
    std::size_t compared = 0;
    std::size_t at = 0;
    for (std::size_t row = 0; row < history.rows.rows(); ++row) {
        while (all.known_at()[at] < history.rows.known_at()[row]) ++at;
        ASSERT_EQ(all.known_at()[at], history.rows.known_at()[row]);
        for (std::size_t column = 0; column < all.width(); ++column) {
            const double expected = all.row(at)[column];
            const double found = history.rows.row(row)[column];
            EXPECT_TRUE(expected == found || (std::isnan(expected) && std::isnan(found))) << all.columns()[column];
            ++compared;
        }
    }
    EXPECT_GT(compared, 10'000u);
}

// A trial must not see test or shadow: whatever stands there, the folds are the same to the last bit.
TEST(Folds, PoisoningTheTestWindowChangesNothing) {
    const Settings settings = small_settings();
    MarketData clean = walk(minutes, 2, fair_minute);
    MarketData poisoned = clean;
    const trading::Window whole{clean.bars.front().open_time, clean.bars.back().close_time};
    const trading::Window tuning = labels::make_splits(settings.split, whole).value().tuning;
    std::size_t changed = 0;
    for (market::Bar& bar : poisoned.bars) {
        if (bar.open_time < tuning.to) continue;
        bar.open *= 3.0;
        bar.high *= 3.0;
        bar.low *= 3.0;
        bar.close *= 3.0;
        bar.volume = 1e6;
        ++changed;
    }
    ASSERT_GT(changed, 10'000u);
    const auto before = run_folds(history_of(std::move(clean), settings), settings, tuning, 1);
    std::size_t trades = 0;
    for (const FoldOutcome& outcome : before) trades += outcome.trades.size();
    ASSERT_GT(trades, 20u);
    expect_equal(before, run_folds(history_of(std::move(poisoned), settings), settings, tuning, 1));
}

TEST(Folds, TheNumberOfThreadsChangesNothing) {
    const Settings settings = small_settings();
    const History history = history_of(walk(minutes, 3, fair_minute), settings);
    const trading::Window tuning = labels::make_splits(settings.split, history.window()).value().tuning;
    expect_equal(run_folds(history, settings, tuning, 1), run_folds(history, settings, tuning, 2));
}

Settings gated_settings() {
    return load_settings({.sets = {"touch.timeframes=15m", "features.columns=m15.*,h1.*", "split.folds=3", "fit.min_train_rows=20", "model.rounds=20",
                                   "model.min_data_in_leaf=5", "gate.ev_margin=-5", "gate.use_trend_gate=true", "gate.min_trend_prob=0.33",
                                   "gate.use_regime_gate=true", "gate.min_regime_prob=0.2", "fit.seeds=1,2", "costs.max_fee_r=1",
                                   "execution.slippage_ticks=0"}})
        .value();
}

// Three models, two seeds each, calibrated: the same whatever comes after the tuning window and whatever the threads.
TEST(Folds, GatedModelsSeeNothingLaterAndDoNotDependOnThreads) {
    const Settings settings = gated_settings();
    MarketData clean = walk(minutes, 5, fair_minute);
    MarketData poisoned = clean;
    const trading::Window whole{clean.bars.front().open_time, clean.bars.back().close_time};
    const trading::Window tuning = labels::make_splits(settings.split, whole).value().tuning;
    for (market::Bar& bar : poisoned.bars) {
        if (bar.open_time >= tuning.to) bar.close = bar.high = bar.high * 2.0;
    }
    const auto before = run_folds(history_of(std::move(clean), settings), settings, tuning, 1);
    std::size_t trades = 0;
    std::int64_t refused = 0;
    for (const FoldOutcome& outcome : before) {
        EXPECT_EQ(outcome.note, "");
        trades += outcome.trades.size();
        for (const auto why : {trading::Refusal::trend, trading::Refusal::regime}) refused += outcome.refused[static_cast<std::size_t>(why)];
    }
    EXPECT_GT(trades, 10u);
    EXPECT_GT(refused, 10);
    expect_equal(before, run_folds(history_of(std::move(poisoned), settings), settings, tuning, 2));
}

// What a search shares makes fits cheaper and nothing else: models, calibrators and trades are equal to the last bit, at the first fit that bins the
// rows and at later ones that label them anew.
TEST(Folds, SharedRowsChangeNothing) {
    Settings settings = gated_settings();
    const History history = history_of(walk(minutes, 7, fair_minute), settings);
    const trading::Window tuning = labels::make_splits(settings.split, history.window()).value().tuning;
    const std::vector<labels::Fold> folds = labels::walk_forward(settings.split, tuning).value();
    const Candidates candidates = find_candidates(history, settings.decision.touch).value();
    const StopFlag stop;
    DatasetCache cache(std::size_t{64} << 20U);
    StageClock clock;
    std::size_t trades = 0;
    for (const double target : {1.0, 2.0}) {
        settings.decision.barriers.target_r = target;
        settings.model.num_leaves += 3;
        const LabeledCandidates labeled = label_candidates(history, candidates, settings, settings.decision.barriers.max_hold_bars).value();
        const StrategyData alone{history, settings, candidates, labeled};
        const StrategyData shared{history, settings, candidates, labeled, {&cache, &clock}};
        for (const labels::Fold& fold : folds) {
            const StrategyModels a = fit_fold(alone, fold, 7, 1, stop).value();
            const StrategyModels b = fit_fold(shared, fold, 7, 1, stop).value();
            for (const auto& [one, other] : {std::pair{&a.entry, &b.entry}, {&*a.trend, &*b.trend}, {&*a.regime, &*b.regime}}) {
                ASSERT_EQ(one->members.size(), other->members.size());
                for (std::size_t i = 0; i < one->members.size(); ++i) EXPECT_EQ(one->members[i].text(), other->members[i].text());
                EXPECT_EQ(one->calibrator.apply(0.37), other->calibrator.apply(0.37));
                EXPECT_EQ(one->calibration_rows, other->calibration_rows);
            }
            const WindowRun expected = run_window(alone, a, fold.validation).value();
            const WindowRun found = run_window(shared, b, fold.validation).value();
            for (std::size_t i = 0; i < expected.signals.size(); ++i) EXPECT_EQ(expected.signals[i].probability, found.signals[i].probability);
            ASSERT_EQ(expected.core.trades().size(), found.core.trades().size());
            // A fold of the tuner asks models that it does not keep.
            const FoldOutcome outcome = run_fold(shared, fold, 7, 1, stop).value();
            EXPECT_EQ(outcome.best_iteration, a.entry.members.front().report().best_iteration);
            ASSERT_EQ(outcome.trades.size(), expected.core.trades().size());
            for (std::size_t i = 0; i < outcome.trades.size(); ++i) {
                EXPECT_EQ(outcome.trades[i].probability, expected.core.trades()[i].probability);
                EXPECT_EQ(outcome.trades[i].equity_after, expected.core.trades()[i].equity_after);
            }
            EXPECT_EQ(outcome.refused, expected.core.refused());
            trades += found.core.trades().size();
        }
    }
    EXPECT_GT(trades, 10u);
    // Three folds of three models with four sets of rows each, fitted four times: after the first all are there.
    EXPECT_EQ(cache.count().misses, 3 * 3 * 4);
    EXPECT_EQ(cache.count().hits, 3 * 3 * 3 * 4);
    EXPECT_GT(clock.spent(TimeStage::fit), clock.spent(TimeStage::datasets));
}

TEST(Models, KeepTheirAnswersThroughAModelFolder) {
    const Settings settings = gated_settings();
    const History history = history_of(walk(minutes, 6, fair_minute), settings);
    const Candidates candidates = find_candidates(history, settings.decision.touch).value();
    const LabeledCandidates labeled = label_candidates(history, candidates, settings, settings.decision.barriers.max_hold_bars).value();
    const StrategyData data{history, settings, candidates, labeled};
    const StopFlag stop;
    const auto rows = labels::train_rows(labeled.samples, history.window(), history.window().to, 0);
    StrategyModels models = fit_models(data, rows, "train", 7, 1, stop).value();
    EXPECT_EQ(models.entry.members.size(), 2u);
    EXPECT_EQ(models.trend->classes, 3u);
    EXPECT_EQ(models.regime->classes, 4u);
    EXPECT_GT(models.entry.calibration_rows, 50u);
    EXPECT_EQ(models.entry.calibrator.name(), "platt");
    std::vector<std::size_t> all(candidates.touches.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    const auto before = signals_of(models, history, candidates, all).value();
    const StrategyModels back = from_members(to_members(std::move(models)), settings, "there").value();
    const auto after = signals_of(back, history, candidates, all).value();
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(before[i].probability, after[i].probability);
        EXPECT_EQ(before[i].trend_probability, after[i].trend_probability);
        EXPECT_EQ(before[i].regime_probability, after[i].regime_probability);
    }
    EXPECT_EQ(from_members({}, settings, "there").error().code, ErrorCode::data);
}

// The core decides inside its window, from touches inside it, and leaves before it ends.
TEST(CoreRun, StaysInsideItsWindow) {
    const Settings settings = small_settings();
    const History history = history_of(walk(minutes, 4, fair_minute), settings);
    const Candidates candidates = find_candidates(history, settings.decision.touch).value();
    const TimeNs from = 20 * ns_per_day;
    const trading::Window window{from, from + 10 * ns_per_day};
    std::vector<trading::Signal> signals;
    for (const trading::Touch& touch : candidates.touches) signals.push_back({.touch = touch});
    const trading::EvModel ev{.win = 1.5, .loss = 1.0, .timeouts = 0.0, .mean_hold = ns_per_hour, .labels = 100};
    const trading::DecisionCore core = run_core(history, settings, signals, ev, window).value();
    ASSERT_GT(core.trades().size(), 3u);
    for (const trading::ClosedTrade& trade : core.trades()) {
        EXPECT_TRUE(window.contains(trade.signal_time));
        EXPECT_GT(trade.entry_time, trade.signal_time);
        EXPECT_LE(trade.exit_time, window.to);
    }
    EXPECT_GT(core.refused()[static_cast<std::size_t>(trading::Refusal::window)], 0);
}

TEST(History, StopsBetweenBarsWhenAsked) {
    StopFlag stop;
    stop.request();
    Context context;
    context.stop = &stop;
    const auto built = build_history(walk(2000, 1, fair_minute), small_settings(), market::Timeframe::parse("15m").value(), context);
    ASSERT_FALSE(built.has_value());
    EXPECT_EQ(built.error().code, ErrorCode::interrupted);
}

}  // namespace
}  // namespace sofia::pipeline
