#include "app/pipeline/custom.hpp"

#include <cmath>
#include <functional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/direction_data.hpp"
#include "app/pipeline/direction_fit.hpp"
#include "features/minute.hpp"
#include "models/metrics.hpp"
#include "synth/simulate.hpp"

namespace sofia::pipeline {
namespace {

using Bars = std::span<const market::Bar>;
constexpr std::size_t day = 1440;

std::vector<market::Bar> minutes(std::int64_t days) {
    return synth::simulate_direction_minutes({.days = days, .edge = 0.5}, RandomStream(3)).value();
}

class Returns final : public features::Feature {
public:
    explicit Returns(std::string name, std::string sha256 = "a") : sha256_(std::move(sha256)) {
        columns_ = {{.name = std::move(name), .formula = "close / close one bar ago - 1", .unit = "fraction", .source = "test", .warm_up = 200}};
    }
    [[nodiscard]] const std::vector<features::FeatureSpec>& columns() const override { return columns_; }
    [[nodiscard]] std::string source_sha256() const override { return sha256_; }
    [[nodiscard]] Result<std::vector<double>> compute(Bars bars) const override {
        std::vector<double> out(bars.size(), std::nan(""));
        for (std::size_t i = 1; i < bars.size(); ++i) out[i] = bars[i].close / bars[i - 1].close - 1.0;
        return out;
    }

private:
    std::string sha256_;
    std::vector<features::FeatureSpec> columns_;
};

/// The strategy's own label, that says that it ends `late` after it does, from bar `from` on.
class Higher final : public labels::Labeler {
public:
    explicit Higher(DurationNs late, std::size_t from = 0) : late_(late), from_(from) {}
    [[nodiscard]] const labels::LabelerSpec& spec() const override { return spec_; }
    [[nodiscard]] std::string source_sha256() const override { return {}; }
    [[nodiscard]] Result<labels::BarLabels> compute(Bars bars, std::int64_t horizon) const override {
        labels::BarLabels out;
        const auto ahead = static_cast<std::size_t>(horizon);
        for (std::size_t i = 0; i < bars.size(); ++i) {
            const bool known = i + ahead < bars.size();
            out.y.push_back(known ? (bars[i + ahead].close > bars[i].close ? 1.0 : 0.0) : std::nan(""));
            out.end_time.push_back(known ? bars[i + ahead].close_time + (i >= from_ ? late_ : 0) : 0);
        }
        return out;
    }

private:
    DurationNs late_;
    std::size_t from_;
    labels::LabelerSpec spec_{.name = "mine", .formula = "the close is higher"};
};

/// Says the share of rises in training, and keeps it as text.
class Majority final : public models::Learner {
public:
    class Model final : public models::LearntModel {
    public:
        explicit Model(double share) : share_(share) {}
        [[nodiscard]] Result<std::vector<double>> predict(models::MatrixView rows) const override { return std::vector<double>(rows.rows, share_); }
        [[nodiscard]] Result<std::string> bytes() const override { return std::to_string(share_); }

