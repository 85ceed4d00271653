#include "models/booster.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "models/metrics.hpp"
#include "models/test_data.hpp"

namespace sofia::models {
namespace {

using testing::Gaps;
using ::testing::HasSubstr;
using testing::make_rows;
using testing::Rows;

GbdtConfig small_config() {
    GbdtConfig config;
    config.rounds = 30;
    config.num_leaves = 15;
    config.min_data_in_leaf = 5;
    return config;
}

Booster fit(const GbdtConfig& config, const Rows& train, const Rows* validation = nullptr, std::uint64_t seed = 1, std::size_t threads = 1) {
    const StopFlag stop;
    const auto data = Dataset::make(train.data(), config, threads);
    EXPECT_TRUE(data.has_value()) << data.error().message;
    if (validation == nullptr) return Booster::fit(config, *data, nullptr, seed, threads, stop).value();
    const auto held_out = Dataset::make_aligned(validation->data(), *data, threads).value();
    return Booster::fit(config, *data, &held_out, seed, threads, stop).value();
}

TEST(Booster, LearnsWhatCanBeLearnt) {
    const Rows train = make_rows(1, 2000, 8);
    const Rows test = make_rows(2, 1000, 8);
    const Booster booster = fit(small_config(), train);
    const auto probabilities = booster.predict(test.view()).value();
    EXPECT_GT(auc(probabilities, test.labels), 0.85);
    EXPECT_TRUE(std::ranges::all_of(probabilities, [](double p) { return p > 0.0 && p < 1.0; }));
    EXPECT_EQ(booster.trees(), 30U);
    EXPECT_EQ(booster.report().rounds, 30U);
    EXPECT_TRUE(booster.report().history.empty());
}

TEST(Booster, ThreadsDoNotChangeTheTextAndSeedsDo) {
    const Rows train = make_rows(3, 3000, 12, Gaps::some, 1);
    const Booster one = fit(small_config(), train, nullptr, 7, 1);
    const Booster two = fit(small_config(), train, nullptr, 7, 2);
    EXPECT_EQ(one.text(), two.text());
    EXPECT_EQ(one.predict(train.view(), 1).value(), one.predict(train.view(), 2).value());
    EXPECT_NE(fit(small_config(), train, nullptr, 8, 1).text(), one.text());
}

TEST(Booster, FitsInSeveralThreadsDoNotDisturbEachOther) {
    const Rows train = make_rows(3, 1500, 8, Gaps::some);
    const std::string alone = fit(small_config(), train, nullptr, 7, 1).text();
    std::vector<std::string> texts(4);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        threads.emplace_back([&, i] { texts[i] = fit(small_config(), train, nullptr, 7, 1 + i % 2).text(); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& text : texts) EXPECT_EQ(text, alone);
}

TEST(Booster, TextAndFileRoundTrip) {
    const Rows train = make_rows(4, 1500, 10, Gaps::some, 2);
    const Booster booster = fit(small_config(), train);
    const auto path = std::filesystem::temp_directory_path() / "sofia_models_booster_test" / "model.txt";
    ASSERT_TRUE(booster.save(path).has_value());
    const Booster loaded = Booster::load(path).value();
    std::filesystem::remove_all(path.parent_path());
    EXPECT_EQ(loaded.text(), booster.text());
    EXPECT_EQ(loaded.feature_names(), train.names);
    EXPECT_EQ(loaded.predict(train.view()).value(), booster.predict(train.view()).value());
    EXPECT_EQ(loaded.gain_importance(), booster.gain_importance());
    EXPECT_EQ(loaded.report().rounds, 0U);
}

TEST(Booster, EarlyStoppingKeepsTheRoundWhoseMetricWasBest) {
    const Rows train = make_rows(5, 400, 10);
    const Rows validation = make_rows(6, 400, 10);
    for (const char* metric : {"binary_logloss", "auc"}) {
        GbdtConfig config = small_config();
        config.metric = metric;
        config.learning_rate = 0.4;
        config.rounds = 200;
        config.early_stopping_rounds = 10;
        const Booster booster = fit(config, train, &validation);
        const FitReport& report = booster.report();
        ASSERT_EQ(report.metric, metric);
        ASSERT_EQ(report.history.size(), report.rounds);
        const auto best = std::string(metric) == "auc" ? std::ranges::max_element(report.history) : std::ranges::min_element(report.history);
        EXPECT_EQ(report.best_iteration, static_cast<std::size_t>(best - report.history.begin()) + 1);
        EXPECT_EQ(report.rounds, report.best_iteration + 10);
        EXPECT_EQ(booster.trees(), report.best_iteration);
        // The metric of the model that is kept, computed by us, is the one that was reported.
        const auto p = booster.predict(validation.view()).value();
        EXPECT_NEAR(std::string(metric) == "auc" ? auc(p, validation.labels) : log_loss(p, validation.labels), report.best_value, 1e-6);
    }
}

TEST(Booster, DartIsNeverCut) {
    const Rows train = make_rows(5, 400, 10);
    const Rows validation = make_rows(6, 400, 10);
    GbdtConfig config = small_config();
    config.boosting = "dart";
    config.early_stopping_rounds = 2;
    EXPECT_EQ(fit(config, train, &validation).trees(), 30U);
}

TEST(Booster, ContributionsSumToTheRawPrediction) {
    const Rows train = make_rows(7, 1500, 9, Gaps::some, 1);
    const Booster booster = fit(small_config(), train);
    const auto raw = booster.predict_raw(train.view()).value();
    const auto shap = booster.contributions(train.view()).value();
    ASSERT_EQ(shap.size(), train.rows * 10);
    for (std::size_t i = 0; i < train.rows; ++i) {
        const auto first = shap.begin() + static_cast<std::ptrdiff_t>(i * 10);
        EXPECT_NEAR(std::accumulate(first, first + 10, 0.0), raw[i], 1e-9);
        EXPECT_EQ(first[9], shap[9]);
    }
}

TEST(Booster, ImportancesCountTheSplitsOfTheText) {
    const Rows train = make_rows(8, 2000, 8);
    const Booster booster = fit(small_config(), train);
    const auto splits = booster.split_importance();
    EXPECT_EQ(std::accumulate(splits.begin(), splits.end(), 0.0), 30.0 * 14.0);
    const auto gain = booster.gain_importance();
    const double informative = std::accumulate(gain.begin(), gain.begin() + 4, 0.0);
    EXPECT_GT(informative, std::accumulate(gain.begin() + 4, gain.end(), 0.0));
}

TEST(Booster, ADatasetIsSharedByTrialsThatDifferElsewhereAndRefusedByOthers) {
    const Rows train = make_rows(9, 800, 6);
    const StopFlag stop;
    GbdtConfig config = small_config();
    const Dataset data = Dataset::make(train.data(), config, 1).value();
    for (const std::int64_t leaf : {1, 5, 50}) {
        config.min_data_in_leaf = leaf;
        config.learning_rate = 0.1 / static_cast<double>(leaf);
        const Booster shared = Booster::fit(config, data, nullptr, 1, 1, stop).value();
        EXPECT_EQ(shared.text(), fit(config, train).text());
    }
    config.max_bin = 31;
    const auto refused = Booster::fit(config, data, nullptr, 1, 1, stop);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::config);
    EXPECT_THAT(refused.error().message, HasSubstr("max_bin=31"));
}

// A model that is only asked and not kept says the same to the last bit, for every kind of output and missing value.
TEST(Booster, AForecastIsWhatTheKeptModelSays) {
    const Rows train = make_rows(31, 900, 10, Gaps::some, 1);
    const Rows asked = make_rows(32, 400, 10, Gaps::some, 1);
    const StopFlag stop;
    for (const char* objective : {"binary", "multiclass", "regression"}) {
        GbdtConfig config = small_config();
        config.objective = objective;
        Rows rows = train;
        if (config.objective == "multiclass") {
            config.params["num_class"] = "3";
            for (std::size_t i = 0; i < rows.rows; ++i) rows.labels[i] = static_cast<double>((static_cast<std::size_t>(rows.labels[i]) + i) % 3);
        }
        const Dataset data = Dataset::make(rows.data(), config, 1).value();
        const Booster kept = Booster::fit(config, data, nullptr, 5, 1, stop).value();
        const Booster::Forecast forecast = Booster::fit_predict(config, data, nullptr, 5, 1, stop, asked.view()).value();
        EXPECT_EQ(forecast.values, kept.predict(asked.view()).value());
        EXPECT_EQ(forecast.report.rounds, kept.report().rounds);
        EXPECT_GT(forecast.report.training_seconds, 0.0);
        config.learning_rate = 0.5;  // so that it stops early, and is cut
        config.early_stopping_rounds = 3;
        Rows held_out = make_rows(34, 300, 10, Gaps::some, 1);
        for (std::size_t i = 0; i < held_out.rows; ++i) held_out.labels[i] = rows.labels[i];
        const Dataset judge = Dataset::make_aligned(held_out.data(), data, 1).value();
        const Booster cut = Booster::fit(config, data, &judge, 5, 1, stop).value();
        const Booster::Forecast early = Booster::fit_predict(config, data, &judge, 5, 1, stop, asked.view()).value();
        EXPECT_EQ(early.values, cut.predict(asked.view()).value());
        EXPECT_EQ(early.report.best_iteration, cut.report().best_iteration);
        EXPECT_LT(early.report.best_iteration, early.report.rounds);
    }
    const Dataset data = Dataset::make(train.data(), small_config(), 1).value();
    const Rows narrow = make_rows(33, 10, 9);
    EXPECT_EQ(Booster::fit_predict(small_config(), data, nullptr, 5, 1, stop, narrow.view()).error().code, ErrorCode::usage);
}

TEST(Booster, StopsWhenAsked) {
    const Rows train = make_rows(9, 800, 6);
    StopFlag stop;
    stop.request();
    const Dataset data = Dataset::make(train.data(), small_config(), 1).value();
    EXPECT_EQ(Booster::fit(small_config(), data, nullptr, 1, 1, stop).error().code, ErrorCode::interrupted);
}

TEST(Booster, AConstantLabelGivesAConstantModel) {
    Rows train = make_rows(10, 300, 4);
    GbdtConfig config = small_config();
    config.objective = "regression";
    std::ranges::fill(train.labels, 2.5);
    const Booster booster = fit(config, train);
    const auto values = booster.predict(train.view()).value();
    for (const double value : values) EXPECT_DOUBLE_EQ(value, 2.5);
}

TEST(Booster, RefusesRowsOfAnotherWidth) {
    const Rows train = make_rows(11, 300, 4);
    const Rows other = make_rows(11, 300, 5);
    const auto refused = fit(small_config(), train).predict(other.view());
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message, HasSubstr("the model has 4 columns"));
}

TEST(Booster, DamagedTextIsAnErrorWhereverItIsCut) {
    const std::string text = fit(small_config(), make_rows(12, 500, 5, Gaps::some, 1)).text();
    const std::size_t trees_end = text.find("end of trees");
    for (std::size_t cut = 0; cut < trees_end; cut += 97) {
        const auto loaded = Booster::from_text(text.substr(0, cut), "cut.txt");
        ASSERT_FALSE(loaded.has_value()) << cut;
        EXPECT_EQ(loaded.error().code, ErrorCode::data);
        EXPECT_THAT(loaded.error().message, HasSubstr("cut.txt"));
    }
    EXPECT_EQ(Booster::load("/no/such/model.txt").error().code, ErrorCode::io);
}

struct BadData {
    const char* what;
    void (*spoil)(Rows&);
};

TEST(Dataset, BadInputIsRefusedByName) {
    const std::vector<BadData> cases = {
        {"label 0.5", [](Rows& r) { r.labels[7] = 0.5; }},
        {"label nan", [](Rows& r) { r.labels[7] = std::nan(""); }},
        {"labels for 50 rows", [](Rows& r) { r.labels.pop_back(); }},
        {"\"a b\"", [](Rows& r) { r.names[1] = "a b"; }},
        {"appears twice", [](Rows& r) { r.names[1] = r.names[0]; }},
        {"is no column", [](Rows& r) { r.categorical = {"x"}; }},
        {"values are not", [](Rows& r) { r.values.pop_back(); }},
        {"nothing to learn from", [](Rows& r) { r.rows = 0; }},
    };
    for (const BadData& bad : cases) {
        Rows rows = make_rows(13, 50, 3);
        bad.spoil(rows);
        const auto made = Dataset::make(rows.data(), small_config(), 1);
        ASSERT_FALSE(made.has_value()) << bad.what;
        EXPECT_EQ(made.error().code, ErrorCode::data);
        EXPECT_THAT(made.error().message, HasSubstr(bad.what));
    }
}

TEST(Dataset, WeightsCountLikeRepetitions) {
    // A row of weight 2 is two rows: the constant model of a squared loss is the weighted mean.
    Rows rows = make_rows(14, 4, 1);
    std::ranges::fill(rows.values, 1.0);
    GbdtConfig config = small_config();
    config.objective = "regression";
    rows.labels = {1.0, 2.0, 3.0, 10.0};
    const std::vector<double> weights = {2.0, 1.0, 1.0, 0.0};
    TrainingData data = rows.data();
    data.weights = weights;
    const StopFlag stop;
    const Dataset built = Dataset::make(data, config, 1).value();
    const Booster booster = Booster::fit(config, built, nullptr, 1, 1, stop).value();
    EXPECT_NEAR(booster.predict(rows.view()).value()[0], 7.0 / 4.0, 1e-6);
    const std::vector<double> negative = {1.0, -1.0, 1.0, 1.0};
    data.weights = negative;
    EXPECT_THAT(Dataset::make(data, config, 1).error().message, HasSubstr("row 1: weight -1"));
}

// Binned once, labelled anew: the same model to the last byte as from rows that were binned for it alone, in any order and with any weights.
TEST(Dataset, RelabelledIsTheSameAsMadeAnew) {
    const Rows train = make_rows(21, 900, 12, Gaps::some, 1);
    const Rows held_out = make_rows(22, 300, 12, Gaps::some, 1);
    GbdtConfig config = small_config();
    config.early_stopping_rounds = 5;
    const StopFlag stop;
    Dataset shared = Dataset::make(train.data(), config, 1).value();
    Dataset judge = Dataset::make_aligned(held_out.data(), shared, 1).value();
    RandomStream random(5);
    for (int trial = 0; trial < 5; ++trial) {
        Rows fresh = train;
        Rows fresh_judge = held_out;
        for (Rows* rows : {&fresh, &fresh_judge}) {
            for (double& label : rows->labels) label = random.uniform() < 0.3 ? 1.0 - label : label;
        }
        std::vector<double> weights;
        for (std::size_t i = 0; trial % 2 == 1 && i < fresh.rows; ++i) weights.push_back(random.uniform());
        TrainingData data = fresh.data();
        data.weights = weights;
        config.num_leaves = 4 + trial;
        const Dataset anew = Dataset::make(data, config, 1).value();
        const Dataset judge_anew = Dataset::make_aligned(fresh_judge.data(), anew, 1).value();
        ASSERT_TRUE(shared.relabel(fresh.labels, weights).has_value());
        ASSERT_TRUE(judge.relabel(fresh_judge.labels, {}).has_value());
        const Booster expected = Booster::fit(config, anew, &judge_anew, 3, 1, stop).value();
        const Booster found = Booster::fit(config, shared, &judge, 3, 1, stop).value();
        EXPECT_EQ(found.text(), expected.text());
        EXPECT_EQ(found.report().history, expected.report().history);
        EXPECT_GT(found.report().training_seconds, 0.0);
        EXPECT_LT(found.report().training_seconds, found.report().seconds);
    }
}

TEST(Dataset, RefusesLabelsThatDoNotFit) {
    const Rows train = make_rows(23, 200, 4);
    Dataset data = Dataset::make(train.data(), small_config(), 1).value();
    const std::vector<double> few(199, 1.0);
    EXPECT_THAT(data.relabel(few, {}).error().message, HasSubstr("199 labels for 200 rows"));
    EXPECT_THAT(data.relabel(train.labels, few).error().message, HasSubstr("199 weights for 200 rows"));
    std::vector<double> odd = train.labels;
    odd[7] = 0.5;
    EXPECT_THAT(data.relabel(odd, {}).error().message, HasSubstr("row 7: label 0.5"));
    const StopFlag stop;
    EXPECT_EQ(Booster::fit(small_config(), data, nullptr, 1, 1, stop).value().text(), fit(small_config(), train).text());
}

TEST(Dataset, LightgbmsWarningsGoToTheLogger) {
    std::vector<std::string> lines;
    const Logger logger = Logger::to([&](LogLevel, std::string_view text) { lines.emplace_back(text); });
    Rows rows = make_rows(15, 200, 3);
    std::ranges::fill(rows.values, 0.0);  // no column that splits
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const auto data = Dataset::make(rows.data(), small_config(), 1, logger);
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    ASSERT_TRUE(data.has_value());
    ASSERT_FALSE(lines.empty());
    EXPECT_THAT(lines[0], HasSubstr("LightGBM: There are no meaningful features"));
}

}  // namespace
}  // namespace sofia::models
