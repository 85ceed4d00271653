#include "app/pipeline/direction_simulation.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/direction_fit.hpp"
#include "base/files.hpp"
#include "synth/simulate.hpp"

namespace sofia::pipeline {
namespace {

Minutes planted(std::int64_t days, double edge) {
    Minutes minutes;
    minutes.symbol = "PLANTED";
    minutes.simulated = true;
    minutes.bars = synth::simulate_direction_minutes({.days = days, .edge = edge}, RandomStream(3)).value();
    minutes.columns = features::minute_specs();
    minutes.table = features::minute_features(minutes.bars, 5).value();
    minutes.fills = trading::FillMode::bar_close;
    return minutes;
}

/// Small models, two days of validation, three of test.
DirectionSettings small() {
    DirectionSettings settings;
    settings.model.num_leaves = 8;
    settings.model.rounds = 40;
    settings.model.learning_rate = 0.2;
    settings.model.early_stopping_rounds = 10;
    settings.split = {.train_days = 0.0, .val_days = 2.0, .test_days = 3.0};
    settings.simulation = {.days = 9.0, .step_days = 4.0};
    return settings;
}

DirectionSimulation simulate(const Minutes& minutes, const DirectionSettings& settings, std::size_t threads = 1) {
    StopFlag stop;
    Context context;
    context.stop = &stop;
    context.threads = threads;
    return simulate_direction(minutes, settings, 1, context).value().value();
}

const Estimate& kpi(const SimulationFigures& figures, std::string_view name) { return std::ranges::find(figures.kpis, name, &Kpi::name)->estimate; }

TEST(DirectionSimulation, FitsAtTheBeginOfTestAndInEqualStepsAroundIt) {
    const Minutes minutes = planted(20, 0.6);
    const DirectionSettings settings = small();
    const DirectionSimulation made = simulate(minutes, settings);
    const TimeNs end = minutes.bars.back().close_time;
    const auto before_end = [&](std::int64_t days) { return end - days * ns_per_day; };
    ASSERT_EQ(made.steps.size(), 3U);
    EXPECT_EQ(made.steps[0].windows.test, (trading::Window{before_end(9), before_end(7)}));
    EXPECT_EQ(made.steps[1].windows.test, (trading::Window{before_end(7), before_end(3)}));
    EXPECT_EQ(made.steps[2].windows.test, (trading::Window{before_end(3), end}));
    for (const SimulationStep& step : made.steps) {
        EXPECT_EQ(step.windows.train.from, minutes.bars.front().open_time);
        EXPECT_EQ(step.windows.validation, (trading::Window{step.windows.test.from - 2 * ns_per_day, step.windows.test.from}));
        EXPECT_EQ(step.windows.train.to, step.windows.validation.from);
    }
    EXPECT_EQ(made.rows, 9U * 1440U);
    EXPECT_EQ(made.whole.labeled, 9U * 1440U - 5U);
    EXPECT_EQ(made.untouched.labeled, 3U * 1440U - 5U);
    // The fit at the begin of test is the trial's own.
    const DirectionSamples samples = direction_samples(minutes, settings.split).value();
    const DirectionFit fit{.samples = samples, .columns = minutes.columns, .seed = 1};
    EXPECT_EQ(made.steps[2].trees, fit_direction(fit, settings.model, StopFlag()).value().trees());
}

TEST(DirectionSimulation, BeginsWhereItsFirstFitHasEnoughToLearnFrom) {
    DirectionSettings settings = small();
    settings.simulation.days = 90.0;
    const Minutes minutes = planted(12, 0.6);
    EXPECT_EQ(simulate(minutes, settings).whole.window.from, minutes.bars.front().open_time + 6 * ns_per_day);
    settings.simulation.days = 0.0;
    StopFlag stop;
    Context context;
    context.stop = &stop;
    EXPECT_FALSE(simulate_direction(minutes, settings, 1, context).value());
}

// What a step predicts needs no labels: the last one may be shorter than the horizon.
TEST(DirectionSimulation, StepsMayBeShorterThanTheHorizon) {
    Minutes minutes = planted(14, 0.6);
    minutes.table = features::minute_features(minutes.bars, 60).value();
    DirectionSettings settings = small();
    settings.horizon = 60;
    settings.simulation = {.days = 0.1, .step_days = 0.02};
    settings.model.rounds = 5;
    const DirectionSimulation made = simulate(minutes, settings);
    EXPECT_EQ(made.rows, 144U);
    EXPECT_EQ(made.whole.labeled, 144U - 60U);
    EXPECT_FALSE(made.trades.empty());
}

// A market that is closed for longer than validation: the fits that would learn from the closed days are left out, the others stay.
TEST(DirectionSimulation, AStepWithNothingToLearnFromIsLeftOut) {
    Minutes minutes = planted(20, 0.6);
    const auto closed = [&](const market::Bar& bar) {
        const std::int64_t day = (bar.open_time - minutes.bars.front().open_time) / ns_per_day;
        return day >= 12 && day < 15;
    };
    std::vector<market::Bar> open;
    std::ranges::remove_copy_if(minutes.bars, std::back_inserter(open), closed);
    minutes.bars = open;
    minutes.table = features::minute_features(minutes.bars, 5).value();
    DirectionSettings settings = small();
    settings.split.val_days = 1.0;
    settings.simulation = {.days = 9.0, .step_days = 1.0};
    const DirectionSimulation made = simulate(minutes, settings);
    ASSERT_EQ(made.steps.size(), 9U);
    std::vector<std::size_t> without;
    for (std::size_t i = 0; i < made.steps.size(); ++i) {
        EXPECT_EQ(made.steps[i].left_out.empty(), made.steps[i].trees > 0);
        if (!made.steps[i].left_out.empty()) without.push_back(i);
    }
    EXPECT_EQ(without, (std::vector<std::size_t>{2, 3, 4}));  // the days 13, 14 and 15, which are judged on the days 12, 13 and 14
    EXPECT_EQ(made.rows, 5U * 1440U);                        // 11, 16, 17, 18, 19
}

TEST(DirectionSimulation, HoldsOnePositionForTheHorizon) {
    const Minutes minutes = planted(20, 0.6);
    DirectionSettings settings = small();
    settings.rule.threshold = 0.6;
    const DirectionSimulation made = simulate(minutes, settings);
    ASSERT_GT(made.trades.size(), 100U);
    TimeNs free = 0;
    for (const trading::ClosedTrade& trade : made.trades) {
        EXPECT_GE(trade.entry_time, free);
        EXPECT_GE(trade.probability, 0.6);
        EXPECT_EQ(trade.entry_time, trade.signal_time + ns_per_minute);  // the next bar's close
        EXPECT_EQ(trade.exit_time, trade.entry_time + 5 * ns_per_minute);
        EXPECT_EQ(trade.reason, trading::ExitReason::timeout);
        free = trade.exit_time;
    }
    settings.rule.sides = "short";
    const DirectionSimulation shorts = simulate(minutes, settings);
    EXPECT_FALSE(shorts.trades.empty());
    for (const trading::ClosedTrade& trade : shorts.trades) EXPECT_EQ(trade.direction, trading::Direction::short_side);
}

// What comes after a moment changes no trade before it.
TEST(DirectionSimulation, DoesNotLookAhead) {
    Minutes minutes = planted(20, 0.6);
    const DirectionSettings settings = small();
    const DirectionSimulation before = simulate(minutes, settings);
    constexpr std::size_t changed = 15 * 1440 + 77;  // in the second of three steps
    RandomStream random(9);
    for (std::size_t i = changed; i < minutes.bars.size(); ++i) {
        market::Bar& bar = minutes.bars[i];
        const double factor = random.uniform(0.9, 1.1);
        for (double* price : {&bar.open, &bar.high, &bar.low, &bar.close}) *price *= factor;
        bar.volume *= factor;
    }
    minutes.table = features::minute_features(minutes.bars, 5).value();
    const DirectionSimulation after = simulate(minutes, settings);
    const TimeNs moment = minutes.bars[changed].open_time;
    std::size_t compared = 0;
    for (std::size_t i = 0; i < before.trades.size() && before.trades[i].exit_time <= moment; ++i, ++compared) {
        ASSERT_LT(i, after.trades.size());
        EXPECT_EQ(after.trades[i].exit_time, before.trades[i].exit_time);
        EXPECT_EQ(after.trades[i].probability, before.trades[i].probability);
        EXPECT_EQ(after.trades[i].net, before.trades[i].net);
    }
    EXPECT_GT(compared, 100U);
    EXPECT_EQ(after.steps[1].trees, before.steps[1].trees);
    EXPECT_NE(after.trades.back().net, before.trades.back().net);
}

TEST(DirectionSimulation, TheKpisAreThoseOfItsTrades) {
    const Minutes minutes = planted(20, 0.6);
    DirectionSettings settings = small();
    settings.decision.execution.slippage_ticks = 0.0;
    settings.decision.costs.fee_percent = 0.0;
    const DirectionSimulation free = simulate(minutes, settings);
    const double gross = kpi(free.whole, "gross_bps").value;
    EXPECT_GT(kpi(free.whole, "gross_bps").lower, 0.0);  // an edge was planted
    EXPECT_NEAR(kpi(free.whole, "net_bps").value, gross, 0.01 * gross);
    settings.decision.costs.fee_percent = 0.05;
    const DirectionSimulation paid = simulate(minutes, settings);
    EXPECT_EQ(paid.trades.size(), free.trades.size());
    EXPECT_DOUBLE_EQ(kpi(paid.whole, "gross_bps").value, gross);
    EXPECT_NEAR(kpi(paid.whole, "net_bps").value, gross - 10.0, 0.05);  // 5 bps a side
    EXPECT_LT(kpi(paid.whole, "net_bps").upper, 0.0);
    // Money: days compound to the final equity.
    double equity = settings.decision.sizing.starting_equity;
    double wins = 0.0;
    for (const trading::ClosedTrade& trade : paid.trades) {
        equity += market::to_double(trade.net);
        if (trade.gross_r > 0.0) wins += 1.0;
    }
    EXPECT_NEAR(paid.whole.figures.final_equity, equity, 1e-6);
    EXPECT_NEAR(kpi(paid.whole, "hit_rate").value, wins / static_cast<double>(paid.trades.size()), 1e-12);
    EXPECT_LT(kpi(paid.whole, "daily_percent").value, kpi(free.whole, "daily_percent").value);
    EXPECT_LT(kpi(paid.whole, "accuracy").lower, kpi(paid.whole, "accuracy").upper);
}

TEST(DirectionSimulation, EarnsNothingFromNoise) {
    const DirectionSimulation made = simulate(planted(20, 0.0), [] {
        DirectionSettings settings = small();
        settings.rule.threshold = 0.5;
        settings.decision.execution.slippage_ticks = 0.0;
        settings.decision.costs.fee_percent = 0.0;
        return settings;
    }());
    EXPECT_GT(made.trades.size(), 1000U);
    EXPECT_LE(kpi(made.whole, "gross_bps").lower, 0.0);
    EXPECT_GE(kpi(made.whole, "gross_bps").upper, 0.0);
}

TEST(DirectionSimulation, ThreadsChangeNothing) {
    const Minutes minutes = planted(20, 0.6);
    const DirectionSettings settings = small();
    EXPECT_EQ(simulation_json(simulate(minutes, settings, 3), settings), simulation_json(simulate(minutes, settings, 1), settings));
}

class KpiFiles : public ::testing::Test {
protected:
    KpiFiles() : folder_(std::filesystem::temp_directory_path() / ("sofia-kpis-" + std::to_string(getpid()))) {
        std::filesystem::create_directories(folder_);
    }
    ~KpiFiles() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path write(const std::string& text) const {
        std::ofstream(folder_ / "file.json") << text;
        return folder_ / "file.json";
    }

