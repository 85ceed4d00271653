#include "trading/sizing.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trading/test_support.hpp"

namespace sofia::trading {
namespace {

Levels levels_at(double entry, double stop) {
    Levels levels;
    levels.direction = stop < entry ? Direction::long_side : Direction::short_side;
    levels.entry = entry;
    levels.stop = stop;
    return levels;
}

SizingConfig one_percent() { return {.starting_equity = 10'000.0, .risk_fraction = 0.01, .max_leverage = 1000.0, .compounding = true}; }

TEST(Sizing, TheStopCostsTheRiskFractionOfTheEquity) {
    EXPECT_DOUBLE_EQ(contracts_for(one_percent(), testing::instrument(), levels_at(100.0, 98.0), 10'000.0, 1.0), 50.0);
    EXPECT_DOUBLE_EQ(contracts_for(one_percent(), testing::instrument(), levels_at(100.0, 102.0), 20'000.0, 0.5), 50.0);
}

RC_GTEST_PROP(Sizing, LosesTheRiskFractionLessAtMostALotLinearAndInverse, (std::uint64_t seed)) {
    RandomStream random(seed);
    const market::Instrument instrument = random.below(2) == 0 ? testing::instrument() : testing::inverse_instrument();
    const double entry = random.uniform(5'000.0, 60'000.0);
    const Levels levels = levels_at(entry, entry * random.uniform(0.9, 1.1));
    const double equity = random.uniform(10.0, 1e6);
    const double contracts = contracts_for(one_percent(), instrument, levels, equity, 1.0);
    const double s = sign(levels.direction);
    const double loss = -instrument.profit(s * contracts, levels.entry, levels.stop);
    const double lot_loss = -instrument.profit(s * instrument.lot, levels.entry, levels.stop);
    const bool capped = instrument.notional(contracts + instrument.lot, entry) > 1000.0 * equity;
    RC_ASSERT(loss <= 0.01 * equity * (1.0 + 1e-9));
    RC_ASSERT((capped || loss > 0.01 * equity - lot_loss * (1.0 + 1e-6)));
}

TEST(Sizing, LeverageCapsTheValue) {
    SizingConfig config = one_percent();
    config.max_leverage = 2.0;
    EXPECT_DOUBLE_EQ(contracts_for(config, testing::instrument(), levels_at(100.0, 99.9), 10'000.0, 1.0), 200.0);
}

TEST(Sizing, WithoutCompoundingRiskStaysAShareOfTheStart) {
    SizingConfig config = one_percent();
    config.compounding = false;
    EXPECT_DOUBLE_EQ(contracts_for(config, testing::instrument(), levels_at(100.0, 98.0), 40'000.0, 1.0), 50.0);
}

TEST(Sizing, RoundsDownToWholeLotsAndToNothingWithoutEquity) {
    SizingConfig config = one_percent();
    market::Instrument coarse = testing::instrument();
    coarse.lot = 40.0;
    EXPECT_DOUBLE_EQ(contracts_for(config, coarse, levels_at(100.0, 98.0), 10'000.0, 1.0), 40.0);
    EXPECT_EQ(contracts_for(config, coarse, levels_at(100.0, 98.0), 7'000.0, 1.0), 0.0);
    EXPECT_EQ(contracts_for(config, testing::instrument(), levels_at(100.0, 98.0), 0.0, 1.0), 0.0);
    EXPECT_EQ(contracts_for(config, testing::instrument(), levels_at(100.0, 98.0), -5.0, 1.0), 0.0);
    EXPECT_EQ(contracts_for(config, testing::instrument(), levels_at(100.0, 98.0), 10'000.0, 0.0), 0.0);
}

}  // namespace
}  // namespace sofia::trading
