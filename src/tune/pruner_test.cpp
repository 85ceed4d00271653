#include "tune/pruner.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace sofia::tune {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

FrozenTrial trial(std::int64_t number, TrialState state, std::map<std::int64_t, double> reports) {
    FrozenTrial out;
    out.number = number;
    out.id = number + 1;
    out.state = state;
    out.values = {0.0};
    out.reports = std::move(reports);
    return out;
}

History history(Direction direction, const std::vector<double>& at_step_one) {
    History out({direction});
    for (std::size_t i = 0; i < at_step_one.size(); ++i) {
        out.put(std::make_shared<FrozenTrial>(trial(static_cast<std::int64_t>(i), TrialState::complete, {{1, at_step_one[i]}})));
    }
    return out;
}

bool prunes(const History& past, std::map<std::int64_t, double> reports, const MedianConfig& config = {}) {
    return median_pruner(config)->prune(past, trial(99, TrialState::running, std::move(reports)));
}

TEST(MedianPruner, WaitsForItsStartupTrials) {
    EXPECT_FALSE(prunes(history(Direction::minimize, {1, 1, 1, 1}), {{1, 9.0}}));
    EXPECT_TRUE(prunes(history(Direction::minimize, {1, 1, 1, 1, 1}), {{1, 9.0}}));
    EXPECT_FALSE(prunes(history(Direction::minimize, {1, 1, 1, 1, 1}), {}));
}

TEST(MedianPruner, ComparesTheBestSoFarWithTheMedianAtTheLastStep) {
    const History past = history(Direction::minimize, {1, 2, 3, 4, 5, 6});  // median 3.5
    EXPECT_FALSE(prunes(past, {{1, 3.5}}));
    EXPECT_TRUE(prunes(past, {{1, 3.6}}));
    EXPECT_FALSE(prunes(past, {{0, 1.0}, {1, 9.0}}));
    EXPECT_FALSE(prunes(past, {{2, 9.0}}));  // nobody has reported step 2
    const History up = history(Direction::maximize, {1, 2, 3, 4, 5, 6});
    EXPECT_FALSE(prunes(up, {{1, 3.5}}));
    EXPECT_TRUE(prunes(up, {{1, 3.4}}));
}

TEST(MedianPruner, LeavesNaNOutAndPrunesATrialOfNaN) {
    EXPECT_TRUE(prunes(history(Direction::minimize, {1, 2, 3, 4, nan}), {{1, 2.6}}));
    EXPECT_FALSE(prunes(history(Direction::minimize, {nan, nan, nan, nan, nan}), {{1, 2.6}}));
    EXPECT_TRUE(prunes(history(Direction::minimize, {1, 2, 3, 4, 5}), {{0, nan}, {1, nan}}));
}

TEST(MedianPruner, KeepsToWarmupIntervalAndMinimum) {
    const History past = history(Direction::minimize, {1, 1, 1, 1, 1});
    EXPECT_FALSE(prunes(past, {{1, 9.0}}, {.startup_trials = 5, .warmup_steps = 2}));
    EXPECT_FALSE(prunes(past, {{0, 9.0}, {1, 9.0}}, {.startup_trials = 5, .interval_steps = 2}));
    EXPECT_TRUE(prunes(past, {{1, 9.0}}, {.startup_trials = 5, .interval_steps = 2}));
    EXPECT_FALSE(prunes(past, {{1, 9.0}}, {.startup_trials = 5, .min_trials = 6}));
    EXPECT_FALSE(MedianConfig{.interval_steps = 0}.validate());
    EXPECT_EQ(make_pruner("medain").error().message, "unknown pruner \"medain\", did you mean median?");
}

}  // namespace
}  // namespace sofia::tune
