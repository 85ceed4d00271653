#include "tune/history.hpp"

#include <gtest/gtest.h>

namespace sofia::tune {
namespace {

TrialPtr trial(std::int64_t number, TrialState state) {
    auto out = std::make_shared<FrozenTrial>();
    out->number = number;
    out->state = state;
    return out;
}

TEST(History, AFinishedTrialIsNeverReplaced) {
    History history({Direction::minimize});
    history.put(trial(0, TrialState::running));
    EXPECT_EQ(history.running().size(), 1U);
    const TrialPtr done = trial(0, TrialState::complete);
    history.put(done);
    history.put(trial(0, TrialState::fail));
    history.put(trial(0, TrialState::running));
    EXPECT_EQ(history.trials()[0], done);
    EXPECT_TRUE(history.running().empty());
    EXPECT_EQ(history.count(TrialState::complete), 1U);
    EXPECT_EQ(history.count(TrialState::fail), 0U);
}

TEST(History, KeepsGapsAndTheOrderOfFinishing) {
    History history({Direction::minimize});
    history.put(trial(3, TrialState::pruned));
    history.put(trial(1, TrialState::complete));
    EXPECT_EQ(history.trials().size(), 4U);
    EXPECT_EQ(history.trials()[0], nullptr);
    ASSERT_EQ(history.finished_log().size(), 2U);
    EXPECT_EQ(history.finished_log()[0]->number, 3);
    EXPECT_EQ(history.finished_log()[1]->number, 1);
}

TEST(History, ForgetsOnlyWhatIsUnfinished) {
    History history({Direction::minimize});
    history.put(trial(0, TrialState::complete));
    history.put(trial(1, TrialState::running));
    history.forget(1);
    history.forget(0);
    history.forget(7);
    EXPECT_EQ(history.trials().size(), 1U);
    EXPECT_TRUE(history.running().empty());
}

}  // namespace
}  // namespace sofia::tune
