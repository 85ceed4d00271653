#include <cmath>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/direction_fit.hpp"
#include "app/pipeline/direction_scores.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "models/metrics.hpp"
#include "synth/ceiling.hpp"
#include "synth/simulate.hpp"

namespace sofia::pipeline {
namespace {

/// Minutes of a planted direction as a data folder would give them.
Minutes planted(std::int64_t days, double edge, std::int64_t horizon = 5) {
    Minutes minutes;
    minutes.symbol = "PLANTED";
    minutes.simulated = true;
    minutes.bars = synth::simulate_direction_minutes({.days = days, .edge = edge}, RandomStream(3)).value();
    minutes.columns = features::minute_specs();
    minutes.table = features::minute_features(minutes.bars, horizon).value();
    return minutes;
}

TEST(DirectionSettings, AParameterIsAKeyOfTheModel) {
    EXPECT_EQ(direction_key_of("num_leaves").value(), "model.num_leaves");
    EXPECT_EQ(direction_key_of("scale_pos_weight").value(), "model.params.scale_pos_weight");
    EXPECT_EQ(direction_key_of("is_unbalance").value(), "model.is_unbalance");
    const auto unknown = direction_key_of("num_leafs");
    EXPECT_NE(unknown.error().message.find("num_leaves"), std::string::npos) << unknown.error().message;
}

TEST(DirectionSettings, TheStrategyIsTouchUnlessSomebodySaysOtherwise) {
    const auto file = std::filesystem::temp_directory_path() / ("sofia-strategy-" + std::to_string(getpid()) + ".yaml");
    std::ofstream(file) << "horizon: 5\nstrategy: direction\n";
    EXPECT_EQ(strategy_of("", {}).value(), "touch");
    EXPECT_EQ(strategy_of(file, {}).value(), "direction");
    EXPECT_EQ(strategy_of(file, {"strategy=touch"}).value(), "touch");
    EXPECT_EQ(strategy_of("", {"strategy=dirction"}).error().code, ErrorCode::config);
    std::filesystem::remove(file);
}

TEST(DirectionSettings, ReadBackWhatTheyShow) {
    DirectionSettings settings;
    settings.horizon = 15;
    settings.model.params["scale_pos_weight"] = "1.5";
    settings.search["num_leaves"] = "{type: int, low: 4, high: 8}";
    const std::string shown = show_settings(settings);
    EXPECT_EQ(show_settings(load_direction_settings({.resolved = shown}).value()), shown);
}

TEST(DirectionSettings, OnlyProbabilitiesAreFitted) {
    EXPECT_EQ(load_direction_settings({.sets = {"model.objective=regression"}}).error().code, ErrorCode::config);
    EXPECT_EQ(load_direction_settings({.sets = {"model.is_unbalance=true", "model.params={scale_pos_weight: 2}"}}).error().code, ErrorCode::config);
}

TEST(DirectionSamples, StandInOrderOfTimeAndLeaveNothingInTheirNeighbours) {
    const Minutes minutes = planted(6, 0.0);
    const DirectionSamples samples = direction_samples(minutes, {.train_days = 0.0, .val_days = 2.0, .test_days = 1.0}).value();
    constexpr std::size_t day = 1440;
    EXPECT_EQ(samples.train.rows(), 3 * day - 49 - 5);  // warm-up, labels that end in validation
    EXPECT_EQ(samples.validation.rows(), 2 * day - 5);
    EXPECT_EQ(samples.test.rows(), day - 5);  // no close to compare with
    EXPECT_EQ(samples.train.purged, 5U);
    EXPECT_EQ(samples.test.purged, 0U);
    EXPECT_EQ(samples.test.unlabeled, 5U);
    EXPECT_LT(samples.train.ts.back() + 5 * ns_per_minute, samples.validation.ts.front());
    EXPECT_LT(samples.validation.ts.back() + 5 * ns_per_minute, samples.test.ts.front());
}

TEST(DirectionSamples, TheTestWindowReachesNeitherRowsNorHash) {
    Minutes minutes = planted(6, 0.0);
    const DirectionSplitConfig split{.train_days = 0.0, .val_days = 2.0, .test_days = 1.0};
    const std::string before = rows_hash(direction_samples(minutes, split).value());
    for (std::size_t i = 5 * 1440; i < minutes.bars.size(); ++i) minutes.bars[i].close *= 1.5;
    minutes.table = features::minute_features(minutes.bars, 5).value();
    EXPECT_EQ(rows_hash(direction_samples(minutes, split).value()), before);
    minutes.bars[5 * 1440 - 1].close *= 1.5;
    minutes.table = features::minute_features(minutes.bars, 5).value();
    EXPECT_NE(rows_hash(direction_samples(minutes, split).value()), before);
}

TEST(DirectionSamples, TooShortAHistoryIsRefused) {
    const auto refused = direction_samples(planted(3, 0.0), {.train_days = 0.0, .val_days = 2.0, .test_days = 1.0});
    EXPECT_EQ(refused.error().code, ErrorCode::data);
    EXPECT_NE(refused.error().hint.find("val_days"), std::string::npos);
}

TEST(DirectionScores, AreTheMetricsWithIntervalsAroundThem) {
    RandomStream random(1);
    std::vector<double> p;
    std::vector<double> y;
    for (std::size_t i = 0; i < 2000; ++i) {
        p.push_back(random.uniform(0.2, 0.8));
        y.push_back(random.uniform() < p.back() ? 1.0 : 0.0);
    }
    ThreadPool one(1);
    ThreadPool three(3);
    const ScoreOptions options{.replications = 199, .least_block = 5};
    const ProbabilityScores scores = score_probabilities(p, y, options, RandomStream(2), one);
    EXPECT_NEAR(scores.accuracy.value, models::accuracy(p, y), 1e-12);
    EXPECT_NEAR(scores.log_loss.value, models::log_loss(p, y), 1e-12);
    EXPECT_NEAR(scores.brier.value, models::brier_score(p, y), 1e-12);
    for (const Estimate& one_of : {scores.accuracy, scores.balanced_accuracy, scores.log_loss, scores.brier, scores.auc}) {
        EXPECT_LT(one_of.lower, one_of.value);
        EXPECT_GT(one_of.upper, one_of.value);
    }
    EXPECT_GE(scores.block_length, 5U);
    EXPECT_LT(scores.ece.value, scores.ece_by_chance);  // right probabilities, as drawn
    EXPECT_EQ(scores_json(score_probabilities(p, y, options, RandomStream(2), three)), scores_json(scores));
}

// Each label stands `copies` times in a row, so there is `copies` times less to learn than rows: independent rows would give intervals too narrow by
// the root of it.
TEST(DirectionScores, OverlappingLabelsWidenTheIntervals) {
    constexpr std::size_t copies = 9;
    RandomStream random(4);
    std::vector<double> y;
    for (std::size_t i = 0; i < 400; ++i) y.insert(y.end(), copies, random.below(2) == 0 ? 0.0 : 1.0);
    const std::vector<double> p(y.size(), 0.6);
    ThreadPool pool(1);
    const auto width = [](const Estimate& estimate) { return estimate.upper - estimate.lower; };
    const double wide = width(score_probabilities(p, y, {.replications = 399}, RandomStream(1), pool).accuracy);
    const double truth = 2.0 * 1.96 * 0.5 / std::sqrt(400.0);
    EXPECT_NEAR(wide, truth, 0.25 * truth);
}

TEST(DirectionScores, ARankingCountsTiesHalf) {
    const std::vector<double> p(40, 0.5);
    std::vector<double> y(40, 0.0);
    for (std::size_t i = 0; i < y.size(); i += 2) y[i] = 1.0;
    ThreadPool pool(1);
    const ProbabilityScores scores = score_probabilities(p, y, {.replications = 50}, RandomStream(1), pool);
    EXPECT_EQ(scores.auc.value, 0.5);
    EXPECT_EQ(scores.auc.lower, 0.5);
    EXPECT_EQ(scores.auc.upper, 0.5);
    EXPECT_EQ(scores.balanced_accuracy.lower, 0.5);
}

TEST(DirectionBaselines, KnowTheirTrainingOnly) {
    DirectionSample train{.ts = {0, 1, 2, 3}, .features = {1, 0.1, 1, 0.2, 1, -0.1, 1, 0.3}, .y = {1, 0, 1, 1}, .width = 2};
    const DirectionSample judged{.ts = {4, 5}, .features = {1, 0.5, 1, 0.0}, .y = {0, 0}, .width = 2};
    const std::vector<Baseline> all = baselines(train, judged);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].probabilities, (std::vector<double>{0.75, 0.75}));
    EXPECT_EQ(all[0].calls, (std::vector<double>{1.0, 1.0}));
    EXPECT_EQ(all[1].probabilities, (std::vector<double>{2.0 / 3.0, 1.0}));
    EXPECT_EQ(all[1].calls, (std::vector<double>{1.0, 0.0}));
}

