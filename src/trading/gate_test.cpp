#include "trading/gate.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trading/test_support.hpp"

namespace sofia::trading {
namespace {

Signal likely(double probability) {
    Signal signal = testing::signal(15, Direction::long_side, 100.0, 1.0);
    signal.probability = probability;
    return signal;
}

EvModel ev() { return {.win = 1.5, .loss = 1.0, .timeouts = 0.0, .mean_hold = 0, .labels = 100}; }

// touch.md: without drift, at 2 R, 39 % of trades time out; they make on average what keeps the mean at zero. With p = 0.20 for the target and
// 0.41 for the stop, timeouts make +0.0256: the realised formula is zero, the one that counts them as full losses is far below.
TEST(Ev, IsZeroWithoutDriftWhereTimeoutsAreCountedAsWhatTheyMade) {
    const double p = 0.2;
    const double timeout_r = (0.41 - 0.2 * 2.0) / 0.39;
    EvModel realized;
    realized.win = 2.0;
    realized.loss = -(0.41 * -1.0 + 0.39 * timeout_r) / 0.8;
    realized.timeouts = 0.39;
    EXPECT_NEAR(expected_value(p, realized, {}), 0.0, 1e-12);
    GateConfig config;
    config.expected_rr_mode = "config";
    const EvModel counted = ev_in_use(config, {.stop_atr = 1.0, .target_r = 2.0, .max_hold_bars = 1}, realized);
    EXPECT_NEAR(expected_value(p, counted, {}), -0.4, 1e-12);
    EXPECT_TRUE(ev_warning(config, realized).has_value());
    realized.timeouts = 0.05;
    EXPECT_FALSE(ev_warning(config, realized).has_value());
}

RC_GTEST_PROP(Ev, FallsByOneRForEveryRThatACostRises, (std::uint64_t seed)) {
    RandomStream random(seed);
    const double p = random.uniform();
    CostsR costs{random.uniform(), random.uniform(), random.uniform(-1.0, 1.0), random.uniform()};
    const double before = expected_value(p, ev(), costs);
    for (double* cost : {&costs.fee, &costs.slip, &costs.funding, &costs.ops}) *cost += 0.25;
    RC_ASSERT(std::fabs(before - 1.0 - expected_value(p, ev(), costs)) < 1e-12);
}

TEST(Gate, RefusesForEachReason) {
    GateConfig gate;
    gate.ev_margin = 0.1;
    gate.min_prob = 0.3;
    gate.use_trend_gate = true;
    gate.use_regime_gate = true;
    const CostConfig limits{.max_fee_r = 0.2};
    EXPECT_FALSE(judge(likely(0.6), {}, gate, limits, ev()).refusal);
    EXPECT_EQ(judge(likely(0.6), {.fee = 0.21}, gate, limits, ev()).refusal, Refusal::fee);
    EXPECT_EQ(judge(likely(0.29), {}, gate, limits, ev()).refusal, Refusal::probability);
    Signal signal = likely(0.6);
    signal.trend_probability = 0.1;
    EXPECT_EQ(judge(signal, {}, gate, limits, ev()).refusal, Refusal::trend);
    signal.trend_probability = 0.9;
    signal.regime_probability = 0.1;
    EXPECT_EQ(judge(signal, {}, gate, limits, ev()).refusal, Refusal::regime);
    // 0.42 * 1.5 - 0.58 = 0.05, and 0.44 * 1.5 - 0.56 = 0.1: the margin must be exceeded.
    EXPECT_EQ(judge(likely(0.42), {}, gate, limits, ev()).refusal, Refusal::expected_value);
    EXPECT_FALSE(judge(likely(0.45), {}, gate, limits, ev()).refusal);
}

TEST(Gate, WithoutAModelOnlyTheFeeLimitDecidesAndSwitchedOffNothingDoes) {
    GateConfig gate;
    const CostConfig limits{.max_fee_r = 0.2};
    const Verdict unknown = judge(likely(NAN), {}, gate, limits, {});
    EXPECT_FALSE(unknown.refusal);
    EXPECT_TRUE(std::isnan(unknown.expected_value));
    EXPECT_EQ(judge(likely(NAN), {.fee = 0.3}, gate, limits, {}).refusal, Refusal::fee);
    gate.use_gates = false;
    EXPECT_FALSE(judge(likely(0.0), {.fee = 0.3}, gate, limits, ev()).refusal);
    EXPECT_EQ(judge(likely(0.0), {}, gate, limits, ev()).expected_value, -1.0);
}

RC_GTEST_PROP(Gate, HasHeadroomWhereItLetsPass, (std::uint64_t seed)) {
    RandomStream random(seed);
    GateConfig gate{.ev_margin = random.uniform(-0.5, 0.5), .min_prob = random.uniform()};
    gate.use_trend_gate = random.uniform() < 0.5;
    gate.use_regime_gate = random.uniform() < 0.5;
    Signal signal = likely(random.uniform());
    signal.trend_probability = random.uniform();
    signal.regime_probability = random.uniform();
    const CostsR costs{.fee = random.uniform(0.0, 0.4)};
    const Verdict verdict = judge(signal, costs, gate, {.max_fee_r = 0.2}, ev());
    RC_ASSERT((verdict.headroom > 0.0) == !verdict.refusal.has_value());
}

TEST(Gate, TellsHowFarTheMissedLimitIs) {
    GateConfig gate;
    gate.ev_margin = 0.1;
    gate.min_prob = 0.3;
    const CostConfig limits{.max_fee_r = 0.5};
    EXPECT_NEAR(judge(likely(0.42), {}, gate, limits, ev()).headroom, -0.05, 1e-12);                // of value: 0.05 of 0.1
    EXPECT_NEAR(judge(likely(0.9), {.fee = 0.7}, gate, limits, ev()).headroom, -0.2, 1e-12);        // of fees
    EXPECT_NEAR(judge(likely(0.1), {}, gate, limits, ev()).headroom, 0.15 - 0.9 - 0.1, 1e-12);      // value is further away than probability
    EXPECT_EQ(judge(likely(0.9), {}, gate, limits, EvModel{}).headroom, -INFINITY);
    EXPECT_NEAR(judge(likely(NAN), {.fee = 0.2}, gate, limits, ev()).headroom, 0.3, 1e-12);
    gate.use_gates = false;
    EXPECT_EQ(judge(likely(0.1), {}, gate, limits, ev()).headroom, INFINITY);
}

TEST(Gate, RefusesWhenTheTrainingLabelsLackAnOutcomeAndSaysSo) {
    const GateConfig gate;
    EXPECT_EQ(judge(likely(0.9), {}, gate, {}, EvModel{}).refusal, Refusal::expected_value);
    EXPECT_TRUE(ev_warning(gate, EvModel{}).has_value());
    EXPECT_FALSE(ev_warning(gate, ev()).has_value());
}

TEST(Refusals, HaveNamesOfTheirOwn) {
    for (std::size_t i = 0; i < refusals; ++i) {
        for (std::size_t j = 0; j < i; ++j) EXPECT_NE(name(static_cast<Refusal>(i)), name(static_cast<Refusal>(j)));
    }
    EXPECT_EQ(name(Refusal::expected_value), "expected_value");
    EXPECT_EQ(name(Refusal::size), "size");
}

}  // namespace
}  // namespace sofia::trading
