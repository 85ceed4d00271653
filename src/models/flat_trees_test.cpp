#include "models/flat_trees.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/booster.hpp"
#include "models/test_data.hpp"

namespace sofia::models {
namespace {

using testing::Gaps;
using ::testing::HasSubstr;
using testing::make_rows;
using testing::Rows;

struct Case {
    const char* name;
    void (*change)(GbdtConfig&);
    std::size_t categories = 0;
    Gaps gaps = Gaps::some;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// Values that sit on the edges of LightGBM's rules for zero, missing and categories.
void add_edges(Rows& rows) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double edges[] = {0.0,  -0.0, 1e-35, -1e-35, 1.1e-35, 1e-40, 5e-324, infinity, -infinity,    std::nan(""), 1e300, -1e300,
                            -0.5, -1.0, 0.5,   31.0,   32.0,    39.9,  40.0,   63.0,     2147483647.0, 2147483648.0, 1e18,  -3.0};
    for (const double edge : edges) {
        for (std::size_t j = 0; j < rows.columns; ++j) rows.values.push_back(edge);
        ++rows.rows;
    }
}

class FlatTreesEqualLightgbm : public ::testing::TestWithParam<Case> {};

TEST_P(FlatTreesEqualLightgbm, ToTheLastBit) {
    const Case& c = GetParam();
    Rows train = make_rows(21, 2500, 11, c.gaps, c.categories);
    GbdtConfig config;
    config.rounds = 43;  // no multiple of the lanes
    config.num_leaves = 21;
    config.min_data_in_leaf = 3;
    config.learning_rate = 0.15;
    c.change(config);
    if (config.objective != "binary") train.labels = train.targets;
    if (config.objective.starts_with("cross_entropy")) {
        for (double& y : train.labels) y = std::min(1.0, y / 3.0);
    }
    if (config.objective.starts_with("multiclass")) {
        for (double& y : train.labels) y = std::min(2.0, std::floor(y));
    }
    const StopFlag stop;
    const auto data = Dataset::make(train.data(), config, 1);
    ASSERT_TRUE(data.has_value()) << data.error().message;
    const auto booster = Booster::fit(config, *data, nullptr, 5, 1, stop);
    ASSERT_TRUE(booster.has_value()) << booster.error().message;
    const auto flat = FlatTrees::from_text(booster->text());
    ASSERT_TRUE(flat.has_value()) << flat.error().message;

    Rows test = make_rows(22, 700, 11, Gaps::some, c.categories);
    add_edges(test);
    const auto expected = booster->predict(test.view()).value();
    const auto expected_raw = booster->predict_raw(test.view()).value();
    const std::size_t outputs = booster->outputs();
    ASSERT_EQ(flat->outputs(), outputs);
    std::vector<double> out(outputs);
    for (std::size_t i = 0; i < test.rows; ++i) {
        flat->predict(test.view().row(i), out);
        for (std::size_t k = 0; k < outputs; ++k) {
            ASSERT_EQ(std::bit_cast<std::uint64_t>(out[k]), std::bit_cast<std::uint64_t>(expected[i * outputs + k])) << "row " << i;
        }
        flat->predict_raw(test.view().row(i), out);
        for (std::size_t k = 0; k < outputs; ++k) ASSERT_EQ(out[k], expected_raw[i * outputs + k]) << "row " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Models, FlatTreesEqualLightgbm,
                         ::testing::Values(Case{"plain", [](GbdtConfig&) {}, 0, Gaps::none}, Case{"gaps", [](GbdtConfig&) {}},
                                           Case{"zero_as_missing", [](GbdtConfig& c) { c.params["zero_as_missing"] = "true"; }},
                                           Case{"no_missing", [](GbdtConfig& c) { c.params["use_missing"] = "false"; }},
                                           Case{"categorical", [](GbdtConfig& c) { c.params["min_data_per_group"] = "5"; }, 3},
                                           Case{"categorical_onehot", [](GbdtConfig& c) { c.params["max_cat_to_onehot"] = "100"; }, 2},
                                           Case{"dart", [](GbdtConfig& c) { c.boosting = "dart"; }, 1},
                                           Case{"rf", [](GbdtConfig& c) { c.boosting = "rf"; }},
                                           Case{"goss",
                                                [](GbdtConfig& c) {
                                                    c.bagging_freq = 0;
                                                    c.params["data_sample_strategy"] = "goss";
                                                }},
                                           Case{"sigmoid", [](GbdtConfig& c) { c.params["sigmoid"] = "0.7"; }},
                                           Case{"regression", [](GbdtConfig& c) { c.objective = "regression"; }},
                                           Case{"regression_sqrt",
                                                [](GbdtConfig& c) {
                                                    c.objective = "regression";
                                                    c.params["reg_sqrt"] = "true";
                                                }},
                                           Case{"quantile", [](GbdtConfig& c) { c.objective = "quantile"; }, 1},
                                           Case{"poisson", [](GbdtConfig& c) { c.objective = "poisson"; }},
                                           Case{"tweedie", [](GbdtConfig& c) { c.objective = "tweedie"; }},
                                           Case{"cross_entropy", [](GbdtConfig& c) { c.objective = "cross_entropy"; }},
                                           Case{"cross_entropy_lambda", [](GbdtConfig& c) { c.objective = "cross_entropy_lambda"; }},
                                           Case{"multiclass",
                                                [](GbdtConfig& c) {
                                                    c.objective = "multiclass";
                                                    c.params["num_class"] = "3";
                                                },
                                                1},
                                           Case{"one_versus_all",
                                                [](GbdtConfig& c) {
                                                    c.objective = "multiclassova";
                                                    c.params["num_class"] = "3";
                                                }},
                                           Case{"stumps", [](GbdtConfig& c) { c.num_leaves = 2; }},
                                           Case{"deep",
                                                [](GbdtConfig& c) {
                                                    c.num_leaves = 400;
                                                    c.min_data_in_leaf = 1;
                                                }}),
                         [](const auto& param) { return std::string(param.param.name); });

// A tree written by hand, whose answers are known without any library.
TEST(FlatTrees, FollowsTheRulesOfTheTextFormat) {
    // x0 <= 1.5 ? (x1 in {2, 33} ? 10 : 20) : 30; x0: zero is missing, default right.
    const std::string tree =
        "Tree=0\nnum_leaves=3\nnum_cat=1\nsplit_feature=0 1\nsplit_gain=1 1\nthreshold=1.5 0\ndecision_type=4 1\nleft_child=1 -1\n"
        "right_child=-3 -2\nleaf_value=10 20 30\nleaf_weight=1 1 1\nleaf_count=1 1 1\ninternal_value=0 0\ninternal_weight=0 0\n"
        "internal_count=2 2\ncat_boundaries=0 2\ncat_threshold=4 2\nis_linear=0\nshrinkage=1\n\n\n";
    const std::string text =
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\nobjective=regression\n"
        "feature_names=a b\nfeature_infos=[0:1] 2:33\ntree_sizes=" +
        std::to_string(tree.size()) + "\n\n" + tree + "end of trees\n";
    const auto flat = FlatTrees::from_text(text);
    ASSERT_TRUE(flat.has_value()) << flat.error().message;
    const auto at = [&](double a, double b) { return flat->predict(std::vector<double>{a, b}); };
    EXPECT_EQ(at(1.5, 2.0), 10.0);
    EXPECT_EQ(at(1.0, 33.7), 10.0);
    EXPECT_EQ(at(1.0, 3.0), 20.0);
    EXPECT_EQ(at(1.0, 64.0), 20.0);
    EXPECT_EQ(at(1.0, -1.0), 20.0);
    EXPECT_EQ(at(1.0, std::nan("")), 20.0);
    EXPECT_EQ(at(1.6, 2.0), 30.0);
    EXPECT_EQ(at(0.0, 2.0), 30.0);
    EXPECT_EQ(at(std::nan(""), 2.0), 30.0);
    EXPECT_TRUE(Booster::from_text(text, "by hand").has_value());
}

TEST(FlatTrees, RefusesWhatCannotBeRight) {
    const std::vector<std::pair<std::string, std::string>> edits = {{"left_child=1 -1", "left_child=0 -1"},
                                                                    {"left_child=1 -1", "left_child=7 -1"},
                                                                    {"right_child=-3 -2", "right_child=-3 -3"},
                                                                    {"split_feature=0 1", "split_feature=0 9"},
                                                                    {"leaf_value=10 20 30", "leaf_value=10 x 30"},
                                                                    {"threshold=1.5 0", "threshold=1.5 3"},
                                                                    {"threshold=1.5 0", "threshold=1.5"},
                                                                    {"num_leaves=3", "num_leaves=0"},
                                                                    {"cat_boundaries=0 2", "cat_boundaries=2 0"},
                                                                    {"max_feature_idx=1", "max_feature_idx=5"},
                                                                    {"num_class=1", "num_class=3"},
                                                                    {"tree\nversion", "wood\nversion"},
                                                                    {"objective=regression", "objective=guess"}};
    const std::string tree =
        "Tree=0\nnum_leaves=3\nnum_cat=1\nsplit_feature=0 1\nthreshold=1.5 0\ndecision_type=4 1\nleft_child=1 -1\n"
        "right_child=-3 -2\nleaf_value=10 20 30\ncat_boundaries=0 2\ncat_threshold=4 2\n\n\n";
    const std::string good =
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\nobjective=regression\n"
        "feature_names=a b\nfeature_infos=[0:1] 2:33\ntree_sizes=" +
        std::to_string(tree.size()) + "\n\n" + tree + "end of trees\n";
    ASSERT_TRUE(FlatTrees::from_text(good).has_value());
    for (const auto& [from, to] : edits) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        EXPECT_FALSE(FlatTrees::from_text(text).has_value()) << to;
    }
    std::string moved = good;
    moved.replace(moved.find("tree_sizes="), 12, "tree_sizes=9");
    EXPECT_THAT(FlatTrees::from_text(moved).error().message, HasSubstr("line"));
}

}  // namespace
}  // namespace sofia::models