// The simulator says what the best accuracy is: the model comes to within 3 % of it on rows that nothing has looked at, and to 65 %.
TEST(DirectionModel, FindsAPlantedDirection) {
    const Minutes minutes = planted(28, 0.6);
    const DirectionSamples samples = direction_samples(minutes, {.train_days = 0.0, .val_days = 5.0, .test_days = 8.0}).value();
    DirectionSettings settings;
    settings.model.learning_rate = 0.08;
    settings.model.num_leaves = 16;
    settings.model.rounds = 250;
    settings.model.early_stopping_rounds = 20;
    const DirectionFit fit{.samples = samples, .columns = minutes.columns, .seed = 1};
    const models::Booster booster = fit_direction(fit, settings.model, StopFlag()).value();
    const std::vector<double> p = booster.predict(samples.test.matrix()).value();
    const double best = synth::direction_ceiling(0.6, 5).accuracy;
    const double accuracy = models::accuracy(p, samples.test.y);
    EXPECT_GE(accuracy, 0.65);
    EXPECT_GE(accuracy, 0.97 * best) << "best " << best;
    // What a trial is told is what its model scores.
    const DirectionValue value = direction_value(fit, settings.model, "log_loss", StopFlag()).value();
    const std::vector<double> validation = booster.predict(samples.validation.matrix()).value();
    EXPECT_NEAR(value.value, models::log_loss(validation, samples.validation.y), 1e-9);
    EXPECT_EQ(static_cast<std::size_t>(value.best_iteration), booster.report().best_iteration);
}

// Without an edge nothing is found: the interval of the gain over the majority holds 0.
TEST(DirectionModel, FindsNothingInNoise) {
    const Minutes minutes = planted(20, 0.0);
    const DirectionSamples samples = direction_samples(minutes, {.train_days = 0.0, .val_days = 5.0, .test_days = 6.0}).value();
    DirectionSettings settings;
    settings.model.num_leaves = 8;
    settings.model.rounds = 100;
    settings.model.early_stopping_rounds = 10;
    const DirectionFit fit{.samples = samples, .columns = minutes.columns, .seed = 1};
    const std::vector<double> p = fit_direction(fit, settings.model, StopFlag()).value().predict(samples.test.matrix()).value();
    ThreadPool pool(1);
    const auto all = baselines(samples.train, samples.test);
    const BaselineScores scores = compare_with(all[0], p, samples.test.y, {.replications = 199, .least_block = 5}, RandomStream(1), pool);
    EXPECT_LE(scores.accuracy_gain.lower, 0.0);
}

}  // namespace
}  // namespace sofia::pipeline
