#include "app/pipeline/settings.hpp"

#include <gtest/gtest.h>

namespace sofia::pipeline {
namespace {

TEST(Settings, DefaultsAreValidAndReadBackAsTheyAreShown) {
    const Settings settings = load_settings({}).value();
    const std::string shown = show_settings(settings);
    const auto again = load_settings({.resolved = shown});
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(show_settings(*again), shown);
}

// The command line wins over the trial's values, those over the saved configuration, that over the instrument's file.
TEST(Settings, LaterSourcesWin) {
    market::Instrument instrument;
    instrument.taker_fee_percent = 0.2;
    EXPECT_DOUBLE_EQ(load_settings({.instrument = instrument})->decision.costs.fee_percent, Settings{}.decision.costs.fee_percent);
    EXPECT_DOUBLE_EQ(load_settings({.instrument = instrument, .instrument_file = true})->decision.costs.fee_percent, 0.2);
    const std::string saved = "costs:\n  fee_percent: 0.3\n";
    EXPECT_DOUBLE_EQ(load_settings({.instrument = instrument, .instrument_file = true, .resolved = saved})->decision.costs.fee_percent, 0.3);
    const std::vector<std::string> values = {"costs.fee_percent=0.4"};
    EXPECT_DOUBLE_EQ(load_settings({.resolved = saved, .values = values})->decision.costs.fee_percent, 0.4);
    EXPECT_DOUBLE_EQ(load_settings({.resolved = saved, .values = values, .sets = {"costs.fee_percent=0.5"}})->decision.costs.fee_percent, 0.5);
}

TEST(Settings, ATouchTimeframeThatNoBarHasIsRefusedByName) {
    const auto loaded = load_settings({.sets = {"touch.timeframes=30m"}});
    ASSERT_FALSE(loaded.has_value());
    EXPECT_EQ(loaded.error().code, ErrorCode::config);
    EXPECT_NE(loaded.error().message.find("30m"), std::string::npos);
}

// Three outputs a row would be read as the probabilities of three rows.
TEST(Settings, AnObjectiveWithoutProbabilitiesIsRefused) {
    for (const char* set : {"model.objective=regression", "model.params={objective: multiclass, num_class: 3}", "model.params={loss: mae}"}) {
        const auto loaded = load_settings({.sets = {set}});
        ASSERT_FALSE(loaded.has_value()) << set;
        EXPECT_EQ(loaded.error().code, ErrorCode::config);
        EXPECT_NE(loaded.error().message.find("model.objective"), std::string::npos);
    }
    EXPECT_TRUE(load_settings({.sets = {"model.params={objective: xentropy}"}}).has_value());
}

TEST(SearchParameters, ShortNamesMeanTheOnlyKeyThatEndsSo) {
    EXPECT_EQ(key_of_parameter("stop_atr").value(), "barriers.stop_atr");
    EXPECT_EQ(key_of_parameter("barriers.stop_atr").value(), "barriers.stop_atr");
    EXPECT_EQ(key_of_parameter("learning_rate").value(), "model.learning_rate");
}

TEST(SearchParameters, OtherLightGbmParametersPassThrough) { EXPECT_EQ(key_of_parameter("path_smooth").value(), "model.params.path_smooth"); }

TEST(SearchParameters, AnUnknownNameIsRefusedWithTheNearestOne) {
    const auto key = key_of_parameter("learning_rat");
    ASSERT_FALSE(key.has_value());
    EXPECT_EQ(key.error().code, ErrorCode::config);
    EXPECT_NE(key.error().message.find("learning_rate"), std::string::npos);
}

TEST(SearchParameters, ListsAreChosenAsOneWord) {
    Settings settings;
    const config::Keys keys = keys_of(settings);
    EXPECT_EQ(assignment_of(keys, "touch.timeframes", "15m+1h"), "touch.timeframes=15m,1h");
    EXPECT_EQ(assignment_of(keys, "barriers.target_r", "1.25"), "barriers.target_r=1.25");
    EXPECT_EQ(assignment_of(keys, "model.params.path_smooth", "2"), "model.params.path_smooth=2");
}

}  // namespace
}  // namespace sofia::pipeline
