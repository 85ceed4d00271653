#include "app/pipeline/verdict.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "app/pipeline/select_record.hpp"

namespace sofia::pipeline {
namespace {

WindowFigures good_figures() {
    return {.trades = 20, .expectancy_r = 0.1, .max_drawdown_percent = 30.0, .trades_sha256 = {}, .bars_sha256 = {}, .note = {}};
}

// At least so many trades, strictly more than the mean R, at most the drawdown.
TEST(Verdict, LimitsAreAsTheySay) {
    const SelectConfig limits{.top = 10, .min_expectancy_r = 0.0, .min_trades = 20, .max_drawdown_percent = 30.0};
    EXPECT_EQ(refusal_of(good_figures(), limits), "");
    WindowFigures few = good_figures();
    few.trades = 19;
    EXPECT_EQ(refusal_of(few, limits), "19 trades, fewer than select.min_trades 20");
    WindowFigures flat = good_figures();
    flat.expectancy_r = 0.0;
    EXPECT_EQ(refusal_of(flat, limits), "0.0000 R a trade, not above select.min_expectancy_r 0");
    WindowFigures deep = good_figures();
    deep.max_drawdown_percent = 30.1;
    EXPECT_EQ(refusal_of(deep, limits), "drawdown of 30.1 %, above select.max_drawdown_percent 30");
    deep.trades = 1;
    EXPECT_EQ(refusal_of(deep, limits), "1 trades, fewer than select.min_trades 20; drawdown of 30.1 %, above select.max_drawdown_percent 30");
    WindowFigures none = good_figures();
    none.trades = 0;
    none.expectancy_r = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(refusal_of(none, limits), "0 trades, fewer than select.min_trades 20");
    none.expectancy_r = std::numeric_limits<double>::quiet_NaN();
    none.trades = 20;
    EXPECT_NE(refusal_of(none, limits), "");
}

TEST(Verdict, TermsDifferByTheFirstLimitOrByTheTrials) {
    const SelectTerms before{.limits = {}, .trials = {0, 1, 2}};
    EXPECT_EQ(difference(before, before), "");
    SelectTerms now = before;
    now.limits.top = 3;
    now.limits.min_trades = 7;
    EXPECT_EQ(difference(before, now), "select.top 10, now it is 3");
    now = before;
    now.trials.push_back(3);
    EXPECT_EQ(difference(before, now), "3 trials, now there are 4");
    now.trials = {0, 1, 3};
    EXPECT_EQ(difference(before, now), "other trials than there are now");
}

TEST(Window, OverlapsWhereAMomentIsShared) {
    EXPECT_TRUE(trading::overlap({0, 10}, {9, 20}));
    EXPECT_TRUE(trading::overlap({9, 20}, {0, 10}));
    EXPECT_FALSE(trading::overlap({0, 10}, {10, 20}));
    EXPECT_FALSE(trading::overlap({0, 10}, {5, 5}));
}

}  // namespace
}  // namespace sofia::pipeline
