#include "backtest/null_test.hpp"

#include <cmath>
#include <cstddef>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia::backtest {
namespace {

/// Fair bets of the form +1.2, -1 and timeouts between.
std::vector<double> fair_bets(RandomStream random, std::size_t count, double edge = 0.0) {
    std::vector<double> r;
    for (std::size_t i = 0; i < count; ++i)
        r.push_back(edge + (random.uniform() < 0.4 ? random.uniform(-0.5, 0.5) : random.uniform() < 1.0 / 2.2 ? 1.2 : -1.0));
    return r;
}

TEST(NullZ, IsTheSelfNormalisedSum) {
    EXPECT_DOUBLE_EQ(null_z(std::vector<double>{3.0, -1.0, 2.0, 0.0}), 4.0 / std::sqrt(14.0));
    EXPECT_DOUBLE_EQ(null_z(std::vector<double>(9, 0.5)), 3.0);
    EXPECT_TRUE(std::isnan(null_z({})));
    EXPECT_TRUE(std::isnan(null_z(std::vector<double>{0.0, 0.0})));
}

// The limits that docs/touch.md names.
TEST(AlarmCount, HasItsStatedLimits) {
    EXPECT_EQ(alarm_count(40, 0.5, 0.01), 28);
    EXPECT_EQ(alarm_count(40, 0.05, 0.01), 7);
    EXPECT_EQ(alarm_count(3, 0.5, 0.01), 4);
    EXPECT_EQ(alarm_count(3, 0.05, 0.01), 2);
    EXPECT_EQ(alarm_count(0, 0.5, 0.01), 1);
}

TEST(NullTest, SaysWhatItCanDetect) {
    // 8,000 trades of +-1.2 R: (2.326 + 0.842) * 1.2 / sqrt(8000).
    std::vector<NullSeed> seeds(40);
    for (NullSeed& seed : seeds) {
        for (int i = 0; i < 100; ++i) {
            seed.gross_r.push_back(1.2);
            seed.gross_r.push_back(-1.2);
        }
    }
    const NullTest found = null_test(seeds);
    EXPECT_EQ(found.trades, 8'000);
    EXPECT_NEAR(found.detectable_r, 0.0425, 5e-5);
    EXPECT_NEAR(found.z_limit, 2.326, 5e-4);
    EXPECT_NEAR(found.z, 0.0, 1e-9);
    EXPECT_NEAR(found.p_value, 0.5, 1e-9);
    EXPECT_EQ(found.positive_limit, 28);
    EXPECT_NEAR(found.positive_chance, 0.0083, 5e-5);
    EXPECT_EQ(found.deflated_limit, 7);
    EXPECT_NEAR(found.deflated_chance, 0.0034, 5e-5);
    EXPECT_FALSE(found.alarm());
}

TEST(NullTest, RaisesEachAlarmAtItsLimit) {
    std::vector<NullSeed> seeds(40);
    for (NullSeed& seed : seeds) seed.gross_r = {1.0, -1.0, -0.01};
    for (std::size_t i = 0; i < 28; ++i) seeds[i].gross_r.push_back(0.02);
    for (std::size_t i = 0; i < 6; ++i) seeds[i].deflated_sharpe = 0.951;
    NullTest found = null_test(seeds);
    EXPECT_EQ(found.positive, 28);
    EXPECT_TRUE(found.positive_alarm);
    EXPECT_FALSE(found.z_alarm);
    EXPECT_FALSE(found.deflated_alarm);
    seeds[27].gross_r.pop_back();
    seeds[6].deflated_sharpe = 0.95;
    EXPECT_FALSE(null_test(seeds).alarm());
    seeds[6].deflated_sharpe = 0.96;
    EXPECT_TRUE(null_test(seeds).deflated_alarm);
    seeds[0].gross_r.assign(500, 0.2);
    found = null_test(seeds);
    EXPECT_TRUE(found.z_alarm);
    EXPECT_TRUE(found.alarm());
}

// Fair bets alarm in about one of a hundred samples (Z), an edge of the size named as detectable in four of five.
TEST(NullTest, KeepsItsFalseAlarmRateAndItsPower) {
    const RandomStream random(20261121);
    constexpr std::uint64_t rounds = 1'000;
    int alarms = 0;
    int detected = 0;
    const double edge = null_test(std::vector<NullSeed>{{.gross_r = fair_bets(random.split("size"), 400)}}).detectable_r;
    for (std::uint64_t i = 0; i < rounds; ++i) {
        alarms += null_test(std::vector<NullSeed>{{.gross_r = fair_bets(random.split(i), 400)}}).z_alarm ? 1 : 0;
        detected += null_test(std::vector<NullSeed>{{.gross_r = fair_bets(random.split(rounds + i), 400, edge)}}).z_alarm ? 1 : 0;
    }
    EXPECT_LT(alarms, 22);
    EXPECT_GT(alarms, 2);
    EXPECT_NEAR(detected / static_cast<double>(rounds), 0.8, 0.06);
}

// All four alarms together, as the audit raises them: 40 seeds whose favoured trades are a half of all, and deflated Sharpe ratios that are as often
// above 0.95 as they may be. The stated rate is a bound, as the alarms share their trades.
TEST(NullTest, AlarmsTogetherNoMoreOftenThanStated) {
    const RandomStream random(20261122);
    constexpr std::uint64_t rounds = 1'500;
    for (const std::size_t count : {3U, 40U}) {
        int alarms = 0;
        double stated = 0.0;
        for (std::uint64_t i = 0; i < rounds; ++i) {
            RandomStream draw = random.split(count).split(i);
            std::vector<NullSeed> seeds(count);
            for (std::size_t k = 0; k < count; ++k) {
                seeds[k].gross_r = fair_bets(draw.split(k), 30);
                seeds[k].favoured_r.assign(seeds[k].gross_r.begin(), seeds[k].gross_r.begin() + 15);
                seeds[k].deflated_sharpe = draw.uniform();
            }
            const NullTest found = null_test(seeds);
            alarms += found.alarm() ? 1 : 0;
            stated = found.false_alarm_max;
        }
        // 2.0 + 0.83 + 0.34 % and 2.0 + 0 + 0.73 %.
        EXPECT_NEAR(stated, count == 40 ? 0.0317 : 0.0273, 1e-4);
        const double rate = alarms / static_cast<double>(rounds);
        EXPECT_LT(rate, stated + 3.0 * std::sqrt(stated / rounds)) << count << " seeds";
        EXPECT_GT(rate, stated / 3.0) << count << " seeds";
    }
}

// What a leak in a feature does: the touches are fair, those that the models favour are not.
TEST(NullTest, SeesALeakThatOnlyTheModelsSee) {
    std::vector<NullSeed> seeds(3);
    for (NullSeed& seed : seeds) {
        seed.gross_r = {1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -0.1};
        seed.favoured_r = {1.0, 1.0, 1.0, 1.0};
    }
    const NullTest found = null_test(seeds);
    EXPECT_FALSE(found.z_alarm || found.positive_alarm || found.deflated_alarm);
    EXPECT_TRUE(found.favoured_alarm);
    EXPECT_TRUE(found.alarm());
    EXPECT_EQ(found.favoured_trades, 12);
    EXPECT_DOUBLE_EQ(found.favoured_z, 12.0 / std::sqrt(12.0));
}

std::vector<RecoverySeed> seeds_of(RandomStream random, double rho, std::size_t count = 20) {
    std::vector<RecoverySeed> seeds;
    for (std::size_t i = 0; i < count; ++i) {
        const double oracle = random.uniform(60.0, 180.0);
        seeds.push_back({rho * oracle + 30.0 * random.normal(), oracle});
    }
    return seeds;
}

TEST(Recovery, BracketsTheRatioWithItsConfidence) {
    ThreadPool pool(1);
    const RandomStream random(7);
    constexpr std::uint64_t rounds = 400;
    int above = 0;
    int below = 0;
    for (std::uint64_t i = 0; i < rounds; ++i) {
        const Recovery found = recovery(seeds_of(random.split(i), 0.8), {.replications = 399}, random.split(i), pool);
        EXPECT_LT(found.lower, found.rho);
        EXPECT_GT(found.upper, found.rho);
        above += found.lower > 0.8 ? 1 : 0;
        below += found.upper < 0.8 ? 1 : 0;
    }
    EXPECT_NEAR(above / static_cast<double>(rounds), 0.05, 0.03);
    EXPECT_NEAR(below / static_cast<double>(rounds), 0.05, 0.03);
}

RC_GTEST_PROP(Recovery, KnowsNeitherUnitNorThreads, (std::uint64_t seed)) {
    const RandomStream random(seed);
    std::vector<RecoverySeed> seeds = seeds_of(random, 0.7, 8);
    ThreadPool one(1);
    ThreadPool two(2);
    const Recovery a = recovery(seeds, {.replications = 99}, random, one);
    for (RecoverySeed& s : seeds) s = {4.0 * s.model_r, 4.0 * s.oracle_r};
    const Recovery b = recovery(seeds, {.replications = 99}, random, two);
    RC_ASSERT(a.rho == b.rho);
    RC_ASSERT(a.lower == b.lower);
    RC_ASSERT(a.upper == b.upper);
}

TEST(Recovery, OfTheOracleItselfIsOneAndWithoutAnEdgeIsNothing) {
    ThreadPool pool(1);
    std::vector<RecoverySeed> seeds{{10.0, 10.0}, {30.0, 30.0}, {20.0, 20.0}};
    const Recovery found = recovery(seeds, {}, RandomStream(1), pool);
    EXPECT_EQ(found.rho, 1.0);
    EXPECT_EQ(found.lower, 1.0);
    EXPECT_EQ(found.upper, 1.0);
    seeds[1].oracle_r = -30.0;
    EXPECT_TRUE(std::isnan(recovery(seeds, {}, RandomStream(1), pool).rho));
    EXPECT_TRUE(std::isnan(recovery(std::span(seeds).first(2), {}, RandomStream(1), pool).rho));
}

}  // namespace
}  // namespace sofia::backtest