    std::filesystem::path folder_;
};

TEST_F(KpiFiles, AreReadBackFromTheirFileAndFromACard) {
    const Minutes minutes = planted(14, 0.6);
    const DirectionSettings settings = small();
    const DirectionSimulation made = simulate(minutes, settings);
    StopFlag stop;
    Context context;
    context.stop = &stop;
    ASSERT_TRUE(write_simulation(folder_ / "s", made, minutes, settings, {.title = "t", .seed = 1}, context));
    const AcceptedKpis read = read_kpis(folder_ / "s/kpis.json").value();
    EXPECT_EQ(kpis_json(read.kpis), kpis_json(made.whole.kpis));
    EXPECT_EQ(read.horizon, 5);
    const Json card = {
        {"schema", 1}, {"horizon_minutes", 5}, {"data", {{"bars_sha256", read.bars_sha256}}}, {"simulation", simulation_json(made, settings)}};
    const AcceptedKpis of_card = read_kpis(write(card.dump())).value();
    EXPECT_EQ(kpis_json(of_card.kpis), kpis_json(made.whole.kpis));
    EXPECT_EQ(of_card.bars_sha256, read.bars_sha256);
    for (const KpiCheck& check : check_kpis(read.kpis, made.whole.kpis)) {
        // Too few days for an interval of their mean: nothing to hold it against.
        EXPECT_EQ(check.verdict, check.accepted.name == "daily_percent" ? KpiCheck::Verdict::unknown : KpiCheck::Verdict::held)
            << check.accepted.name;
    }
}

TEST_F(KpiFiles, SayWhatIsMissing) {
    EXPECT_EQ(read_kpis(folder_ / "none.json").error().code, ErrorCode::io);
    EXPECT_EQ(read_kpis(write("{}")).error().code, ErrorCode::data);
    EXPECT_EQ(read_kpis(write(R"({"schema": 1, "horizon_minutes": 5, "bars_sha256": "a"})")).error().code, ErrorCode::data);
    const auto nothing = read_kpis(write(R"({"schema": 1, "horizon_minutes": 5, "bars_sha256": "a", "kpis": {}})"));
    EXPECT_EQ(nothing.error().code, ErrorCode::data);  // else a gate that passes whatever comes
    const auto wrong = read_kpis(write(R"({"schema": 1, "horizon_minutes": 5, "bars_sha256": "a", "kpis": {"accuracy": {"value": 1}}})"));
    EXPECT_THAT(wrong.error().message, ::testing::HasSubstr("lower"));
    const auto without = read_kpis(write(R"({"schema": 1, "horizon_minutes": 5, "data": {"bars_sha256": "a"}, "simulation": null})"));
    EXPECT_EQ(without.error().code, ErrorCode::usage);
}

TEST(Kpis, ARegressionIsWorseThanTheBoundOnItsWorseSide) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<Kpi> accepted = {{"accuracy", Kpi::Better::higher, {0.6, 0.58, 0.62}},
                                       {"log_loss", Kpi::Better::lower, {0.66, 0.65, 0.67}},
                                       {"net_bps", Kpi::Better::higher, {1.0, nan, nan}},
                                       {"hit_rate", Kpi::Better::higher, {0.5, 0.4, 0.6}}};
    const auto verdicts = [&](double accuracy, double log_loss) {
        std::vector<std::string_view> out;
        for (const KpiCheck& check :
             check_kpis(accepted, {{"log_loss", Kpi::Better::lower, {log_loss}}, {"accuracy", Kpi::Better::higher, {accuracy}}})) {
            out.push_back(name(check.verdict));
        }
        return out;
    };
    using ::testing::ElementsAre;
    EXPECT_THAT(verdicts(0.58, 0.67), ElementsAre("held", "held", "unknown", "regression"));  // on the bound; hit_rate is not there any more
    EXPECT_THAT(verdicts(0.9, 0.1), ElementsAre("held", "held", "unknown", "regression"));
    EXPECT_THAT(verdicts(0.5799, 0.6701), ElementsAre("regression", "regression", "unknown", "regression"));
    EXPECT_THAT(verdicts(nan, nan), ElementsAre("regression", "regression", "unknown", "regression"));
}

}  // namespace
}  // namespace sofia::pipeline
