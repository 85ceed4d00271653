#include "models/model_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.hpp"
#include "models/test_data.hpp"

namespace sofia::models {
namespace {

using ::testing::HasSubstr;
using testing::make_rows;
using testing::Rows;

class ModelFolder : public ::testing::Test {
protected:
    ~ModelFolder() override { std::filesystem::remove_all(folder_.parent_path()); }

    static Model make() {
        GbdtConfig config;
        config.rounds = 5;
        const Rows rows = make_rows(31, 500, 4);
        const StopFlag stop;
        const Dataset data = Dataset::make(rows.data(), config, 1).value();
        Model model;
        for (const char* name : {"long", "short"}) {
            model.members.push_back({name, Booster::fit(config, data, nullptr, model.members.size(), 1, stop).value(), Calibrator()});
        }
        model.members[1].calibrator = Calibrator::fit_platt(std::vector<double>{0.2, 0.4, 0.6, 0.8}, std::vector<double>{0.0, 1.0, 0.0, 1.0}).value();
        for (const std::string& name : rows.names) model.features.push_back({name, "2"});
        model.train_end = 1'600'000'000'123'456'789;
        model.windows = {{"train", 1'500'000'000'000'000'000, 1'600'000'000'123'456'789}};
        model.symbol = "SIMUSDT";
        model.simulated = true;
        return model;
    }

    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("sofia_models_" + std::to_string(getpid())) / "model_3";
};

TEST_F(ModelFolder, RoundTrips) {
    const Model model = make();
    ASSERT_TRUE(save_model(folder_, model).has_value());
    const auto back = load_model(folder_);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    ASSERT_EQ(back->members.size(), 2U);
    EXPECT_EQ(back->members[0].name, "long");
    EXPECT_EQ(back->members[1].booster.text(), model.members[1].booster.text());
    EXPECT_EQ(back->members[1].calibrator.apply(0.3), model.members[1].calibrator.apply(0.3));
    EXPECT_EQ(back->features, model.features);
    EXPECT_EQ(back->train_end, model.train_end);
    EXPECT_EQ(back->windows, model.windows);
    EXPECT_EQ(back->symbol, "SIMUSDT");
    EXPECT_TRUE(back->simulated);
}

TEST_F(ModelFolder, SavingTwiceGivesTheSameBytesAndKeepsOtherFiles) {
    const Model model = make();
    ASSERT_TRUE(save_model(folder_, model).has_value());
    ASSERT_TRUE(write_file(folder_ / "backtest_test" / "metrics.json", "{}").has_value());
    const std::string before = read_file(folder_ / "model.json").value();
    ASSERT_TRUE(save_model(folder_, model).has_value());
    EXPECT_EQ(read_file(folder_ / "model.json").value(), before);
    EXPECT_TRUE(std::filesystem::exists(folder_ / "backtest_test" / "metrics.json"));
}

TEST_F(ModelFolder, AnyChangedFileIsFoundAndNamed) {
    ASSERT_TRUE(save_model(folder_, make()).has_value());
    for (const char* name : {"long.txt", "short.txt", "features.json", "calibrator.json"}) {
        const std::string text = read_file(folder_ / name).value();
        ASSERT_TRUE(write_file(folder_ / name, text + " ").has_value());
        const auto loaded = load_model(folder_);
        ASSERT_FALSE(loaded.has_value());
        EXPECT_EQ(loaded.error().code, ErrorCode::data);
        EXPECT_THAT(loaded.error().message, HasSubstr(name));
        ASSERT_TRUE(write_file(folder_ / name, text).has_value());
    }
    ASSERT_TRUE(load_model(folder_).has_value());
    std::filesystem::remove(folder_ / "model.json");
    EXPECT_EQ(load_model(folder_).error().code, ErrorCode::io);
}

TEST_F(ModelFolder, MembersMustFitTheFeatures) {
    Model model = make();
    std::swap(model.features[0], model.features[1]);
    EXPECT_EQ(save_model(folder_, model).error().code, ErrorCode::usage);
    model = make();
    model.members[1].name = "long";
    EXPECT_EQ(save_model(folder_, model).error().code, ErrorCode::usage);
    model.members.clear();
    EXPECT_EQ(save_model(folder_, model).error().code, ErrorCode::usage);
}

TEST(FeatureHash, DependsOnOrderNamesAndVersions) {
    const std::vector<FeatureId> features = {{"a", "1"}, {"b", "1"}};
    EXPECT_EQ(feature_hash(features), feature_hash({{"a", "1"}, {"b", "1"}}));
    EXPECT_NE(feature_hash(features), feature_hash({{"b", "1"}, {"a", "1"}}));
    EXPECT_NE(feature_hash(features), feature_hash({{"a", "1"}, {"b", "2"}}));
    // printf '[["a","1"],["b","1"]]' | sha256sum
    EXPECT_EQ(feature_hash(features), "b098259b55177ff96ec768440d2d08302667cf878b7caf34b29aca0cf854b503");
}

TEST(Windows, OverlapIsFoundAndTouchingIsNone) {
    Model model;
    model.windows = {{"train", 100, 200}, {"early stopping", 250, 300}};
    EXPECT_EQ(overlapping_window(model, 200, 250), nullptr);
    EXPECT_EQ(overlapping_window(model, 299, 400)->name, "early stopping");
    EXPECT_EQ(overlapping_window(model, 0, 101)->name, "train");
    EXPECT_EQ(overlapping_window(model, 300, 400), nullptr);
}

}  // namespace
}  // namespace sofia::models
