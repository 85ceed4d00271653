#include "trading/costs.hpp"

#include <gtest/gtest.h>

#include "trading/test_support.hpp"

namespace sofia::trading {
namespace {

using testing::minute;

TEST(Costs, FeeInRIsTheFeesOverTheRiskWithTheMakersShareAtTheTarget) {
    const CostConfig config{.fee_percent = 0.1, .maker_fee_percent = -0.02};
    // 0.001 * 100 + 0.001 * 98 over a risk of 2.
    EXPECT_DOUBLE_EQ(fee_r(config, 100.0, 98.0, ExitReason::stop, 2.0), 0.099);
    EXPECT_DOUBLE_EQ(fee_r(config, 100.0, 103.0, ExitReason::target, 2.0), (0.1 - 0.0002 * 103.0) / 2.0);
    EXPECT_DOUBLE_EQ(fee_r(config, 100.0, 98.0, ExitReason::flip, 2.0), fee_r(config, 100.0, 98.0, ExitReason::timeout, 2.0));
}

// Median fee at a stop of one ATR and 0.075 %: 5m 0.92 R, that is an ATR of 0.163 % of the price.
TEST(Costs, TheDefaultFeeEatsAScalpersRisk) { EXPECT_NEAR(expected_fee_r(CostConfig{}, 1.0, 0.00163, 0.4), 0.92, 0.005); }

TEST(Costs, AFeePerTradeReplacesThePercents) {
    const CostConfig config{.fee_percent = 0.1, .fee_per_trade_r = 0.07};
    EXPECT_EQ(fee_r(config, 100.0, 98.0, ExitReason::stop, 2.0), 0.07);
    EXPECT_EQ(expected_fee_r(config, 100.0, 2.0, 0.5), 0.07);
}

TEST(Costs, TheExpectedFeeIsTheMeanOfBothWaysOut) {
    const CostConfig config{.fee_percent = 0.1, .maker_fee_percent = 0.02};
    const double stopped = fee_r(config, 100.0, 100.0, ExitReason::stop, 2.0);
    const double reached = fee_r(config, 100.0, 100.0, ExitReason::target, 2.0);
    EXPECT_DOUBLE_EQ(expected_fee_r(config, 100.0, 2.0, 0.3), 0.3 * reached + 0.7 * stopped);
    EXPECT_DOUBLE_EQ(expected_fee_r(config, 100.0, 2.0, NAN), stopped);
    EXPECT_DOUBLE_EQ(expected_slip_r(0.5, 2.0, NAN), 0.5);
    EXPECT_DOUBLE_EQ(expected_slip_r(0.5, 2.0, 1.0), 0.25);
}

TEST(Costs, LongsPayAPositiveFundingRateAndShortsReceiveIt) {
    EXPECT_DOUBLE_EQ(funding_r(Direction::long_side, 0.0001, 100.0, 2.0), 0.005);
    EXPECT_DOUBLE_EQ(funding_r(Direction::short_side, 0.0001, 100.0, 2.0), -0.005);
}

TEST(Costs, OperationsAreTheirCostOverTheMoneyAtRisk) {
    EXPECT_EQ(ops_r(CostConfig{}, 0.0, 0.01), 0.0);
    EXPECT_DOUBLE_EQ(ops_r(CostConfig{.ops_cost_per_trade = 2.0}, 10'000.0, 0.01), 0.02);
}

TEST(FundingClock, ExpectsTheLastRateAtThePaceOfTheLastTwoStamps) {
    FundingClock clock;
    EXPECT_EQ(clock.expected_r(Direction::long_side, 100.0, 2.0, ns_per_hour), 0.0);
    clock.step({minute(0), 0.0005, 100.0});
    EXPECT_EQ(clock.expected_r(Direction::long_side, 100.0, 2.0, ns_per_hour), 0.0);
    clock.step({minute(480), 0.0001, 100.0});
    // Four hours of an eight-hour stamp are half a payment.
    EXPECT_DOUBLE_EQ(clock.expected_r(Direction::long_side, 100.0, 2.0, 4 * ns_per_hour), 0.5 * 0.0001 * 100.0 / 2.0);
}

}  // namespace
}  // namespace sofia::trading
