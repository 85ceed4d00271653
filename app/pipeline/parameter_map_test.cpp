#include "app/pipeline/parameter_map.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

/// Scores that follow `slow` down, `fast` a little up, and nothing else.
StudyLedger study_of(std::size_t trials) {
    StudyLedger study;
    RandomStream random(4);
    for (std::size_t i = 0; i < trials; ++i) {
        const double fast = random.uniform();
        const double slow = random.uniform();
        TrialLedger one;
        one.record.trial = static_cast<std::int64_t>(i);
        one.state = "complete";
        one.params = {{"a.fast", format_double(fast)},
                      {"a.slow", format_double(slow)},
                      {"a.idle", format_double(random.uniform())},
                      {"a.constant", "3"},
                      {"a.mode", i % 2 == 0 ? "flip" : "close"}};
        one.robust_score = 0.4 * fast - slow + 0.05 * random.normal();
        study.summarised.push_back(std::move(one));
    }
    return study;
}

TEST(ParameterMap, TakesTheTwoParametersThatGoMostWithTheScore) {
    const StudyLedger study = study_of(100);
    const ParameterMap map = parameter_map(study, 7).value();
    EXPECT_EQ(map.x.name, "a.slow");
    EXPECT_EQ(map.y.name, "a.fast");
    EXPECT_LT(map.x.correlation, -0.8);
    EXPECT_GT(map.y.correlation, 0.2);
    ASSERT_EQ(map.x.size(), 5U);
    ASSERT_EQ(map.median.size(), 5U);
    std::size_t trials = 0;
    for (std::size_t x = 0; x < 5; ++x) {
        std::size_t column = 0;
        for (std::size_t y = 0; y < 5; ++y) {
            column += map.trials[y][x];
            EXPECT_EQ(std::isnan(map.median[y][x]), map.trials[y][x] == 0);
        }
        EXPECT_NEAR(static_cast<double>(column), 20.0, 1.0);  // classes of about equally many
        trials += column;
    }
    EXPECT_EQ(trials, 100U);
    const double own = *parse_double(study.summarised[7].params.at("a.slow"));
    EXPECT_LE(map.x.edges[map.x.own], own);
    EXPECT_GE(map.x.edges[map.x.own + 1], own);
    EXPECT_EQ(to_json(map)["x"]["parameter"], "a.slow");
    const report::HeatMap drawn = heat_map_of(map);
    EXPECT_EQ(drawn.values.size(), drawn.y_classes.size());
    EXPECT_EQ(drawn.values.front().size(), drawn.x_classes.size());
}

TEST(ParameterMap, CountsCompleteTrialsOnlyAndNeedsTenOfThem) {
    StudyLedger study = study_of(14);
    for (std::size_t i = 0; i < 4; ++i) study.summarised[i].state = "pruned";
    const ParameterMap map = parameter_map(study, 9).value();
    EXPECT_EQ(map.x.size(), 2U);
    EXPECT_EQ(map.trials[0][0] + map.trials[0][1] + map.trials[1][0] + map.trials[1][1], 10U);
    EXPECT_FALSE(parameter_map(study, 2).has_value());  // it was pruned
    study.summarised[4].robust_score = std::nan("");
    EXPECT_FALSE(parameter_map(study, 9).has_value());
}

TEST(ParameterMap, NeedsTwoNumbersThatVary) {
    StudyLedger study = study_of(20);
    for (TrialLedger& one : study.summarised) {
        one.params.erase("a.idle");
        one.params.erase("a.fast");
    }
    EXPECT_FALSE(parameter_map(study, 3).has_value());
}

TEST(ParameterClasses, HoldTheirLowerEdgesAndTheLastOneBoth) {
    const ParameterClasses classes{.name = "p", .edges = {1.0, 2.0, 4.0}};
    EXPECT_EQ(classes.class_of(1.0), 0U);
    EXPECT_EQ(classes.class_of(1.9), 0U);
    EXPECT_EQ(classes.class_of(2.0), 1U);
    EXPECT_EQ(classes.class_of(4.0), 1U);
    EXPECT_EQ(classes.class_of(0.5), 0U);
    EXPECT_EQ(classes.class_of(9.0), 1U);
}

}  // namespace
}  // namespace sofia::pipeline
