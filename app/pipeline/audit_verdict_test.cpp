#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/audit_market.hpp"
#include "app/pipeline/planted_leak.hpp"
#include "base/files.hpp"
#include "store/funding.hpp"
#include "synth/simulate.hpp"

namespace sofia::pipeline {
namespace {

/// A seed whose every touch is a fair bet and whose models favour the first half, each of which gains `edge` on top.
SeedResult seed_of(RandomStream random, std::uint64_t number, double edge = 0.0) {
    SeedResult seed;
    seed.seed = number;
    for (int i = 0; i < 60; ++i) {
        const double r = random.uniform() < 0.4 ? 1.5 : -1.0;
        seed.gross_r.push_back(r);
        if (i < 30) seed.favoured_r.push_back(r + edge);
    }
    seed.deflated_sharpe = random.uniform();
    seed.selection = "none";
    return seed;
}

std::vector<SeedResult> seeds_of(const RandomStream& random, std::size_t count, double edge = 0.0) {
    std::vector<SeedResult> seeds;
    for (std::size_t i = 0; i < count; ++i) seeds.push_back(seed_of(random.split(i), i, edge));
    return seeds;
}

// What a user meets: exit codes of whole audits of a sound pipeline, and of one whose models see 0.6 R a trade that is not there.
TEST(JudgeNull, FailsASoundPipelineNoMoreOftenThanItSaysAndALeakingOneAlways) {
    const RandomStream random(20261123);
    for (const std::size_t count : {3U, 40U}) {
        constexpr std::uint64_t rounds = 300;
        int failed = 0;
        double stated = 0.0;
        for (std::uint64_t i = 0; i < rounds; ++i) {
            const auto verdict = judge_null(seeds_of(random.split(count).split(i), count)).value();
            EXPECT_EQ(verdict.output.exit, verdict.passed ? 0 : 4);
            EXPECT_EQ(verdict.passed, verdict.reasons.empty());
            failed += verdict.passed ? 0 : 1;
            stated = verdict.output.json->at("false_alarm_max").get<double>();
        }
        EXPECT_LE(failed / static_cast<double>(rounds), stated + 3.0 * std::sqrt(stated / rounds)) << count << " seeds";
        const auto leaking = judge_null(seeds_of(random.split("leak"), count, 0.6)).value();
        EXPECT_EQ(leaking.output.exit, 4);
        EXPECT_TRUE(leaking.output.json->at("checks").at(1).at("alarm").get<bool>());
        EXPECT_NE(leaking.output.text.find("FAILED: Z of what the models favour"), std::string::npos);
    }
}

TEST(JudgeNull, SaysNothingWithoutTrades) {
    const auto none = judge_null(std::vector<SeedResult>(3));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::data);
}

Result<AuditVerdict> recovered(double share, double edge) {
    Context context;
    context.threads = 1;
    std::vector<SeedResult> seeds;
    RandomStream random(4);
    for (int i = 0; i < 20; ++i) {
        SeedResult seed;
        seed.oracle_net_r = random.uniform(80.0, 120.0);
        seed.own_net_r = share * seed.oracle_net_r + random.uniform(-5.0, 5.0);
        seeds.push_back(seed);
    }
    return judge_recovery(seeds, edge, context);
}

// The limits of docs/touch.md: at least 0.7 at edge 1 and 0.5 at edge 0.5, at most 1.05 at either.
TEST(JudgeRecovery, HoldsTheBoundsAgainstTheirLimits) {
    EXPECT_TRUE(recovered(0.75, 1.0)->passed);
    EXPECT_FALSE(recovered(0.65, 1.0)->passed);
    EXPECT_TRUE(recovered(0.65, 0.5)->passed);
    EXPECT_FALSE(recovered(0.45, 0.5)->passed);
    EXPECT_TRUE(recovered(1.0, 1.0)->passed);
    const AuditVerdict more = recovered(1.2, 1.0).value();
    EXPECT_EQ(more.output.exit, 4);
    ASSERT_EQ(more.reasons.size(), 1U);
    EXPECT_NE(more.reasons.front().find("more than there is"), std::string::npos);
    const auto nothing = judge_recovery(std::vector<SeedResult>(20), 1.0, {});
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().code, ErrorCode::data);
}

synth::SimulationConfig month() {
    synth::SimulationConfig config;
    config.days = 30;
    config.trades = 60'000;
    return config;
}

/// The correlation of the rates with what the trend of the last five hours gains in the next six.
double correlation_with_the_future(const std::filesystem::path& file) {
    std::vector<market::Trade> trades;
    synth::simulate_trades(month(), RandomStream(3), [&](std::span<const market::Trade> block) -> Result<void> {
        trades.insert(trades.end(), block.begin(), block.end());
        return {};
    }).value();
    const auto log_price = [&](TimeNs at) {
        const auto after = std::ranges::upper_bound(trades, at, {}, &market::Trade::ts);
        return std::log(after == trades.begin() ? trades.front().price : std::prev(after)->price);
    };
    double xy = 0.0;
    double xx = 0.0;
    double yy = 0.0;
    const auto rates = store::read_funding(file, "", "").value();
    for (const store::FundingRate& one : rates) {
        if (one.ts < month().start_time() + ns_per_day || one.ts > month().end_time() - ns_per_day) continue;
        const double trend = log_price(one.ts) - log_price(one.ts - 5 * ns_per_hour);
        const double ahead = std::copysign(1.0, trend) * (log_price(one.ts + 6 * ns_per_hour) - log_price(one.ts));
        xy += one.rate * ahead;
        xx += one.rate * one.rate;
        yy += ahead * ahead;
        EXPECT_LT(std::fabs(one.rate), 1e-3);
    }
    return xy / std::sqrt(xx * yy);
}

TEST(PlantedLeak, TellsTheFutureAndTheFairRatesDoNot) {
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / "sofia_planted_leak_test";
    std::filesystem::remove_all(folder);
    ASSERT_TRUE(make_folder(folder));
    ASSERT_TRUE(write_leaking_funding(month(), 3, folder / "leak.csv"));
    ASSERT_TRUE(write_fair_funding(month(), 3, folder / "fair.csv"));
    EXPECT_GT(correlation_with_the_future(folder / "leak.csv"), 0.95);
    EXPECT_LT(std::fabs(correlation_with_the_future(folder / "fair.csv")), 0.35);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sofia::pipeline
