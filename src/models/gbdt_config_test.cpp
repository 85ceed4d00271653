#include "models/gbdt_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sofia::models {
namespace {

using ::testing::HasSubstr;

GbdtConfig with(const std::string& name, const std::string& value) {
    GbdtConfig config;
    config.params[name] = value;
    return config;
}

std::string message(const GbdtConfig& config) {
    const auto valid = config.validate();
    if (valid) return "valid";
    EXPECT_EQ(valid.error().code, ErrorCode::config);
    return valid.error().message;
}

TEST(GbdtConfig, DefaultsAreValid) { EXPECT_EQ(message(GbdtConfig{}), "valid"); }

TEST(GbdtConfig, AnUnknownParameterIsNamedWithTheNearestOne) {
    EXPECT_THAT(message(with("num_leafs", "7")), HasSubstr("unknown LightGBM parameter num_leafs, did you mean num_le"));
    EXPECT_THAT(message(with("zzzzzzzzzz", "7")), HasSubstr("unknown LightGBM parameter zzzzzzzzzz"));
}

TEST(GbdtConfig, WrongValuesNameParameterValueAndWhatIsAllowed) {
    EXPECT_EQ(message(with("path_smooth", "-1")), "LightGBM parameter path_smooth: \"-1\" is not a number >= 0");
    EXPECT_EQ(message(with("max_bin", "1")), "LightGBM parameter max_bin: \"1\" is not an integer >= 2");
    EXPECT_EQ(message(with("max_bin", "12.5")), "LightGBM parameter max_bin: \"12.5\" is not an integer >= 2");
    EXPECT_EQ(message(with("extra_trees", "maybe")), "LightGBM parameter extra_trees: \"maybe\" is not true or false");
    EXPECT_THAT(message(with("subsample", "1.5")), HasSubstr("bagging_fraction: \"1.5\" is not a number > 0 and <= 1"));
    EXPECT_THAT(message(with("objective", "binari")), HasSubstr("did you mean binary"));
    EXPECT_THAT(message(with("metric", "aucc")), HasSubstr("did you mean auc"));
    EXPECT_THAT(message(with("monotone_constraints", "[1, x]")), HasSubstr("a list of integers"));
    EXPECT_THAT(message(with("forcedbins_filename", "a b.json")), HasSubstr("without blanks"));
    EXPECT_THAT(message(with("path_smooth", "nan")), HasSubstr("is not a number"));
}

TEST(GbdtConfig, WhatTheRoomSetsItselfIsRefused) {
    for (const char* name : {"num_iterations", "n_estimators", "seed", "num_threads", "n_jobs", "deterministic", "force_col_wise", "verbosity",
                             "early_stopping_round", "data", "device_type", "input_model", "machines", "categorical_feature"}) {
        EXPECT_THAT(message(with(name, "1")), HasSubstr("cannot be set")) << name;
    }
}

TEST(GbdtConfig, CombinationsThatLightgbmRefusesAreFoundFirst) {
    EXPECT_THAT(message(with("objective", "multiclass")), HasSubstr("num_class"));
    EXPECT_THAT(message(with("num_class", "3")), HasSubstr("has one output"));
    EXPECT_THAT(message(with("metric", "multi_logloss")), HasSubstr("does not fit objective binary"));
    GbdtConfig config = with("scale_pos_weight", "2");
    config.is_unbalance = true;
    EXPECT_THAT(message(config), HasSubstr("exclude each other"));
    GbdtConfig forest = with("boosting", "rf");
    forest.bagging_freq = 0;
    forest.feature_fraction = 1.0;
    EXPECT_THAT(message(forest), HasSubstr("rf needs"));
}

TEST(GbdtConfig, AliasesOverrideMembersAndMayNotBeGivenTwice) {
    EXPECT_EQ(with("eta", "0.3").resolved()->at("learning_rate"), "0.3");
    EXPECT_EQ(with("reg_lambda", "\"2\"").resolved()->at("lambda_l2"), "2");
    GbdtConfig config = with("eta", "0.3");
    config.params["shrinkage_rate"] = "0.4";
    EXPECT_THAT(message(config), HasSubstr("learning_rate is given twice: as eta and as shrinkage_rate"));
}

TEST(GbdtConfig, ListsLoseTheirYamlBrackets) {
    EXPECT_EQ(with("monotone_constraints", "[1, 0, -1]").resolved()->at("monotone_constraints"), "1,0,-1");
    EXPECT_EQ(with("interaction_constraints", "[[0, 1], [2]]").resolved()->at("interaction_constraints"), "[0,1],[2]");
    EXPECT_EQ(with("metric", "[auc, binary_logloss]").resolved()->at("metric"), "auc,binary_logloss");
}

TEST(GbdtConfig, OnlyBinningParametersChangeTheDatasetKey) {
    const std::string key = GbdtConfig{}.dataset_key().value();
    EXPECT_EQ(with("learning_rate", "0.5").dataset_key().value(), key);
    EXPECT_EQ(with("min_data_in_leaf", "3").dataset_key().value(), key);
    EXPECT_NE(with("max_bin", "63").dataset_key().value(), key);
    EXPECT_NE(with("min_data_in_bin", "9").dataset_key().value(), key);
    EXPECT_NE(with("zero_as_missing", "true").dataset_key().value(), key);
}

TEST(GbdtConfig, EveryMemberIsAKeyAndOneOfLightgbmsNames) {
    GbdtConfig config;
    config::Keys keys;
    config.describe(keys);
    EXPECT_EQ(keys.all().size(), 19U);
}

}  // namespace
}  // namespace sofia::models
