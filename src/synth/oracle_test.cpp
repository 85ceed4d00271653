#include "synth/oracle.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "synth/ceiling.hpp"
#include "synth/simulate.hpp"

namespace sofia::synth {
namespace {

/// Log mid as a walk of small steps: the drift of the first passage, then none.
double walked(const Drift& drift, double up, double down, RandomStream random, int paths) {
    const double step = std::min(up, down) / 40.0;
    int hits = 0;
    for (int i = 0; i < paths; ++i) {
        double at = 0.0;
        bool drifting = true;
        while (at < up && at > -down) {
            drifting = drifting && at < drift.up && at > -drift.down;
            // A binary walk with this chance has drift theta a unit of its variance.
            const double theta = drifting ? drift.theta : 0.0;
            at += random.uniform() < 1.0 / (1.0 + std::exp(-2.0 * theta * step)) ? step : -step;
        }
        hits += at >= up ? 1 : 0;
    }
    return static_cast<double>(hits) / paths;
}

TEST(UpFirst, IsWhatAWalkDoes) {
    const Drift drift{.theta = 0.55, .up = 1.0, .down = 1.0};  // P(1 before -1) = 0.75
    int k = 0;
    for (const auto& [up, down] : {std::pair{1.0, 1.0}, {0.5, 0.5}, {1.5, 1.0}, {0.5, 2.0}, {3.0, 1.5}}) {
        EXPECT_NEAR(up_first(drift, up, down), walked(drift, up, down, RandomStream(7).split(static_cast<std::uint64_t>(k++)), 3'000), 0.03)
            << up << " before " << down;
    }
    EXPECT_NEAR(up_first({0.5 * std::log(3.0), 1.0, 1.0}, 1.0, 1.0), 0.75, 1e-12);
}

// Down before up is up before down of the mirrored market, and one of the two comes.
RC_GTEST_PROP(UpFirst, MirrorsAndKnowsNoScale, ()) {
    const auto positive = [] { return *rc::gen::inRange(1, 1'000) / 100.0; };
    const Drift drift{(*rc::gen::inRange(-300, 300)) / 100.0, positive(), positive()};
    const double up = positive();
    const double down = positive();
    const double chance = up_first(drift, up, down);
    RC_ASSERT(chance >= 0.0 && chance <= 1.0);
    RC_ASSERT(std::fabs(chance + up_first({-drift.theta, drift.down, drift.up}, down, up) - 1.0) < 1e-9);
    RC_ASSERT(std::fabs(chance - up_first({drift.theta / 4.0, 4.0 * drift.up, 4.0 * drift.down}, 4.0 * up, 4.0 * down)) < 1e-9);
    RC_ASSERT(std::fabs(up_first({0.0, drift.up, drift.down}, up, down) - down / (up + down)) < 1e-12);
}

SimulationConfig market(double edge) {
    SimulationConfig config;
    config.days = 60;
    config.trades = 200'000;
    config.edge = edge;
    return config;
}

TEST(DriftsAt, AreThoseOfThePlantedEvents) {
    const RandomStream random(5);
    auto simulator = TradeSimulator::make(market(1.0), random).value();
    std::vector<TimeNs> begins;
    std::vector<PlantedEvent> events;
    std::vector<TimeNs> prints;
    for (Tick tick; simulator.next(tick);) {
        if (tick.begins) {
            events.push_back(*tick.begins);
            begins.push_back(tick.begins->known_at);
        }
        prints.push_back(tick.trade.ts);
    }
    ASSERT_GT(events.size(), 50U);
    const auto drifts = drifts_at(market(1.0), random, begins).value();
    ASSERT_EQ(drifts.size(), events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
        const PlantedEvent& event = events[i];
        EXPECT_EQ(drifts[i].up, event.half_width);
        EXPECT_EQ(drifts[i].down, event.half_width);
        const double along = up_first(drifts[i], event.half_width, event.half_width);
        EXPECT_NEAR(event.direction > 0 ? along : 1.0 - along, event.probability, 1e-9);
    }
    // Whoever asks at every print sees the drift that the moves after it have.
    const auto all = drifts_at(market(1.0), random, prints).value();
    simulator = TradeSimulator::make(market(1.0), random).value();
    std::size_t at = 0;
    std::size_t drifting = 0;
    for (Tick tick; simulator.next(tick); ++at) {
        if (!tick.begins) {
            EXPECT_NEAR(all[at].theta, tick.theta, 1e-9 * std::fabs(tick.theta)) << at;
        }
        drifting += tick.theta != 0.0 ? 1 : 0;
    }
    EXPECT_GT(drifting, 10'000U);
}

TEST(DriftsAt, WithoutAnEdgeOrAfterTheEndThereIsNone) {
    const SimulationConfig config = market(0.0);
    std::vector<TimeNs> times;
    for (TimeNs at = config.start_time(); at < config.end_time() + 10 * ns_per_day; at += ns_per_hour) times.push_back(at);
    const auto drifts = drifts_at(config, RandomStream(5), times).value();
    ASSERT_EQ(drifts.size(), times.size());
    for (const Drift& drift : drifts) EXPECT_EQ(drift.theta, 0.0);
}

}  // namespace
}  // namespace sofia::synth