    private:
        double share_;
    };
    [[nodiscard]] const models::LearnerSpec& spec() const override { return spec_; }
    [[nodiscard]] std::string source_sha256() const override { return {}; }
    [[nodiscard]] Result<void> check(const std::map<std::string, std::string>&) const override { return {}; }
    [[nodiscard]] Result<std::unique_ptr<models::LearntModel>> fit(const models::LearningTask& task) const override {
        double ups = 0.0;
        for (const double y : task.y) ups += y;
        return std::make_unique<Model>(ups / static_cast<double>(task.y.size()));
    }
    [[nodiscard]] Result<std::unique_ptr<models::LearntModel>> load(const std::string& bytes, const std::string&) const override {
        return std::make_unique<Model>(std::stod(bytes));
    }

private:
    models::LearnerSpec spec_{.name = "majority", .description = "the share of rises", .file = "share.txt"};
};

DirectionSettings settings(const std::vector<std::string>& sets) { return load_direction_settings({.sets = sets}).value(); }

TEST(Custom, NamesAreFoundOrRefusedWithTheNearest) {
    Extensions extensions;
    extensions.features["range"] = std::make_shared<Returns>("range");
    extensions.labels["mine"] = std::make_shared<Higher>(0);
    Context context{.extensions = &extensions};
    const Custom custom = custom_of(settings({"features.custom=range", "label=mine"}), context).value();
    EXPECT_EQ(custom.features.size(), 1U);
    EXPECT_EQ(custom.learner, nullptr);
    EXPECT_EQ(custom.parts, (std::vector<CustomPart>{{"feature", "range", 1, "a"}, {"label", "mine", 1, ""}}));
    const auto unknown = custom_of(settings({"features.custom=rnage"}), context);
    EXPECT_EQ(unknown.error().code, ErrorCode::config);
    EXPECT_NE(unknown.error().message.find("did you mean range"), std::string::npos) << unknown.error().message;
    EXPECT_NE(custom_of(settings({"label=highr"}), context).error().message.find("did you mean higher"), std::string::npos);
    EXPECT_NE(custom_of(settings({"learner.name=lightgmb"}), context).error().message.find("did you mean lightgbm"), std::string::npos);
    context.extensions = nullptr;
    EXPECT_TRUE(custom_of(settings({}), context).value().parts.empty());
    EXPECT_NE(custom_of(settings({"features.custom=range"}), context).error().hint.find("Python"), std::string::npos);
}

TEST(Custom, AColumnStandsBehindTheOthersToTheLastBit) {
    const auto bars = minutes(2);
    features::MinuteTable table = features::minute_features(bars, 5).value();
    const features::MinuteTable before = table;
    auto columns = features::minute_specs();
    Custom custom;
    custom.features = {std::make_shared<Returns>("mine"), std::make_shared<Returns>("again")};
    StopFlag stop;
    ASSERT_TRUE(add_custom_columns(custom, bars, columns, table.features, {.stop = &stop}));
    EXPECT_EQ(table.features.columns(), (std::vector<std::string>{"close", "ret1", "sma20_gap", "sma50_gap", "vol_z", "mine", "again"}));
    EXPECT_EQ(columns.back().name, "again");
    EXPECT_TRUE(std::isnan(table.features.row(0)[5]));
    for (std::size_t i = 1; i < bars.size(); ++i) {
        ASSERT_EQ(table.features.row(i)[6], before.features.row(i)[1]);
        ASSERT_EQ(table.features.row(i)[0], before.features.row(i)[0]);
    }
    EXPECT_EQ(add_custom_columns(custom, bars, columns, table.features, {.stop = &stop}).error().code, ErrorCode::config);
}

TEST(Custom, ALabelThatEndsTooEarlyIsRefusedAndALateOnePurgesMore) {
    const auto bars = minutes(6);
    const Context context;
    EXPECT_EQ(custom_labels(Higher(-ns_per_minute), bars, 5, context).error().code, ErrorCode::blocked);
    EXPECT_EQ(custom_labels(Higher(-ns_per_minute, 6'000), bars, 5, context).error().code,
              ErrorCode::blocked);  // behind the first bars and the middle
    Minutes loaded;
    loaded.bars = bars;
    loaded.table = features::minute_features(bars, 5).value();
    const DirectionSplitConfig split{.train_days = 0.0, .val_days = 2.0, .test_days = 1.0};
    const DirectionSamples own = direction_samples(loaded, split).value();
    labels::BarLabels labels = custom_labels(Higher(90 * ns_per_second), bars, 5, context).value();
    EXPECT_EQ(labels.end_time[0], bars[0].close_time + 7 * ns_per_minute);  // rounded up
    EXPECT_EQ(labels.end_time.back(), bars.back().close_time + 5 * ns_per_minute);
    loaded.ends = std::move(labels.end_time);
    loaded.table.y = std::move(labels.y);
    loaded.warm_up = 100;
    const DirectionSamples mine = direction_samples(loaded, split).value();
    EXPECT_EQ(mine.train.purged, 7U);
    EXPECT_EQ(mine.train.rows(), own.train.rows() - 2 - 50);
    EXPECT_EQ(mine.test.rows(), day - 5);
    EXPECT_EQ(mine.validation.longest, 7 * ns_per_minute);
    EXPECT_EQ(own.validation.longest, 5 * ns_per_minute);
}

TEST(Custom, ChangedCodeIsRefusedWhereTheRowsHaveChangedWithIt) {
    const std::vector<CustomPart> before = {{"feature", "mine", 1, "a"}, {"model", "forest", 1, "a"}};
    std::vector<CustomPart> now = before;
    std::string warned;
    const Context context{.log = Logger::to([&](LogLevel, std::string_view text) { warned += text; })};
    EXPECT_TRUE(check_custom(before, now, RowsSince::changed, context));
    EXPECT_EQ(warned, "");
    now[0].sha256 = "b";
    EXPECT_TRUE(check_custom(before, now, RowsSince::same, context));
    EXPECT_NE(warned.find("feature mine has changed"), std::string::npos) << warned;
    EXPECT_EQ(check_custom(before, now, RowsSince::changed, context).error().code, ErrorCode::blocked);
    EXPECT_TRUE(check_custom(before, now, RowsSince::not_compared, context));
    now[0] = {"feature", "mine", 2, "b"};
    EXPECT_EQ(check_custom(before, now, RowsSince::same, context).error().code, ErrorCode::blocked);
    now[0] = before[0];
    now[1].sha256 = "";
    EXPECT_TRUE(check_custom(before, now, RowsSince::changed, context));
}

TEST(Custom, PartsAreReadBackAsTheyWereWritten) {
    const std::vector<CustomPart> parts = {{"feature", "mine", 3, "a"}, {"label", "other", 1, ""}};
    Json made = Json::object();
    made["custom"] = custom_json(parts);
    const Json json = parse_json(format_json(made), "x").value();
    const std::filesystem::path path = "x.json";
    const auto read = custom_from(Members(json, path, "tune"));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, parts);
    const Json without = Json::object();
    EXPECT_TRUE(custom_from(Members(without, path, "tune")).value().empty());
    EXPECT_EQ(custom_facts(parts).at("label other"), "version 1, SHA-256 unknown");
}

TEST(Custom, ALearnerFitsInLightgbmsPlace) {
    Minutes loaded;
    loaded.bars = minutes(4);
    loaded.columns = features::minute_specs();
    loaded.table = features::minute_features(loaded.bars, 5).value();
    const DirectionSamples samples = direction_samples(loaded, {.train_days = 0.0, .val_days = 1.0, .test_days = 1.0}).value();
    const Majority majority;
    DirectionFit fit{.samples = samples, .columns = loaded.columns, .seed = 1, .learner = &majority};
    const DirectionSettings named = settings({"learner.name=majority"});
    const FittedModel model = fit_model(fit, named, StopFlag()).value();
    const double share = samples.train.ups() / static_cast<double>(samples.train.rows());
    const std::vector<double> p(samples.validation.rows(), share);
    EXPECT_EQ(model.predict(samples.validation.matrix()).value(), p);
    EXPECT_EQ(model.file(), "share.txt");
    EXPECT_TRUE(std::isnan(model.gain_importance().at(4)));
    EXPECT_EQ(model_value(fit, named, StopFlag()).value().value, models::log_loss(p, samples.validation.y));
    // A learner that the settings do not name, or name and do not have, is nobody's to choose.
    EXPECT_FALSE(fit_model(fit, settings({}), StopFlag()));
    fit.learner = nullptr;
    EXPECT_FALSE(fit_model(fit, named, StopFlag()));
    const FittedModel booster = fit_model(fit, settings({"model.rounds=3"}), StopFlag()).value();
    EXPECT_EQ(booster.file(), "lgbm.txt");
    EXPECT_GT(booster.trees(), 0U);
}

}  // namespace
}  // namespace sofia::pipeline
