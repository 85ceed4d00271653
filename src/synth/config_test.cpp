#include "synth/config.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace sofia::synth {
namespace {

TEST(SimulationConfig, TheDefaultIsValidAndCoversItsDays) {
    const SimulationConfig config;
    ASSERT_TRUE(config.validate().has_value());
    EXPECT_EQ(config.start_time(), 1'704'067'200 * ns_per_second);
    EXPECT_EQ(config.end_time() - config.start_time(), 30 * ns_per_day);
}

TEST(SimulationConfig, RefusesWhatCannotBeSimulated) {
    const auto refused = [](auto change) {
        SimulationConfig config;
        change(config);
        const auto checked = config.validate();
        return !checked && checked.error().code == ErrorCode::config;
    };
    EXPECT_TRUE(refused([](auto& c) { c.symbol = ""; }));
    EXPECT_TRUE(refused([](auto& c) { c.symbol = "../x"; }));
    EXPECT_TRUE(refused([](auto& c) { c.days = 0; }));
    EXPECT_TRUE(refused([](auto& c) { c.trades = 0; }));
    EXPECT_TRUE(refused([](auto& c) { c.edge = 1.01; }));
    EXPECT_TRUE(refused([](auto& c) { c.edge = std::nan(""); }));
    EXPECT_TRUE(refused([](auto& c) { c.start = "yesterday"; }));
    EXPECT_TRUE(refused([](auto& c) { c.start = "2024-01-01T12:00"; }));
    EXPECT_TRUE(refused([](auto& c) { c.start = "2200-01-01"; }));
    EXPECT_TRUE(refused([](auto& c) { c.tick = 0.0; }));
    EXPECT_TRUE(refused([](auto& c) { c.start_price = 49.0; }));
    EXPECT_TRUE(refused([](auto& c) { c.volatility_annual = 0.0; }));
    EXPECT_TRUE(refused([](auto& c) { c.half_spread_ticks = 1.5; }));
}

TEST(SimulatedInstrument, IsLabelled) {
    SimulationConfig config;
    config.symbol = "SIMA";
    config.tick = 0.25;
    const market::Instrument instrument = simulated_instrument(config);
    EXPECT_TRUE(instrument.simulated);
    EXPECT_EQ(instrument.symbol, "SIMA");
    EXPECT_EQ(instrument.tick, 0.25);
    EXPECT_TRUE(instrument.validate().has_value());
}

}  // namespace
}  // namespace sofia::synth
